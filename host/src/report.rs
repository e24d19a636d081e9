//! What a run leaves in its output folder.
//!
//! ```text
//! <output_dir>/
//!   model_config.json          the result, as Olive describes it; a valid input model
//!   footprint.json             every model of the run, in Olive's form
//!   output_footprint.json      the result and the candidates, in the same form
//!   metrics.json               what was measured of the result
//!   input_model_metrics.json   what was measured of the input model
//!   run_history.txt            the models as a table
//!   run.json                   the whole run; `olive report` makes the report of it
//!   report.html                all of it, for people
//!   candidates/<rank>/         of a search: what was chosen beside the result, from rank 2 on
//!     model_config.json        such a model, as Olive describes it
//!     metrics.json             what was measured of it
//! ```

pub mod quality;
pub mod verdict;
pub mod trials;
pub mod table;
pub mod lineage;
pub mod figures;
pub mod goals;
mod records;
mod history;
mod page;
mod markdown;
mod csv;
pub mod read;
mod nodes;
#[cfg(test)]
pub(crate) mod sample;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use olive_schemas::footprint::{Footprint, ModelRecord};
use serde_json::Value;
use thiserror::Error;

use crate::store::files::write_atomically;
use read::RUN;

/// Files that tell of one model, beside its own.
pub const OF_MODELS: [&str; 2] = ["model_config.json", "metrics.json"];
/// Name of the page for people.
pub const PAGE: &str = "report.html";

/// Why a report could not be written.
#[derive(Debug, Error)]
pub enum ReportError {
    /// A file cannot be written.
    #[error("cannot write `{}`: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// Writes every file of the report into `output_dir`, which exists.
///
/// The model of the last record is the result; its paths lie in `output_dir`. Files of an earlier
/// run that this one has nothing for are removed.
///
/// # Errors
/// When a file cannot be written; the files before it are whole.
pub fn write(footprint: &Footprint, output_dir: &Path) -> Result<(), ReportError> {
    let result = footprint.models.last();
    let candidates = || footprint.candidates().map(|(_, record)| record);
    let chosen =
        result.map(|result| records::nodes(footprint, [result].into_iter().chain(candidates())));
    put_all(output_dir, of_model(result))?;
    for (candidate, record) in footprint.candidates() {
        put_all(&output_dir.join(&candidate.folder), of_model(Some(record)))?;
    }
    let files = [
        ("footprint.json", Some(records::nodes(footprint, &footprint.models))),
        ("output_footprint.json", chosen),
        ("input_model_metrics.json", measured(footprint.input())),
    ];
    put_all(output_dir, files)?;
    put(&output_dir.join(RUN), &whole(footprint))?;
    put(&output_dir.join("run_history.txt"), &history::grid(&footprint.models))?;
    write_form(footprint, Form::Html, &output_dir.join(PAGE))
}

/// The files of one model.
fn of_model(record: Option<&ModelRecord>) -> [(&'static str, Option<Value>); 2] {
    let model = record.and_then(|record| record.model.as_ref());
    let [config, metrics] = OF_MODELS;
    [(config, model.map(records::model_config)), (metrics, measured(record))]
}

fn measured(record: Option<&ModelRecord>) -> Option<Value> {
    record.filter(|record| !record.metrics.is_empty()).map(records::metrics)
}

/// Writes those of `files` that there is something for, and removes the others.
fn put_all<const COUNT: usize>(
    folder: &Path,
    files: [(&str, Option<Value>); COUNT],
) -> Result<(), ReportError> {
    files.into_iter().try_for_each(|(name, content)| match content {
        Some(content) => put(&folder.join(name), &json(&content)),
        None => remove(&folder.join(name)),
    })
}

/// A form of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The page for people.
    Html,
    /// The same content as tables.
    Markdown,
    /// The whole run, for programs.
    Json,
    /// A row a variant, or a row a model when there was no search.
    Csv,
}

/// The report in one of its forms.
pub fn render(footprint: &Footprint, form: Form) -> String {
    match form {
        Form::Html => page::render(footprint),
        Form::Markdown => markdown::render(footprint),
        Form::Json => whole(footprint),
        Form::Csv => csv::render(footprint),
    }
}

/// Writes one form of the report to `path`.
///
/// # Errors
/// When the file cannot be written.
pub fn write_form(footprint: &Footprint, form: Form, path: &Path) -> Result<(), ReportError> {
    put(path, &render(footprint, form))
}

fn whole(footprint: &Footprint) -> String {
    let text = serde_json::to_string_pretty(footprint).unwrap_or_default();
    text + "\n"
}

fn json(content: &Value) -> String {
    format!("{content:#}\n")
}

fn put(path: &Path, text: &str) -> Result<(), ReportError> {
    write_atomically(path, text.as_bytes())
        .map_err(|source| ReportError::Write { path: path.to_owned(), source })
}

fn remove(path: &Path) -> Result<(), ReportError> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(ReportError::Write { path: path.to_owned(), source })
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(folder: &Path, name: &str) -> Value {
        serde_json::from_str(&fs::read_to_string(folder.join(name)).unwrap()).unwrap()
    }

    #[test]
    fn the_output_folder_has_olives_files() {
        let folder = tempfile::tempdir().unwrap();
        let footprint = sample::full();
        write(&footprint, folder.path()).unwrap();

        let model = read(folder.path(), "model_config.json");
        assert_eq!(model["type"], "ONNXModel");
        assert_eq!(model["config"]["onnx_file_name"], "model.onnx");
        let metrics = read(folder.path(), "metrics.json");
        assert_eq!(
            metrics["tone-exact_match"],
            json!({"value": 0.55, "priority": 1, "higher_is_better": true})
        );
        let input_metrics = read(folder.path(), "input_model_metrics.json");
        assert_eq!(input_metrics["tone-exact_match"]["value"], 0.0);
        let nodes = read(folder.path(), "footprint.json");
        assert_eq!(nodes.as_object().unwrap().len(), footprint.models.len());
        let output = read(folder.path(), "output_footprint.json");
        assert_eq!(output.as_object().unwrap().len(), 1);
        let mut names: Vec<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, olive_plugin_api::beside::REPORT);
    }

    #[test]
    fn stale_metrics_do_not_stay() {
        let folder = tempfile::tempdir().unwrap();
        let mut footprint = sample::full();
        write(&footprint, folder.path()).unwrap();
        footprint.models.iter_mut().for_each(|model| model.metrics.clear());
        write(&footprint, folder.path()).unwrap();
        assert!(!folder.path().join("metrics.json").exists());
        assert!(!folder.path().join("input_model_metrics.json").exists());
    }

    #[test]
    fn a_missing_folder_is_named() {
        let error =
            write_form(&sample::full(), Form::Html, Path::new("/nowhere/at/all/report.html"));
        let message = error.unwrap_err().to_string();
        assert!(message.starts_with("cannot write `/nowhere/at/all/report.html`: "), "{message}");
    }
}
