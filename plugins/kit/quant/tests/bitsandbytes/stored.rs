//! Checkpoints that transformers and bitsandbytes wrote in 4 bits, read and written again.

use std::collections::BTreeMap;

use olive_kit_quant::{
    FourBit, FourBitFormat, FourBitKind, FourBitScales, StoredDtype, StoredError, StoredFourBit,
};
use olive_kit_testing::{Tensors, fixture};
use safetensors::Dtype;

use crate::weights;

const CHECKPOINTS: [(&str, FourBitFormat); 2] = [
    ("nf4-double", FourBitFormat { double_quantized: true, ..FourBitFormat::NF4 }),
    ("fp4", FourBitFormat { kind: FourBitKind::Fp4, ..FourBitFormat::NF4 }),
];

#[test]
fn weights_equal_those_quantized_here() {
    let base = Tensors::open(fixture("four_bit/base/model.safetensors"));
    for (name, format) in CHECKPOINTS {
        let fixture = Tensors::open(fixture(&format!("four_bit/{name}/model.safetensors")));
        for weight in weights(&fixture) {
            let stored = read(&fixture, &weight).unwrap();
            let original = base.bf16s(&weight);
            let quantized = FourBit::quantize(&original, format).unwrap();
            assert_eq!(stored.weight.packed, quantized.packed, "{weight}");
            assert_eq!(stored.weight.format, format, "{weight}");
            assert_eq!(stored.shape, base.shape(&weight), "{weight}");
            assert_eq!(stored.dtype, "bfloat16");
            check_scales(&stored.weight.scales, &quantized.scales, &weight);
        }
    }
}

#[test]
fn tensors_are_written_as_they_were() {
    for (name, _) in CHECKPOINTS {
        let fixture = Tensors::open(fixture(&format!("four_bit/{name}/model.safetensors")));
        let mut count = 0;
        for weight in weights(&fixture) {
            for tensor in read(&fixture, &weight).unwrap().tensors() {
                let name = format!("{weight}{}", tensor.suffix);
                let dtype = match tensor.dtype {
                    StoredDtype::U8 => Dtype::U8,
                    StoredDtype::F32 => Dtype::F32,
                };
                assert_eq!(tensor.bytes, fixture.bytes(&name), "{name}");
                assert_eq!(tensor.shape, fixture.shape(&name), "{name}");
                assert_eq!(dtype, fixture.dtype(&name), "{name}");
                count += 1;
            }
        }
        let stored = fixture.names().iter().filter(|name| name.contains("_proj.")).count();
        assert_eq!(count, stored, "{name}");
    }
}

#[test]
fn any_weight_is_read_as_it_was_written() {
    for kind in [FourBitKind::Nf4, FourBitKind::Fp4] {
        for double_quantized in [false, true] {
            let format = FourBitFormat { kind, block_size: 32, double_quantized };
            let weight = FourBit::quantize(&weights::weights(41, 301), format).unwrap();
            let stored =
                StoredFourBit { weight, shape: vec![41, 301], dtype: "float32".to_owned() };
            assert_eq!(read_tensors(&tensors(&stored)).unwrap(), stored);
        }
    }
}

#[test]
fn scales_in_another_map_are_read_as_numbers() {
    let stored = double_quantized();
    let mut tensors = tensors(&stored);
    // bitsandbytes before 0.50 set the least value to -1 on CPU.
    tensors.get_mut(".nested_quant_map").unwrap()[..4].copy_from_slice(&(-1.0_f32).to_le_bytes());
    let read = read_tensors(&tensors).unwrap();
    assert!(!read.weight.format.double_quantized);
    let FourBitScales::Plain(scales) = &read.weight.scales else { panic!("plain scales") };
    let FourBitScales::Double { codes, scales: nested, offset } = &stored.weight.scales else {
        panic!("scales of scales")
    };
    for (block, code) in codes.iter().enumerate() {
        let expected =
            if *code == 0 { offset - nested[block / 256] } else { stored.weight.scale(block) };
        assert_eq!(scales[block].to_bits(), expected.to_bits());
    }
}

