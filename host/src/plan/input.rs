//! The input model: found, made absolute, digested.

use std::path::{Path, PathBuf};

use olive_schemas::diagnostic::Diagnostic;
use olive_schemas::model::{Model, ModelKind};

use super::settings::{Ground, digest};
use super::{Input, PlanError};
use crate::config::missing;

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
        (None, Some(model)) => {
            let (model, problems) = locate(model, ground.folder);
            ground.problems.extend(problems);
            model
        }
        (None, None) => {
            let message = "no installed plugin works on a model of this type";
            let problem = Diagnostic::error("model-kind", "/input_model/type", message);
            return Err(PlanError::Problems(vec![problem]));
        }
    };
    let digest = content(&model, ground)?;
    Ok(Input { model, digest })
}

/// Digest of a model's files, attributes and settings, wherever they lie.
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
    if let Some(settings) = &model.inference_settings {
        hasher.update(serde_json::to_string(settings).unwrap_or_default().as_bytes());
    }
    Ok(hasher.finalize().to_hex().to_string())
}

/// `model` with absolute paths, and what is wrong with them; relative ones start at `folder`.
pub(super) fn locate(mut model: Model, folder: &Path) -> (Model, Vec<Diagnostic>) {
    let mut problems = Vec::new();
    problems.extend(settle(&mut model.model_path, "model", folder));
    if let Some(adapter) = &mut model.adapter_path {
        problems.extend(settle(adapter, "adapter", folder));
    }
    match model.kind {
        ModelKind::Onnx if model.model_path.is_file() => split_graph(&mut model),
        ModelKind::Hf if model.model_path.is_file() => {
            let message = format!("model `{}` is a file, not a folder", model.model_path.display());
            problems.push(Diagnostic::error("wrong-file", "/input_model/model_path", message));
        }
        ModelKind::Gguf if model.model_path.is_dir() => {
            let message = format!("model `{}` is a folder, not a file", model.model_path.display());
            problems.push(Diagnostic::error("wrong-file", "/input_model/model_path", message));
        }
        ModelKind::Onnx | ModelKind::Hf | ModelKind::Gguf => {}
    }
    (model, problems)
}

/// Makes `path` absolute; a problem when it leads nowhere.
fn settle(path: &mut PathBuf, what: &str, folder: &Path) -> Option<Diagnostic> {
    let written = path.clone();
    *path = folder.join(&written);
    if path.exists() {
        return None;
    }
    let pointer = format!("/input_model/{what}_path");
    if let Some((message, help)) = missing::hub_model(&written, folder).filter(|_| what == "model")
    {
        return Some(Diagnostic::error("file-missing", pointer, message).with_help(help));
    }
    let message = format!("{what} `{}` does not exist", path.display());
    let help = match missing::neighbor(&written, folder) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!(
            "put the {what} there, or name another model with -m; relative paths start at `{}`",
            folder.display()
        ),
    };
    Some(Diagnostic::error("file-missing", pointer, message).with_help(help))
}

/// An ONNX model is a folder and the name of the graph in it.
fn split_graph(model: &mut Model) {
    let file = model.model_path.clone();
    if let (Some(folder), Some(name)) = (file.parent(), file.file_name()) {
        folder.clone_into(&mut model.model_path);
        model.onnx_file_name.get_or_insert_with(|| name.to_string_lossy().into_owned());
    }
}
