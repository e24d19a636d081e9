//! How fast products are: `cargo test --release -p olive-kit-kernels speed -- --ignored --nocapture`

use std::time::Instant;

use rayon::ThreadPoolBuilder;

use super::tests::noise;
use super::*;

/// Rows of the left side, columns and rows of the weight.
const SHAPES: [(usize, usize, usize); 4] =
    [(512, 576, 1536), (512, 1536, 576), (512, 576, 49152), (512, 3072, 9216)];

/// Seconds that all threads of this process ran, where the system tells.
pub(crate) fn cpu_seconds(start: Instant) -> f64 {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let times = tasks.filter_map(|task| {
        let times = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        times.split_whitespace().next()?.parse::<f64>().ok()
    });
    let nanoseconds: f64 = times.sum();
    if nanoseconds > 0.0 { nanoseconds / 1e9 } else { start.elapsed().as_secs_f64() }
}

/// Best rates of several runs, `work` of arithmetic each: by second of processor time and by
/// second.
pub(crate) fn best(work: f64, mut run: impl FnMut()) -> (f64, f64) {
    let start = Instant::now();
    let (mut by_cpu, mut by_wall) = (0.0_f64, 0.0_f64);
    while start.elapsed().as_secs_f64() < 0.6 {
        let (cpu, wall) = (cpu_seconds(start), Instant::now());
        let repeats = (1e9 / work).ceil().max(1.0);
        let mut done = 0.0;
        while done < repeats {
            run();
            done += 1.0;
        }
        by_wall = by_wall.max(work * repeats / wall.elapsed().as_secs_f64());
        by_cpu = by_cpu.max(work * repeats / (cpu_seconds(start) - cpu));
    }
    (by_cpu, by_wall)
}

#[test]
#[ignore = "takes the whole processor"]
fn speed() {
    println!("GFLOP/s by second of processor time (by second)");
    for (n, columns, rows) in SHAPES {
        let values = noise(1, 1 << 16);
        let fill = |_: Range<usize>, into: &mut [f32]| {
            into.chunks_mut(values.len())
                .for_each(|into| into.copy_from_slice(&values[..into.len()]));
        };
        let (x, dy) = (noise(2, n * columns), noise(3, n * rows));
        let (mut y, mut dx) = (vec![0.0; n * rows], vec![0.0; n * columns]);
        let work = 2.0 * (n * rows * columns) as f64;
        for precision in [Precision::F32, Precision::Bf16] {
            let matrix = FrozenMatrix::new(rows, columns, precision, fill);
            for threads in [1, 2] {
                let pool = ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                pool.install(|| {
                    let forward = best(work, || matrix.forward(&x, &mut y, Accumulate::No));
                    let backward = best(work, || matrix.backward(&dy, &mut dx, Accumulate::No));
                    let [f, fw, b, bw] =
                        [forward.0, forward.1, backward.0, backward.1].map(|r| r / 1e9);
                    println!(
                        "{n} x {columns} x {rows} {precision:?} {threads} threads: \
                         forward {f:.0} ({fw:.0}), backward {b:.0} ({bw:.0})"
                    );
                });
            }
        }
    }
}
