//! Packages of tiny models.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod zipfile;
mod dockerfile;
mod model_package;

use std::fs;
use std::path::{Path, PathBuf};

use olive_plugin_api::{
    Accelerator, Candidate, CandidateFile, Device, MetricValue, Model, ModelKind, ModelStep,
    Package,
};
use serde_json::{Value, json};

/// The folder of a model of `tests/fixtures`.
fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures").join(name)
}

/// A model with the files that lie in the folder of `model`, and those of its adapter.
fn candidate(model: Model) -> Candidate {
    let has_adapter = model.adapter_path.is_some();
    let mut files = files_of(&model.model_path, if has_adapter { "model/" } else { "" });
    files.extend(model.adapter_path.iter().flat_map(|path| files_of(path, "adapter/")));
    files.sort_by(|one, other| one.name.cmp(&other.name));
    let step = |id: &str, pass: Option<&str>| ModelStep {
        model_id: id.into(),
        from_pass: pass.map(str::to_owned),
        pass_run_config: pass.map(|_| json!({"precision": "int4"})),
    };
    Candidate {
        model,
        model_id: "made".into(),
        files,
        accelerator: Accelerator::default(),
        metrics: vec![figure(0.75)],
        history: vec![step("start", None), step("made", Some("ModelBuilder"))],
    }
}

fn files_of(folder: &Path, below: &str) -> Vec<CandidateFile> {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = paths.filter(|path| path.is_file());
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    files.map(|path| CandidateFile { name: format!("{below}{}", name(&path)), path }).collect()
}

fn figure(value: f64) -> MetricValue {
    MetricValue {
        metric: "tone".into(),
        sub_type: "exact_match".into(),
        value,
        priority: 1,
        higher_is_better: true,
        uncertainty: None,
    }
}

/// A graph that generates.
fn generating() -> Candidate {
    let folder = fixture("builder/tiny-llama-fp32");
    let model = Model { onnx_file_name: Some("model.onnx".into()), ..onnx(folder) };
    candidate(model)
}

/// The same for another kind of device, with the weights of the first.
fn for_cuda() -> Candidate {
    let accelerator =
        Accelerator { device: Device::Gpu, execution_provider: "CUDAExecutionProvider".into() };
    let weights = CandidateFile {
        name: "model.onnx.data".into(),
        path: fixture("builder/tiny-llama-fp32").join("model.onnx.data"),
    };
    let mut candidate = candidate(onnx(fixture("builder/tiny-llama-int4-cuda")));
    candidate.files.push(weights);
    Candidate { accelerator, ..candidate }
}

fn onnx(folder: PathBuf) -> Model {
    Model::new(ModelKind::Onnx, folder)
}

fn package(candidates: Vec<Candidate>) -> Package {
    Package { name: "OutputModels".into(), candidates, input_metrics: vec![figure(0.5)] }
}

/// The JSON file at `path`.
fn read_json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// Names of all files below `folder`, sorted.
fn names(folder: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            names.extend(self::names(&path).iter().map(|inner| format!("{name}/{inner}")));
        } else {
            names.push(name);
        }
    }
    names.sort();
    names
}
