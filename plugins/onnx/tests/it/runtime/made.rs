//! What a pass makes: a graph, graphs in order, or a graph with an adapter beside it.

use std::path::{Path, PathBuf};

use olive_kit_testing::graphs::AdapterFile;
use olive_plugin_api::{Model, StepOutcome};
use serde_json::Value;
use tempfile::TempDir;

use crate::{request, run};

/// Graphs in a folder that is gone with them.
pub(super) struct Made {
    /// One, or those of the parts of a model in order.
    pub(super) paths: Vec<PathBuf>,
    pub(super) adapter: Option<AdapterFile>,
    _folder: TempDir,
}

impl Made {
    /// A graph as it is.
    pub(super) fn alone(path: PathBuf, folder: TempDir) -> Self {
        Self { paths: vec![path], adapter: None, _folder: folder }
    }
}

/// What `pass` makes of the graph at `path`.
pub(super) fn step(pass: &str, config: &Value, path: &Path) -> Made {
    let folder = tempfile::tempdir().unwrap();
    let done = run(&request(pass, path, config, folder.path()));
    let done = done.unwrap_or_else(|error| panic!("{pass} {config}: {error:?}"));
    let StepOutcome::Model(model) = done else { panic!("{pass} {config}: no model") };
    let parts = model.model_attributes.get("model_component_names");
    let paths = match parts.and_then(Value::as_array) {
        Some(names) => {
            names.iter().map(|name| format!("{}.onnx", name.as_str().unwrap())).collect()
        }
        None => vec![model.onnx_file_name.clone().unwrap()],
    };
    let paths = paths.iter().map(|name| folder.path().join(name)).collect();
    Made { paths, adapter: adapter(&model, folder.path()), _folder: folder }
}

/// The file that fills inputs of the graph of `model`.
fn adapter(model: &Model, folder: &Path) -> Option<AdapterFile> {
    let file = model.model_attributes.get("constant_inputs_file_name")?.as_str()?;
    let inputs = model.model_attributes["constant_inputs"].as_object()?.keys().cloned();
    Some(AdapterFile { path: folder.join(file), inputs: inputs.collect() })
}
