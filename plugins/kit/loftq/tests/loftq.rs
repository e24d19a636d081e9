//! How near to a weight its codes and adapter end, against PEFT's and exact matrices.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::num::NonZero;

use olive_kit_loftq::{Loftq, LowRank, loftq};
use olive_kit_quant::{FourBit, FourBitFormat, FourBitKind, QuantError};
use olive_kit_testing::fixture;
use serde_json::Value;

#[test]
fn errors_are_within_a_hundredth_of_pefts() {
    let path = fixture("four_bit/loftq.json");
    let cases: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    for case in cases.as_array().unwrap() {
        let size = |name: &str| usize::try_from(case[name].as_u64().unwrap()).unwrap();
        let (rows, columns, rank) = (size("rows"), size("columns"), size("rank"));
        let weight = noise(rows, columns);
        let result = run(&weight, rows, columns, rank, size("iterations"), FourBitFormat::NF4);
        let found = error(&weight, &result, rows, columns, rank);
        let expected = case["error"].as_f64().unwrap();
        // Exact where the rank is full: what is left is rounding of f32.
        let slack = 1e-6 * case["weight"].as_f64().unwrap();
        println!("{rows} x {columns}, rank {rank}: {:.5} of PEFT's error", found / expected);
        assert!(found <= expected * 1.01 + slack, "{case}: {found}");
        if size("iterations") == 1 {
            let rounding = case["rounding"].as_f64().unwrap();
            let found = norm(&subtract(&weight, &dequantize(&result.quantized)));
            assert!((found - rounding).abs() < 1e-6 * rounding, "{case}: {found}");
        }
    }
    assert_eq!(cases.as_array().unwrap().len(), 7);
}

#[test]
fn every_format_ends_nearer_than_rounding_alone() {
    let (rows, columns, rank) = (100, 77, 12);
    let weight = noise(rows, columns);
    for kind in [FourBitKind::Nf4, FourBitKind::Fp4] {
        for double_quantized in [false, true] {
            let format = FourBitFormat { kind, block_size: 32, double_quantized };
            let rounded = dequantize(&FourBit::quantize(&weight, format).unwrap());
            let mut last = norm(&subtract(&weight, &rounded));
            for iterations in [1, 3, 6] {
                let result = run(&weight, rows, columns, rank, iterations, format);
                assert_eq!(result.quantized.format, format);
                let found = error(&weight, &result, rows, columns, rank);
                assert!(found < last, "{format:?}, {iterations} iterations: {found} of {last}");
                last = found;
            }
        }
    }
}

#[test]
fn a_matrix_of_low_rank_is_found_exactly() {
    for (rows, columns, rank) in [(60, 90, 5), (90, 60, 5), (300, 200, 16), (1, 50, 1), (50, 1, 1)]
    {
        // Singular values down to a thousandth of the largest.
        let left = noise(rows, rank);
        let mut right = noise(columns, rank);
        for row in right.chunks_mut(rank) {
            for (index, value) in row.iter_mut().enumerate() {
                *value *= 1000.0_f32.powf(-(index as f32) / rank as f32);
            }
        }
        let matrix = product(&left, &transposed(&right, columns, rank), rows, rank, columns);
        let found = LowRank::nearest(&matrix, rows, columns, rank);
        let found = product(&found.left, &found.right, rows, rank, columns);
        let distance = norm(&subtract(&matrix, &found));
        assert!(distance < 1e-5 * norm(&matrix), "{rows} x {columns}, {rank}: {distance:e}");
    }
}

#[test]
fn factors_share_the_singular_values() {
    let (rows, columns, rank) = (40, 70, 6);
    let LowRank { left, right } = LowRank::nearest(&noise(rows, columns), rows, columns, rank);
    let of_left = product(&transposed(&left, rows, rank), &left, rank, rows, rank);
    let of_right = product(&right, &transposed(&right, rank, columns), rank, columns, rank);
    let largest = of_left[0];
    for index in 0..rank * rank {
        let (a, b) = (of_left[index], of_right[index]);
        assert!((a - b).abs() < 1e-5 * largest, "{a} {b}");
        let (row, column) = (index / rank, index % rank);
        assert!(row == column || a.abs() < 1e-5 * largest, "{row} {column}: {a}");
    }
}

