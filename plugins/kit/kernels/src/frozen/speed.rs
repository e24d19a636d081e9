//! How fast products are: `cargo test --release -p olive-kit-kernels speed -- --ignored --nocapture`

use std::time::Instant;

use olive_kit_quant::{FourBitFormat, FourBitScales};
use rayon::ThreadPoolBuilder;
use rustix::time::{ClockId, clock_gettime};

use super::tests::noise;
use super::*;

/// Rows of the left side, columns and rows of the weight.
const SHAPES: [(usize, usize, usize); 7] = [
    (512, 576, 1536),
    (512, 1536, 576),
    (512, 576, 49152),
    (512, 3072, 9216),
    (14, 576, 1536),
    (1, 576, 1536),
    (1, 3072, 9216),
];

/// Seconds that all threads of this process ran.
fn cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// Best rates of several runs, `work` of arithmetic each: by second of processor time and by
/// second.
fn best(work: f64, mut run: impl FnMut()) -> (f64, f64) {
    let start = Instant::now();
    let (mut by_cpu, mut by_wall) = (0.0_f64, 0.0_f64);
    while start.elapsed().as_secs_f64() < 0.7 {
        let (cpu, wall) = (cpu_seconds(), Instant::now());
        let mut done = 0.0;
        while done < 2e9 {
            run();
            done += work;
        }
        by_wall = by_wall.max(done / wall.elapsed().as_secs_f64());
        by_cpu = by_cpu.max(done / (cpu_seconds() - cpu));
    }
    (by_cpu, by_wall)
}

#[test]
#[ignore = "takes the whole processor"]
fn speed() {
    println!("GFLOP/s by second of processor time (by second)");
    println!("tiles in the first cache: {}", in_cache());
    {
        let (x, w) = (noise(2, 512 * 576), noise(3, 1536 * 576));
        let mut y = vec![0.0; 512 * 1536];
        let (cpu, wall) = best(2.0 * 512.0 * 576.0 * 1536.0, || {
            let right = Matrix::new(&w, 1536, 576).transposed();
            let into = MatrixMut::new(&mut y, 512, 1536);
            crate::product::multiply(into, Matrix::new(&x, 512, 576), right, 1.0, Threads::One);
        });
        println!("crate gemm, f32, 512 x 576 x 1536: {:.0} ({:.0})", cpu / 1e9, wall / 1e9);
    }
    for (n, columns, rows) in SHAPES {
        let values = noise(1, 1 << 16);
        let fill = |_: Range<usize>, into: &mut [f32]| {
            into.chunks_mut(values.len())
                .for_each(|into| into.copy_from_slice(&values[..into.len()]));
        };
        let (x, dy) = (noise(2, n * columns), noise(3, n * rows));
        let (mut y, mut dx) = (vec![0.0; n * rows], vec![0.0; n * columns]);
        let work = 2.0 * (n * rows * columns) as f64;
        let mut codes = FourBit::quantize(&values, FourBitFormat::NF4).unwrap();
        codes.len = rows * columns;
        codes.packed = codes.packed.into_iter().cycle().take(codes.len / 2).collect();
        codes.scales = FourBitScales::Plain(vec![0.1; codes.len / 64]);
        for (name, matrix) in [
            ("f32", FrozenMatrix::new(rows, columns, Precision::F32, fill)),
            ("bf16", FrozenMatrix::new(rows, columns, Precision::Bf16, fill)),
            ("nf4", FrozenMatrix::four_bit(codes, rows, columns, Precision::Bf16)),
        ] {
            for threads in [1, 2] {
                let pool = ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                pool.install(|| {
                    let forward = best(work, || matrix.forward(&x, &mut y, Accumulate::No));
                    let backward = best(work, || matrix.backward(&dy, &mut dx, Accumulate::No));
                    let [f, fw, b, bw] =
                        [forward.0, forward.1, backward.0, backward.1].map(|r| r / 1e9);
                    println!(
                        "{n} x {columns} x {rows} {name} {threads} threads: \
                         forward {f:.0} ({fw:.0}), backward {b:.0} ({bw:.0})"
                    );
                });
            }
        }
    }
}

