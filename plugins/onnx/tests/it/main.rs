//! The passes on small graphs, against what Olive makes of them.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test fails by panicking, and says what it skips and measures"
)]

mod structure;
mod olive;
mod peephole;
mod runtime;
mod frame;
mod extract;
mod promises;
mod memory;
mod editor;

use std::path::{Path, PathBuf};

use olive_plugin_api::testing::Recorder;
use olive_plugin_api::{Diagnostic, Plugin, PluginError, StepOutcome, StepRequest};
use serde_json::{Value, json};

fn plugin() -> Plugin {
    Plugin::new("onnx", "0.1.0")
        .with_pass::<olive_plugin_onnx::GraphSurgeries>()
        .with_pass::<olive_plugin_onnx::OnnxPeepholeOptimizer>()
        .with_pass::<olive_plugin_onnx::DynamicToFixedShape>()
        .with_pass::<olive_plugin_onnx::OnnxIODataTypeConverter>()
        .with_pass::<olive_plugin_onnx::AddOliveMetadata>()
        .with_pass::<olive_plugin_onnx::MatMulNBitsToQDQ>()
        .with_pass::<olive_plugin_onnx::OnnxFloatToFloat16>()
        .with_pass::<olive_plugin_onnx::OnnxBlockWiseRtnQuantization>()
        .with_pass::<olive_plugin_onnx::OnnxKQuantQuantization>()
        .with_pass::<olive_plugin_onnx::OnnxDynamicQuantization>()
        .with_pass::<olive_plugin_onnx::OnnxOpVersionConversion>()
        .with_pass::<olive_plugin_onnx::SplitModel>()
        .with_pass::<olive_plugin_onnx::ExtractAdapters>()
}

/// A graph of `tests/graphs`, or of the builder's fixtures when its name begins with `tiny-`.
fn graph(name: &str) -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    if name.starts_with("tiny-") {
        return here.join("../../tests/fixtures/builder").join(name).join("model.onnx");
    }
    here.join("tests/graphs").join(format!("{name}.onnx"))
}

/// A request for `pass` on the graph at `path`.
fn request(pass: &str, path: &Path, config: &Value, output: &Path) -> StepRequest {
    let input = json!({
        "type": "ONNXModel",
        "model_path": path.parent().unwrap(),
        "onnx_file_name": path.file_name().unwrap().to_str().unwrap(),
    });
    let mut request = olive_kit_testing::request("pass", pass, &input, output);
    request["config"] = config.clone();
    serde_json::from_value(request).unwrap()
}

/// A copy of the graph `name` in a folder of its own, with its data.
fn alone(name: &str, folder: &Path) -> PathBuf {
    let from = graph(name);
    let data = from.with_extension("onnx.data");
    if data.is_file() {
        std::fs::copy(&data, folder.join("model.onnx.data")).unwrap();
    }
    let path = folder.join("model.onnx");
    std::fs::copy(from, &path).unwrap();
    path
}

fn prepare(request: &StepRequest) -> Result<Vec<Diagnostic>, PluginError> {
    plugin().prepare(request, &Recorder::default())
}

fn run(request: &StepRequest) -> Result<StepOutcome, PluginError> {
    plugin().run(request, &Recorder::default())
}
