//! A weight's whole change, formed: what it adds to a layer, and its gradient.

use olive_kit_kernels::product::{multiply_in, multiply_packed};
use olive_kit_kernels::{Accumulate, Matrix, MatrixMut, Precision, Threads};

use crate::input::Input;

/// `y += x D^T`
pub(crate) fn forward(delta: Matrix<'_>, x: &Input<'_>, y: &mut [f32]) {
    let into = MatrixMut::new(y, x.rows(), delta.num_rows());
    multiply_packed(into, &x.packed, delta.transposed(), 1.0, Accumulate::Yes, Threads::All);
}

/// `dx += dy D`
pub(crate) fn backward(delta: Matrix<'_>, dy: &Input<'_>, dx: &mut [f32]) {
    let into = MatrixMut::new(dx, dy.rows(), delta.num_columns());
    multiply_packed(into, &dy.packed, delta, 1.0, Accumulate::Yes, Threads::All);
}

/// `dD = dy^T x`, or added.
pub(crate) fn gradient(
    precision: Precision,
    x: &Input<'_>,
    dy: &Input<'_>,
    into: &mut [f32],
    accumulate: Accumulate,
) {
    let (dy, x) = (dy.matrix().transposed(), x.matrix());
    let into = MatrixMut::new(into, dy.num_rows(), x.num_columns());
    multiply_in(precision, into, dy, x, 1.0, accumulate, Threads::All);
}
