//! Files that should be there.

use std::fs;
use std::path::Path;

use olive_schemas::pointer::escape;
use serde_json::Value;

use super::shape::{own_settings, passes};
use super::{Problem, Problems};
use crate::config::references::{PATH, marked};
use crate::config::schema::{nearest, workflow_schema};
use crate::plugin::Catalog;

/// Warns once of each file the normalized config `value` reads that is not there.
pub(super) fn check(value: &Value, folder: &Path, catalog: &Catalog, problems: &mut Problems) {
    let mut told: Vec<(String, Problem)> = Vec::new();
    for (pointer, path, what) in paths(value, catalog) {
        if path.is_empty() || folder.join(path).exists() {
            continue;
        }
        match told.iter_mut().find(|(known, _)| known == path) {
            Some((_, problem)) => {
                let diagnostic = problem.diagnostic.clone();
                problem.diagnostic = diagnostic.with_related(pointer, "named here too");
            }
            None => told.push((path.to_owned(), missing(path, what, &pointer, folder))),
        }
    }
    problems.extend(told.into_iter().map(|(_, problem)| problem));
}

/// Pointers of the paths that are read, each with the path and what it is.
fn paths<'a>(value: &'a Value, catalog: &Catalog) -> Vec<(String, &'a str, &'static str)> {
    let models = [("model_path", "model"), ("adapter_path", "adapter")];
    let models = models.map(|(key, what)| (format!("/input_model/{key}"), what));
    let mut pointers: Vec<(String, &str)> = models.into();
    let mut files = marked(value, workflow_schema(), PATH, "input");
    files.extend(data_files(value));
    for (pass_pointer, pass) in passes(value) {
        let kind = pass.get("type").and_then(Value::as_str).unwrap_or_default();
        if let Some(known) = catalog.pass(kind) {
            let own = own_settings(pass, &["type"]);
            let found = marked(&own, &known.descriptor.schema, PATH, "input");
            files.extend(found.iter().map(|found| format!("{pass_pointer}{found}")));
        }
    }
    let systems = value.get("systems").and_then(Value::as_object);
    for (name, _) in systems.into_iter().flatten() {
        files.push(format!("/systems/{}/aml_docker_config/conda_file_path", escape(name)));
    }
    pointers.extend(files.into_iter().map(|pointer| (pointer, "file")));
    let written = pointers.into_iter().filter_map(|(pointer, what)| {
        let path = value.pointer(&pointer)?.as_str()?;
        Some((pointer, path, what))
    });
    written.collect()
}

fn missing(path: &str, what: &str, pointer: &str, folder: &Path) -> Problem {
    if what == "model" && is_hub_id(path) {
        let message = format!("`{path}` is a Hugging Face name, and no such folder is here");
        let help = "download it, and write the folder's path: models are not fetched yet";
        return Problem::warning("file-missing", pointer, message, help);
    }
    let message = format!("{what} `{path}` does not exist");
    if let Some(meant) = neighbor(path, folder) {
        let help = format!("did you mean `{meant}`?");
        return Problem::warning("file-missing", pointer, message, &help);
    }
    let help = format!("relative paths start at `{}`", folder.display());
    Problem::warning("file-missing", pointer, message, &help)
}

/// The path of what stands where `path` leads under a name that is nearly the same.
fn neighbor(path: &str, folder: &Path) -> Option<String> {
    let start = path.rfind('/').map_or(0, |slash| slash + 1);
    let (place, written) = path.split_at(start);
    let entries = fs::read_dir(folder.join(place)).ok()?;
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut names: Vec<String> = names.collect();
    names.sort();
    let name = nearest(written, names.iter().map(String::as_str))?;
    Some(format!("{place}{name}"))
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

/// `owner/name`, as the Hugging Face hub names models.
fn is_hub_id(path: &str) -> bool {
    let is_name = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
    };
    path.split_once('/').is_some_and(|(owner, name)| is_name(owner) && is_name(name))
}
