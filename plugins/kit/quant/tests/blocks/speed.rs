//! How fast matrices are quantized: `cargo test -p olive-kit-quant --test blocks speed --
//! --ignored --nocapture`.

use std::time::Instant;

use olive_kit_quant::{Bits, BlockFormat, BlockQuantized, Int4Matrix, Rounding, ScaleType};

/// A layer of a small model.
const SHAPE: [usize; 2] = [4096, 3072];

#[test]
#[ignore = "a measurement"]
fn gigabytes_of_f32_in_a_second() {
    let weights = weights(SHAPE[0] * SHAPE[1]);
    let fill = |row: usize, out: &mut [f32]| {
        out.copy_from_slice(&weights[row * SHAPE[1]..][..SHAPE[1]]);
    };
    for num_threads in [1, 2] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(num_threads).build().unwrap();
        report(num_threads, "copy", || {
            let mut copy = vec![0.0; weights.len()];
            copy.copy_from_slice(&weights);
            std::hint::black_box(copy);
        });
        for (name, rounding, is_symmetric) in [
            ("default", Rounding::Default, true),
            ("default, asymmetric", Rounding::Default, false),
            ("rtn", Rounding::Rtn, true),
            ("k_quant", Rounding::KQuant, false),
        ] {
            for scale_type in [ScaleType::F32, ScaleType::F16] {
                let format = BlockFormat { bits: Bits::Four, block_size: 32, is_symmetric };
                report(num_threads, &format!("{name}, {scale_type:?}"), || {
                    let [n, k] = SHAPE;
                    pool.install(|| {
                        BlockQuantized::from_rows(n, k, format, rounding, scale_type, fill)
                    })
                    .unwrap();
                });
            }
        }
        report(num_threads, "gather", || {
            pool.install(|| Int4Matrix::for_gather(SHAPE, 32, true, ScaleType::F32, fill)).unwrap();
        });
        report(num_threads, "qdq", || {
            pool.install(|| Int4Matrix::for_matmul(SHAPE, 32, true, ScaleType::F32, fill)).unwrap();
        });
    }
}

/// Prints the best rate of some runs.
#[expect(clippy::print_stdout, reason = "figures are all it is for")]
fn report(num_threads: usize, name: &str, run: impl Fn()) {
    let seconds = (0..5).map(|_| {
        let start = Instant::now();
        run();
        start.elapsed().as_secs_f64()
    });
    let best = seconds.fold(f64::INFINITY, f64::min);
    let gigabytes = (SHAPE[0] * SHAPE[1] * size_of::<f32>()) as f64 / 1e9;
    println!("{num_threads} threads, {name}: {:.2} GB/s", gigabytes / best);
}

/// Values in -1..1 from a linear congruential generator (Knuth's MMIX constants).
fn weights(count: usize) -> Vec<f32> {
    let mut state = 1_u64;
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        f32::from(u16::try_from(state >> 48).unwrap()) / 32768.0 - 1.0
    };
    (0..count).map(|_| next()).collect()
}
