//! Samples of evaluations: copied from the steps that made them to where the config wants them.
//!
//! An evaluator leaves the samples of all metrics with its step (`schemas/src/samples.rs`); where
//! they go and how many is not part of the step, so they are there as well when it is not run again.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use olive_schemas::samples::{FILE_NAME, SampleHead};

use crate::output::OutputError;
use crate::plan::{Plan, PlannedSamples};
use crate::store::Store;
use crate::store::files::write_atomically;

/// Puts the samples that `plan` asks for in their folders, as `METRIC.MODEL.jsonl`; those of a build
/// in a subfolder of its name, and those of a variant of a search in one of its number below that.
///
/// Steps that have not run leave none. Gives the metrics whose evaluator keeps no samples.
///
/// # Errors
/// When a file cannot be read or written.
pub fn place(
    plan: &Plan,
    store: &Store,
    variant: Option<usize>,
) -> Result<Vec<String>, OutputError> {
    let mut without = Vec::new();
    let build = plan.workflow_id.rsplit_once('/').map(|(_, name)| name.to_owned());
    let variant = variant.map(|number| format!("variant-{number}"));
    let below: PathBuf = build.into_iter().chain(variant).collect();
    for wanted in &plan.samples {
        if store.get(&wanted.step).is_none() {
            continue;
        }
        let source = store.step_dir(&wanted.step).join("files").join(FILE_NAME);
        let lines = first_lines(&source, wanted).map_err(failed("read", &source))?;
        if lines.is_empty() {
            without.push(wanted.metric.clone());
            continue;
        }
        let folder = wanted.folder.join(&below);
        fs::create_dir_all(&folder).map_err(failed("make", &folder))?;
        let path = folder.join(file_name(wanted));
        write_atomically(&path, &lines).map_err(failed("write", &path))?;
    }
    Ok(without)
}

/// What is told of a `metric` without samples.
pub fn none_of(metric: &str) -> String {
    format!("metric `{metric}` has no samples: its evaluator keeps none")
}

/// The first lines of the metric in the file of a step, which may lack it.
fn first_lines(path: &Path, wanted: &PlannedSamples) -> io::Result<Vec<u8>> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        file => BufReader::new(file?),
    };
    let (mut found, mut count) = (Vec::new(), 0);
    for line in file.lines() {
        let line = line?;
        let head = serde_json::from_str::<SampleHead>(&line);
        if head.is_ok_and(|head| head.metric == wanted.metric) {
            writeln!(found, "{line}")?;
            count += 1;
        }
        if count == wanted.count {
            break;
        }
    }
    Ok(found)
}

/// `METRIC.MODEL.jsonl`; characters that paths give a meaning become `_`.
fn file_name(wanted: &PlannedSamples) -> PathBuf {
    let plain = |name: &str| {
        let is_plain = |letter: char| letter.is_alphanumeric() || matches!(letter, '-' | '.' | '_');
        name.chars().map(|letter| if is_plain(letter) { letter } else { '_' }).collect::<String>()
    };
    format!("{}.{}.jsonl", plain(&wanted.metric), plain(&wanted.of)).into()
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> OutputError {
    let path = path.to_owned();
    move |source| OutputError::Io { action, path, source }
}
