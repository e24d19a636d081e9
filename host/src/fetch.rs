//! Fetching what a config refers to, so that planning finds local files.

use std::path::{Path, PathBuf};

use olive_schemas::data::DataFormat;
use olive_schemas::error::PluginError;
use olive_schemas::origin::Provenance;
use olive_schemas::step::{Fetched, StepOutcome};
use serde_json::{Value, json};

use crate::config::{CheckedWorkflow, Local, Scope, Source};
use crate::engine::{self, RunContext};
use crate::error::Error;
use crate::host::{Host, unplanned};
use crate::plan::{self, Fetch};
use crate::store::Store;
use crate::store::files::relative_files;

/// The same workflow with local paths where it had references, of what matters to the command.
///
/// # Errors
/// When a source cannot fetch something, or the user wants to stop.
pub fn fetch(
    host: &Host,
    source: &Source,
    checked: CheckedWorkflow,
    scope: Scope,
) -> Result<CheckedWorkflow, Error> {
    let fetches = plan::fetches(&checked, &source.folder(), &host.catalog, scope)
        .map_err(|error| unplanned(error, source, &checked))?;
    let mut local = checked;
    for fetch in fetches {
        let view = host.view(local.workflow().engine.log_severity_level);
        let context = RunContext {
            store: &Store::new(&fetch.plan.cache_dir),
            view: &view,
            is_cancelled: &|| host.cancel.is_cancelled(),
            told: Vec::new(),
            settled: Vec::new(),
            batches: None,
        };
        let Some((title, made)) = engine::execute_alone(&fetch.plan, &context) else {
            continue;
        };
        let workflow = serde_json::to_value(local.workflow()).unwrap_or_default();
        let made = made.and_then(|made| settle(&fetch, made, &workflow));
        local = local.with_local(made.map_err(|error| Error::Step { title, error })?);
    }
    Ok(local)
}

/// What stands in place of the reference, once a source has `made` it local.
fn settle(fetch: &Fetch, made: StepOutcome, workflow: &Value) -> Result<Local, PluginError> {
    let Fetched { path, revision } = match made {
        StepOutcome::Fetched(fetched) => fetched,
        StepOutcome::Path(path) => path.into(),
        _ => return Err(refused("the source did not answer with a path")),
    };
    let provenance = Provenance { reference: fetch.reference.clone(), revision };
    let load = fetch.pointer.strip_suffix("/data_files");
    let (pointer, now) = match load {
        Some(load) => {
            let section = workflow.pointer(load).cloned().unwrap_or_default();
            (load.to_owned(), rows(section, &path)?)
        }
        None => (fetch.pointer.clone(), text(path.clone())?.into()),
    };
    let before = workflow.pointer(&pointer).cloned().unwrap_or_default();
    Ok(Local { pointer, before, now, path, provenance })
}

/// The section `load_dataset_config` with the files at `path`, in order of their names, and their
/// format when it does not say one.
fn rows(mut load: Value, path: &Path) -> Result<Value, PluginError> {
    let files = if path.is_dir() {
        let names = relative_files(path).map_err(|error| PluginError::from_error("io", &error))?;
        names.iter().map(|name| path.join(name)).collect()
    } else {
        vec![path.to_owned()]
    };
    if load.get("data_name").is_none() {
        let format = files.first().and_then(|file| DataFormat::of(file));
        let format = format.ok_or_else(|| {
            refused("the source fetched data of a format that is not known").with_help(
                "name the format in `data_name`: `json`, `csv`, `parquet`, `arrow`, `text`",
            )
        })?;
        load["data_name"] = json!(format);
    }
    let is_tab_separated = files.iter().any(|file| DataFormat::suffix(file) == Some("tsv"));
    if is_tab_separated && load.get("sep").is_none() {
        load["sep"] = json!("\t");
    }
    load["data_files"] = files.into_iter().map(text).collect::<Result<Vec<_>, _>>()?.into();
    Ok(load)
}

fn text(path: PathBuf) -> Result<String, PluginError> {
    let path = path.into_os_string().into_string();
    path.map_err(|_| refused("the source fetched a file whose name is no text"))
}

fn refused(message: &str) -> PluginError {
    PluginError::new("answer", message)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::{Value, json};

    use super::rows;

    #[test]
    fn a_folder_of_rows_is_its_files_in_the_format_of_their_names() {
        for (names, load, format, sep) in [
            (&["b.jsonl", "a.jsonl"][..], json!({}), "json", Value::Null),
            (&["a.tsv"], json!({}), "csv", json!("\t")),
            (&["a.json.gz"], json!({}), "json", Value::Null),
            (&["x/a.rows"], json!({"data_name": "text"}), "text", Value::Null),
        ] {
            let folder = tempfile::tempdir().unwrap();
            for name in names {
                let file = folder.path().join(name);
                fs::create_dir_all(file.parent().unwrap()).unwrap();
                fs::write(file, "").unwrap();
            }
            let read = rows(load, folder.path()).unwrap();
            assert_eq!((read["data_name"].as_str(), &read["sep"]), (Some(format), &sep));
            let mut names: Vec<_> = names.iter().map(|name| folder.path().join(name)).collect();
            names.sort();
            assert_eq!(read["data_files"], json!(names));
        }
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.rows"), "").unwrap();
        assert!(rows(json!({}), folder.path()).is_err());
    }
}
