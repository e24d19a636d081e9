//! Every method's gradients against slopes.

use std::sync::Arc;

use olive_kit_adapters::{
    Adapters, Drop, Factor, Gradients, Layer, Method, Parameter, ParameterId,
};
use olive_kit_kernels::{Accumulate, FrozenMatrix, Precision};
use olive_kit_testing::random;

use crate::finite_differences::check_at;
use crate::linear::Linear;
use crate::pass::Pass;
use crate::scratch::Scratch;

const ROWS: usize = 4;
const IN: usize = 6;
const OUT: usize = 8;

fn linear() -> Linear {
    let values = random(OUT * IN, 3);
    let fill = |rows: std::ops::Range<usize>, into: &mut [f32]| {
        into.copy_from_slice(&values[rows.start * IN..rows.end * IN]);
    };
    Linear::new("layer".into(), Arc::new(FrozenMatrix::new(OUT, IN, Precision::F32, fill)))
}

/// A layer of this method whose parameters have these shapes.
fn adapters(method: Method, shapes: &[[usize; 2]], drop: Drop) -> Adapters {
    let mut adapters = Adapters::none();
    for (seed, shape) in (11..).zip(shapes) {
        let values = random(shape.iter().product(), seed);
        let (name, shape) = (format!("parameter {seed}"), shape.to_vec());
        adapters.parameters.push(Parameter { name, shape, values });
    }
    adapters.layers.insert("layer".into(), Layer { method, scale: 1.5, drop });
    adapters
}

/// Checks the gradients of `x` and of all parameters but those in `constant`.
fn check(adapters: &Adapters, is_training: bool) {
    let linear = linear();
    let with = |x: &[&[f32]]| {
        let mut adapters = adapters.clone();
        for (parameter, values) in adapters.parameters.iter_mut().zip(&x[1..]) {
            parameter.values.copy_from_slice(values);
        }
        adapters
    };
    let mut arguments = vec![random(ROWS * IN, 1)];
    arguments.extend(adapters.parameters.iter().map(|parameter| parameter.values.clone()));
    let forward = |x: &[&[f32]]| {
        let adapters = with(x);
        let pass = pass(&adapters, is_training);
        let mut y = vec![0.0; ROWS * OUT];
        linear.forward(&linear.input(x[0]), &mut y, &pass, &mut Scratch::default());
        y
    };
    check_at(&arguments, forward, |x, dy| {
        let adapters = with(x);
        let pass = pass(&adapters, is_training);
        let mut gradients = Gradients::zeros(&adapters.parameters);
        let mut dx = vec![0.5; ROWS * IN];
        let into = Some((&mut dx[..], Accumulate::Yes));
        linear.backward(
            Some(&linear.input(x[0])),
            dy,
            into,
            &pass,
            &mut gradients,
            &mut Scratch::default(),
        );
        for value in &mut dx {
            *value -= 0.5;
        }
        let mut all = vec![dx];
        all.extend_from_slice(gradients.as_slice());
        all
    });
}

fn pass(adapters: &Adapters, is_training: bool) -> Pass<'_> {
    if is_training { Pass::training(adapters, 5) } else { Pass::inference(adapters) }
}

const fn id(index: usize) -> ParameterId {
    ParameterId(index)
}

#[test]
fn lora_gradients_are_the_slopes() {
    let method = Method::Lora { a: id(0), b: id(1), magnitude: None };
    let shapes = [[2, IN], [OUT, 2]];
    check(&adapters(method.clone(), &shapes, Drop::default()), false);
    check(&adapters(method, &shapes, Drop { input: 0.4, ..Drop::default() }), true);
}

#[test]
fn loha_gradients_are_the_slopes() {
    let method = Method::Loha { w1_a: id(0), w1_b: id(1), w2_a: id(2), w2_b: id(3) };
    let shapes = [[OUT, 2], [2, IN], [OUT, 2], [2, IN]];
    check(&adapters(method.clone(), &shapes, Drop::default()), false);
    let drop = Drop { rank: 0.3, scales_rank: true, ..Drop::default() };
    check(&adapters(method, &shapes, drop), true);
}

#[test]
fn lokr_gradients_are_the_slopes() {
    let whole = Method::Lokr { w1: Factor::Whole(id(0)), w2: Factor::Whole(id(1)) };
    check(&adapters(whole, &[[2, 3], [4, 2]], Drop::default()), false);
    let product = Method::Lokr { w1: Factor::Whole(id(0)), w2: Factor::Product(id(1), id(2)) };
    let drop = Drop { rank: 0.3, ..Drop::default() };
    check(&adapters(product, &[[2, 3], [4, 1], [1, 2]], drop), true);
}

/// Norms count as constants, as in the paper, so only the magnitude's gradient is a slope; the
/// others are compared with PEFT's in the fixtures.
#[test]
fn dora_magnitudes_have_the_slopes_as_gradients() {
    let lora = Method::Lora { a: id(0), b: id(1), magnitude: Some(id(2)) };
    for input in [0.0, 0.4] {
        let drop = Drop { input, ..Drop::default() };
        let adapters = adapters(lora.clone(), &[[2, IN], [OUT, 2], [1, OUT]], drop);
        let (linear, x) = (linear(), random(ROWS * IN, 1));
        let at = |magnitude: &[f32]| {
            let mut adapters = adapters.clone();
            adapters.parameters[2].values.copy_from_slice(magnitude);
            let mut y = vec![0.0; ROWS * OUT];
            linear.forward(
                &linear.input(&x),
                &mut y,
                &Pass::training(&adapters, 5),
                &mut Scratch::default(),
            );
            y
        };
        let magnitude = vec![adapters.parameters[2].values.clone()];
        check_at(
            &magnitude,
            |m| at(m[0]),
            |m, dy| {
                let mut adapters = adapters.clone();
                adapters.parameters[2].values.copy_from_slice(m[0]);
                let mut gradients = Gradients::zeros(&adapters.parameters);
                let pass = Pass::training(&adapters, 5);
                linear.backward(
                    Some(&linear.input(&x)),
                    dy,
                    None,
                    &pass,
                    &mut gradients,
                    &mut Scratch::default(),
                );
                vec![gradients.get(id(2)).to_vec()]
            },
        );
    }
}

#[test]
fn a_dropped_module_is_left_out() {
    let method = Method::Lokr { w1: Factor::Whole(id(0)), w2: Factor::Whole(id(1)) };
    let drop = Drop { module: 0.999_999, ..Drop::default() };
    let adapters = adapters(method, &[[2, 3], [4, 2]], drop);
    let (linear, x) = (linear(), random(ROWS * IN, 1));
    let (mut dropped, mut base) = (vec![0.0; ROWS * OUT], vec![0.0; ROWS * OUT]);
    linear.forward(
        &linear.input(&x),
        &mut dropped,
        &Pass::training(&adapters, 5),
        &mut Scratch::default(),
    );
    let none = Adapters::none();
    linear.forward(&linear.input(&x), &mut base, &Pass::inference(&none), &mut Scratch::default());
    assert_eq!(dropped, base);
}
