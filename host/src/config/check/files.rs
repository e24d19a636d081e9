//! Files that should be there.

use std::path::Path;

use serde_json::Value;

use super::shape::{own_settings, passes};
use super::{Problem, Problems};
use crate::config::node::escape;
use crate::config::references::{PATH, marked};
use crate::config::schema::workflow_schema;
use crate::plugin::Catalog;

/// Warns of each file the normalized config `value` reads that is not there.
pub(super) fn check(value: &Value, folder: &Path, catalog: &Catalog, problems: &mut Problems) {
    for key in ["model_path", "adapter_path"] {
        let pointer = format!("/input_model/{key}");
        let Some(path) = value.pointer(&pointer).and_then(Value::as_str) else { continue };
        if is_hub_id(path) && !folder.join(path).exists() {
            let message = format!("`{path}` is a Hugging Face name, and no such folder is here");
            let help = "download it, and write the folder's path: models are not fetched yet";
            problems.push(Problem::warning("file-missing", &pointer, message, help));
        } else {
            check_path(path, "model", &pointer, folder, problems);
        }
    }
    let mut pointers = marked(value, workflow_schema(), PATH, "input");
    pointers.extend(data_files(value));
    for (pass_pointer, pass) in passes(value) {
        let kind = pass.get("type").and_then(Value::as_str).unwrap_or_default();
        if let Some(known) = catalog.pass(kind) {
            let own = own_settings(pass, &["type"]);
            let found = marked(&own, &known.descriptor.schema, PATH, "input");
            pointers.extend(found.iter().map(|found| format!("{pass_pointer}{found}")));
        }
    }
    for pointer in pointers {
        if let Some(path) = value.pointer(&pointer).and_then(Value::as_str) {
            check_path(path, "file", &pointer, folder, problems);
        }
    }
    let systems = value.get("systems").and_then(Value::as_object);
    for (name, system) in systems.into_iter().flatten() {
        let below = "/aml_docker_config/conda_file_path";
        if let Some(path) = system.pointer(below).and_then(Value::as_str) {
            let pointer = format!("/systems/{}{below}", escape(name));
            check_path(path, "file", &pointer, folder, problems);
        }
    }
}

/// Pointers of the data files of the data configs.
fn data_files(value: &Value) -> Vec<String> {
    let configs = value.get("data_configs").and_then(Value::as_array);
    let mut pointers = Vec::new();
    for (index, config) in configs.into_iter().flatten().enumerate() {
        let pointer = format!("/data_configs/{index}/load_dataset_config/data_files");
        match config.pointer("/load_dataset_config/data_files") {
            Some(Value::Array(items)) => {
                pointers.extend((0..items.len()).map(|item| format!("{pointer}/{item}")));
            }
            Some(_) => pointers.push(pointer),
            None => {}
        }
    }
    pointers
}

fn check_path(path: &str, what: &str, pointer: &str, folder: &Path, problems: &mut Problems) {
    let whole = folder.join(path);
    if path.is_empty() || whole.exists() {
        return;
    }
    let message = format!("{what} `{path}` does not exist");
    let help = format!("relative paths start at `{}`", folder.display());
    problems.push(Problem::warning("file-missing", pointer, message, &help));
}

/// `owner/name`, as the Hugging Face hub names models.
fn is_hub_id(path: &str) -> bool {
    let is_name = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
    };
    path.split_once('/').is_some_and(|(owner, name)| is_name(owner) && is_name(name))
}
