//! What bitsandbytes makes of weights in 4 bits, reproduced.

use olive_kit_quant::{FourBit, FourBitFormat, FourBitKind, FourBitScales, QuantError};
use olive_kit_testing::{Tensors, fixture};

use crate::weights::weights;

const KINDS: [(&str, FourBitKind); 2] = [("nf4", FourBitKind::Nf4), ("fp4", FourBitKind::Fp4)];
const MATRICES: [(usize, usize, usize); 4] =
    [(33, 17, 32), (33, 17, 64), (33, 17, 128), (136, 131, 64)];

#[test]
fn codes_and_scales_equal_bitsandbytes() {
    let fixture = Tensors::open(fixture("four_bit/weights.safetensors"));
    for (name, kind) in KINDS {
        for (rows, columns, block_size) in MATRICES {
            let name = format!("{name}.{rows}x{columns}_b{block_size}");
            let format = FourBitFormat { kind, block_size, double_quantized: false };
            let weight = FourBit::quantize(&weights(rows, columns), format).unwrap();
            assert_eq!(weight.packed, fixture.bytes(&format!("{name}.packed")), "{name}");
            let FourBitScales::Plain(scales) = &weight.scales else { panic!("plain scales") };
            assert_eq!(*scales, fixture.f32s(&format!("{name}.absmax")), "{name}");
        }
    }
}

#[test]
fn scales_of_scales_equal_bitsandbytes() {
    let fixture = Tensors::open(fixture("four_bit/weights.safetensors"));
    for (name, kind) in KINDS {
        for (rows, columns, block_size) in MATRICES {
            let name = format!("{name}.{rows}x{columns}_b{block_size}");
            let format = FourBitFormat { kind, block_size, double_quantized: true };
            let weight = FourBit::quantize(&weights(rows, columns), format).unwrap();
            assert_eq!(weight.packed, fixture.bytes(&format!("{name}.packed")), "{name}");
            let FourBitScales::Double { codes, scales, offset } = &weight.scales else {
                panic!("scales of scales");
            };
            let others = fixture.f32s(&format!("{name}.double.offset"));
            assert!(are_neighbors(&[*offset], &others), "{name}");
            let others = fixture.f32s(&format!("{name}.double.absmax"));
            assert!(are_neighbors(scales, &others), "{name}: {scales:?} {others:?}");
            assert_eq!(*codes, fixture.bytes(&format!("{name}.double.codes")), "{name}");
            let others = fixture.bytes(&format!("{name}.double.cpu_codes"));
            assert!(codes.iter().zip(&others).all(|(a, b)| a.abs_diff(*b) <= 1), "{name}");
        }
    }
}

#[test]
fn values_on_a_bound_go_where_bitsandbytes_puts_them() {
    let fixture = Tensors::open(fixture("four_bit/weights.safetensors"));
    for (name, kind) in KINDS {
        let format = FourBitFormat { kind, ..FourBitFormat::NF4 };
        let values = fixture.f32s(&format!("{name}.bounds.W"));
        let weight = FourBit::quantize(&values, format).unwrap();
        assert_eq!(weight.packed, fixture.bytes(&format!("{name}.bounds.packed")), "{name}");
    }
}

#[test]
fn dequantized_weights_equal_the_formulas() {
    let fixture = Tensors::open(fixture("four_bit/weights.safetensors"));
    for (name, kind) in KINDS {
        for (rows, columns, block_size) in &MATRICES[..3] {
            for (double_quantized, suffix) in [(false, ""), (true, ".double")] {
                let name = format!("{name}.{rows}x{columns}_b{block_size}{suffix}.dequantized");
                let format = FourBitFormat { kind, block_size: *block_size, double_quantized };
                let weight = FourBit::quantize(&weights(*rows, *columns), format).unwrap();
                assert_eq!(dequantize(&weight), fixture.f32s(&name), "{name}");
            }
        }
    }
}

#[test]
fn any_range_dequantizes_to_its_part() {
    let format = FourBitFormat { double_quantized: true, ..FourBitFormat::NF4 };
    let weight = FourBit::quantize(&weights(13, 17), format).unwrap();
    let whole = dequantize(&weight);
    for start in 0..=whole.len() {
        for end in [start, start + 1, start + 2, start + 63, start + 64, start + 65, start + 130] {
            let range = start..end.min(whole.len());
            let mut part = vec![f32::NAN; range.len()];
            weight.dequantize(range.clone(), &mut part);
            assert_eq!(part, whole[range.clone()], "{range:?}");
        }
    }
}

