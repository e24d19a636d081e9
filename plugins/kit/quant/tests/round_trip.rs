//! Properties of every rounding, width, block size and symmetry.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

use olive_kit_quant::{Bits, BlockFormat, BlockQuantized, QuantError, Rounding};

const SHAPES: [(usize, usize); 5] = [(1, 1), (3, 16), (5, 33), (7, 300), (16, 256)];

#[test]
fn weights_come_back_within_a_step() {
    for_each_case(|n, k, format, rounding| {
        let weights = weights(n * k);
        let quantized = quantize(&weights, n, k, format, rounding);
        let blocks = format.blocks(k);
        for (index, (back, weight)) in quantized.dequantize().iter().zip(&weights).enumerate() {
            let scale = quantized.scales[index / k * blocks + index % k / format.block_size];
            let error = (back - weight).abs();
            assert!(error <= scale.abs() * 1.001, "{error} of {scale}: {format:?} {rounding:?}");
        }
    });
}

#[test]
fn values_on_the_grid_come_back_exactly() {
    for (bits, last) in [(Bits::Four, 7.0), (Bits::Eight, 127.0)] {
        for block_size in BlockFormat::BLOCK_SIZES {
            // Both ends of the grid in every block make its scale 1.
            let value = |index: usize| match index % block_size {
                0 => -last - 1.0,
                1 => last,
                _ => [0.0, 1.0, -3.0, 5.0][index % 4],
            };
            let weights: Vec<f32> = (0..6 * block_size).map(value).collect();
            for (is_symmetric, rounding) in
                [(true, Rounding::Default), (false, Rounding::Default), (false, Rounding::Rtn)]
            {
                let format = BlockFormat { bits, block_size, is_symmetric };
                let quantized = quantize(&weights, 3, 2 * block_size, format, rounding);
                assert_eq!(quantized.dequantize(), weights, "{format:?} {rounding:?}");
            }
        }
    }
}

#[test]
fn zeros_stay_zeros() {
    for_each_case(|n, k, format, rounding| {
        let weights = vec![0.0; n * k];
        assert_eq!(quantize(&weights, n, k, format, rounding).dequantize(), weights);
    });
}

#[test]
fn rows_do_not_depend_on_each_other() {
    for_each_case(|n, k, format, rounding| {
        let weights = weights(n * k);
        let whole = quantize(&weights, n, k, format, rounding);
        let last = quantize(&weights[(n - 1) * k..], 1, k, format, rounding);
        assert!(whole.qweight.ends_with(&last.qweight));
        assert!(whole.scales.ends_with(&last.scales));
    });
}

#[test]
fn what_cannot_be_quantized_is_named() {
    let format = BlockFormat { bits: Bits::Four, block_size: 48, is_symmetric: true };
    let result = BlockQuantized::from_weights(&[0.0; 48], 1, 48, format, Rounding::Default);
    assert_eq!(result, Err(QuantError::BlockSize(48)));

    let format = BlockFormat { block_size: 16, ..format };
    let result = BlockQuantized::from_weights(&[0.0; 15], 1, 16, format, Rounding::Default);
    assert_eq!(result, Err(QuantError::Shape { values: 15, n: 1, k: 16 }));

    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let weights = [0.0, 1.0, bad, 0.0];
        let result = BlockQuantized::from_weights(&weights, 2, 2, format, Rounding::Rtn);
        assert_eq!(result, Err(QuantError::NotFinite { row: 1 }));
    }
}

fn for_each_case(check: impl Fn(usize, usize, BlockFormat, Rounding)) {
    for (n, k) in SHAPES {
        for bits in [Bits::Four, Bits::Eight] {
            for block_size in BlockFormat::BLOCK_SIZES {
                for is_symmetric in [true, false] {
                    for rounding in [Rounding::Default, Rounding::Rtn] {
                        check(n, k, BlockFormat { bits, block_size, is_symmetric }, rounding);
                    }
                }
            }
        }
    }
}

fn quantize(
    weights: &[f32],
    n: usize,
    k: usize,
    format: BlockFormat,
    rounding: Rounding,
) -> BlockQuantized {
    BlockQuantized::from_weights(weights, n, k, format, rounding).unwrap()
}

/// Values in -1..1 from a linear congruential generator (Knuth's MMIX constants).
fn weights(count: usize) -> Vec<f32> {
    let mut state = 1_u64;
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        f32::from(u16::try_from(state >> 48).unwrap()) / 32768.0 - 1.0
    };
    (0..count).map(|_| next()).collect()
}
