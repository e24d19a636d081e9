//! Inputs and options that tell little or nothing.

use olive_kit_solve::{
    AwqOptions, ClipOptions, GptqOptions, Grid, Moments, SolveError, Weight, awq_scales, clip,
    gptq, k_quant, nearest, output_error,
};

use crate::made::Layer;

const GRID: Grid = Grid { bits: 4, group_size: Some(16), is_symmetric: false };

#[test]
fn a_singular_gram_matrix_gets_more_damping() {
    // Three tokens cannot tell 32 inputs apart.
    let layer = Layer::new(8, 32, 3, 90);
    let options = GptqOptions { damping: 0.0, ..GptqOptions::default() };
    let solved = gptq(&layer.weight, 8, 32, &layer.moments(), GRID, &options).unwrap();
    assert!(solved.num_raised >= 1 && solved.damping >= 1e-4, "{solved:?}");
    let rounded = nearest(&layer.weight, 8, 32, GRID).unwrap();
    assert!(layer.loss(&solved.coded.dequantize()) < layer.loss(&rounded.dequantize()));
    let damped = GptqOptions::default();
    let damped = gptq(&layer.weight, 8, 32, &layer.moments(), GRID, &damped).unwrap();
    assert_eq!((damped.num_raised, damped.damping.to_bits()), (0, 0.01_f64.to_bits()));
}

#[test]
fn a_layer_that_never_had_an_input_is_rounded_to_nearest() {
    let layer = Layer::new(4, 32, 1, 91);
    let mut moments = Moments::new(32);
    moments.add(&[0.0; 64]).unwrap();
    let solved = gptq(&layer.weight, 4, 32, &moments, GRID, &GptqOptions::default()).unwrap();
    assert_eq!(solved.num_dead, 32);
    assert_eq!(solved.coded, nearest(&layer.weight, 4, 32, GRID).unwrap());
    let weights = [Weight { values: &layer.weight, n: 4 }];
    let scales = awq_scales(&weights, &moments, GRID, &AwqOptions::default()).unwrap();
    assert!(scales.exponent.is_none() && scales.scales.iter().all(|scale| *scale == 1.0));
    let options = ClipOptions::default();
    let clipped = clip(&layer.weight, 4, 32, &moments, GRID, &options).unwrap();
    let mut weight = layer.weight.clone();
    clipped.apply(&mut weight);
    assert_eq!(weight, layer.weight);
    let made = solved.coded.dequantize();
    assert!(output_error(&layer.weight, &made, 4, 32, &moments).unwrap() == 0.0);
}

#[test]
fn zero_inputs_keep_awqs_scale() {
    let mut layer = Layer::new(8, 32, 50, 92);
    layer.inputs.iter_mut().skip(5).step_by(32).for_each(|x| *x = 0.0);
    let weights = [Weight { values: &layer.weight, n: 8 }];
    let grid = Grid { bits: 3, ..GRID };
    let found = awq_scales(&weights, &layer.moments(), grid, &AwqOptions::default()).unwrap();
    assert!(found.exponent.is_some() && found.scales[5] == 1.0, "{found:?}");
    assert!(found.scales.iter().all(|scale| scale.is_finite() && *scale > 0.0));
}

#[test]
fn weights_of_zeros_stay_zeros() {
    let layer = Layer::new(1, 32, 50, 93);
    let zeros = [0.0; 64];
    for is_symmetric in [false, true] {
        let grid = Grid { is_symmetric, ..GRID };
        let solved = gptq(&zeros, 2, 32, &layer.moments(), grid, &GptqOptions::default());
        for coded in [
            nearest(&zeros, 2, 32, grid).unwrap(),
            k_quant(&zeros, 2, 32, grid).unwrap(),
            solved.unwrap().coded,
        ] {
            assert!(coded.dequantize() == zeros, "{grid:?}");
        }
    }
}

#[test]
fn empty_matrices_have_no_codes() {
    let layer = Layer::new(1, 32, 50, 94);
    let options = GptqOptions::default();
    assert!(nearest(&[], 0, 32, GRID).unwrap().codes.is_empty());
    assert!(gptq(&[], 0, 32, &layer.moments(), GRID, &options).unwrap().coded.codes.is_empty());
}

#[test]
fn each_error_says_what_is_wrong() {
    let layer = Layer::new(4, 32, 50, 95);
    let moments = layer.moments();
    let options = GptqOptions::default();
    let solve = |moments: &Moments, grid: Grid, options: &GptqOptions| {
        gptq(&layer.weight, 4, 32, moments, grid, options).unwrap_err().to_string()
    };
    let check = |found: String, expected: &str| assert_eq!(found, expected);
    check(solve(&Moments::new(32), GRID, &options), "no calibration token has reached the layer");
    check(
        solve(&Moments::new(16), GRID, &options),
        "activations of 16 inputs do not fit a matrix of 32 columns",
    );
    check(
        solve(&moments, Grid { group_size: Some(64), ..GRID }, &options),
        "group size 64 does not divide the row length 32; sizes that do: 16, 32, 32, a whole row",
    );
    check(solve(&moments, Grid { bits: 6, ..GRID }, &options), "6 bits are not 2, 3, 4 or 8");
    let too_much = GptqOptions { damping: 1.5, ..options };
    check(solve(&moments, GRID, &too_much), "`damping` is 1.5, which is not a share from 0 to 1");
    let no_block = GptqOptions { block_size: 0, ..options };
    check(solve(&moments, GRID, &no_block), "`block_size` is 0, which is not a number of inputs");
    let shrink = ClipOptions { max_shrink: 1.0, ..ClipOptions::default() };
    check(
        clip(&layer.weight, 4, 32, &moments, GRID, &shrink).unwrap_err().to_string(),
        "`max_shrink` is 1, which is not a part from 0 to less than 1",
    );
}

#[test]
fn values_that_are_not_finite_are_refused_where_they_are() {
    let mut layer = Layer::new(4, 32, 50, 96);
    let mut moments = layer.moments();
    layer.inputs[32 * 7 + 5] = f32::NAN;
    assert_eq!(moments.add(&layer.inputs), Err(SolveError::InputNotFinite { input: 5 }));
    let mut large = [1.0; 32];
    large[9] = 1e30;
    let mut moments = layer_moments(&large);
    assert_eq!(moments.1.take(), Some(SolveError::InputNotFinite { input: 9 }));
    assert_eq!(
        moments.0.add(&large[..31]).unwrap_err().to_string(),
        "31 values do not fill a matrix of 0 rows and 32 columns"
    );
    layer.weight[70] = f32::INFINITY;
    let error = nearest(&layer.weight, 4, 32, GRID).unwrap_err();
    assert_eq!(error.to_string(), "the weight of output 2 and input 6 is not finite");
}

fn layer_moments(x: &[f32]) -> (Moments, Option<SolveError>) {
    let mut moments = Moments::new(x.len());
    let error = moments.add(x).err();
    (moments, error)
}
