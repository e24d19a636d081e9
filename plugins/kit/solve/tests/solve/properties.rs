//! What holds of any matrix.

use olive_kit_solve::{
    AwqOptions, ClipOptions, GptqOptions, Grid, Moments, Weight, awq_scales, clip, gptq, k_quant,
    nearest, output_error,
};

use crate::made::{Layer, grids};

/// Rounding errors of sums in f32.
const ROUNDING: f64 = 1e-4;

#[test]
fn moments_are_those_of_the_inputs_whatever_the_pieces() {
    for (k, tokens) in [(1, 3), (64, 100), (300, 77)] {
        let layer = Layer::new(1, k, tokens, 20);
        let expected = layer.gram();
        let largest = expected.iter().fold(0.0_f64, |max, value| max.max(value.abs()));
        let means = layer.moments().mean_magnitudes();
        for rows in [1, 10, 1000] {
            let mut moments = Moments::new(k);
            layer.inputs.chunks(rows * k).for_each(|piece| moments.add(piece).unwrap());
            assert_eq!((moments.inputs(), moments.tokens()), (k, tokens));
            for (at, expected) in expected.iter().enumerate() {
                let difference = f64::from(moments.gram(at / k, at % k)) - expected;
                assert!(difference.abs() < 1e-6 * largest, "{k} {at}");
            }
            let pairs = moments.mean_magnitudes().into_iter().zip(&means).enumerate();
            for (input, (mean, first)) in pairs {
                let column = layer.inputs.iter().skip(input).step_by(k);
                let expected = column.map(|x| f64::from(x.abs())).sum::<f64>() / tokens as f64;
                assert!((mean / expected - 1.0).abs() < 1e-5 && (mean / first - 1.0).abs() < 1e-5);
            }
        }
    }
}

#[test]
fn the_output_error_is_that_of_the_outputs() {
    for (n, k) in [(3, 5), (40, 300), (600, 64)] {
        let layer = Layer::new(n, k, 50, 30);
        let grid = Grid { bits: 3, group_size: None, is_symmetric: false };
        let made = nearest(&layer.weight, n, k, grid).unwrap().dequantize();
        let found = output_error(&layer.weight, &made, n, k, &layer.moments()).unwrap();
        let expected = (layer.loss(&made) / layer.loss(&vec![0.0; n * k])).sqrt();
        assert!((found / expected - 1.0).abs() < ROUNDING, "{found} {expected}");
        let same = output_error(&layer.weight, &layer.weight, n, k, &layer.moments()).unwrap();
        assert!(same == 0.0);
    }
}

#[test]
fn gptq_loses_less_than_rounding_to_nearest() {
    for seed in 40..44 {
        let layer = Layer::new(48, 128, 400, seed);
        let moments = layer.moments();
        for grid in grids(layer.k) {
            let rounded = nearest(&layer.weight, layer.n, layer.k, grid).unwrap();
            for desc_act in [false, true] {
                // Errors of 2 bits are larger than the inputs that happen to come last can make up
                // for; by falling activation, small ones come last.
                if grid.bits == 2 && !desc_act {
                    continue;
                }
                let options = GptqOptions { desc_act, ..GptqOptions::default() };
                let solved = gptq(&layer.weight, layer.n, layer.k, &moments, grid, &options);
                let solved = layer.loss(&solved.unwrap().coded.dequantize());
                assert!(solved < layer.loss(&rounded.dequantize()), "{seed} {grid:?} {desc_act}");
            }
        }
    }
}

#[test]
fn clipping_is_never_worse_than_whole_ranges() {
    for seed in 50..53 {
        let layer = Layer::new(37, 64, 200, seed);
        let moments = layer.moments();
        for grid in grids(layer.k) {
            let options = ClipOptions::default();
            let clipped = clip(&layer.weight, layer.n, layer.k, &moments, grid, &options).unwrap();
            assert!(clipped.loss <= clipped.loss_of_nearest);
            let coded =
                |weight: &[f32]| nearest(weight, layer.n, layer.k, grid).unwrap().dequantize();
            let mut weight = layer.weight.clone();
            clipped.apply(&mut weight);
            let len = grid.group_size.unwrap_or(layer.k);
            let whole = layer.loss(&vec![0.0; weight.len()]);
            let before = loss_by_groups(&layer, &coded(&layer.weight), len) / whole;
            let after = loss_by_groups(&layer, &coded(&weight), len) / whole;
            assert!(after <= before * (1.0 + ROUNDING), "{grid:?} {after} {before}");
            // The figures are what rounding the clipped weights comes to.
            assert!((clipped.loss_of_nearest / before - 1.0).abs() < 1e-3, "{grid:?}");
            assert!((clipped.loss / after - 1.0).abs() < 1e-3, "{grid:?} {clipped:?} {after}");
        }
    }
}

