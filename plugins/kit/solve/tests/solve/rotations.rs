//! Rotations leave outputs as they are.

use olive_kit_solve::{Rotation, SolveError};
use olive_kit_testing::random;

/// Sizes of models: powers of two times 1, 12, 20, 28, 36, 44, 76, 108, 140 and 148.
const SIZES: [usize; 14] =
    [1, 2, 64, 576, 896, 1536, 3072, 2560, 4864, 5632, 6912, 8960, 18_944, 40];

#[test]
fn rotating_back_gives_what_was_rotated() {
    for size in SIZES {
        let rotation = Rotation::random(size, 7).unwrap();
        assert_eq!(rotation.size(), size);
        let rows = random(3 * size, 1);
        let mut rotated = rows.clone();
        rotation.rotate_rows(&mut rotated);
        let norm = |rows: &[f32]| rows.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>();
        assert!((norm(&rotated) / norm(&rows) - 1.0).abs() < 1e-5, "{size}");
        rotation.restore_rows(&mut rotated);
        let difference = rotated.iter().zip(&rows).map(|(a, b)| (a - b).abs());
        assert!(difference.fold(0.0, f32::max) < 1e-5, "{size}");
    }
}

#[test]
fn a_rotation_is_orthogonal_and_of_one_magnitude() {
    for size in [8, 24, 36, 72, 80] {
        let mut matrix = identity(size);
        Rotation::random(size, 3).unwrap().rotate_rows(&mut matrix);
        let magnitude = 1.0 / (size as f32).sqrt();
        assert!(matrix.iter().all(|entry| (entry.abs() - magnitude).abs() < 1e-6), "{size}");
        let mut product = matrix.clone();
        Rotation::random(size, 3).unwrap().restore_rows(&mut product);
        let expected = identity(size);
        let difference = product.iter().zip(&expected).map(|(a, b)| (a - b).abs());
        assert!(difference.fold(0.0, f32::max) < 1e-6, "{size}");
    }
}

#[test]
fn drawn_matrices_are_orthogonal_of_any_size() {
    for size in [1, 13, 64, 100] {
        let rotation = Rotation::orthogonal(size, 5);
        let mut matrix = identity(size);
        rotation.rotate_rows(&mut matrix);
        let mut restored = matrix.clone();
        rotation.restore_rows(&mut restored);
        let difference = restored.iter().zip(identity(size)).map(|(a, b)| (a - b).abs());
        assert!(difference.fold(0.0, f32::max) < 1e-6, "{size}");
        // Columns are products of the same rows.
        let mut columns = identity(size);
        rotation.rotate_columns(&mut columns, size);
        let transposed = (0..size * size).map(|at| matrix[at % size * size + at / size]);
        assert!(transposed.eq(columns.iter().copied()), "{size}");
        assert!(size == 1 || rotation != Rotation::orthogonal(size, 6));
    }
}

#[test]
fn columns_are_rotated_as_rows_of_the_transpose() {
    for (size, columns) in [(36, 5), (64, 50)] {
        let rotation = Rotation::random(size, 9).unwrap();
        let mut weight = random(size * columns, 4);
        let mut transposed: Vec<f32> =
            (0..size * columns).map(|at| weight[at % size * columns + at / size]).collect();
        rotation.rotate_columns(&mut weight, columns);
        rotation.rotate_rows(&mut transposed);
        let turned = (0..size * columns).map(|at| transposed[at % columns * size + at / columns]);
        assert!(turned.eq(weight.iter().copied()), "{size}");
    }
}

#[test]
fn seeds_give_signs() {
    let of = |seed| Rotation::random(64, seed).unwrap();
    assert!(of(0) == of(0) && of(0) != of(1) && of(0) != Rotation::hadamard(64).unwrap());
}

#[test]
fn sizes_without_a_hadamard_matrix_are_refused() {
    for size in [0, 3, 52, 6 * 13] {
        assert_eq!(Rotation::hadamard(size), Err(SolveError::Rotation { size }));
    }
}

fn identity(size: usize) -> Vec<f32> {
    (0..size * size).map(|at| f32::from(u8::from(at % (size + 1) == 0))).collect()
}
