//! Graphs of models with an adapter, in 4 bits, or in a GGUF file: as if the checkpoint that they
//! make had been written before.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use olive_kit_checkpoint::{CheckpointWriter, Dtype, TensorSpec, files};
use olive_kit_gguf::{GgufModel, Layout};
use olive_kit_merge::Merge;
use olive_kit_testing::gguf::{Storage, tiny};
use olive_kit_testing::{QUANTIZED_MODELS, adapter_folders, file_names, fixture};
use olive_plugin_api::StepOutcome;
use olive_plugin_api::testing::Recorder;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::pass::store;
use crate::support::{prepare, request, run};

#[test]
fn adapters_of_every_method_are_merged() {
    for ((model, adapter), precision) in
        adapter_folders().iter().zip(["int4", "fp32"].into_iter().cycle())
    {
        check_merged(&fixture(model), Some(adapter), &json!({}), precision);
    }
}

#[test]
fn merged_weights_are_rounded_to_the_type_of_the_checkpoint() {
    for dtype in [Dtype::BF16, Dtype::F16] {
        let model = tempfile::tempdir().unwrap();
        store(&fixture("tiny-phi3"), model.path(), dtype, |_, _| {});
        let adapter = fixture("tiny-phi3/adapter");
        check_merged(model.path(), Some(&adapter), &json!({}), "fp32");
    }
}

#[test]
fn codes_in_4_bits_are_made_floats() {
    for model in QUANTIZED_MODELS {
        let model = fixture(model);
        check_merged(&model, Some(&model.join("adapter")), &json!({}), "fp32");
        check_merged(&model, None, &json!({}), "int4");
    }
}

#[test]
fn weights_are_those_of_the_codes_that_the_training_has_seen() {
    let adapter = fixture("tiny-llama3-nf4/adapter");
    let attributes = json!({"quantization_config": {
        "quant_method": "bitsandbytes", "load_in_4bit": true, "bnb_4bit_quant_type": "nf4",
    }});
    let model = fixture("tiny-llama3");
    let quantized = check_merged(&model, Some(&adapter), &attributes, "fp32");
    let plain = check_merged(&model, Some(&adapter), &json!({}), "fp32");
    assert!(read(quantized.path()) != read(plain.path()));
}

