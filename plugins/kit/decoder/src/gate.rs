//! The gate of the MLP: `activation(gate) * up`.
//!
//! Shazeer, "GLU Variants Improve Transformer" (2020).

use olive_kit_checkpoint::Activation;
use olive_kit_kernels::vector::{exp, vectorized};

use crate::parts::Parts;
use crate::rows::{for_each_pair, for_each_row};

/// `sqrt(2 / pi)` and the cubic's factor of GELU's approximation.
const GELU: [f32; 2] = [0.797_884_6, 0.044_715];

/// Writes `activation(gate) * up`, `[rows, width]`.
pub(crate) fn forward(activation: Activation, gate_up: &Parts, y: &mut [f32], width: usize) {
    for_each_row(y, width, |row, y| {
        let (gate, up) = (gate_up.columns(row, 0, width), gate_up.columns(row, width, width));
        vectorized(|| match activation {
            Activation::Silu => gated(gate, up, y, silu),
            Activation::GeluTanh => gated(gate, up, y, gelu),
        });
    });
}

/// Writes the gradients of gate and up over their values, from `dy`, `[rows, width]`.
pub(crate) fn backward(activation: Activation, gate_up: &mut Parts, dy: &[f32], width: usize) {
    let of_row = |row: usize, gate: &mut [f32], up: &mut [f32]| {
        let dy = &dy[row * width..][..width];
        vectorized(|| match activation {
            Activation::Silu => gradients(gate, up, dy, silu_and_slope),
            Activation::GeluTanh => gradients(gate, up, dy, gelu_and_slope),
        });
    };
    match gate_up.buffers.as_mut_slice() {
        [gate, up] => for_each_pair((gate, width), (up, width), of_row),
        buffers => {
            for_each_row(&mut buffers[0], 2 * width, |row, values| {
                let (gate, up) = values.split_at_mut(width);
                of_row(row, gate, up);
            });
        }
    }
}

#[expect(clippy::inline_always, reason = "compiled for the instructions of its caller")]
#[inline(always)]
fn gated(gate: &[f32], up: &[f32], y: &mut [f32], activation: impl Fn(f32) -> f32) {
    for ((y, gate), up) in y.iter_mut().zip(gate).zip(up) {
        *y = activation(*gate) * up;
    }
}

/// With `a` the activation: `dgate = dy up a'(gate)` and `dup = dy a(gate)`.
#[expect(clippy::inline_always, reason = "compiled for the instructions of its caller")]
#[inline(always)]
fn gradients(gate: &mut [f32], up: &mut [f32], dy: &[f32], activation: impl Fn(f32) -> (f32, f32)) {
    for ((gate, up), dy) in gate.iter_mut().zip(up).zip(dy) {
        let (value, slope) = activation(*gate);
        *gate = dy * *up * slope;
        *up = dy * value;
    }
}

#[expect(clippy::inline_always, reason = "compiled for the instructions of its caller")]
#[inline(always)]
fn silu(x: f32) -> f32 {
    x / (1.0 + exp(-x))
}

/// `x s` and `s (1 + x (1 - s))` with `s = sigmoid(x)`.
#[expect(clippy::inline_always, reason = "compiled for the instructions of its caller")]
#[inline(always)]
fn silu_and_slope(x: f32) -> (f32, f32) {
    let sigmoid = 1.0 / (1.0 + exp(-x));
    (x * sigmoid, sigmoid * (1.0 + x * (1.0 - sigmoid)))
}

#[expect(clippy::inline_always, reason = "compiled for the instructions of its caller")]
#[inline(always)]
fn gelu(x: f32) -> f32 {
    gelu_and_slope(x).0
}

/// `x s` with `s = sigmoid(2 u)`, which is `(1 + tanh u) / 2`, `u = sqrt(2 / pi) (x + 0.044715 x^3)`.
#[expect(clippy::inline_always, reason = "compiled for the instructions of its caller")]
#[inline(always)]
fn gelu_and_slope(x: f32) -> (f32, f32) {
    let [root, cubic] = GELU;
    let inner = root * (x + cubic * x * x * x);
    let sigmoid = 1.0 / (1.0 + exp(-2.0 * inner));
    let inner_slope = root * (1.0 + 3.0 * cubic * x * x);
    (x * sigmoid, sigmoid + x * 2.0 * sigmoid * (1.0 - sigmoid) * inner_slope)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finite_differences::check;

    fn parts(values: &[&[f32]]) -> Parts {
        Parts {
            buffers: values.iter().map(|v| v.to_vec()).collect(),
            widths: vec![20; values.len()],
        }
    }

    fn check_gradient(activation: Activation) {
        let forward = |x: &[&[f32]]| {
            let mut y = vec![0.0; 60];
            super::forward(activation, &parts(x), &mut y, 20);
            y
        };
        check(&[60, 60], forward, |x, dy| {
            let mut parts = parts(x);
            backward(activation, &mut parts, dy, 20);
            parts.buffers
        });
    }

    #[test]
    fn the_gradients_are_the_slopes() {
        check_gradient(Activation::Silu);
        check_gradient(Activation::GeluTanh);
    }

    #[test]
    fn far_gates_are_open_or_shut() {
        for activation in [Activation::Silu, Activation::GeluTanh] {
            let mut y = [1.0; 2];
            forward(
                activation,
                &Parts { buffers: vec![vec![-200.0, 200.0], vec![3.0; 2]], widths: vec![2; 2] },
                &mut y,
                2,
            );
            assert!(y[0].abs() < 1e-30 && (y[1] - 600.0).abs() < 1e-3, "{y:?}");
        }
    }
}
