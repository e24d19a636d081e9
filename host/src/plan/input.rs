//! The input model: found, made absolute, digested.

use std::path::Path;

use olive_schemas::diagnostic::Diagnostic;
use olive_schemas::model::{Model, ModelKind};

use super::settings::{Ground, digest};
use super::{Input, PlanError};

/// The model that the config has, or `chosen` instead.
///
/// A path that leads nowhere is told and stands for an empty model.
pub(super) fn resolve(
    written: Option<Model>,
    chosen: Option<&Model>,
    ground: &mut Ground<'_>,
) -> Result<Input, PlanError> {
    let model = match (chosen, written) {
        (Some(model), _) => model.clone(),
        (None, Some(model)) => absolute(model, ground),
        (None, None) => {
            let message = "no installed plugin works on a model of this type";
            let problem = Diagnostic::error("model-kind", "/input_model/type", message);
            return Err(PlanError::Problems(vec![problem]));
        }
    };
    let digest = content(&model, ground)?;
    Ok(Input { model, digest })
}

/// Digest of a model's files and attributes, wherever they lie.
pub(super) fn content(model: &Model, ground: &mut Ground<'_>) -> Result<String, PlanError> {
    let mut hasher = blake3::Hasher::new();
    hasher.update(model.kind.name().as_bytes());
    let paths = [Some(&model.model_path), model.adapter_path.as_ref()];
    for path in paths.into_iter().flatten().filter(|path| path.exists()) {
        hasher.update(digest(path, ground)?.as_bytes());
    }
    hasher.update(model.onnx_file_name.as_deref().unwrap_or_default().as_bytes());
    let attributes = serde_json::to_string(&model.model_attributes).unwrap_or_default();
    hasher.update(attributes.as_bytes());
    Ok(hasher.finalize().to_hex().to_string())
}

fn absolute(mut model: Model, ground: &mut Ground<'_>) -> Model {
    let help = format!(
        "put the model there, or name another with -m; relative paths start at `{}`",
        ground.folder.display()
    );
    model.model_path = ground.folder.join(&model.model_path);
    check(&model.model_path, "model", "/input_model/model_path", &help, ground);
    if let Some(adapter) = &mut model.adapter_path {
        *adapter = ground.folder.join(&adapter);
        check(adapter, "adapter", "/input_model/adapter_path", &help, ground);
    }
    match model.kind {
        ModelKind::Onnx if model.model_path.is_file() => split_graph(&mut model),
        ModelKind::Hf if model.model_path.is_file() => {
            let message = format!("model `{}` is a file, not a folder", model.model_path.display());
            let problem = Diagnostic::error("wrong-file", "/input_model/model_path", message);
            ground.problems.push(problem);
        }
        ModelKind::Gguf if model.model_path.is_dir() => {
            let message = format!("model `{}` is a folder, not a file", model.model_path.display());
            let problem = Diagnostic::error("wrong-file", "/input_model/model_path", message);
            ground.problems.push(problem);
        }
        ModelKind::Onnx | ModelKind::Hf | ModelKind::Gguf => {}
    }
    model
}

fn check(path: &Path, what: &str, pointer: &str, help: &str, ground: &mut Ground<'_>) {
    if !path.exists() {
        let message = format!("{what} `{}` does not exist", path.display());
        let problem = Diagnostic::error("file-missing", pointer, message).with_help(help);
        ground.problems.push(problem);
    }
}

/// An ONNX model is a folder and the name of the graph in it.
fn split_graph(model: &mut Model) {
    let file = model.model_path.clone();
    if let (Some(folder), Some(name)) = (file.parent(), file.file_name()) {
        folder.clone_into(&mut model.model_path);
        model.onnx_file_name.get_or_insert_with(|| name.to_string_lossy().into_owned());
    }
}
