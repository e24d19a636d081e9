//! How fast a layer is solved, beside what a product reaches:
//! `cargo test -p olive-kit-solve -- --ignored --nocapture speed`.

use std::time::Instant;

use olive_kit_kernels::product::multiply_packed;
use olive_kit_kernels::{Accumulate, Matrix, MatrixMut, Packed, Precision, Threads};
use olive_kit_solve::{
    AwqOptions, ClipOptions, GptqOptions, Grid, Moments, Weight, awq_scales, clip, gptq, k_quant,
    nearest, output_error,
};
use olive_kit_testing::random;

#[test]
#[ignore = "takes half a minute, and says something on an idle machine only"]
fn speed_of_solving() {
    for (n, k) in [(1536, 576), (576, 1536), (3072, 8192)] {
        let weight = random(n * k, 1);
        let inputs = random(512 * k, 2);
        let mut product = vec![0.0; 512 * n];
        let rate = |what: &str, operations: f64, seconds: f64| {
            println!(
                "{n} x {k} {what}: {:.1} ms, {:.1} GFLOP/s",
                seconds * 1e3,
                operations / seconds / 1e9
            );
        };
        let transposed = Matrix::new(&weight, n, k).transposed();
        let seconds = time(|| {
            let left = Packed::new(Matrix::new(&inputs, 512, k), Precision::F32, Threads::All);
            let into = MatrixMut::new(&mut product, 512, n);
            multiply_packed(into, &left, transposed, 1.0, Accumulate::No, Threads::All);
        });
        let [n_, k_] = [n as f64, k as f64];
        rate("product", 2.0 * 512.0 * n_ * k_, seconds);
        let mut moments = Moments::new(k);
        let seconds = time(|| moments.add(&inputs).unwrap());
        rate("moments of 512 tokens", 512.0 * k_ * k_, seconds);
        for group_size in [32, 128] {
            if k % group_size != 0 {
                continue;
            }
            let grid = Grid { bits: 4, group_size: Some(group_size), is_symmetric: false };
            let options = GptqOptions::default();
            let seconds = time(|| drop(gptq(&weight, n, k, &moments, grid, &options).unwrap()));
            rate(&format!("gptq {group_size}"), k_ * k_ * k_ / 3.0 + n_ * k_ * k_, seconds);
        }
        let grid = Grid { bits: 4, group_size: Some(32), is_symmetric: false };
        let made = nearest(&weight, n, k, grid).unwrap().dequantize();
        let seconds = time(|| drop(nearest(&weight, n, k, grid)));
        rate("nearest", n_ * k_, seconds);
        let seconds = time(|| drop(k_quant(&weight, n, k, grid)));
        rate("k_quant", n_ * k_ * 21.0 * 15.0, seconds);
        let seconds = time(|| drop(output_error(&weight, &made, n, k, &moments)));
        rate("output error", 2.0 * n_ * k_ * k_, seconds);
        if k < 8192 {
            let weights = [Weight { values: &weight, n }];
            let seconds =
                time(|| drop(awq_scales(&weights, &moments, grid, &AwqOptions::default())));
            rate("awq", 22.0 * n_ * k_ * k_, seconds);
            let options = ClipOptions::default();
            let seconds = time(|| drop(clip(&weight, n, k, &moments, grid, &options)));
            rate("clip", 100.0 * 32.0 * n_ * k_, seconds);
        }
    }
}

/// Seconds of the second of two runs.
fn time(mut work: impl FnMut()) -> f64 {
    work();
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64()
}
