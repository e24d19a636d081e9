//! Eigenvalues of small symmetric matrices.

/// Eigenvalues, the largest first, and their vectors.
pub(crate) struct Eigen {
    /// `[n]`.
    pub(crate) values: Vec<f64>,
    /// Vector by vector, `[n, n]`, orthonormal.
    pub(crate) vectors: Vec<f64>,
}

/// Enough for any matrix: each sweep squares what is left beside the diagonal.
const MOST_SWEEPS: usize = 16;

/// Jacobi's method: rotations of two axes each make entries beside the diagonal 0, until all are
/// (Golub and Van Loan, "Matrix Computations", 4th edition, 8.5).
pub(crate) fn symmetric(matrix: &[f32], n: usize) -> Eigen {
    let mut matrix: Vec<f64> = matrix.iter().copied().map(f64::from).collect();
    let mut vectors = vec![0.0; n * n];
    for axis in 0..n {
        vectors[axis * n + axis] = 1.0;
    }
    let scale = matrix.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
    for _ in 0..MOST_SWEEPS {
        let mut is_done = true;
        for p in 0..n {
            for q in p + 1..n {
                let beside = matrix[p * n + q];
                if beside.abs() <= scale * f64::EPSILON {
                    continue;
                }
                is_done = false;
                let (cosine, sine) = rotation(matrix[p * n + p], matrix[q * n + q], beside);
                rotate_rows(&mut matrix, n, (p, q), (cosine, sine));
                for row in matrix.chunks_exact_mut(n) {
                    (row[p], row[q]) =
                        (cosine * row[p] - sine * row[q], sine * row[p] + cosine * row[q]);
                }
                rotate_rows(&mut vectors, n, (p, q), (cosine, sine));
            }
        }
        if is_done {
            break;
        }
    }
    let value = |axis: usize| matrix[axis * n + axis];
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|left, right| value(*right).total_cmp(&value(*left)));
    Eigen {
        values: order.iter().map(|axis| value(*axis)).collect(),
        vectors: order.iter().flat_map(|axis| vectors[axis * n..][..n].to_vec()).collect(),
    }
}

/// Cosine and sine of the rotation that makes the entry beside two of the diagonal 0.
fn rotation(first: f64, second: f64, beside: f64) -> (f64, f64) {
    let tau = (second - first) / (2.0 * beside);
    let tangent = tau.signum() / (tau.abs() + tau.hypot(1.0));
    let cosine = 1.0 / tangent.hypot(1.0);
    (cosine, tangent * cosine)
}

/// Rotates rows `p < q` of a matrix of `n` columns.
fn rotate_rows(matrix: &mut [f64], n: usize, (p, q): (usize, usize), (cosine, sine): (f64, f64)) {
    let (before, from_q) = matrix.split_at_mut(q * n);
    for (p, q) in before[p * n..][..n].iter_mut().zip(&mut from_q[..n]) {
        (*p, *q) = (cosine * *p - sine * *q, sine * *p + cosine * *q);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eigenvalues_and_vectors_give_the_matrix_again() {
        let n = 12;
        let entry = |row: usize, column: usize| ((row * column + row + column) % 7) as f32 - 3.0;
        let matrix: Vec<f32> = (0..n * n).map(|index| entry(index / n, index % n)).collect();
        let Eigen { values, vectors } = symmetric(&matrix, n);
        assert!(values.is_sorted_by(|left, right| left >= right));
        for row in 0..n {
            for column in 0..n {
                let sum = |weights: &dyn Fn(usize) -> f64| -> f64 {
                    let term =
                        |k: usize| weights(k) * vectors[k * n + row] * vectors[k * n + column];
                    (0..n).map(term).sum()
                };
                let of_matrix = f64::from(matrix[row * n + column]);
                assert!((sum(&|k| values[k]) - of_matrix).abs() < 1e-12);
                assert!((sum(&|_| 1.0) - f64::from(u8::from(row == column))).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn a_zero_matrix_has_zero_eigenvalues() {
        let Eigen { values, .. } = symmetric(&[0.0; 9], 3);
        assert!(values.iter().all(|value| *value == 0.0));
        assert!(symmetric(&[], 0).values.is_empty());
    }
}
