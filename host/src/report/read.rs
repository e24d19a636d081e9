//! A run that was told before, read back from the folder it was told in.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use olive_schemas::footprint::Footprint;
use serde_json::Value;
use thiserror::Error;

use super::nodes;

/// Name of the file with everything that a report tells.
pub const RUN: &str = "run.json";
/// Name of the file that older versions and runs without a result leave, and Olive's own.
const FOOTPRINT: &str = "footprint.json";

/// Why a run could not be read back.
#[derive(Debug, Error)]
pub enum ReadRunError {
    /// Nothing there tells of a run.
    #[error("there is no run in `{}`: neither `{RUN}` nor `{FOOTPRINT}` is there", .0.display())]
    Nothing(PathBuf),
    /// A file cannot be read.
    #[error("cannot read `{}`: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file is no footprint.
    #[error("`{}` does not tell a run: {reason}", path.display())]
    Form {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

impl ReadRunError {
    /// The way out.
    pub fn help(&self) -> Option<&'static str> {
        match self {
            Self::Nothing(_) => Some(
                "name the output folder of a run, or `v1/last_run` of its cache when it has no result",
            ),
            Self::Form { .. } => {
                Some("run the workflow again: what is done already is not done anew")
            }
            Self::Io { .. } => None,
        }
    }
}

/// The run that `path` tells: a folder, or a file of one.
///
/// What a newer version adds is left out, what an older one lacks is empty; of a footprint in
/// Olive's form there are only the models and their figures.
///
/// # Errors
/// When nothing there can be read as a run.
pub fn read(path: &Path) -> Result<Footprint, ReadRunError> {
    let file = if path.is_dir() {
        let mut files = [RUN, FOOTPRINT].map(|name| path.join(name)).into_iter();
        files.find(|file| file.exists()).ok_or_else(|| ReadRunError::Nothing(path.to_owned()))?
    } else {
        path.to_owned()
    };
    let text = fs::read_to_string(&file).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => ReadRunError::Nothing(path.to_owned()),
        _ => ReadRunError::Io { path: file.clone(), source },
    })?;
    parse(&text).map_err(|reason| ReadRunError::Form { path: file, reason })
}

fn parse(text: &str) -> Result<Footprint, String> {
    let value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if let Some(footprint) = nodes::read(&value) {
        return Ok(footprint);
    }
    serde_json::from_value(measured(value)).map_err(|error| error.to_string())
}

/// `value` without figures that are no numbers: JSON has none for them.
fn measured(mut value: Value) -> Value {
    match &mut value {
        Value::Object(map) => {
            if let Some(Value::Object(figures)) = map.get_mut("figures") {
                figures.retain(|_, figure| !figure.is_null());
            }
            if let Some(Value::Array(metrics)) = map.get_mut("metrics") {
                metrics.retain(|metric| !metric["value"].is_null());
            }
            map.values_mut().for_each(|inner| *inner = measured(inner.take()));
        }
        Value::Array(list) => list.iter_mut().for_each(|inner| *inner = measured(inner.take())),
        _ => {}
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{sample, write};

    #[test]
    fn a_run_is_read_back_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let footprint = sample::searches::full();
        write(&footprint, folder.path()).unwrap();
        assert_eq!(read(folder.path()).unwrap(), footprint);
        assert_eq!(read(&folder.path().join(RUN)).unwrap(), footprint);
    }

    #[test]
    fn models_are_read_from_olives_form() {
        let folder = tempfile::tempdir().unwrap();
        let footprint = sample::full();
        write(&footprint, folder.path()).unwrap();
        fs::remove_file(folder.path().join(RUN)).unwrap();
        let found = read(folder.path()).unwrap();
        assert_eq!(found.models.len(), 4);
        for (found, model) in found.models.iter().zip(&footprint.models) {
            assert_eq!(found.metrics.len(), model.metrics.len());
            assert_eq!(found.model_id, model.model_id);
            assert_eq!(found.from_pass, model.from_pass);
        }
    }

    #[test]
    fn versions_may_know_more_or_less() {
        let mut value = serde_json::to_value(sample::searches::full()).unwrap();
        value["added_later"] = 1.into();
        value["search"]["added_later"] = 2.into();
        value.as_object_mut().unwrap().remove("origin");
        let footprint = parse(&value.to_string()).unwrap();
        assert_eq!(footprint.origin, None);
        assert!(footprint.search.is_some());
    }

    #[test]
    fn figures_that_are_no_numbers_are_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let mut footprint = sample::full();
        footprint.models[1].metrics[1].value = f64::NAN;
        let step = footprint.models[1].pass_step.as_mut().unwrap();
        step.curve[3].figures.insert("loss".into(), f64::INFINITY);
        write(&footprint, folder.path()).unwrap();
        let found = read(folder.path()).unwrap();
        assert_eq!(found.models[1].metrics.len(), 2);
        assert!(!found.models[1].pass_step.as_ref().unwrap().curve[3].figures.contains_key("loss"));
    }

    #[test]
    fn what_is_no_run_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let gone = read(&folder.path().join("gone")).unwrap_err();
        assert!(matches!(gone, ReadRunError::Nothing(_)) && gone.help().is_some(), "{gone}");
        let error = || read(folder.path()).unwrap_err().to_string();
        assert!(
            error().contains("neither `run.json` nor `footprint.json` is there"),
            "{}",
            error()
        );
        fs::write(folder.path().join(RUN), "{\"workflow_id\": 3}").unwrap();
        assert!(error().contains("run.json` does not tell a run: "), "{}", error());
    }
}
