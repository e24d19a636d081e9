//! The nearest matrix of a low rank.

use olive_kit_kernels::product::multiply;
use olive_kit_kernels::{Matrix, MatrixMut, Threads};

use crate::eigen::{self, Eigen};
use crate::orthonormal;

/// A matrix `[rows, columns]` of a low rank, as a product whose factors share its singular values.
#[derive(Debug, Clone, PartialEq)]
pub struct LowRank {
    /// `U sqrt(S)`, `[rows, rank]`.
    pub left: Vec<f32>,
    /// `sqrt(S) V^T`, `[rank, columns]`.
    pub right: Vec<f32>,
}

/// How much of the matrix the subspace must gain in a round to go on.
///
/// Of the error of rounding, whose singular values fall slowly, the result then holds more than 99 %
/// of what the nearest matrix holds, in squares, and is within 0.1 % of its distance.
const LEAST_GROWTH: f64 = 0.0025;
/// Rounds after which the subspace is good enough for any matrix.
const MOST_ROUNDS: usize = 24;

impl LowRank {
    /// The matrix of `rank` nearest to `matrix`, `[rows, columns]`, in squares of entries; on all
    /// threads of rayon's pool.
    ///
    /// Randomized subspace iteration: Halko, Martinsson and Tropp, "Finding structure with
    /// randomness" (2011), algorithm 4.4. A random subspace of 32 to 64 more dimensions than
    /// `rank` is multiplied by `M M^T` until the part of `M` in it hardly grows; the singular
    /// vectors are those of `M` within the subspace. The same input gives the same factors.
    ///
    /// Time is that of 20 to 40 products of the matrix with one of `rank + 32` to `2 rank` columns.
    ///
    /// # Panics
    /// When `matrix` has another length.
    pub fn nearest(matrix: &[f32], rows: usize, columns: usize, rank: usize) -> Self {
        let m = Matrix::new(matrix, rows, columns);
        let dimensions = (rank + rank.clamp(32, 64)).min(rows).min(columns);
        // Bases are stored vector by vector.
        let mut right = random(dimensions * columns);
        let mut left = vec![0.0; dimensions * rows];
        let mut energy = 0.0;
        for _ in 0..MOST_ROUNDS {
            orthonormal::rows(&mut right, dimensions, columns);
            let basis = Matrix::new(&right, dimensions, columns);
            multiply_into(&mut left, basis, m.transposed());
            orthonormal::rows(&mut left, dimensions, rows);
            multiply_into(&mut right, Matrix::new(&left, dimensions, rows), m);
            let before = std::mem::replace(&mut energy, sum_of_squares(&right));
            if energy <= before * (1.0 + LEAST_GROWTH) {
                break;
            }
        }
        Self::within(&left, rows, &right, columns, dimensions, rank)
    }

    /// The nearest matrix to `left^T right` whose columns are combinations of `left`'s orthonormal
    /// vectors.
    fn within(
        left: &[f32],
        rows: usize,
        right: &[f32],
        columns: usize,
        dimensions: usize,
        rank: usize,
    ) -> Self {
        let left = Matrix::new(left, dimensions, rows);
        let right = Matrix::new(right, dimensions, columns);
        let mut gram = vec![0.0; dimensions * dimensions];
        multiply_into(&mut gram, right, right.transposed());
        let Eigen { values, vectors } = eigen::symmetric(&gram, dimensions);
        let largest = values.first().copied().unwrap_or(0.0);
        // Square roots of singular values, and their reciprocals; eigenvalues are their squares.
        let mut to_left = vec![0.0; rank * dimensions];
        let mut to_right = vec![0.0; rank * dimensions];
        for (index, value) in values.iter().enumerate().take(rank) {
            if *value <= largest * f64::from(f32::EPSILON) {
                break;
            }
            let root = value.sqrt().sqrt();
            let range = index * dimensions..(index + 1) * dimensions;
            let vector = &vectors[range.clone()];
            for ((to_left, to_right), vector) in
                to_left[range.clone()].iter_mut().zip(&mut to_right[range]).zip(vector)
            {
                *to_left = narrow(vector * root);
                *to_right = narrow(vector / root);
            }
        }
        let mut result = Self { left: vec![0.0; rows * rank], right: vec![0.0; rank * columns] };
        let to_left = Matrix::new(&to_left, rank, dimensions);
        multiply_into(&mut result.left, left.transposed(), to_left.transposed());
        multiply_into(&mut result.right, Matrix::new(&to_right, rank, dimensions), right);
        result
    }
}

fn multiply_into(into: &mut [f32], left: Matrix<'_>, right: Matrix<'_>) {
    let into = MatrixMut::new(into, left.num_rows(), right.num_columns());
    multiply(into, left, right, 1.0, Threads::All);
}

/// Values in `-1..1` by a splitmix64 generator: Steele, Lea and Flood (2014).
fn random(len: usize) -> Vec<f32> {
    let mut state = 0_u64;
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let bits = (mixed ^ (mixed >> 31)) >> 40;
        bits as f32 / (1 << 23) as f32 - 1.0
    };
    (0..len).map(|_| next()).collect()
}

fn sum_of_squares(values: &[f32]) -> f64 {
    let square = |chunk: &[f32]| f64::from(olive_kit_kernels::vector::dot(chunk, chunk));
    values.chunks(4096).map(square).sum()
}

#[expect(clippy::cast_possible_truncation, reason = "factors are f32")]
fn narrow(value: f64) -> f32 {
    value as f32
}
