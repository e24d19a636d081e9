//! Adapters that were trained on 4-bit weights.

use olive_kit_checkpoint::{Checkpoint, Decoder, Linear, SafetensorsFile};
use olive_kit_quant::{FourBit, FourBitFormat};
use olive_kit_testing::fixture;
use olive_plugin_api::StepOutcome;
use olive_plugin_api::testing::Recorder;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{CLOSE, prepare, request, run};

/// Scale of the fixtures' adapters.
const SCALE: f32 = 2.0;

#[test]
fn stored_codes_are_read_as_bitsandbytes_means_them() {
    for model in ["tiny-llama3-nf4", "tiny-phi4-mini-fp4"] {
        let reference = SafetensorsFile::open(&fixture(model).join("ref.safetensors")).unwrap();
        let merged = merge_quantized(model, model, &json!({"note": "kept"}));
        let merged = Checkpoint::open(merged.path()).unwrap();
        for linear in merged.decoder().linears(1) {
            let name = format!("dequantized.{}", linear.weight());
            check_merged(&merged, model, &linear, &reference.tensor(&name).unwrap().to_f32());
        }
    }
}

#[test]
fn weights_are_those_of_the_codes_that_the_training_has_seen() {
    let attributes = json!({
        "quantization_config": {
            "quant_method": "bitsandbytes",
            "load_in_4bit": true,
            "bnb_4bit_quant_type": "nf4",
            "bnb_4bit_use_double_quant": true,
            "bnb_4bit_compute_dtype": "bfloat16",
        },
        "quantization_method": "bitsandbytes",
        "note": "kept",
    });
    let adapter = "tiny-llama3-nf4";
    let merged = merge_quantized("tiny-llama3", adapter, &attributes);
    let merged = Checkpoint::open(merged.path()).unwrap();
    let base = Checkpoint::open(fixture("tiny-llama3")).unwrap();
    let format = FourBitFormat { double_quantized: true, ..FourBitFormat::NF4 };
    for linear in (0..2).flat_map(|layer| base.decoder().linears(layer)) {
        let weight = base.linear(&linear).unwrap().to_f32();
        let codes = FourBit::quantize(&weight, format).unwrap();
        let mut expected = vec![0.0; weight.len()];
        codes.dequantize(0..weight.len(), &mut expected);
        assert_ne!(expected, weight.as_ref());
        check_merged(&merged, adapter, &linear, &expected);
    }
    let head = |c: &Checkpoint| c.tensor(Decoder::LM_HEAD).unwrap().to_f32().into_owned();
    assert!(head(&merged) == head(&base));
}

#[test]
fn other_quantizations_are_refused() {
    let output = tempfile::tempdir().unwrap();
    let mut request = request(&fixture("tiny-llama"), Some("adapter"), &output);
    request["input"]["model_attributes"] =
        json!({"quantization_config": {"quant_method": "gptq", "bits": 4}});
    for error in [prepare(&request).unwrap_err(), run(&request, &Recorder::default()).unwrap_err()]
    {
        assert!(error.message.contains("`quant_method` is `gptq`"), "{error}");
    }
}

/// Merges the adapter of a fixture into `model`, which is in 4 bits or says that it was.
fn merge_quantized(model: &str, adapter: &str, attributes: &Value) -> TempDir {
    let (output, events) = (tempfile::tempdir().unwrap(), Recorder::default());
    let mut request = request(&fixture(model), None, &output);
    request["input"]["adapter_path"] = json!(fixture(adapter).join("adapter"));
    request["input"]["model_attributes"] = attributes.clone();
    let outcome = run(&request, &events).unwrap();
    let StepOutcome::Model(model) = outcome else { panic!("no model: {outcome:?}") };
    assert_eq!(json!(model.model_attributes), json!({"note": "kept"}));
    let merged = Checkpoint::open(output.path()).unwrap();
    merged.validate().unwrap();
    let count = merged.decoder().num_layers * merged.decoder().linears(0).len();
    let message = format!(
        "the adapter was trained on 4-bit weights: {count} layers are dequantized from their \
         codes, merged in f32 and rounded once"
    );
    assert_eq!(events.logs(), [message]);
    output
}

/// Compares a merged weight with `base` and what the adapter of a fixture adds; exactly where it
/// adds nothing.
fn check_merged(merged: &Checkpoint, adapter: &str, linear: &Linear, base: &[f32]) {
    let file = fixture(adapter).join("adapter/adapter_model.safetensors");
    let adapter = SafetensorsFile::open(&file).unwrap();
    let found = merged.linear(linear).unwrap().to_f32();
    let factor = |part: &str| {
        let tensor = adapter.tensor(&format!("base_model.model.{}.{part}.weight", linear.name));
        tensor.ok().map(|tensor| (tensor.to_f32().into_owned(), tensor.row_len()))
    };
    let (Some((a, columns)), Some((b, rank))) = (factor("lora_A"), factor("lora_B")) else {
        assert!(found.as_ref() == base, "{} is not what its codes say", linear.name);
        return;
    };
    for (index, (found, base)) in found.iter().zip(base).enumerate() {
        let (row, column) = (index / columns, index % columns);
        let delta: f32 = (0..rank).map(|k| b[row * rank + k] * a[k * columns + column]).sum();
        let expected = base + SCALE * delta;
        assert!((found - expected).abs() <= CLOSE, "{}: {found} {expected}", linear.name);
    }
}
