//! Products with weights in 4 bits, against those with the same weights dequantized.

use olive_kit_kernels::{Accumulate, FrozenMatrix, Precision};
use olive_kit_quant::{FourBit, FourBitFormat, FourBitKind};
use olive_kit_testing::random;

const FORMATS: [FourBitFormat; 4] = [
    FourBitFormat::NF4,
    FourBitFormat { double_quantized: true, ..FourBitFormat::NF4 },
    FourBitFormat { kind: FourBitKind::Fp4, block_size: 32, double_quantized: true },
    FourBitFormat { kind: FourBitKind::Fp4, block_size: 4096, double_quantized: false },
];

/// Rows and columns that no block, panel or lane divides, so that blocks begin anywhere in a row
/// and rows within a byte.
const SHAPES: [(usize, usize); 8] =
    [(1, 1), (2, 31), (17, 3), (33, 64), (31, 127), (64, 96), (129, 131), (70, 1031)];

#[test]
fn products_equal_those_of_the_dequantized_weight() {
    for (rows, columns) in SHAPES {
        for format in FORMATS {
            let values = random(rows * columns, 1);
            let weight = FourBit::quantize(&values, format).unwrap();
            let mut dequantized = vec![0.0; values.len()];
            weight.dequantize(0..values.len(), &mut dequantized);
            for precision in [Precision::F32, Precision::Bf16] {
                let frozen = FrozenMatrix::four_bit(weight.clone(), rows, columns, precision);
                let dense = FrozenMatrix::new(rows, columns, precision, |range, into| {
                    let part = range.start * columns..range.end * columns;
                    into.copy_from_slice(&dequantized[part]);
                });
                for n in [1, 5, 40] {
                    for accumulate in [Accumulate::No, Accumulate::Yes] {
                        let case = format!("{n} x {rows} x {columns}, {format:?}, {precision:?}");
                        check(&frozen, &dense, n, accumulate, &case);
                    }
                }
            }
        }
    }
}

#[test]
fn products_equal_the_formula() {
    let (n, rows, columns) = (7, 129, 131);
    for format in FORMATS {
        let weight = FourBit::quantize(&random(rows * columns, 2), format).unwrap();
        let mut w = vec![0.0; rows * columns];
        weight.dequantize(0..w.len(), &mut w);
        let frozen = FrozenMatrix::four_bit(weight, rows, columns, Precision::F32);
        let (x, dy) = (random(n * columns, 3), random(n * rows, 4));
        let (mut y, mut dx) = (vec![0.0; n * rows], vec![0.0; n * columns]);
        frozen.forward(&x, &mut y, Accumulate::No);
        frozen.backward(&dy, &mut dx, Accumulate::No);
        let product = |a: f32, b: f32| f64::from(a) * f64::from(b);
        for (index, y) in y.iter().enumerate() {
            let (token, row) = (index / rows, index % rows);
            let term = |k: usize| product(x[token * columns + k], w[row * columns + k]);
            check_close(*y, (0..columns).map(term).sum());
        }
        for (index, dx) in dx.iter().enumerate() {
            let (token, column) = (index / columns, index % columns);
            let term = |k: usize| product(dy[token * rows + k], w[k * columns + column]);
            check_close(*dx, (0..rows).map(term).sum());
        }
    }
}

#[test]
fn rows_equal_those_of_the_dequantized_weight() {
    for (rows, columns) in SHAPES {
        let weight = FourBit::quantize(&random(rows * columns, 5), FORMATS[1]).unwrap();
        let mut dequantized = vec![0.0; rows * columns];
        weight.dequantize(0..rows * columns, &mut dequantized);
        let frozen = FrozenMatrix::four_bit(weight, rows, columns, Precision::F32);
        let mut row = vec![0.0; columns];
        for (index, expected) in dequantized.chunks(columns).enumerate() {
            frozen.row(index, &mut row);
            assert_eq!(row, expected, "row {index} of {rows} x {columns}");
        }
    }
}

/// Both hold the same values in the same order, so that products are equal in every bit.
fn check(
    frozen: &FrozenMatrix,
    dense: &FrozenMatrix,
    n: usize,
    accumulate: Accumulate,
    case: &str,
) {
    let (rows, columns) = (frozen.rows(), frozen.columns());
    let (x, dy) = (random(n * columns, 6), random(n * rows, 7));
    let (mut y, mut dx) = (random(n * rows, 8), random(n * columns, 9));
    let (mut of_dense, mut back_of_dense) = (y.clone(), dx.clone());
    frozen.forward(&x, &mut y, accumulate);
    dense.forward(&x, &mut of_dense, accumulate);
    assert!(y == of_dense, "forward: {case}");
    frozen.backward(&dy, &mut dx, accumulate);
    dense.backward(&dy, &mut back_of_dense, accumulate);
    assert!(dx == back_of_dense, "backward: {case}");
}

fn check_close(found: f32, expected: f64) {
    assert!((f64::from(found) - expected).abs() < 1e-5, "{found} {expected}");
}
