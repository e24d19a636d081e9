//! Products with frozen weights against products in f64, for every kernel this processor has.

use std::ops::Range;

use half::bf16;
use rayon::ThreadPoolBuilder;

use super::*;

/// Values between -1 and 1 that look random.
pub(super) fn noise(seed: u64, len: usize) -> Vec<f32> {
    let mut state = 2 * seed + 1;
    let next = |_| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let [.., a, b] = state.to_le_bytes();
        f32::from(i16::from_le_bytes([a, b])) / 32_768.0
    };
    (0..len).map(next).collect()
}

/// Rows, columns and rows of the left side: whole and odd sizes, one row, several blocks.
const SHAPES: [(usize, usize, usize); 9] = [
    (32, 32, 14),
    (64, 96, 28),
    (1, 1, 1),
    (33, 31, 15),
    (5, 77, 3),
    (100, 1, 2),
    (70, 1100, 17),
    (2100, 45, 9),
    (96, 576, 128),
];

fn frozen(values: &[f32], rows: usize, columns: usize, precision: Precision) -> FrozenMatrix {
    let fill = |range: Range<usize>, into: &mut [f32]| {
        into.copy_from_slice(&values[range.start * columns..range.end * columns]);
    };
    FrozenMatrix::new(rows, columns, precision, fill)
}

fn rounded(values: &[f32], precision: Precision) -> Vec<f32> {
    match precision {
        Precision::F32 => values.to_vec(),
        Precision::Bf16 => values.iter().map(|&v| bf16::from_f32(v).to_f32()).collect(),
    }
}

/// Sums of products are off by no more than this part of the sum of magnitudes: what a sum of
/// `inner` terms in f32 may lose, on the average of rounding up and down.
fn tolerance(inner: usize) -> f64 {
    f64::from(f32::EPSILON) * (4.0 + (inner as f64).sqrt())
}

/// Checks `found` plus `before` against `left * right^T`.
fn check(
    found: &[f32],
    before: f32,
    (left, right): (&[f32], &[f32]),
    inner: usize,
    case: &dyn std::fmt::Debug,
) {
    let columns = right.len() / inner;
    for (row, left) in left.chunks(inner).enumerate() {
        for (column, right) in right.chunks(inner).enumerate() {
            let products = left.iter().zip(right).map(|(a, b)| f64::from(*a) * f64::from(*b));
            let (sum, magnitude) =
                products.fold((f64::from(before), 1e-30), |(sum, all), p| (sum + p, all + p.abs()));
            let off = (f64::from(found[row * columns + column]) - sum).abs();
            let limit = tolerance(inner) * (magnitude + f64::from(before.abs()));
            assert!(off <= limit, "{case:?} at {row}, {column}: off by {off}, at most {limit}");
        }
    }
}

fn transposed(values: &[f32], columns: usize) -> Vec<f32> {
    let rows = values.len() / columns;
    (0..values.len()).map(|at| values[at % rows * columns + at / rows]).collect()
}

#[test]
fn products_are_those_of_exact_arithmetic() {
    for (rows, columns, n) in SHAPES {
        let weight = noise(1, rows * columns);
        let (x, dy) = (noise(2, n * columns), noise(3, n * rows));
        for precision in [Precision::F32, Precision::Bf16] {
            let matrix = frozen(&weight, rows, columns, precision);
            let [weight, x_in, dy_in] = [&weight, &x, &dy].map(|v| rounded(v, precision));
            let across = transposed(&weight, columns);
            for instructions in Instructions::available() {
                for (accumulate, before) in [(Accumulate::No, 0.0), (Accumulate::Yes, 0.5)] {
                    let case = (rows, columns, n, precision, instructions, accumulate);
                    let mut y = vec![0.5; n * rows];
                    let (left, into) =
                        (Matrix::new(&x, n, columns), MatrixMut::new(&mut y, n, rows));
                    multiply(&Forward(&matrix), precision, left, into, accumulate, instructions);
                    check(&y, before, (&x_in, &weight), columns, &("forward", case));
                    let mut dx = vec![0.5; n * columns];
                    let (left, into) =
                        (Matrix::new(&dy, n, rows), MatrixMut::new(&mut dx, n, columns));
                    multiply(&Backward(&matrix), precision, left, into, accumulate, instructions);
                    check(&dx, before, (&dy_in, &across), rows, &("backward", case));
                }
            }
        }
    }
}

