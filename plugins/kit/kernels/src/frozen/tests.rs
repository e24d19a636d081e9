//! Products with frozen weights against products in f64, for every kernel this processor has.

use std::ops::Range;

use half::bf16;
use olive_kit_quant::{FourBitFormat, FourBitKind};
use olive_kit_testing::random;
use rayon::ThreadPoolBuilder;

use super::*;
use crate::product::{Right, multiply_in, multiply_packed};

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
        let weight = random(rows * columns, 1);
        let (x, dy) = (random(n * columns, 2), random(n * rows, 3));
        for precision in [Precision::F32, Precision::Bf16] {
            let matrix = frozen(&weight, rows, columns, precision);
            let [weight, x_in, dy_in] = [&weight, &x, &dy].map(|v| rounded(v, precision));
            let across = transposed(&weight, columns);
            for instructions in Instructions::available() {
                for (accumulate, before) in [(Accumulate::No, 0.0), (Accumulate::Yes, 0.5)] {
                    let case = (rows, columns, n, precision, instructions, accumulate);
                    let mut y = vec![0.5; n * rows];
                    let (left, mut into) =
                        (Matrix::new(&x, n, columns), MatrixMut::new(&mut y, n, rows));
                    let target = Target::all(accumulate);
                    multiply(left, &Forward(&matrix), &mut into, target, precision, instructions);
                    check(&y, before, (&x_in, &weight), columns, &("forward", case));
                    let mut dx = vec![0.5; n * columns];
                    let (left, mut into) =
                        (Matrix::new(&dy, n, rows), MatrixMut::new(&mut dx, n, columns));
                    multiply(left, &Backward(&matrix), &mut into, target, precision, instructions);
                    check(&dx, before, (&dy_in, &across), rows, &("backward", case));
                }
            }
        }
    }
}

#[test]
fn codes_are_decoded_as_they_are_alone_and_multiplied() {
    for (rows, columns, n) in SHAPES {
        let weight = random(rows * columns, 9);
        let (x, dy) = (random(n * columns, 10), random(n * rows, 11));
        for (kind, block_size, double_quantized) in [
            (FourBitKind::Nf4, 64, true),
            (FourBitKind::Fp4, 64, false),
            (FourBitKind::Nf4, 32, false),
        ] {
            let format = FourBitFormat { kind, block_size, double_quantized };
            let codes = FourBit::quantize(&weight, format).unwrap();
            let mut values = vec![0.0; weight.len()];
            codes.dequantize(0..values.len(), &mut values);
            for precision in [Precision::F32, Precision::Bf16] {
                let matrix = FrozenMatrix::four_bit(codes.clone(), rows, columns, precision);
                assert!(matrix.size_bytes() <= format.size_bytes(weight.len()));
                let mut row = vec![0.0; columns];
                matrix.row(rows - 1, &mut row);
                assert_eq!(row, values[(rows - 1) * columns..], "last of {rows} x {columns}");
                let [values, x_in, dy_in] = [&values, &x, &dy].map(|v| rounded(v, precision));
                let across = transposed(&values, columns);
                for instructions in Instructions::available() {
                    let case = (rows, columns, n, format, precision, instructions);
                    let target = Target::all(Accumulate::No);
                    let (mut y, mut dx) = (vec![0.0; n * rows], vec![0.0; n * columns]);
                    let mut into = MatrixMut::new(&mut y, n, rows);
                    let left = Matrix::new(&x, n, columns);
                    multiply(left, &Forward(&matrix), &mut into, target, precision, instructions);
                    check(&y, 0.0, (&x_in, &values), columns, &("forward", case));
                    let mut into = MatrixMut::new(&mut dx, n, columns);
                    let left = Matrix::new(&dy, n, rows);
                    multiply(left, &Backward(&matrix), &mut into, target, precision, instructions);
                    check(&dx, 0.0, (&dy_in, &across), rows, &("backward", case));
                }
            }
        }
    }
}

/// Both sides transposed or not, rows apart, scaled and added.
#[test]
fn products_of_changing_matrices_are_those_of_exact_arithmetic() {
    for (rows, columns, inner) in [(1, 1, 1), (17, 33, 40), (64, 64, 1100), (30, 9, 65), (3, 70, 2)]
    {
        let (left, right) = (random(rows * inner, 12), random(columns * inner, 13));
        let (left_across, right_across) = (transposed(&left, inner), transposed(&right, inner));
        for precision in [Precision::F32, Precision::Bf16] {
            let [left_in, mut right_in] = [&left, &right].map(|v| rounded(v, precision));
            for v in &mut right_in {
                *v *= -0.5;
            }
            let lefts = [
                Matrix::new(&left, rows, inner),
                Matrix::new(&left_across, inner, rows).transposed(),
            ];
            let rights = [
                Matrix::new(&right_across, inner, columns),
                Matrix::new(&right, columns, inner).transposed(),
            ];
            for (l, r) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
                for instructions in Instructions::available() {
                    let mut found = vec![0.5; rows * columns];
                    let mut into = MatrixMut::new(&mut found, rows, columns);
                    let target = Target { scale: -0.5, adds: true, threads: Threads::One };
                    let right = Right(rights[r]);
                    multiply(lefts[l], &right, &mut into, target, precision, instructions);
                    let case = (rows, columns, inner, precision, instructions, l, r);
                    check(&found, 0.5, (&left_in, &right_in), inner, &case);
                }
                let mut found = vec![0.5; rows * columns];
                let into = MatrixMut::new(&mut found, rows, columns);
                let left = Packed::new(lefts[l], precision, Threads::All);
                multiply_packed(into, &left, rights[r], -0.5, Accumulate::Yes, Threads::All);
                check(&found, 0.5, (&left_in, &right_in), inner, &(rows, columns, inner, l, r));
                let into = MatrixMut::new(&mut found, rows, columns);
                multiply_in(
                    precision,
                    into,
                    lefts[l],
                    rights[r],
                    -0.5,
                    Accumulate::No,
                    Threads::All,
                );
                check(&found, 0.0, (&left_in, &right_in), inner, &(rows, columns, inner, l, r));
            }
        }
    }
}

#[test]
fn rows_come_back_and_memory_is_held_once() {
    for (rows, columns, _) in SHAPES {
        let weight = random(rows * columns, 4);
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
    let weight = random(rows * columns, 5);
    let (x, dy) = (random(n * columns, 6), random(n * rows, 7));
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
        let matrix = frozen(&random(40 * 40, 8), 40, 40, precision);
        for instructions in Instructions::available() {
            let mut x = vec![1.0; 2 * 40];
            x[3] = f32::from_bits(0x7fff_ffff);
            x[45] = f32::INFINITY;
            let mut y = vec![0.0; 2 * 40];
            let (left, mut into) = (Matrix::new(&x, 2, 40), MatrixMut::new(&mut y, 2, 40));
            let target = Target::all(Accumulate::No);
            multiply(left, &Forward(&matrix), &mut into, target, precision, instructions);
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
