//! Files that should be there.

use std::path::Path;

use olive_schemas::pointer::escape;
use serde_json::Value;

use super::shape::{own_settings, packages, passes};
use super::{Problem, Problems, custom};
use crate::config::missing;
use crate::config::references::{PATH, marked};
use crate::config::schema::workflow_schema;
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
            None => told.push((path.to_owned(), absence(path, what, &pointer, folder))),
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
    files.extend(custom::marked_settings(value, catalog, PATH, "input"));
    for (package_pointer, package) in packages(value) {
        let kind = package.get("type").and_then(Value::as_str).unwrap_or_default();
        if let Some((_, known)) = catalog.packager(kind) {
            let found = marked(package, &known.schema, PATH, "input");
            files.extend(found.iter().map(|found| format!("{package_pointer}{found}")));
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

fn absence(path: &str, what: &str, pointer: &str, folder: &Path) -> Problem {
    let path = Path::new(path);
    if let Some((message, help)) = missing::hub_model(path, folder).filter(|_| what == "model") {
        return Problem::warning("file-missing", pointer, message, help);
    }
    let message = format!("{what} `{}` does not exist", path.display());
    Problem::warning("file-missing", pointer, message, &missing::help(path, folder))
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
