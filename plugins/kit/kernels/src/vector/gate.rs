//! Loops over gated units: `activation(gate) * up`.
//!
//! Shazeer, "GLU Variants Improve Transformer" (2020).

use std::marker::PhantomData;

use pulp::NullaryFnOnce;

use super::exp;

/// `sqrt(2 / pi)` and the cubic's factor of GELU's approximation.
const GELU: [f32; 2] = [0.797_884_6, 0.044_715];

/// A function of one value.
pub trait Activation {
    /// Its value at `x`.
    fn value(x: f32) -> f32;

    /// Its value and its slope at `x`.
    fn value_and_slope(x: f32) -> (f32, f32);
}

/// `x s` with `s = sigmoid(x)`.
#[derive(Debug)]
pub struct Silu;

/// GELU by its approximation, `x (1 + tanh u) / 2` with `u = sqrt(2 / pi) (x + 0.044715 x^3)`.
#[derive(Debug)]
pub struct GeluTanh;

/// Writes `activation(gate) * up`, as far as all go.
pub fn gate<A: Activation>(gate: &[f32], up: &[f32], y: &mut [f32]) {
    pulp::Arch::new().dispatch(Forward { gate, up, y, activation: PhantomData::<A> });
}

/// Writes the gradients of gate and up over their values, from `dy`: with `a` the activation,
/// `dgate = dy up a'(gate)` and `dup = dy a(gate)`.
pub fn gate_gradients<A: Activation>(gate: &mut [f32], up: &mut [f32], dy: &[f32]) {
    pulp::Arch::new().dispatch(Backward { gate, up, dy, activation: PhantomData::<A> });
}

impl Activation for Silu {
    #[inline(always)]
    fn value(x: f32) -> f32 {
        x / (1.0 + exp(-x))
    }

    /// `x s` and `s (1 + x (1 - s))`.
    #[inline(always)]
    fn value_and_slope(x: f32) -> (f32, f32) {
        let sigmoid = 1.0 / (1.0 + exp(-x));
        (x * sigmoid, sigmoid * (1.0 + x * (1.0 - sigmoid)))
    }
}

impl Activation for GeluTanh {
    #[inline(always)]
    fn value(x: f32) -> f32 {
        Self::value_and_slope(x).0
    }

    /// `x s` with `s = sigmoid(2 u)`, which is `(1 + tanh u) / 2`.
    #[inline(always)]
    fn value_and_slope(x: f32) -> (f32, f32) {
        let [root, cubic] = GELU;
        let inner = root * (x + cubic * x * x * x);
        let sigmoid = 1.0 / (1.0 + exp(-2.0 * inner));
        let inner_slope = root * (1.0 + 3.0 * cubic * x * x);
        (x * sigmoid, sigmoid + x * 2.0 * sigmoid * (1.0 - sigmoid) * inner_slope)
    }
}

/// See [`gate`].
struct Forward<'a, A> {
    gate: &'a [f32],
    up: &'a [f32],
    y: &'a mut [f32],
    activation: PhantomData<A>,
}

/// See [`gate_gradients`].
struct Backward<'a, A> {
    gate: &'a mut [f32],
    up: &'a mut [f32],
    dy: &'a [f32],
    activation: PhantomData<A>,
}

impl<A: Activation> NullaryFnOnce for Forward<'_, A> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        for ((y, gate), up) in self.y.iter_mut().zip(self.gate).zip(self.up) {
            *y = A::value(*gate) * up;
        }
    }
}

impl<A: Activation> NullaryFnOnce for Backward<'_, A> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        for ((gate, up), dy) in self.gate.iter_mut().zip(self.up).zip(self.dy) {
            let (value, slope) = A::value_and_slope(*gate);
            *gate = dy * *up * slope;
            *up = dy * value;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks values and slopes against those in f64.
    fn check<A: Activation>(exact: impl Fn(f64) -> f64) {
        let x: Vec<f32> = (-300..=300_i16).map(|step| f32::from(step) / 25.0).collect();
        let mut y = vec![0.0; x.len()];
        gate::<A>(&x, &vec![-2.0; x.len()], &mut y);
        let (mut dx, mut dup) = (x.clone(), vec![-2.0; x.len()]);
        gate_gradients::<A>(&mut dx, &mut dup, &vec![0.5; x.len()]);
        for at in 0..x.len() {
            let x = f64::from(x[at]);
            let slope = (exact(x + 1e-5) - exact(x - 1e-5)) / 2e-5;
            for (found, expected) in
                [(y[at], -2.0 * exact(x)), (dup[at], 0.5 * exact(x)), (dx[at], -slope)]
            {
                let limit = 2e-6 * (1.0 + expected.abs());
                assert!((f64::from(found) - expected).abs() < limit, "{x}: {found} {expected}");
            }
        }
    }

    #[test]
    fn gates_and_their_slopes_are_those_of_their_definitions() {
        check::<Silu>(|x| x / (1.0 + (-x).exp()));
        let root = (2.0 / std::f64::consts::PI).sqrt();
        check::<GeluTanh>(|x| 0.5 * x * (1.0 + (root * (x + 0.044_715 * x.powi(3))).tanh()));
    }
}
