//! `LoHa`: the entrywise product of two low-rank matrices.
//!
//! Hyeon-Woo et al., "`FedPara`: Low-Rank Hadamard Product for Communication-Efficient Federated
//! Learning" (2021).

use olive_kit_adapters::{Adapters, Gradients, ParameterId};
use olive_kit_kernels::product::{add_product, multiply};
use olive_kit_kernels::{Matrix, MatrixMut, Threads};

use crate::scratch::Scratch;

/// Writes `(W1a W1b) ∘ (W2a W2b)`, of the factors in this order.
pub(crate) fn delta(
    [w1_a, w1_b, w2_a, w2_b]: [&[f32]; 4],
    shape: (usize, usize),
    into: &mut [f32],
    scratch: &mut Scratch,
) {
    let mut second = scratch.take(into.len());
    low_rank(w1_a, w1_b, shape, into);
    low_rank(w2_a, w2_b, shape, &mut second);
    into.iter_mut().zip(&second).for_each(|(first, second)| *first *= second);
    scratch.give(second);
}

/// Adds the gradients of the factors from `dD`, scaled: with `P1` and `P2` the two products,
/// `dP1 = dD ∘ P2`, and of each product `P = A B`, `dA = dP B^T` and `dB = A^T dP`.
pub(crate) fn backward(
    adapters: &Adapters,
    ids: [ParameterId; 4],
    shape: (usize, usize),
    from_above: &[f32],
    gradients: &mut Gradients,
    scratch: &mut Scratch,
) {
    let mut other = scratch.take(from_above.len());
    for (own, others) in [(&ids[..2], &ids[2..]), (&ids[2..], &ids[..2])] {
        low_rank(adapters.values(others[0]), adapters.values(others[1]), shape, &mut other);
        other.iter_mut().zip(from_above).for_each(|(value, from_above)| *value *= from_above);
        let of_product = Matrix::new(&other, shape.0, shape.1);
        let (a, b) = (adapters.values(own[0]), adapters.values(own[1]));
        let rank = a.len() / shape.0;
        let into = MatrixMut::new(gradients.get_mut(own[0]), shape.0, rank);
        add_product(
            into,
            of_product,
            Matrix::new(b, rank, shape.1).transposed(),
            1.0,
            Threads::All,
        );
        let into = MatrixMut::new(gradients.get_mut(own[1]), rank, shape.1);
        add_product(
            into,
            Matrix::new(a, shape.0, rank).transposed(),
            of_product,
            1.0,
            Threads::All,
        );
    }
    scratch.give(other);
}

fn low_rank(a: &[f32], b: &[f32], (rows, columns): (usize, usize), into: &mut [f32]) {
    let rank = a.len() / rows;
    let (a, b) = (Matrix::new(a, rows, rank), Matrix::new(b, rank, columns));
    multiply(MatrixMut::new(into, rows, columns), a, b, 1.0, Threads::All);
}
