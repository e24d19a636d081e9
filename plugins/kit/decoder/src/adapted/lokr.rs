//! `LoKr`: the Kronecker product of two small matrices.
//!
//! Yeh et al., "Navigating Text-To-Image Customization: From `LyCORIS` Fine-Tuning to Model
//! Evaluation" (2023).

use std::borrow::Cow;

use olive_kit_adapters::{Adapters, Factor, Gradients};
use olive_kit_kernels::product::{add_product, multiply};
use olive_kit_kernels::vector::{dot, vectorized};
use olive_kit_kernels::{Matrix, MatrixMut, Threads};

use crate::rows::for_each_row;

/// Writes `W1 ⊗ W2`, `[out_features, in_features]`.
pub(crate) fn delta(
    adapters: &Adapters,
    w1: &Factor,
    w2: &Factor,
    (_, in_features): (usize, usize),
    into: &mut [f32],
) {
    let (first, second) = (Formed::of(adapters, w1), Formed::of(adapters, w2));
    for_each_row(into, in_features, |row, into| {
        let (outer, inner) = (row / second.rows, row % second.rows);
        let inner = second.row(inner);
        for (into, factor) in into.chunks_mut(second.columns).zip(first.row(outer)) {
            into.iter_mut().zip(inner).for_each(|(into, value)| *into = factor * value);
        }
    });
}

/// Adds the gradients of both factors from `dD`, scaled: `dW1` is the sum over each block of
/// `dD ∘ W2`, `dW2` the sum over all blocks of `dD` times their entry of `W1`.
pub(crate) fn backward(
    adapters: &Adapters,
    factors: [&Factor; 2],
    (_, in_features): (usize, usize),
    from_above: &[f32],
    gradients: &mut Gradients,
) {
    let [first, second] = factors.map(|factor| Formed::of(adapters, factor));
    let block_row = |outer: usize, inner: usize| {
        &from_above[(outer * second.rows + inner) * in_features..][..in_features]
    };
    let mut of_first = vec![0.0; first.rows * first.columns];
    for_each_row(&mut of_first, first.columns, |outer, gradient| {
        for inner in 0..second.rows {
            let blocks = block_row(outer, inner).chunks(second.columns);
            for (gradient, block) in gradient.iter_mut().zip(blocks) {
                *gradient += vectorized(|| dot(block, second.row(inner)));
            }
        }
    });
    let mut of_second = vec![0.0; second.rows * second.columns];
    for_each_row(&mut of_second, second.columns, |inner, gradient| {
        for outer in 0..first.rows {
            let blocks = block_row(outer, inner).chunks(second.columns);
            for (factor, block) in first.row(outer).iter().zip(blocks) {
                gradient.iter_mut().zip(block).for_each(|(sum, value)| *sum += factor * value);
            }
        }
    });
    first.add_gradient(adapters, factors[0], &of_first, gradients);
    second.add_gradient(adapters, factors[1], &of_second, gradients);
}

/// A factor, formed.
struct Formed<'a> {
    values: Cow<'a, [f32]>,
    rows: usize,
    columns: usize,
}

impl<'a> Formed<'a> {
    fn of(adapters: &'a Adapters, factor: &Factor) -> Self {
        match factor {
            Factor::Whole(id) => {
                let parameter = adapters.parameter(*id);
                let (rows, columns) = (parameter.shape[0], parameter.shape[1]);
                Self { values: Cow::Borrowed(&parameter.values), rows, columns }
            }
            Factor::Product(a, b) => {
                let (a, b) = (adapters.parameter(*a), adapters.parameter(*b));
                let (rows, rank, columns) = (a.shape[0], a.shape[1], b.shape[1]);
                let mut values = vec![0.0; rows * columns];
                let into = MatrixMut::new(&mut values, rows, columns);
                let (a, b) =
                    (Matrix::new(&a.values, rows, rank), Matrix::new(&b.values, rank, columns));
                multiply(into, a, b, 1.0, Threads::All);
                Self { values: Cow::Owned(values), rows, columns }
            }
        }
    }

    fn row(&self, row: usize) -> &[f32] {
        &self.values[row * self.columns..][..self.columns]
    }

    /// Adds the gradient of the formed factor to what it is made of.
    fn add_gradient(
        &self,
        adapters: &Adapters,
        factor: &Factor,
        gradient: &[f32],
        gradients: &mut Gradients,
    ) {
        match factor {
            Factor::Whole(id) => {
                gradients.get_mut(*id).iter_mut().zip(gradient).for_each(|(sum, g)| *sum += g);
            }
            Factor::Product(a, b) => {
                let (a_values, b_values) = (adapters.values(*a), adapters.values(*b));
                let rank = a_values.len() / self.rows;
                let gradient = Matrix::new(gradient, self.rows, self.columns);
                let into = MatrixMut::new(gradients.get_mut(*a), self.rows, rank);
                let right = Matrix::new(b_values, rank, self.columns).transposed();
                add_product(into, gradient, right, 1.0, Threads::All);
                let into = MatrixMut::new(gradients.get_mut(*b), rank, self.columns);
                let left = Matrix::new(a_values, self.rows, rank).transposed();
                add_product(into, left, gradient, 1.0, Threads::All);
            }
        }
    }
}
