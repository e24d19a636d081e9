//! Checkpoints that bitsandbytes has stored in 4 bits.

use std::fs;

use olive_kit_checkpoint::{
    Checkpoint, CheckpointError, Dtype, LinearWeight, Quantization, SafetensorsFile,
};
use olive_kit_quant::FourBitKind;
use olive_kit_testing::fixture;
use serde_json::{Value, json};

/// A copy of a fixture whose config a test has changed.
fn changed(name: &str, change: impl FnOnce(&mut Value)) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let weights = "model.safetensors";
    fs::copy(fixture(name).join(weights), dir.path().join(weights)).unwrap();
    let config = fs::read(fixture(name).join("config.json")).unwrap();
    let mut config: Value = serde_json::from_slice(&config).unwrap();
    change(&mut config);
    fs::write(dir.path().join("config.json"), config.to_string()).unwrap();
    dir
}

#[test]
fn codes_stand_for_the_weights_bitsandbytes_means() {
    let rows = [
        ("tiny-llama3-nf4", FourBitKind::Nf4, true),
        ("tiny-phi4-mini-fp4", FourBitKind::Fp4, false),
    ];
    for (name, kind, double_quantized) in rows {
        let checkpoint = Checkpoint::open_quantized(fixture(name)).unwrap();
        checkpoint.validate().unwrap();
        let compute_dtype = Some(Dtype::F32);
        let quantization = Quantization { kind, double_quantized, compute_dtype };
        assert_eq!(checkpoint.description().quantization, Some(quantization));
        let reference = SafetensorsFile::open(&fixture(name).join("ref.safetensors")).unwrap();
        let linears = checkpoint.decoder().linears(1);
        for linear in &linears {
            let LinearWeight::FourBit(weight) = checkpoint.weight(linear).unwrap() else {
                panic!("{} is dense", linear.name);
            };
            assert_eq!(
                (weight.format.kind, weight.format.double_quantized),
                (kind, double_quantized)
            );
            let mut values = vec![0.0; weight.len];
            weight.dequantize(0..weight.len, &mut values);
            let expected = reference.tensor(&format!("dequantized.{}", linear.weight())).unwrap();
            assert!(values == expected.to_f32().as_ref(), "{}", linear.name);
        }
        let error = checkpoint.linear(&linears[0]).unwrap_err();
        assert!(matches!(error, CheckpointError::InFourBits(_)), "{error}");
    }
}

#[test]
fn what_is_not_quantized_stays_dense() {
    let checkpoint = Checkpoint::open_quantized(fixture("tiny-llama3-nf4")).unwrap();
    let lm_head = checkpoint.decoder().lm_head();
    assert!(!checkpoint.is_four_bit(&lm_head));
    let LinearWeight::Dense(tensor) = checkpoint.weight(&lm_head).unwrap() else {
        panic!("lm_head is in 4 bits");
    };
    assert_eq!(tensor.shape, [320, 64]);
    let plain = Checkpoint::open_quantized(fixture("tiny-llama3")).unwrap();
    assert_eq!(plain.description().quantization, None);
    let linears = plain.decoder().all_linears();
    assert_eq!(linears.len(), 15);
    assert!(linears.iter().all(|linear| !plain.is_four_bit(linear)));
}

#[test]
fn only_who_asks_gets_codes() {
    let message = Checkpoint::open(fixture("tiny-llama3-nf4")).unwrap_err().to_string();
    assert!(message.contains("only unquantized checkpoints are read here"), "{message}");
}

#[test]
fn other_quantizations_are_refused() {
    let rows = [
        (json!({ "quant_method": "gptq", "bits": 4 }), "is of `gptq`; only"),
        (
            json!({ "quant_method": "bitsandbytes", "load_in_8bit": true }),
            "is of `bitsandbytes` without `load_in_4bit`; only",
        ),
        (
            json!({
                "quant_method": "bitsandbytes",
                "load_in_4bit": true,
                "bnb_4bit_quant_type": "int4"
            }),
            "unknown `bnb_4bit_quant_type` `int4`",
        ),
    ];
    for (settings, expected) in rows {
        let dir = changed("tiny-llama3", |config| config["quantization_config"] = settings);
        let message = Checkpoint::open_quantized(dir.path()).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn codes_of_another_shape_are_named() {
    let dir = changed("tiny-llama3-nf4", |config| config["intermediate_size"] = 256.into());
    let checkpoint = Checkpoint::open_quantized(dir.path()).unwrap();
    let message = checkpoint.validate().unwrap_err().to_string();
    let expected =
        "weight `model.layers.0.mlp.gate_proj.weight` has 4096 bytes of 4-bit codes, but 8192";
    assert!(message.contains(expected), "{message}");
}