#[test]
fn a_gguf_file_is_read() {
    for storage in [Storage::Q8_0, Storage::F16] {
        let (file, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let path = file.path().join("tiny.gguf");
        fs::write(&path, tiny(storage).bytes()).unwrap();
        write_gguf(&path, folder.path());
        for extra in [json!({}), json!({"config_only": true})] {
            let config = json!({"precision": "int4", "extra_options": extra});
            let made = build(&path, &config, |input| input["type"] = "GgufModel".into());
            check_same(&made, &build(folder.path(), &config, |_| {}));
        }
    }
}

#[test]
fn a_config_alone_is_that_of_the_merged_model() {
    let (model, config) = (
        fixture("tiny-llama3-nf4"),
        json!({"precision": "int4", "extra_options": {"config_only": true}}),
    );
    let merged = tempfile::tempdir().unwrap();
    write_merged(&Merge::open(&model, None, &BTreeMap::new()).unwrap(), merged.path());
    check_same(&build(&model, &config, |_| {}), &build(merged.path(), &config, |_| {}));
}

#[test]
fn what_does_not_fit_together_is_told_before_the_build() {
    let rows = [
        ("tiny-qwen2", "tiny-phi3/adapter", json!({}), "which is no linear layer of the model"),
        ("tiny-phi3", "no-adapter", json!({}), "does not exist"),
        (
            "tiny-phi3",
            "tiny-phi3/adapter",
            json!({"quantization_config": {"quant_method": "gptq"}}),
            "`quant_method` is `gptq`",
        ),
    ];
    for (model, adapter, attributes, expected) in rows {
        let output = tempfile::tempdir().unwrap();
        let config = json!({"precision": "int4"});
        let mut request = request(&fixture(model), &config, &output);
        request["input"]["adapter_path"] = json!(fixture(adapter));
        request["input"]["model_attributes"] = attributes;
        let found = prepare(&request).unwrap_err();
        assert!(found.message.contains(expected), "{found}");
        assert!(found.help.is_some(), "{found}");
        let failed = run(&request, &Recorder::default()).unwrap_err();
        assert_eq!((failed.message, failed.help), (found.message, found.help));
        assert_eq!(file_names(output.path()), [""; 0]);
    }
}

/// Builds a model with its adapter, and the merged checkpoint; returns the first folder.
fn check_merged(
    model: &Path,
    adapter: Option<&PathBuf>,
    attributes: &Value,
    precision: &str,
) -> TempDir {
    let config = json!({"precision": precision});
    let made = build(model, &config, |input| {
        input["adapter_path"] = json!(adapter);
        input["model_attributes"] = attributes.clone();
    });
    let merged = tempfile::tempdir().unwrap();
    let attributes = serde_json::from_value(attributes.clone()).unwrap();
    let merge = Merge::open(model, adapter.map(PathBuf::as_path), &attributes).unwrap();
    write_merged(&merge, merged.path());
    check_same(&made, &build(merged.path(), &config, |_| {}));
    made
}

fn build(model: &Path, config: &Value, change: impl FnOnce(&mut Value)) -> TempDir {
    let output = tempfile::tempdir().unwrap();
    let mut request = request(model, config, &output);
    change(&mut request["input"]);
    assert_eq!(prepare(&request).unwrap(), []);
    let StepOutcome::Model(made) = run(&request, &Recorder::default()).unwrap() else {
        panic!("not a model")
    };
    assert_eq!((made.adapter_path, made.model_attributes.len()), (None, 0));
    output
}

fn check_same(one: &TempDir, other: &TempDir) {
    let [one, other] = [one, other].map(|dir| read(dir.path()));
    assert_eq!(one.keys().collect::<Vec<_>>(), other.keys().collect::<Vec<_>>());
    for (name, bytes) in &one {
        assert!(*bytes == other[name], "{name}");
    }
}

fn read(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let bytes = |name: String| (name.clone(), fs::read(dir.join(name)).unwrap());
    file_names(dir).into_iter().map(bytes).collect()
}

/// Writes the merged checkpoint, each tensor at once.
fn write_merged(merge: &Merge, to: &Path) {
    let parts = merge.parts().unwrap();
    let specs = parts.iter().map(|part| TensorSpec::new(&*part.name, part.dtype, &*part.shape));
    let mut writer = CheckpointWriter::create(to, specs.collect(), usize::MAX).unwrap();
    for part in &parts {
        let rows = merge.weight(part).unwrap().rows(0..part.num_rows());
        writer.append_bytes(&part.name, &rows).unwrap();
    }
    writer.finish().unwrap();
    let from = merge.base().dir();
    files::copy(&from.join("config.json"), to).unwrap();
    if let Some(config) = merge.config() {
        fs::write(to.join("config.json"), config).unwrap();
    }
    files::copy_companions(from, to).unwrap();
}

/// Writes the checkpoint that a GGUF file makes, each tensor at once.
fn write_gguf(path: &Path, to: &Path) {
    let model = GgufModel::open(path, Layout::Llama, Dtype::F32).unwrap();
    let targets = model.targets();
    let specs = targets.iter().map(|part| TensorSpec::new(&*part.name, Dtype::F32, &*part.shape));
    let mut writer = CheckpointWriter::create(to, specs.collect(), usize::MAX).unwrap();
    for target in targets {
        let values = model.rows(target, 0..target.num_rows()).unwrap();
        writer.append_f32(&target.name, &values).unwrap();
    }
    writer.finish().unwrap();
    for (name, text) in model.files().unwrap() {
        fs::write(to.join(name), text).unwrap();
    }
}
