//! Six steps of each optimizer against torch, transformers and bitsandbytes.

use olive_kit_adapters::{Gradients, Parameter};
use olive_kit_train::{Optimizer, OptimizerSettings};
use serde::Deserialize;

/// Largest difference of a value whose steps are 0.01 in size: f32 in another order.
const CLOSE: f32 = 5e-7;

#[derive(Deserialize)]
struct Fixture {
    rates: Vec<f64>,
    sample: usize,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    settings: OptimizerSettings,
    weight_decay: f64,
    shape: Vec<usize>,
    weight: Vec<f32>,
    bias: Vec<f32>,
}

fn fixture() -> Fixture {
    serde_json::from_str(include_str!("../fixtures/optimizers.json")).unwrap()
}

/// Numbers in -0.5..0.5 as the script makes them.
fn units(start: u64, count: usize) -> Vec<f32> {
    let unit = |counter: u64| ((counter * 2_654_435_761 % (1 << 32)) >> 8) as f64 / 16_777_216.0;
    (start..).take(count).map(|counter| (unit(counter) - 0.5) as f32).collect()
}

fn parameters(shape: &[usize]) -> Vec<Parameter> {
    let weight = units(1, shape.iter().product());
    vec![
        Parameter { name: "layer.weight".into(), shape: shape.to_vec(), values: weight },
        Parameter { name: "layer.bias".into(), shape: vec![7], values: units(500_000, 7) },
    ]
}

fn set_gradients(gradients: &mut Gradients, step: usize) {
    for (number, gradient) in gradients.as_mut_slice().iter_mut().enumerate() {
        let start = 1_000_000 * (step + 1) + 300_000 * number;
        let units = units(start as u64, gradient.len());
        for (place, (gradient, unit)) in gradient.iter_mut().zip(units).enumerate() {
            let tiny = if place.is_multiple_of(5) { 2.0_f32.powi(-10) } else { 1.0 };
            let some = if place.is_multiple_of(11) { 0.0 } else { 1.0 };
            *gradient = unit * 0.125 * tiny * some;
        }
    }
}

fn six_steps(case: &Case, rates: &[f64]) -> Vec<Parameter> {
    let mut parameters = parameters(&case.shape);
    let mut gradients = Gradients::zeros(&parameters);
    let mut optimizer = Optimizer::new(case.settings, case.weight_decay, &parameters);
    for (step, &rate) in rates.iter().enumerate() {
        set_gradients(&mut gradients, step);
        optimizer.step(&mut parameters, &gradients, rate);
    }
    parameters
}

fn largest_difference(found: impl Iterator<Item = f32>, expected: &[f32]) -> f32 {
    let found: Vec<_> = found.collect();
    assert_eq!(found.len(), expected.len());
    found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn steps_are_those_of_torch_transformers_and_bitsandbytes() {
    let Fixture { rates, sample, cases } = fixture();
    for case in cases {
        let parameters = six_steps(&case, &rates);
        let sample = if parameters[0].values.len() == case.weight.len() { 1 } else { sample };
        let weights = parameters[0].values.iter().copied().step_by(sample);
        let weight = largest_difference(weights, &case.weight);
        let bias = largest_difference(parameters[1].values.iter().copied(), &case.bias);
        assert!(weight <= CLOSE && bias <= CLOSE, "{}: {weight:e} {bias:e}", case.name);
    }
}

#[test]
fn threads_change_no_bit() {
    for mut case in fixture().cases {
        case.shape = vec![150, 300];
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| six_steps(&case, &[0.01, 0.02, 0.03]))
        };
        assert!(on(1) == on(3), "{}", case.name);
    }
}
