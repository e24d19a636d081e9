//! Properties of every rounding, width, block size and symmetry.

use olive_kit_quant::{
    Bits, BlockFormat, BlockQuantized, Int4Matrix, QuantError, Rounding, ScaleType,
};

const F32: ScaleType = ScaleType::F32;

const SHAPES: [(usize, usize); 5] = [(1, 1), (3, 16), (5, 33), (7, 300), (16, 256)];

#[test]
fn weights_come_back_within_a_step() {
    for_each_case(|n, k, format, rounding| {
        let weights = weights(n * k);
        let quantized = quantize(&weights, n, k, format, rounding);
        let blocks = format.blocks(k);
        for (index, (back, weight)) in quantized.dequantize().iter().zip(&weights).enumerate() {
            let scale = quantized.scale(index / k * blocks + index % k / format.block_size);
            let error = (back - weight).abs();
            // The grid of least error leaves out what is far from all else.
            let steps = if rounding == Rounding::KQuant { 2.0 } else { 1.001 };
            assert!(error <= scale.abs() * steps, "{error} of {scale}: {format:?} {rounding:?}");
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
        let rows = n.min(2);
        let last = quantize(&weights[(n - rows) * k..], rows, k, format, rounding);
        assert!(whole.qweight.ends_with(&last.qweight));
        assert!(whole.scales.ends_with(&last.scales));
    });
}

#[test]
fn matrices_of_4_bit_types_come_back_within_a_step() {
    for (n, k) in SHAPES {
        for (block_size, is_symmetric) in [(16, true), (32, false), (128, true)] {
            let weights = weights(n * k);
            let fill = |row: usize, out: &mut [f32]| {
                out.copy_from_slice(&weights[row * k..][..k]);
            };
            let step = if is_symmetric { 1.0 / 8.0 } else { 2.0 / 15.0 };
            let check = |back: f32, weight: f32| {
                assert!((back - weight).abs() <= step * 1.001, "{back} {weight}");
            };
            let gathered =
                Int4Matrix::for_gather([n, k], block_size, is_symmetric, F32, fill).unwrap();
            assert_eq!(gathered.scale_shape(), [n, k.div_ceil(block_size)]);
            for (back, weight) in gathered.dequantize().iter().zip(&weights) {
                check(*back, *weight);
            }
            let multiplied =
                Int4Matrix::for_matmul([n, k], block_size, is_symmetric, F32, fill).unwrap();
            assert_eq!((multiplied.shape, multiplied.scale_shape()[1]), ([k, n], n));
            for (index, back) in multiplied.dequantize().iter().enumerate() {
                check(*back, weights[index % n * k + index / n]);
            }
        }
    }
}

#[test]
fn embeddings_of_bytes_come_back_within_a_step() {
    for (n, k) in SHAPES {
        for (bits, is_symmetric) in [(Bits::Four, true), (Bits::Eight, true), (Bits::Eight, false)]
        {
            let weights = weights(n * k);
            let fill = |row: usize, out: &mut [f32]| {
                out.copy_from_slice(&weights[row * k..][..k]);
            };
            let format = BlockFormat { bits, block_size: 32, is_symmetric };
            let quantized = BlockQuantized::for_gather([n, k], format, F32, fill).unwrap();
            assert_eq!(quantized.unpadded_codes().len(), n * (k * bits.count()).div_ceil(8));
            let step = if bits == Bits::Four { 1.0 / 8.0 } else { 1.0 / 127.0 };
            for (back, weight) in quantized.dequantize().iter().zip(&weights) {
                assert!((back - weight).abs() <= step * 1.001, "{back} {weight} {format:?}");
            }
        }
    }
}

#[test]
fn scales_are_values_of_their_type() {
    for scale_type in [ScaleType::F16, ScaleType::Bf16] {
        let format = BlockFormat { bits: Bits::Four, block_size: 16, is_symmetric: true };
        let weights = weights(64);
        let quantize = |weights: &[f32]| {
            BlockQuantized::from_weights(weights, 2, 32, format, Rounding::Default, scale_type)
        };
        let rounded: Vec<f32> = weights.iter().map(|weight| scale_type.round(*weight)).collect();
        let quantized = quantize(&weights).unwrap();
        assert_eq!(quantized.scales.len(), 4 * scale_type.size_bytes());
        assert_eq!(quantized, quantize(&rounded).unwrap());
    }
}

#[test]
fn what_cannot_be_quantized_is_named() {
    let format = BlockFormat { bits: Bits::Four, block_size: 48, is_symmetric: true };
    let result = BlockQuantized::from_weights(&[0.0; 48], 1, 48, format, Rounding::Default, F32);
    assert_eq!(result, Err(QuantError::BlockSize(48)));

    let format = BlockFormat { block_size: 16, ..format };
    let result = BlockQuantized::from_weights(&[0.0; 15], 1, 16, format, Rounding::Default, F32);
    assert_eq!(result, Err(QuantError::Shape { values: 15, n: 1, k: 16 }));

    let result =
        BlockQuantized::from_weights(&[0.0; 16], 1, 16, format, Rounding::Rtn, ScaleType::Bf16);
    assert_eq!(result, Err(QuantError::Bf16));

    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let weights = [0.0, 1.0, bad, 0.0];
        let result = BlockQuantized::from_weights(&weights, 2, 2, format, Rounding::Rtn, F32);
        assert_eq!(result, Err(QuantError::NotFinite { row: 1 }));
    }
}

fn for_each_case(check: impl Fn(usize, usize, BlockFormat, Rounding)) {
    for (n, k) in SHAPES {
        for bits in [Bits::Four, Bits::Eight] {
            for block_size in BlockFormat::BLOCK_SIZES {
                for is_symmetric in [true, false] {
                    for rounding in [Rounding::Default, Rounding::Rtn, Rounding::KQuant] {
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
    BlockQuantized::from_weights(weights, n, k, format, rounding, F32).unwrap()
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
