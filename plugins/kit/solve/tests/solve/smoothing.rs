//! The scales of `SmoothQuant`, and what 8 bits for inputs and weights cost.

use olive_kit_solve::{
    Activations, SolveError, Weight, best_smooth_scales, int8_error, smooth_scales,
};

use crate::made::Layer;

/// Products in f32 against sums in f64.
const CLOSE: f64 = 1e-4;

#[test]
fn smoothing_evens_out_inputs_and_weights() {
    let (layer, activations) = made();
    let weights = [Weight { values: &layer.weight, n: layer.n }];
    let scales = smooth_scales(&weights, &activations, 0.5).unwrap();
    for (input, scale) in scales.iter().enumerate() {
        let largest = |values: &[f32]| {
            values.iter().skip(input).step_by(layer.k).fold(0.0_f32, |max, x| max.max(x.abs()))
        };
        let (x, w) = (largest(&layer.inputs) / scale, largest(&layer.weight) * scale);
        assert!((x / w - 1.0).abs() < 1e-4, "{input} {x} {w}");
    }
    let whole = smooth_scales(&weights, &activations, 1.0).unwrap();
    assert_eq!(whole, activations.largest_magnitudes());
}

#[test]
fn dead_inputs_keep_their_scale_and_dead_weights_count_a_little() {
    let mut activations = Activations::new(2, 1, 1);
    let weights = [Weight { values: &[1.0, 0.0], n: 1 }];
    assert_eq!(smooth_scales(&weights, &activations, 0.5), Err(SolveError::NoTokens));
    activations.add(&[0.0, 4.0]).unwrap();
    let scales = smooth_scales(&weights, &activations, 0.5).unwrap();
    assert!(scales[0] == 1.0 && (scales[1] / (2.0 / 1e-5_f32.sqrt()) - 1.0).abs() < 1e-5);
    let error = smooth_scales(&weights, &activations, 1.5).unwrap_err().to_string();
    assert_eq!(error, "`alpha` is 1.5, which is not an exponent from 0 to 1");
}

#[test]
fn the_error_of_8_bits_is_that_of_rounded_products() {
    let (layer, activations) = made();
    let weights = [Weight { values: &layer.weight, n: layer.n }];
    for alpha in [0.0, 0.5, 1.0] {
        let scales = smooth_scales(&weights, &activations, alpha).unwrap();
        let found = int8_error(weights[0], &activations, &scales).unwrap();
        let expected = by_definition(&layer, &scales);
        assert!((found / expected - 1.0).abs() < CLOSE, "{alpha}: {found} {expected}");
    }
}

#[test]
fn the_best_scales_are_no_worse_than_any() {
    let (layer, activations) = made();
    let weights = [Weight { values: &layer.weight, n: layer.n }];
    let best = best_smooth_scales(&weights, &activations).unwrap();
    let error = |scales: &[f32]| int8_error(weights[0], &activations, scales).unwrap();
    let least = error(&best.scales);
    assert!(best.alpha.is_some() && least < error(&vec![1.0; layer.k]));
    for alpha in [0.0, 0.3, 0.5, 1.0] {
        let scales = smooth_scales(&weights, &activations, alpha).unwrap();
        assert!(least <= error(&scales), "{alpha}");
    }
}

/// A layer some of whose inputs are twelve times larger than others, all of whose tokens are kept.
fn made() -> (Layer, Activations) {
    let layer = Layer::new(30, 64, 100, 5);
    let mut activations = Activations::new(layer.k, 100, 100);
    for piece in layer.inputs.chunks(32 * layer.k) {
        activations.add(piece).unwrap();
    }
    (layer, activations)
}

/// The error token by token and output by output, in f64.
fn by_definition(layer: &Layer, scales: &[f32]) -> f64 {
    let scaled = layer.inputs.iter().enumerate().map(|(at, x)| x / scales[at % layer.k]);
    let scaled: Vec<f32> = scaled.collect();
    let least = scaled.iter().copied().fold(0.0_f32, f32::min);
    let step = (scaled.iter().copied().fold(0.0_f32, f32::max) - least) / 255.0;
    let zero_point = (-least / step).round_ties_even();
    let round = |x: &f32| ((x / step).round_ties_even() + zero_point).clamp(0.0, 255.0);
    let inputs: Vec<f32> = scaled.iter().map(|x| (round(x) - zero_point) * step).collect();
    let mut weight = layer.weight.clone();
    for row in weight.chunks_exact_mut(layer.k) {
        row.iter_mut().zip(scales).for_each(|(weight, scale)| *weight *= scale);
        let step = row.iter().fold(0.0_f32, |max, weight| max.max(weight.abs())) / 127.0;
        for weight in row {
            *weight = (*weight / step).round_ties_even() * step;
        }
    }
    let product = |x: &[f32], w: &[f32]| -> f64 {
        x.iter().zip(w).map(|(x, w)| f64::from(*x) * f64::from(*w)).sum()
    };
    let (mut error, mut outputs) = (0.0, 0.0);
    for (x, rounded_x) in layer.inputs.chunks_exact(layer.k).zip(inputs.chunks_exact(layer.k)) {
        let rows = layer.weight.chunks_exact(layer.k).zip(weight.chunks_exact(layer.k));
        for (w, rounded_w) in rows {
            let output = product(x, w);
            outputs += output * output;
            error += (output - product(rounded_x, rounded_w)).powi(2);
        }
    }
    (error / outputs).sqrt()
}
