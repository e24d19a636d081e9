//! A weight's whole change, formed: what it adds to a layer, and its gradient.

use olive_kit_kernels::product::{Matrix, MatrixMut, Threads, add_product, multiply};

/// `y += x D^T`
pub(crate) fn forward(delta: &[f32], x: &[f32], y: &mut [f32], in_features: usize) {
    let (rows, out_features) = (x.len() / in_features, delta.len() / in_features);
    let delta = Matrix::new(delta, out_features, in_features);
    let into = MatrixMut::new(y, rows, out_features);
    add_product(into, Matrix::new(x, rows, in_features), delta.transposed(), 1.0, Threads::All);
}

/// `dx += dy D`
pub(crate) fn backward(delta: &[f32], dy: &[f32], dx: &mut [f32], in_features: usize) {
    let (rows, out_features) = (dx.len() / in_features, delta.len() / in_features);
    let delta = Matrix::new(delta, out_features, in_features);
    let into = MatrixMut::new(dx, rows, in_features);
    add_product(into, Matrix::new(dy, rows, out_features), delta, 1.0, Threads::All);
}

/// `dD = dy^T x`
pub(crate) fn gradient(x: &[f32], dy: &[f32], into: &mut [f32], in_features: usize) {
    let (rows, out_features) = (x.len() / in_features, into.len() / in_features);
    let into = MatrixMut::new(into, out_features, in_features);
    let dy = Matrix::new(dy, rows, out_features).transposed();
    multiply(into, dy, Matrix::new(x, rows, in_features), 1.0, Threads::All);
}
