//! Steps among orthogonal matrices: Wen and Yin, "A feasible method for optimization with
//! orthogonality constraints" (2013); found by iteration as Li, Li and Todorovic, "Efficient
//! Riemannian Optimization on the Stiefel Manifold via the Cayley Transform" (2020), do.

use olive_kit_kernels::product::multiply_packed;
use olive_kit_kernels::{Accumulate, Matrix, MatrixMut, Packed, Precision, Threads};

use crate::rotation::normal;

/// Products with a vector that a norm is found by.
const POWERS: usize = 30;
/// What is left of the distance to the transform when the iteration ends.
const LEFT: f64 = 1e-7;

/// Makes `M`, `[size, size]`, its skew part `(M - M^T) / 2`.
pub(super) fn skew_part(matrix: &mut [f32], size: usize) {
    for row in 0..size {
        matrix[row * size + row] = 0.0;
        for column in 0..row {
            let (below, above) = (row * size + column, column * size + row);
            let half = (matrix[below] - matrix[above]) / 2.0;
            (matrix[below], matrix[above]) = (half, -half);
        }
    }
}

/// Largest singular value of a skew matrix, found from below by powers of it.
pub(super) fn spectral_norm(skew: &[f32], size: usize) -> f64 {
    let mut state = 0;
    let mut vector: Vec<f32> = (0..size).map(|_| drawn(&mut state)).collect();
    let mut norm = 0.0;
    for _ in 0..POWERS {
        let length = length(&vector);
        if length == 0.0 {
            return 0.0;
        }
        for value in &mut vector {
            *value = shortened(*value, length);
        }
        let mut next = vec![0.0; size];
        let matrix = Matrix::new(skew, size, size);
        product(&mut next, matrix, Matrix::new(&vector, size, 1), 1.0, Accumulate::No);
        vector = next;
        norm = self::length(&vector);
    }
    norm
}

/// `R (1 + B)^-1 (1 - B)` for `B = angle / (2 norm) S` of a skew matrix `S` with this norm: `R`
/// turned against `S`, by `angle` at most where that is 1 or less.
///
/// `Y = R - (R + Y) B` is iterated until nothing of weight changes, and rounding is taken out by one
/// step of Newton and Schulz to the next orthogonal matrix.
pub(super) fn turned(
    rotation: &[f32],
    skew: &[f32],
    size: usize,
    angle: f64,
    norm: f64,
) -> Vec<f32> {
    let ratio = angle / 2.0;
    let count = LEFT.log(ratio).ceil().clamp(1.0, 64.0);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "1 to 64")]
    let count = count as usize;
    #[expect(clippy::cast_possible_truncation, reason = "multiplied in f32")]
    let scale = -(ratio / norm) as f32;
    let mut made = rotation.to_vec();
    for _ in 0..count {
        let sum: Vec<f32> = made.iter().zip(rotation).map(|(made, of)| made + of).collect();
        made.copy_from_slice(rotation);
        let (sum, skew) = (Matrix::new(&sum, size, size), Matrix::new(skew, size, size));
        product(&mut made, sum, skew, scale, Accumulate::Yes);
    }
    orthogonal(&made, size)
}

/// `left * right`, scaled, the same bits for any number of threads.
pub(super) fn product(
    into: &mut [f32],
    left: Matrix<'_>,
    right: Matrix<'_>,
    scale: f32,
    accumulate: Accumulate,
) {
    let (rows, columns) = (left.num_rows(), right.num_columns());
    let left = Packed::new(left, Precision::F32, Threads::All);
    let into = MatrixMut::new(into, rows, columns);
    multiply_packed(into, &left, right, scale, accumulate, Threads::All);
}

/// `Y (3 - Y^T Y) / 2`: of a matrix that is nearly orthogonal one that is more so.
fn orthogonal(matrix: &[f32], size: usize) -> Vec<f32> {
    let rows = Matrix::new(matrix, size, size);
    let mut inner = vec![0.0; size * size];
    product(&mut inner, rows.transposed(), rows, -0.5, Accumulate::No);
    for at in 0..size {
        inner[at * size + at] += 1.5;
    }
    let mut made = vec![0.0; size * size];
    product(&mut made, rows, Matrix::new(&inner, size, size), 1.0, Accumulate::No);
    made
}

fn length(vector: &[f32]) -> f64 {
    vector.iter().map(|value| f64::from(*value) * f64::from(*value)).sum::<f64>().sqrt()
}

#[expect(clippy::cast_possible_truncation, reason = "entries are at most 1")]
fn shortened(value: f32, length: f64) -> f32 {
    (f64::from(value) / length) as f32
}

#[expect(clippy::cast_possible_truncation, reason = "any direction will do")]
fn drawn(state: &mut u64) -> f32 {
    normal(state) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A skew matrix that turns two planes, by 3 and by 4 times the rate.
    const SKEW: [f32; 16] =
        [0.0, 3.0, 0.0, 0.0, -3.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 4.0, 0.0, 0.0, -4.0, 0.0];
    const UNIT: [f32; 16] =
        [1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0];

    #[test]
    fn the_norm_is_the_largest_rate() {
        let norm = spectral_norm(&SKEW, 4);
        assert!((norm - 4.0).abs() < 1e-3, "{norm}");
        assert!(spectral_norm(&[0.0; 16], 4) < f64::MIN_POSITIVE);
    }

    #[test]
    fn the_skew_part_has_no_diagonal() {
        let mut matrix = [1.0, 5.0, 1.0, 2.0];
        skew_part(&mut matrix, 2);
        let expected = [0.0, 2.0, -2.0, 0.0];
        let are_near =
            matrix.iter().zip(expected).all(|(made, of): (&f32, f32)| (made - of).abs() < 1e-6);
        assert!(are_near, "{matrix:?}");
    }

    #[test]
    fn planes_are_turned_by_the_angle_of_the_transform() {
        for angle in [0.1, 1.0] {
            let made = turned(&UNIT, &SKEW, 4, angle, 4.0);
            let [slow, fast] = [0.75, 1.0].map(|rate| 2.0 * (rate * angle / 2.0_f64).atan());
            let expected = [
                (0, slow.cos()),
                (1, -slow.sin()),
                (4, slow.sin()),
                (5, slow.cos()),
                (2, 0.0),
                (10, fast.cos()),
                (11, -fast.sin()),
                (14, fast.sin()),
            ];
            for (at, value) in expected {
                assert!((f64::from(made[at]) - value).abs() < 1e-6, "{angle} {at}: {made:?}");
            }
        }
    }
}
