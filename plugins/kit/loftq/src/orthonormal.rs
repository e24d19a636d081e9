//! Orthonormal bases of what vectors span.

use olive_kit_kernels::product::multiply;
use olive_kit_kernels::{Matrix, MatrixMut, Threads};

/// How small a vector's part that the vectors before it do not span may be, in squares: below it
/// there is f32's rounding alone.
const LEAST_PART: f64 = 1e-5;

/// Makes the rows of `vectors`, `[count, length]`, orthonormal without changing what the first of
/// them span; those spanned by others before become 0.
///
/// Cholesky QR: the inverse factor of the vectors' Gram matrix makes them nearly orthonormal, a
/// second time makes up for rounding (Yamamoto et al., "Roundoff error analysis of the `CholeskyQR2`
/// algorithm", 2015).
pub(crate) fn rows(vectors: &mut Vec<f32>, count: usize, length: usize) {
    for _ in 0..2 {
        let matrix = Matrix::new(vectors, count, length);
        let mut gram = vec![0.0; count * count];
        let into = MatrixMut::new(&mut gram, count, count);
        multiply(into, matrix, matrix.transposed(), 1.0, Threads::All);
        let factor = inverse_factor(&gram, count);
        let mut result = vec![0.0; count * length];
        let into = MatrixMut::new(&mut result, count, length);
        multiply(into, Matrix::new(&factor, count, count), matrix, 1.0, Threads::All);
        *vectors = result;
    }
}

/// `L^-1`, where `gram = L L^T` and `L` is lower triangular; rows of vectors that others before
/// span are 0.
fn inverse_factor(gram: &[f32], count: usize) -> Vec<f32> {
    let mut factor = vec![0.0_f64; count * count];
    let mut inverse = vec![0.0_f64; count * count];
    for row in 0..count {
        let (done, rest) = factor.split_at_mut(row * count);
        let of_row = &mut rest[..count];
        for column in 0..row {
            let other = &done[column * count..][..count];
            let pivot = other[column];
            if pivot > 0.0 {
                let product = f64::from(gram[row * count + column]);
                of_row[column] = (product - dot(&of_row[..column], &other[..column])) / pivot;
            }
        }
        let square = f64::from(gram[row * count + row]);
        let part = square - dot(&of_row[..row], &of_row[..row]);
        if part > LEAST_PART * square {
            of_row[row] = part.sqrt();
            let (done, rest) = inverse.split_at_mut(row * count);
            for (column, factor) in of_row[..row].iter().enumerate() {
                let other = &done[column * count..][..count];
                for (into, value) in rest[..=column].iter_mut().zip(other) {
                    *into -= factor * value;
                }
            }
            rest[row] = 1.0;
            rest[..=row].iter_mut().for_each(|value| *value /= of_row[row]);
        } else {
            of_row.fill(0.0);
        }
    }
    #[expect(clippy::cast_possible_truncation, reason = "vectors are f32")]
    inverse.into_iter().map(|value| value as f32).collect()
}

fn dot(left: &[f64], right: &[f64]) -> f64 {
    left.iter().zip(right).map(|(left, right)| left * right).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_become_orthonormal_and_span_the_same() {
        let original = vec![3.0, 4.0, 0.0, 1.0, 2.0, 2.0, 0.5, -1.0, 4.0];
        let mut vectors = original.clone();
        rows(&mut vectors, 3, 3);
        check_gram(&vectors, 3, 3, &[1.0, 1.0, 1.0]);
        let first = [0.6, 0.8, 0.0];
        assert!(vectors.iter().zip(first).all(|(value, first)| (value - first).abs() < 1e-6));
    }

    #[test]
    fn a_vector_that_others_span_becomes_zero() {
        let mut vectors = vec![1.0, 2.0, 0.0, 2.0, 4.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 5.0];
        rows(&mut vectors, 4, 3);
        check_gram(&vectors, 4, 3, &[1.0, 0.0, 0.0, 1.0]);
    }

    #[test]
    fn nearly_dependent_vectors_are_told_apart() {
        let mut vectors = vec![1.0; 200];
        vectors[150] = 1.1;
        rows(&mut vectors, 2, 100);
        check_gram(&vectors, 2, 100, &[1.0, 1.0]);
    }

    fn check_gram(vectors: &[f32], count: usize, length: usize, diagonal: &[f32]) {
        for left in 0..count {
            for right in 0..count {
                let pairs = vectors[left * length..][..length].iter();
                let product: f32 =
                    pairs.zip(&vectors[right * length..][..length]).map(|(a, b)| a * b).sum();
                let expected = if left == right { diagonal[left] } else { 0.0 };
                assert!((product - expected).abs() < 1e-5, "{left} {right}: {product}");
            }
        }
    }
}