/// Rates of the kernels on what lies in the first cache: as far as products can get.
#[expect(unsafe_code, reason = "kernels take pointers")]
fn in_cache() -> String {
    use crate::instructions::{Instructions, Words};
    use crate::kernel::{COLUMNS, MAX_ROWS, Tile, tiles};
    let left = crate::lines::zeros(256);
    let right = crate::lines::zeros(512);
    let mut into = [0.0; MAX_ROWS * COLUMNS];
    let rates = [(Words::F32, Precision::F32), (Words::Bf16Pair, Precision::Bf16)].map(
        |(words, precision)| {
            let instructions = Instructions::detect();
            if instructions.words(precision) != words {
                return String::new();
            }
            let kernel = *tiles(instructions, words).last().unwrap();
            let rows = tiles(instructions, words).len();
            let tile = Tile {
                steps: 256,
                left: crate::lines::words(&left).as_ptr(),
                right: crate::lines::words(&right).as_ptr(),
                into: into.as_mut_ptr(),
                stride: COLUMNS,
                scale: 1.0,
                adds: false,
                ahead: std::ptr::null(),
                ahead_lines: 0,
            };
            let work = (2 * 256 * rows * COLUMNS * words.values()) as f64;
            // SAFETY: there is room for the tile.
            let (cpu, wall) = best(work, || unsafe { kernel(&tile) });
            format!("{precision:?} {:.0} ({:.0})", cpu / 1e9, wall / 1e9)
        },
    );
    rates.join(", ")
}

/// Products of adapters and of attention.
#[test]
#[ignore = "takes the whole processor"]
fn speed_of_changing_matrices() {
    for (rows, inner, columns) in [
        (512, 576, 64),
        (512, 64, 576),
        (64, 512, 576),
        (64, 64, 512),
        (64, 512, 64),
        (512, 64, 64),
    ] {
        let (left, right) = (noise(1, rows * inner), noise(2, inner * columns));
        let mut into = vec![0.0; rows * columns];
        let work = 2.0 * (rows * inner * columns) as f64;
        let (a, b) = (Matrix::new(&left, rows, inner), Matrix::new(&right, inner, columns));
        let across = (
            Matrix::new(&left, inner, rows).transposed(),
            Matrix::new(&right, columns, inner).transposed(),
        );
        for (order, a, b) in [("AB", a, b), ("AB^T", a, across.1), ("A^TB", across.0, b)] {
            let mut rate = |multiply: &dyn Fn(MatrixMut<'_>)| {
                best(work, || multiply(MatrixMut::new(&mut into, rows, columns))).0 / 1e9
            };
            let gemm = rate(&|into| crate::product::multiply(into, a, b, 1.0, Threads::One));
            let own = |precision, mut into: MatrixMut<'_>| {
                let target = Target { scale: 1.0, adds: false, threads: Threads::One };
                let right = crate::product::Right(b);
                multiply(a, &right, &mut into, target, precision, Instructions::detect());
            };
            let f32 = rate(&|into| own(Precision::F32, into));
            let bf16 = rate(&|into| own(Precision::Bf16, into));
            println!(
                "{rows} x {inner} x {columns} {order}: gemm {gemm:.0}, f32 {f32:.0}, bf16 {bf16:.0}"
            );
        }
    }
}

/// Loops over a row of logits, in values by nanosecond.
#[test]
#[ignore = "takes the whole processor"]
fn speed_of_loops() {
    use crate::vector::{add, dot, exp_shifted, max, scale, vectorized};
    let (mut row, other) = (noise(1, 49152), noise(2, 49152));
    let mut total = 0.0;
    let len = row.len() as f64;
    let mut report = |name: &str, run: &mut dyn FnMut(&mut [f32]) -> f32| {
        let (cpu, _) = best(len, || total += run(&mut row));
        println!("{name}: {:.1}", cpu / 1e9);
    };
    report("max", &mut |row| max(row));
    report("exp_shifted", &mut |row| exp_shifted(row, 1.0));
    report("scale", &mut |row| {
        vectorized(|| scale(row, 0.999));
        0.0
    });
    report("dot", &mut |row| dot(row, &other));
    report("add", &mut |row| {
        vectorized(|| add(row, &other));
        0.0
    });
    assert!(!total.is_nan());
}
