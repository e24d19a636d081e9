//! Against files that ONNX Runtime's own writer made (`tests/adapters/make.py`), and on broken ones.

use super::*;
use crate::OnnxError;

const EMPTY: &[u8] = include_bytes!("../../tests/adapters/empty.onnx_adapter");
const ONE: &[u8] = include_bytes!("../../tests/adapters/one.onnx_adapter");
const SCALAR: &[u8] = include_bytes!("../../tests/adapters/scalar.onnx_adapter");
const ODD: &[u8] = include_bytes!("../../tests/adapters/odd.onnx_adapter");
const LORA: &[u8] = include_bytes!("../../tests/adapters/lora.onnx_adapter");

#[test]
fn files_of_onnx_runtime_are_written_back_byte_for_byte() {
    for (file, num_parameters) in [(EMPTY, 0), (ONE, 1), (SCALAR, 1), (ODD, 3), (LORA, 5)] {
        let adapter = OnnxAdapter::parse(file).unwrap();
        assert_eq!(adapter.parameters.len(), num_parameters);
        assert!(written(&adapter).unwrap() == file, "{adapter:?}");
    }
}

#[test]
fn names_types_and_values_are_those_that_were_given() {
    let adapter = OnnxAdapter::parse(LORA).unwrap();
    assert_eq!((adapter.adapter_version, adapter.model_version), (3, 7));
    let rows: Vec<_> =
        adapter.parameters.iter().map(|it| (it.name, it.dtype, &it.dims[..])).collect();
    assert_eq!(
        rows,
        [
            ("model.layers.0.attn.q_proj.lora_A.MatMul.weight", DataType::Float, &[8, 2][..]),
            ("model.layers.0.attn.q_proj.lora_B.MatMul.weight", DataType::Float16, &[2, 6]),
            ("codes", DataType::Int8, &[5]),
            ("double", DataType::Double, &[1, 1]),
            ("three", DataType::Float16, &[3, 1, 1]),
        ]
    );
    assert_eq!(adapter.parameters[2].bytes, [0, 1, 2, 3, 4]);
    let floats = (0_u8..16).flat_map(|it| f32::from(it).to_le_bytes());
    assert!(floats.eq(adapter.parameters[0].bytes.iter().copied()));
}

#[test]
fn broken_files_are_no_adapters() {
    for file in [EMPTY, ONE, SCALAR, ODD, LORA] {
        for end in 0..file.len() {
            // What is cut off may be nothing but padding.
            if let Ok(adapter) = OnnxAdapter::parse(&file[..end]) {
                assert_eq!(adapter, OnnxAdapter::parse(file).unwrap());
                assert!(file[end..].iter().all(|byte| *byte == 0));
            }
        }
        for index in 0..file.len() {
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                let mut broken = file.to_vec();
                broken[index] = value;
                let parsed = OnnxAdapter::parse(&broken).unwrap_or_default();
                for weight in parsed.parameters {
                    let elements = weight.dims.iter().product::<i64>().unsigned_abs();
                    let expected = crate::packed_bytes(weight.dtype, elements);
                    assert_eq!(expected, Some(weight.bytes.len() as u64));
                }
            }
        }
    }
}

#[test]
fn another_format_is_named() {
    let mut later = LORA.to_vec();
    later[12] = 2;
    let rows: [(&[u8], &str); 3] = [
        (b"", "no adapter: bytes 4 to 7 are not `TORT`"),
        (b"PK\x03\x04 and so on", "no adapter: bytes 4 to 7 are not `TORT`"),
        (&later, "version 2 of the format is not 1"),
    ];
    for (file, expected) in rows {
        assert_eq!(OnnxAdapter::parse(file).unwrap_err().to_string(), expected);
    }
}

#[test]
fn a_weight_of_the_wrong_length_is_not_written() {
    let weight =
        AdapterParameter { name: "a", dtype: DataType::Float, dims: vec![2], bytes: &[0; 4] };
    let adapter = OnnxAdapter { parameters: vec![weight], ..OnnxAdapter::default() };
    let error = written(&adapter).unwrap_err();
    assert_eq!(error.to_string(), "tensor `a` takes 8 bytes but has 4");
}

fn written(adapter: &OnnxAdapter<'_>) -> Result<Vec<u8>, OnnxError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("adapter.onnx_adapter");
    adapter.write(&path)?;
    Ok(std::fs::read(path).unwrap())
}