#[test]
fn what_is_wrong_is_named() {
    let whole = tensors(&double_quantized());
    for suffix in whole.keys() {
        let mut missing = whole.clone();
        missing.remove(suffix);
        let text = read_tensors(&missing).unwrap_err().to_string();
        assert_eq!(text, format!("there is no tensor `<weight>{suffix}`"));

        let mut short = whole.clone();
        short.get_mut(suffix).unwrap().pop();
        let text = read_tensors(&short).unwrap_err().to_string();
        assert!(text.starts_with(&format!("`<weight>{suffix}` ")), "{text}");
    }
    let mut other = whole.clone();
    other.get_mut(".quant_map").unwrap()[..4].copy_from_slice(&(-0.9_f32).to_le_bytes());
    assert!(matches!(read_tensors(&other), Err(StoredError::Codebook { kind: "nf4" })));
    for (state, text) in [
        (r#"{"blocksize": 64, "dtype": "float32"}"#, "is no description of a 4-bit weight"),
        (
            r#"{"blocksize": 63, "dtype": "float32", "shape": [1]}"#,
            "block size 63 is not a power of two from 32 to 4096",
        ),
        (
            r#"{"blocksize": 64, "dtype": "float32", "shape": [4294967296, 4294967296]}"#,
            "has too many weights",
        ),
        (
            r#"{"blocksize": 64, "dtype": "float32", "shape": [64]}"#,
            "`<weight>` has 6171 bytes, where 32 are needed",
        ),
    ] {
        let mut other = whole.clone();
        other.insert(FourBitKind::Nf4.state_suffix().to_owned(), state.as_bytes().to_vec());
        let found = read_tensors(&other).unwrap_err().to_string();
        assert!(found.contains(text), "{found}");
    }
}

fn double_quantized() -> StoredFourBit {
    let format = FourBitFormat { block_size: 32, double_quantized: true, ..FourBitFormat::NF4 };
    let weight = FourBit::quantize(&weights::weights(41, 301), format).unwrap();
    StoredFourBit { weight, shape: vec![41, 301], dtype: "float16".to_owned() }
}

fn tensors(stored: &StoredFourBit) -> BTreeMap<String, Vec<u8>> {
    stored.tensors().into_iter().map(|tensor| (tensor.suffix, tensor.bytes)).collect()
}

fn read_tensors(tensors: &BTreeMap<String, Vec<u8>>) -> Result<StoredFourBit, StoredError> {
    StoredFourBit::read(|suffix| tensors.get(suffix).map(Vec::as_slice))
}

fn read(fixture: &Tensors, weight: &str) -> Result<StoredFourBit, StoredError> {
    let tensors: BTreeMap<_, _> = fixture
        .names()
        .into_iter()
        .filter_map(|name| Some((name.strip_prefix(weight)?.to_owned(), fixture.bytes(&name))))
        .collect();
    read_tensors(&tensors)
}

/// Names of the weights in 4 bits.
fn weights(fixture: &Tensors) -> Vec<String> {
    let names = fixture.names();
    let weights: Vec<_> = names
        .iter()
        .filter_map(|name| name.strip_suffix(".quant_map"))
        .map(str::to_owned)
        .collect();
    assert_eq!(weights.len(), 7);
    weights
}

/// Equal but for the mean's last bit, and codes but for what the CPU kernel rounds before.
fn check_scales(read: &FourBitScales, quantized: &FourBitScales, weight: &str) {
    use FourBitScales::{Double, Plain};
    match (read, quantized) {
        (Plain(read), Plain(quantized)) => assert_eq!(read, quantized, "{weight}"),
        (
            Double { codes, scales, offset },
            Double { codes: codes_here, scales: scales_here, offset: offset_here },
        ) => {
            assert!(offset.to_bits().abs_diff(offset_here.to_bits()) <= 1, "{weight}");
            for (scale, here) in scales.iter().zip(scales_here) {
                assert!((scale - here).abs() <= offset * f32::EPSILON, "{weight}: {scale} {here}");
            }
            let differences = codes.iter().zip(codes_here).map(|(code, here)| code.abs_diff(*here));
            assert!(differences.max() <= Some(1), "{weight}");
        }
        _ => panic!("{weight}: scales of another kind"),
    }
}
