//! What the difference of two weights costs in the outputs of a layer.

use olive_kit_kernels::product::multiply_packed;
use olive_kit_kernels::{Accumulate, Matrix, MatrixMut, Packed, Precision, Threads, vector};
use rayon::prelude::*;

use crate::error::SolveError;
use crate::grid::check_matrix;
use crate::moments::Moments;

/// Rows of the difference that are multiplied at once.
const BAND: usize = 512;

/// Error of the outputs of a layer relative to them: `sqrt(tr(D G D^T) / tr(W G W^T))` for
/// `D = W - made` and the Gram matrix `G` of the inputs; 0 where the outputs are zeros and stay so.
///
/// Peak memory is two bands of 512 rows.
///
/// # Errors
/// When the shapes disagree, a weight is not finite, or there are no tokens.
pub fn output_error(
    weight: &[f32],
    made: &[f32],
    n: usize,
    k: usize,
    moments: &Moments,
) -> Result<f64, SolveError> {
    check_matrix(weight, n, k)?;
    check_matrix(made, n, k)?;
    moments.check(k)?;
    let outputs = trace(moments, n, |row, out| out.copy_from_slice(&weight[row * k..][..k]));
    let error = trace(moments, n, |row, out| {
        let weights = weight[row * k..][..k].iter().zip(&made[row * k..][..k]);
        out.iter_mut().zip(weights).for_each(|(out, (weight, made))| *out = weight - made);
    });
    Ok(relative(error, outputs).sqrt())
}

/// Square of the outputs of a layer over all tokens, `tr(W G W^T)`.
///
/// # Errors
/// As [`output_error`].
pub fn outputs_square(
    weight: &[f32],
    n: usize,
    k: usize,
    moments: &Moments,
) -> Result<f64, SolveError> {
    check_matrix(weight, n, k)?;
    moments.check(k)?;
    Ok(trace(moments, n, |row, out| out.copy_from_slice(&weight[row * k..][..k])))
}

/// Part of `outputs` that `error` is.
pub(crate) fn relative(error: f64, outputs: f64) -> f64 {
    if error == 0.0 { 0.0 } else { error / outputs }
}

/// `tr(D G D^T)` of a matrix `D`, `[n, k]`, whose rows `fill` writes.
///
/// As `G` is symmetric, what is right of a strip's square counts twice.
pub(crate) fn trace(moments: &Moments, n: usize, fill: impl Fn(usize, &mut [f32]) + Sync) -> f64 {
    let k = moments.inputs();
    let mut rows = vec![0.0; BAND.min(n) * k];
    let mut products = rows.clone();
    let mut total = 0.0;
    for start in (0..n).step_by(BAND) {
        let height = BAND.min(n - start);
        let rows = &mut rows[..height * k];
        rows.par_chunks_mut(k.max(1)).enumerate().for_each(|(row, out)| fill(start + row, out));
        for strip in moments.strips() {
            let (square, width) = (strip.len(), k - strip.start);
            let left = Matrix::strided(&rows[strip.start..], height, square, k);
            let left = Packed::new(left, Precision::F32, Threads::All);
            let products = &mut products[..height * width];
            let into = MatrixMut::new(products, height, width);
            let right = moments.strip(&strip);
            multiply_packed(into, &left, right, 1.0, Accumulate::No, Threads::All);
            let rows = rows.par_chunks(k).zip(products.par_chunks(width));
            let sums: Vec<f64> = rows
                .map(|(row, product)| {
                    let (row, (inside, right)) = (&row[strip.start..], product.split_at(square));
                    let inside = vector::dot(inside, &row[..square]);
                    f64::from(inside) + 2.0 * f64::from(vector::dot(right, &row[square..]))
                })
                .collect();
            total += sums.iter().sum::<f64>();
        }
    }
    total.max(0.0)
}