#[test]
fn a_rank_beyond_the_matrix_leaves_zeros() {
    let (rows, columns, rank) = (5, 3, 8);
    let matrix = noise(rows, columns);
    let LowRank { left, right } = LowRank::nearest(&matrix, rows, columns, rank);
    assert_eq!((left.len(), right.len()), (rows * rank, rank * columns));
    assert!(right[3 * columns..].iter().all(|value| *value == 0.0));
    let found = product(&left, &right, rows, rank, columns);
    assert!(norm(&subtract(&matrix, &found)) < 1e-6 * norm(&matrix));
}

#[test]
fn nothing_is_added_to_what_is_exact() {
    for (rows, columns, rank) in [(64, 64, 4), (3, 5, 2), (7, 7, 0), (0, 9, 3), (9, 0, 3)] {
        let weight = vec![0.0; rows * columns];
        let result = run(&weight, rows, columns, rank, 2, FourBitFormat::NF4);
        assert_eq!((result.a.len(), result.b.len()), (rank * columns, rows * rank));
        assert!(result.a.iter().chain(&result.b).all(|value| *value == 0.0));
    }
}

#[test]
fn the_same_weight_gives_the_same_bytes() {
    let weight = noise(130, 70);
    let run = || run(&weight, 130, 70, 9, 2, FourBitFormat::NF4);
    assert_eq!(run(), run());
}

#[test]
fn a_weight_that_is_not_finite_is_refused() {
    let weight = [0.0, f32::NAN];
    let result = loftq(&weight, 1, 2, 1, NonZero::<usize>::MIN, FourBitFormat::NF4);
    assert_eq!(result, Err(QuantError::NotFiniteAt { index: 1 }));
}

fn run(
    weight: &[f32],
    rows: usize,
    columns: usize,
    rank: usize,
    iterations: usize,
    format: FourBitFormat,
) -> Loftq {
    loftq(weight, rows, columns, rank, NonZero::new(iterations).unwrap(), format).unwrap()
}

/// `|W - Q - B A|`
fn error(weight: &[f32], result: &Loftq, rows: usize, columns: usize, rank: usize) -> f64 {
    let adapter = product(&result.b, &result.a, rows, rank, columns);
    norm(&subtract(&subtract(weight, &dequantize(&result.quantized)), &adapter))
}

fn dequantize(weight: &FourBit) -> Vec<f32> {
    let mut values = vec![0.0; weight.len];
    weight.dequantize(0..weight.len, &mut values);
    values
}

fn subtract(left: &[f32], right: &[f32]) -> Vec<f32> {
    left.iter().zip(right).map(|(left, right)| left - right).collect()
}

fn norm(values: &[f32]) -> f64 {
    values.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt()
}

fn product(left: &[f32], right: &[f32], rows: usize, inner: usize, columns: usize) -> Vec<f32> {
    let mut into = vec![0.0; rows * columns];
    for row in 0..rows {
        for k in 0..inner {
            let factor = left[row * inner + k];
            let right = &right[k * columns..][..columns];
            for (into, right) in into[row * columns..][..columns].iter_mut().zip(right) {
                *into += factor * right;
            }
        }
    }
    into
}

fn transposed(values: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    (0..columns)
        .flat_map(|column| (0..rows).map(move |row| values[row * columns + column]))
        .collect()
}

/// The `noise` of `make_four_bit.py`.
fn noise(rows: usize, columns: usize) -> Vec<f32> {
    let uniform = |index: u64| {
        let state = (index + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((state ^ (state >> 31)) >> 44) as f32 / (1 << 19) as f32 - 1.0
    };
    let value = |index: u64| (0..4).map(|part| uniform(4 * index + part)).sum::<f32>() / 64.0;
    (0..(rows * columns) as u64).map(value).collect()
}