/// Sum of the losses of groups, each by itself.
fn loss_by_groups(layer: &Layer, made: &[f32], len: usize) -> f64 {
    let (k, gram) = (layer.k, layer.gram());
    let differences: Vec<f64> = layer
        .weight
        .iter()
        .zip(made)
        .map(|(weight, made)| f64::from(*weight) - f64::from(*made))
        .collect();
    let of_group = |(at, group): (usize, &[f64])| -> f64 {
        let start = at * len % k;
        let pair = |a: usize, b: usize| group[a] * group[b] * gram[(start + a) * k + start + b];
        (0..len).map(|a| (0..len).map(|b| pair(a, b)).sum::<f64>()).sum()
    };
    differences.chunks_exact(len).enumerate().map(of_group).sum()
}

#[test]
fn awq_is_never_worse_than_rounding_to_nearest() {
    for seed in 60..63 {
        let layer = Layer::new(40, 96, 200, seed);
        let (first, second) = layer.weight.split_at(25 * layer.k);
        let weights = [Weight { values: first, n: 25 }, Weight { values: second, n: 15 }];
        for grid in grids(layer.k) {
            for duo_scaling in [false, true] {
                let options = AwqOptions { duo_scaling, n_grid: 20 };
                let found = awq_scales(&weights, &layer.moments(), grid, &options).unwrap();
                let whole = layer.loss(&vec![0.0; layer.weight.len()]);
                let rtn = nearest(&layer.weight, layer.n, layer.k, grid).unwrap().dequantize();
                let rtn = layer.loss(&rtn) / whole;
                let scaled = layer.loss(&scaled(&layer, grid, &found.scales)) / whole;
                assert!(scaled <= rtn * (1.0 + ROUNDING), "{grid:?} {scaled} {rtn}");
                assert!((found.loss / scaled - 1.0).abs() < 1e-3, "{grid:?}");
                assert!((found.loss_of_rtn / rtn - 1.0).abs() < 1e-3, "{grid:?}");
            }
        }
    }
}

#[test]
fn awq_helps_where_few_inputs_are_large() {
    let layer = Layer::new(64, 128, 300, 70);
    let weights = [Weight { values: &layer.weight, n: layer.n }];
    let grid = Grid { bits: 4, group_size: Some(32), is_symmetric: false };
    let found = awq_scales(&weights, &layer.moments(), grid, &AwqOptions::default()).unwrap();
    assert!(found.loss < 0.8 * found.loss_of_rtn && found.exponent.is_some(), "{found:?}");
    assert!(found.scales[3] > 1.5 * found.scales[4], "{:?}", found.scales);
    let (min, max) = found
        .scales
        .iter()
        .fold((f32::MAX, 0.0_f32), |(min, max), scale| (min.min(*scale), max.max(*scale)));
    assert!((min * max - 1.0).abs() < 1e-4);
}

/// `Q(W s) / s`
fn scaled(layer: &Layer, grid: Grid, scales: &[f32]) -> Vec<f32> {
    let by = |at: usize| scales[at % layer.k];
    let weight: Vec<f32> = layer.weight.iter().enumerate().map(|(at, w)| w * by(at)).collect();
    let made = nearest(&weight, layer.n, layer.k, grid).unwrap().dequantize();
    made.into_iter().enumerate().map(|(at, made)| made / by(at)).collect()
}

#[test]
fn threads_change_no_bit() {
    let layer = Layer::new(130, 400, 300, 80);
    let grid = Grid { bits: 4, group_size: Some(80), is_symmetric: false };
    let all = || {
        let moments = layer.moments();
        let (weight, n, k) = (&layer.weight[..], layer.n, layer.k);
        let weights = [Weight { values: weight, n }];
        let options = AwqOptions { n_grid: 3, ..AwqOptions::default() };
        let coded = gptq(weight, n, k, &moments, grid, &GptqOptions::default()).unwrap();
        let error = output_error(weight, &coded.coded.dequantize(), n, k, &moments).unwrap();
        (
            coded,
            k_quant(weight, n, k, grid).unwrap(),
            clip(weight, n, k, &moments, grid, &ClipOptions::default()).unwrap(),
            awq_scales(&weights, &moments, grid, &options).unwrap(),
            error.to_bits(),
        )
    };
    let with = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    let expected = with(1).install(all);
    for threads in [2, 3, 7] {
        assert!(with(threads).install(all) == expected, "{threads} threads");
    }
}
