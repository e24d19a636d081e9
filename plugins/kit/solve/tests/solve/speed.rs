//! How fast a layer is solved, beside what a product reaches:
//! `cargo test -p olive-kit-solve -- --ignored --nocapture speed`.

use std::time::Instant;

use olive_kit_kernels::product::multiply_packed;
use olive_kit_kernels::{Accumulate, Matrix, MatrixMut, Packed, Precision, Threads};
use olive_kit_solve::{
    AwqOptions, ClipOptions, GptqOptions, Grid, Hessian, Moments, Weight, awq_scales, clip,
    k_quant, nearest, output_error,
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
        speed_of_gptq(&weight, [n, k], &moments, rate);
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

/// The factor that weights of a site share, and one of them, inputs in either order.
fn speed_of_gptq(
    weight: &[f32],
    [n, k]: [usize; 2],
    moments: &Moments,
    rate: impl Fn(&str, f64, f64),
) {
    let [rows, inputs] = [n as f64, k as f64];
    for is_ordered in [false, true] {
        let (desc_act, static_groups) = (is_ordered, is_ordered);
        let options = GptqOptions { desc_act, static_groups, ..GptqOptions::default() };
        let hessian = Hessian::new(moments, &options).unwrap();
        let order = if is_ordered { "by activation" } else { "as they stand" };
        let seconds = time(|| drop(Hessian::new(moments, &options).unwrap()));
        rate(&format!("factor, {order}"), inputs.powi(3) / 3.0, seconds);
        for group_size in [32, 128].into_iter().filter(|size| k.is_multiple_of(*size)) {
            let grid = Grid { bits: 4, group_size: Some(group_size), is_symmetric: false };
            let seconds = time(|| drop(hessian.solve(weight, n, k, grid).unwrap()));
            rate(&format!("gptq {group_size}, {order}"), rows * inputs.powi(2), seconds);
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
