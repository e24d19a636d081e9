//! First factors from one orthogonal matrix.
//!
//! PEFT's `orthogonal_init`: of a random orthogonal matrix `Q`, `[rank, rank]`, even rows span the
//! rows of `A` and odd ones the columns of `B`, so that `B A` is zero only in their mixed terms.

use crate::error::AdapterError;
use crate::random::Random;

/// What the random mixtures are divided by.
const DAMPING: f64 = 10.0;

/// Both factors of a layer.
pub(super) struct Factors {
    /// `[rank, columns]`.
    pub(super) a: Vec<f32>,
    /// `[rows, rank]`.
    pub(super) b: Vec<f32>,
}

/// Factors of a layer with `columns` inputs and `rows` outputs.
///
/// # Errors
/// When `rank` is odd.
pub(super) fn factors(
    rank: usize,
    columns: usize,
    rows: usize,
    random: &mut Random,
) -> Result<Factors, AdapterError> {
    if !rank.is_multiple_of(2) {
        let problem = format!("an orthogonal start needs an even rank, and {rank} is odd");
        return Err(AdapterError::setting(problem));
    }
    let q = orthogonal(rank, random);
    let half = rank / 2;
    let mixed = |count: usize, first: usize, random: &mut Random| -> Vec<f64> {
        let weights = random.normal(1.0, count * half);
        let mut mixed = vec![0.0; count * rank];
        for (mixed, weights) in mixed.chunks_mut(rank).zip(weights.chunks(half)) {
            for (weight, q) in weights.iter().zip(q.iter().skip(first).step_by(2)) {
                let weight = f64::from(*weight) / DAMPING;
                mixed.iter_mut().zip(q).for_each(|(mixed, q)| *mixed += weight * q);
            }
        }
        mixed
    };
    let a_transposed = mixed(columns, 0, random);
    let b = mixed(rows, 1, random);
    let mut a = vec![0.0; rank * columns];
    for (column, values) in a_transposed.chunks(rank).enumerate() {
        for (row, value) in values.iter().enumerate() {
            a[row * columns + column] = narrow(*value);
        }
    }
    Ok(Factors { a, b: b.into_iter().map(narrow).collect() })
}

/// The orthonormal rows that modified Gram-Schmidt makes of random ones.
fn orthogonal(size: usize, random: &mut Random) -> Vec<Vec<f64>> {
    let mut rows: Vec<Vec<f64>> = Vec::with_capacity(size);
    while rows.len() < size {
        let mut row: Vec<f64> = random.normal(1.0, size).into_iter().map(f64::from).collect();
        for other in &rows {
            let along: f64 = row.iter().zip(other).map(|(a, b)| a * b).sum();
            row.iter_mut().zip(other).for_each(|(value, other)| *value -= along * other);
        }
        let norm = row.iter().map(|value| value * value).sum::<f64>().sqrt();
        // A row that nearly lies in the span of the others is drawn again.
        if norm > 1e-3 {
            for value in &mut row {
                *value /= norm;
            }
            rows.push(row);
        }
    }
    rows
}

#[expect(clippy::cast_possible_truncation, reason = "parameters are f32")]
fn narrow(value: f64) -> f32 {
    value as f32
}
