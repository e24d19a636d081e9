//! The gate of the MLP: `activation(gate) * up`.
//!
//! Shazeer, "GLU Variants Improve Transformer" (2020).

use olive_kit_checkpoint::Activation;
use olive_kit_kernels::vector::{GeluTanh, Silu, gate, gate_gradients};

use crate::parts::Parts;
use crate::rows::{for_each_pair, for_each_row};

/// Writes `activation(gate) * up`, `[rows, width]`.
pub(crate) fn forward(activation: Activation, gate_up: &Parts, y: &mut [f32], width: usize) {
    for_each_row(y, width, |row, y| {
        let (of_gate, up) = (gate_up.columns(row, 0, width), gate_up.columns(row, width, width));
        match activation {
            Activation::Silu => gate::<Silu>(of_gate, up, y),
            Activation::GeluTanh => gate::<GeluTanh>(of_gate, up, y),
        }
    });
}

/// Writes the gradients of gate and up over their values, from `dy`, `[rows, width]`.
pub(crate) fn backward(activation: Activation, gate_up: &mut Parts, dy: &[f32], width: usize) {
    let of_row = |row: usize, gate: &mut [f32], up: &mut [f32]| {
        let dy = &dy[row * width..][..width];
        match activation {
            Activation::Silu => gate_gradients::<Silu>(gate, up, dy),
            Activation::GeluTanh => gate_gradients::<GeluTanh>(gate, up, dy),
        }
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
