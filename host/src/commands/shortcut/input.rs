//! The model that a config starts from.

use std::path::Path;

use olive_schemas::model::{Model, ModelKind};

use crate::cli::shortcuts::common::ModelExtras;
use crate::model;
use crate::shortcut::Draft;

/// Option that names the model.
const OPTION: &str = "model_name_or_path";

/// Puts the model called `written` into `draft`, and gives its kind.
pub(super) fn put(draft: &mut Draft, written: &str, extras: &ModelExtras) -> ModelKind {
    let path = Path::new(written);
    let found = model::recognize(path).ok();
    let kind = found.as_ref().map_or_else(|| model::kind_of(path), |found| found.kind);
    draft.put_from(OPTION, "/input_model", serde_json::json!({"type": kind.to_string()}));
    match found {
        Some(found) if is_described(path, &found) => put_described(draft, &found),
        Some(_) => draft.put_from(OPTION, "/input_model/model_path", draft.path(path)),
        // It may be the name of something elsewhere.
        None => draft.put_from(OPTION, "/input_model/model_path", written),
    }
    let adapter = extras.adapter_path.as_deref().map(|path| draft.path(path));
    draft.put_if("adapter_path", "/input_model/adapter_path", adapter);
    draft.put_if("task", "/input_model/task", extras.task.clone());
    kind
}

/// Whether `path` describes a model that lies elsewhere, or has an adapter.
fn is_described(path: &Path, found: &Model) -> bool {
    let is_elsewhere = path.canonicalize().is_ok_and(|path| {
        found.model_path != path && Some(found.model_path.as_path()) != path.parent()
    });
    is_elsewhere || found.adapter_path.is_some()
}

fn put_described(draft: &mut Draft, found: &Model) {
    let path = found.model_path.to_string_lossy().into_owned();
    draft.put_from(OPTION, "/input_model/model_path", path);
    let adapter = found.adapter_path.as_ref().map(|path| path.to_string_lossy().into_owned());
    draft.put_if(OPTION, "/input_model/adapter_path", adapter);
    draft.put_if(OPTION, "/input_model/onnx_file_name", found.onnx_file_name.clone());
}
