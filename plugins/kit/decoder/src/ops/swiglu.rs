//! SwiGLU: the gate of the MLP, on one fused input or on two.
//!
//! Shazeer, "GLU Variants Improve Transformer" (2020).

use candle_core::{CpuStorage, CustomOp1, CustomOp2, Layout, Result, Shape, Tensor};

use super::rows::for_each_row;
use crate::values::{borrow, gradient, input, output};
use olive_kit_kernels::vector::{exp, vectorized};

/// `silu(gate) * up`, of `gate` and `up`.
#[derive(Debug)]
pub(crate) struct SwiGlu;

/// `silu(gate) * up`, of `[gate, up]` side by side in each row.
#[derive(Debug)]
pub(crate) struct FusedSwiGlu;

/// Values computed at once where rows have no meaning.
const CHUNK: usize = 4096;

impl CustomOp2 for SwiGlu {
    fn name(&self) -> &'static str {
        "swiglu"
    }

    fn cpu_fwd(
        &self,
        gate: &CpuStorage,
        gate_layout: &Layout,
        up: &CpuStorage,
        up_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (gate, up) = (input(gate, gate_layout)?, input(up, up_layout)?);
        let mut y = vec![0.0; gate.len()];
        for_each_row(&mut y, CHUNK, |chunk, y| {
            let start = chunk * CHUNK;
            vectorized(|| forward(&gate[start..], &up[start..], y));
        });
        Ok(output(y, gate_layout.shape()))
    }

    fn bwd(
        &self,
        gate: &Tensor,
        up: &Tensor,
        _y: &Tensor,
        dy: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let (gates, ups, from_above) = (borrow(gate)?, borrow(up)?, borrow(dy)?);
        let (gates, ups, from_above) = (&*gates, &*ups, &*from_above);
        let mut dgate = vec![0.0; gates.len()];
        let mut dup = vec![0.0; ups.len()];
        for_each_row(&mut dgate, CHUNK, |chunk, dgate| {
            let start = chunk * CHUNK;
            vectorized(|| {
                gate_gradient(&gates[start..], &ups[start..], &from_above[start..], dgate);
            });
        });
        for_each_row(&mut dup, CHUNK, |chunk, dup| {
            let start = chunk * CHUNK;
            vectorized(|| up_gradient(&gates[start..], &from_above[start..], dup));
        });
        Ok((Some(gradient(dgate, gate)?), Some(gradient(dup, up)?)))
    }
}

impl CustomOp1 for FusedSwiGlu {
    fn name(&self) -> &'static str {
        "fused-swiglu"
    }

    fn cpu_fwd(&self, gate_up: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (rows, double) = layout.shape().dims2()?;
        let (gate_up, width) = (input(gate_up, layout)?, double / 2);
        let mut y = vec![0.0; rows * width];
        for_each_row(&mut y, width, |row, y| {
            let (gate, up) = gate_up[row * double..][..double].split_at(width);
            vectorized(|| forward(gate, up, y));
        });
        Ok(output(y, (rows, width)))
    }

    fn bwd(&self, gate_up: &Tensor, _y: &Tensor, dy: &Tensor) -> Result<Option<Tensor>> {
        let double = gate_up.dim(1)?;
        let (values, from_above, width) = (borrow(gate_up)?, borrow(dy)?, double / 2);
        let (values, from_above) = (&*values, &*from_above);
        let mut gradients = vec![0.0; values.len()];
        for_each_row(&mut gradients, double, |row, gradients| {
            let (gate, up) = values[row * double..][..double].split_at(width);
            let (dgate, dup) = gradients.split_at_mut(width);
            let dy = &from_above[row * width..][..width];
            vectorized(|| {
                gate_gradient(gate, up, dy, dgate);
                up_gradient(gate, dy, dup);
            });
        });
        gradient(gradients, gate_up).map(Some)
    }
}

fn forward(gate: &[f32], up: &[f32], y: &mut [f32]) {
    for ((y, gate), up) in y.iter_mut().zip(gate).zip(up) {
        *y = gate * sigmoid(*gate) * up;
    }
}

/// `dy up s (1 + gate (1 - s))` with `s = sigmoid(gate)`
fn gate_gradient(gate: &[f32], up: &[f32], dy: &[f32], dgate: &mut [f32]) {
    for (((dgate, gate), up), dy) in dgate.iter_mut().zip(gate).zip(up).zip(dy) {
        let sigmoid = sigmoid(*gate);
        *dgate = dy * up * sigmoid * (1.0 + gate * (1.0 - sigmoid));
    }
}

/// `dy silu(gate)`
fn up_gradient(gate: &[f32], dy: &[f32], dup: &mut [f32]) {
    for ((dup, gate), dy) in dup.iter_mut().zip(gate).zip(dy) {
        *dup = dy * gate * sigmoid(*gate);
    }
}

#[expect(clippy::inline_always, reason = "compiled for the instructions of its caller")]
#[inline(always)]
fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::finite_differences::check;

    #[test]
    fn the_gradients_are_the_slopes() {
        check(&[&[3, 20], &[3, 20]], |x| x[0].apply_op2(&x[1], SwiGlu));
        check(&[&[3, 40]], |x| x[0].apply_op1(FusedSwiGlu));
    }

    #[test]
    fn far_gates_are_open_or_shut() {
        let mut y = [1.0; 2];
        forward(&[-200.0, 200.0], &[3.0, 3.0], &mut y);
        assert!(y[0].abs() < 1e-30 && (y[1] - 600.0).abs() < 1e-3, "{y:?}");
    }
}