#[test]
fn rows_give_the_same_codes_as_the_whole() {
    for (rows, columns) in [(1, 1), (5, 3), (70, 96), (129, 1031), (3, 200_003), (2050, 64), (0, 7)]
    {
        for block_size in [32, 64, 4096] {
            let values = weights(rows, columns);
            let format =
                FourBitFormat { kind: FourBitKind::Nf4, block_size, double_quantized: true };
            let by_rows = FourBit::from_rows(rows, columns, format, |rows, into| {
                into.copy_from_slice(&values[rows.start * columns..rows.end * columns]);
            });
            let whole = FourBit::quantize(&values, format).unwrap();
            assert!(by_rows.unwrap() == whole, "{rows} x {columns} in blocks of {block_size}");
        }
    }
}

#[test]
fn an_error_is_at_most_half_the_gap_between_codes() {
    for (name, kind) in KINDS {
        let mut codebook = *kind.codebook();
        codebook.sort_by(f32::total_cmp);
        let gap = codebook.windows(2).map(|pair| pair[1] - pair[0]).fold(0.0, f32::max);
        let values = weights(64, 64);
        let format = FourBitFormat { kind, ..FourBitFormat::NF4 };
        let weight = FourBit::quantize(&values, format).unwrap();
        let mut worst = 0.0_f32;
        for (index, (value, read)) in values.iter().zip(dequantize(&weight)).enumerate() {
            let bound = weight.scale(index / 64) * gap / 2.0;
            assert!((value - read).abs() <= bound * 1.000_001, "{name}: {value} as {read}");
            worst = worst.max((value - read).abs() / bound.max(f32::MIN_POSITIVE));
        }
        assert!(worst > 0.9, "{name}: the bound is met only to {worst}");
    }
}

#[test]
fn quantizing_what_was_dequantized_changes_nothing() {
    for (_, kind) in KINDS {
        let format = FourBitFormat { kind, ..FourBitFormat::NF4 };
        let weight = FourBit::quantize(&weights(33, 17), format).unwrap();
        let again = FourBit::quantize(&dequantize(&weight), format).unwrap();
        assert_eq!(dequantize(&again), dequantize(&weight));
    }
}

#[test]
fn zeros_and_subnormal_numbers_are_kept_finite() {
    for (_, kind) in KINDS {
        for value in [0.0, 1e-45, -3e-39] {
            for length in [1, 64, 100] {
                let format = FourBitFormat { kind, ..FourBitFormat::NF4 };
                let read = dequantize(&FourBit::quantize(&vec![value; length], format).unwrap());
                assert!(read.iter().all(|read| read.abs() <= value.abs()), "{value:e}: {read:?}");
            }
        }
    }
}

#[test]
fn a_weight_that_is_not_finite_is_named() {
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut values = weights(600, 300);
        values[400 * 300 + 7] = value;
        let whole = FourBit::quantize(&values, FourBitFormat::NF4);
        assert_eq!(whole, Err(QuantError::NotFiniteAt { index: 400 * 300 + 7 }));
        let rows = FourBit::from_rows(600, 300, FourBitFormat::NF4, |rows, into| {
            into.copy_from_slice(&values[rows.start * 300..rows.end * 300]);
        });
        assert_eq!(rows, Err(QuantError::NotFinite { row: 400 }));
    }
}

#[test]
fn an_unknown_block_size_is_refused() {
    for block_size in [0, 1, 16, 33, 8192] {
        let format = FourBitFormat { block_size, ..FourBitFormat::NF4 };
        let error = FourBit::quantize(&[0.0], format).unwrap_err();
        assert_eq!(error, QuantError::FourBitBlockSize(block_size));
    }
}

/// Whether values differ in the last bit at most: that of a mean depends on the order of its sum.
fn are_neighbors(left: &[f32], right: &[f32]) -> bool {
    let are = |left: &f32, right: &f32| left.to_bits().abs_diff(right.to_bits()) <= 1;
    left.len() == right.len() && left.iter().zip(right).all(|(left, right)| are(left, right))
}

fn dequantize(weight: &FourBit) -> Vec<f32> {
    let mut values = vec![f32::NAN; weight.len];
    weight.dequantize(0..weight.len, &mut values);
    values
}