#[test]
fn rows_come_back_and_memory_is_held_once() {
    for (rows, columns, _) in SHAPES {
        let weight = noise(4, rows * columns);
        for precision in [Precision::F32, Precision::Bf16] {
            let matrix = frozen(&weight, rows, columns, precision);
            let expected = rounded(&weight, precision);
            let mut row = vec![0.0; columns];
            for (index, expected) in expected.chunks(columns).enumerate() {
                matrix.row(index, &mut row);
                assert_eq!(row, expected, "row {index} of {rows} x {columns}, {precision:?}");
            }
            let value_bytes = if precision == Precision::F32 { 4 } else { 2 };
            let padded = rows.next_multiple_of(32) * columns.next_multiple_of(2);
            assert!(matrix.size_bytes() <= padded * value_bytes);
        }
    }
}

/// A row of `y` is the same bits for any number of rows beside it and any number of threads, and
/// when `x` was packed before.
#[test]
fn results_depend_on_nothing_but_their_row() {
    let (rows, columns, n) = (2080, 1600, 37);
    let weight = noise(5, rows * columns);
    let (x, dy) = (noise(6, n * columns), noise(7, n * rows));
    for precision in [Precision::F32, Precision::Bf16] {
        let matrix = frozen(&weight, rows, columns, precision);
        let run = |threads: usize, n: usize| {
            let pool = ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let (mut y, mut dx) = (vec![0.0; n * rows], vec![0.0; n * columns]);
            pool.install(|| {
                matrix.forward(&x[..n * columns], &mut y, Accumulate::No);
                matrix.backward(&dy[..n * rows], &mut dx, Accumulate::No);
            });
            (y, dx)
        };
        let (y, dx) = run(1, n);
        for (threads, n) in [(1, n), (2, n), (3, n), (5, n), (1, 1), (2, 16)] {
            let (y_again, dx_again) = run(threads, n);
            assert!(y_again == y[..n * rows], "{precision:?} {threads} {n}");
            assert!(dx_again == dx[..n * columns], "{precision:?} {threads} {n}");
        }
        let left = Packed::new(Matrix::new(&x, n, columns), precision, Threads::All);
        let mut y_packed = vec![0.0; n * rows];
        matrix.forward_packed(&left, &mut y_packed, Accumulate::No);
        assert!(y_packed == y, "{precision:?}");
    }
}

#[test]
fn not_a_number_and_infinity_come_through() {
    for precision in [Precision::F32, Precision::Bf16] {
        let matrix = frozen(&noise(8, 40 * 40), 40, 40, precision);
        for instructions in Instructions::available() {
            let mut x = vec![1.0; 2 * 40];
            x[3] = f32::from_bits(0x7fff_ffff);
            x[45] = f32::INFINITY;
            let mut y = vec![0.0; 2 * 40];
            let (left, into) = (Matrix::new(&x, 2, 40), MatrixMut::new(&mut y, 2, 40));
            multiply(&Forward(&matrix), precision, left, into, Accumulate::No, instructions);
            assert!(y[..40].iter().all(|v| v.is_nan()), "{precision:?} {instructions:?}");
            assert!(y[40..].iter().all(|v| v.is_infinite()), "{precision:?} {instructions:?}");
        }
    }
}

#[test]
#[should_panic(expected = "precision of a packed left side")]
fn a_left_side_of_another_precision_is_refused() {
    let matrix = frozen(&[1.0; 4], 2, 2, Precision::Bf16);
    let left = Packed::new(Matrix::new(&[1.0; 2], 1, 2), Precision::F32, Threads::One);
    matrix.forward_packed(&left, &mut [0.0; 2], Accumulate::No);
}
