//! Model packages, compared with those of Olive (`tests/olive/make.py`).

use std::fs;
use std::path::Path;

use olive_kit_onnx::{read_model, write_model};
use olive_plugin_api::testing::{Recorder, TestStep, run_packager};
use olive_plugin_api::{Candidate, PluginError};
use olive_plugin_package::ModelPackage;
use serde_json::{Value, json};

use crate::{for_cuda, generating, names, package, read_json};

fn packed(candidates: Vec<Candidate>, config: Value) -> Result<TestStep, PluginError> {
    let model = candidates[0].model.clone();
    let step = TestStep::packager::<ModelPackage>(model, config);
    let step = step.with_package(package(candidates));
    let folder = run_packager::<ModelPackage>(&step, &Recorder::default())?;
    assert_eq!(folder, step.output_dir().join("OutputModels.ortpackage"));
    Ok(step)
}

/// A file that Olive made of the same models.
fn theirs(name: &str) -> Value {
    read_json(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/olive").join(name))
}

#[test]
fn every_document_is_that_of_olive() {
    let step = packed(vec![generating(), for_cuda()], json!({})).unwrap();
    let folder = step.output_dir().join("OutputModels.ortpackage");
    let ours = |name: &str| read_json(&folder.join(name));
    let (mut manifest, mut expected) = (ours("manifest.json"), theirs("manifest.json"));
    for tool in ["tool", "tool_version"] {
        manifest["producer"].as_object_mut().unwrap().remove(tool);
        expected["producer"].as_object_mut().unwrap().remove(tool);
    }
    assert_eq!(manifest, expected);
    assert_eq!(ours("models/decoder/metadata.json"), theirs("metadata.json"));
    assert_eq!(ours("configs/genai_config.json"), theirs("genai_config.json"));
    for variant in ["cpu-cpu_rank1", "gpu-cuda_rank2"] {
        let overlay = format!("models/decoder/{variant}/genai_config_overlay.json");
        assert_eq!(ours(&overlay), theirs(&format!("overlay-{variant}.json")), "{variant}");
    }
}

#[test]
fn weights_lie_with_their_variant_and_the_rest_is_shared() {
    let step = packed(vec![generating()], json!({})).unwrap();
    let names = names(&step.output_dir().join("OutputModels.ortpackage"));
    for name in [
        "configs/genai_config.json",
        "configs/tokenizer.json",
        "manifest.json",
        "models/decoder/cpu-cpu/genai_config_overlay.json",
        "models/decoder/cpu-cpu/model.onnx",
        "models/decoder/cpu-cpu/model.onnx.data",
        "models/decoder/metadata.json",
    ] {
        assert!(names.iter().any(|known| known == name), "{name}: {names:?}");
    }
    assert!(!names.iter().any(|name| name.starts_with("configs/model.onnx")), "{names:?}");
}

#[test]
fn weights_lie_where_their_graph_looks_for_them() {
    let mut generating = generating();
    let folder = tempfile::tempdir().unwrap();
    let original = generating.files.iter_mut().find(|file| file.name == "model.onnx").unwrap();
    let mut model = read_model(&original.path).unwrap();
    original.name = "graphs/model.onnx".into();
    original.path = folder.path().join("model.onnx");
    for weight in &mut model.graph.as_mut().unwrap().initializer {
        let entries = weight.external_data.iter_mut();
        let locations = entries.filter(|entry| entry.key.as_deref() == Some("location"));
        locations.for_each(|entry| entry.value = Some("weights/all.bin".into()));
    }
    write_model(&model, &original.path).unwrap();
    let config = generating.files.iter_mut().find(|file| file.name == "genai_config.json").unwrap();
    let mut genai = read_json(&config.path);
    genai["model"]["decoder"]["filename"] = "graphs/model.onnx".into();
    config.path = folder.path().join("genai_config.json");
    fs::write(&config.path, genai.to_string()).unwrap();

    let error = packed(vec![generating.clone()], json!({})).unwrap_err();
    assert_eq!(error.code, "onnx");
    assert!(error.to_string().contains("no file `weights/all.bin`, in which its graph"), "{error}");

    let weights = generating.files.iter_mut().find(|file| file.name == "model.onnx.data").unwrap();
    weights.name = "graphs/weights/all.bin".into();
    let step = packed(vec![generating], json!({})).unwrap();
    let names = names(&step.output_dir().join("OutputModels.ortpackage"));
    for name in ["model.onnx", "weights/all.bin"] {
        let name = format!("models/decoder/cpu-cpu/{name}");
        assert!(names.contains(&name), "{name}: {names:?}");
    }
}

#[test]
fn name_and_version_are_those_that_are_asked_for() {
    let config = json!({"model_name": "tone", "model_version": "2.1"});
    let step = packed(vec![generating()], config).unwrap();
    let manifest = read_json(&step.output_dir().join("OutputModels.ortpackage/manifest.json"));
    let told = ["package_name", "package_version"].map(|key| manifest[key].clone());
    assert_eq!(told, [json!("tone"), json!("2.1")]);
}

#[test]
fn a_model_that_says_nothing_of_its_parts_is_refused() {
    let mut plain = generating();
    plain.files.retain(|file| file.name != "genai_config.json");
    let error = packed(vec![plain], json!({})).unwrap_err();
    assert_eq!((error.code.as_str(), error.help.is_some()), ("genai-config", true));

    let folder = tempfile::tempdir().unwrap();
    for (text, told) in [
        ("[]", "is no object"),
        ("{", "is no JSON"),
        ("{}", "has no `model`"),
        (r#"{"model": {"decoder": {}}}"#, "names no graph"),
        (r#"{"model": {"../decoder": {"filename": "model.onnx"}}}"#, "no name of a folder"),
    ] {
        let mut strange = generating();
        let file = strange.files.iter_mut().find(|file| file.name == "genai_config.json").unwrap();
        file.path = folder.path().join("genai_config.json");
        fs::write(&file.path, text).unwrap();
        let error = packed(vec![strange], json!({})).unwrap_err();
        assert!(error.to_string().contains(told), "{text}: {error}");
    }
}
