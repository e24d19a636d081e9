//! The output folder: what is in it, and how a result gets there whole.
//!
//! Files go in one by one, each whole; the marker that says that all are there goes in last and is
//! taken away first. Without it the folder holds no result of ours.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use olive_schemas::footprint::Footprint;
use olive_schemas::model::{Model, ModelKind};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::report::{self, Form, ReportError};
use crate::steps::steps;
use crate::store::Store;
use crate::store::files::{copy, link_or_copy, relative_files, write_atomically};

/// Says which result the folder holds, and which files belong to it.
const MARKER: &str = ".olive-result.json";
/// Files up to this size are copied, so that a user may edit them; larger ones share their bytes
/// with the store, where their format's readers let them.
const COPIED_BYTES: u64 = 1 << 20;

/// Why a result could not be put into the output folder.
#[derive(Debug, Error)]
pub enum OutputError {
    /// A file or folder cannot be read or written.
    #[error("cannot {action} `{}`: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The report cannot be written.
    #[error(transparent)]
    Report(#[from] ReportError),
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Marker {
    /// Content id of the model.
    model_id: String,
    /// Keys of the run's steps.
    steps: Vec<String>,
    /// Files of the model, below the folder.
    files: Vec<PlacedFile>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct PlacedFile {
    path: PathBuf,
    size_bytes: u64,
}

/// A file of the result: where it goes, where it is.
struct Placement {
    target: PathBuf,
    source: PathBuf,
}

/// Finds before a run whether its result can be put into `output_dir`; makes nothing there.
///
/// A folder that holds a result may be one that is only looked at.
///
/// # Errors
/// When a file cannot be made in the folder, or in the one that it will be made in.
pub fn check_writable(output_dir: &Path) -> Result<(), OutputError> {
    if output_dir.join(MARKER).exists() {
        return Ok(());
    }
    let is_there = |folder: &&Path| folder.symlink_metadata().is_ok();
    let Some(folder) = output_dir.ancestors().find(is_there) else { return Ok(()) };
    tempfile::tempfile_in(folder).map(drop).map_err(failed("write into", folder))
}

/// Puts the result of a complete run into `output_dir`, with its report.
///
/// The last model of `footprint` then lies there. A folder that holds this very result already is
/// left as it is.
///
/// # Errors
/// When a file cannot be placed; the folder then holds no result.
pub fn place(
    footprint: &mut Footprint,
    store: &Store,
    output_dir: &Path,
) -> Result<(), OutputError> {
    fs::create_dir_all(output_dir).map_err(failed("make", output_dir))?;
    let output_dir = &output_dir.canonicalize().map_err(failed("find", output_dir))?;
    footprint.output_dir = Some(output_dir.to_string_lossy().into_owned());
    let Some(last) = footprint.models.last_mut() else { return Ok(()) };
    let Some(model) = &mut last.model else { return Ok(()) };
    let placements = settle(model, store, output_dir)?;
    // The onnx package refuses weights in a file that has more than one name.
    let put_large = if model.kind == ModelKind::Onnx { copy } else { link_or_copy };
    let model_id = last.model_id.clone();
    let keys = steps(footprint).iter().map(|step| step.record.key.clone()).collect();
    let marker = Marker { model_id, steps: keys, files: measure(&placements)? };
    let old = read_marker(output_dir);
    if old.as_ref() == Some(&marker) && is_whole(&marker, output_dir) {
        return Ok(());
    }
    clear(old.as_ref(), &marker, output_dir)?;
    for placement in &placements {
        put(placement, output_dir, put_large)?;
    }
    report::write(footprint, output_dir)?;
    let path = output_dir.join(MARKER);
    let bytes = serde_json::to_vec_pretty(&marker).unwrap_or_default();
    write_atomically(&path, &bytes).map_err(failed("write", &path))
}

/// Keeps footprint and report of a run without a result, out of the output folder's way.
///
/// # Errors
/// When the store cannot be written.
pub fn keep_failed(footprint: &Footprint, store: &Store) -> Result<PathBuf, OutputError> {
    let folder = store.last_run_dir();
    fs::create_dir_all(&folder).map_err(failed("make", &folder))?;
    let path = folder.join("footprint.json");
    let bytes = serde_json::to_vec_pretty(footprint).unwrap_or_default();
    write_atomically(&path, &bytes).map_err(failed("write", &path))?;
    let page = folder.join(report::PAGE);
    report::write_form(footprint, Form::Html, &page)?;
    Ok(page)
}

/// Points `model` into `output_dir`; gives what has to be placed there.
///
/// The model's files lie flat in the folder. With an adapter they lie under `model/` and
/// `adapter/`. What is outside the store, such as the base model of an adapter, stays there.
fn settle(
    model: &mut Model,
    store: &Store,
    output_dir: &Path,
) -> Result<Vec<Placement>, OutputError> {
    let mut placements = Vec::new();
    let has_adapter = model.adapter_path.is_some();
    if store.holds(&model.model_path) {
        let below = if has_adapter { "model" } else { "" };
        model.model_path = settle_path(&model.model_path, below, output_dir, &mut placements)?;
    }
    if let Some(adapter) = &mut model.adapter_path
        && store.holds(adapter)
    {
        *adapter = settle_path(adapter, "adapter", output_dir, &mut placements)?;
    }
    Ok(placements)
}

fn settle_path(
    path: &Path,
    below: &str,
    output_dir: &Path,
    placements: &mut Vec<Placement>,
) -> Result<PathBuf, OutputError> {
    if path.is_file() {
        let target = Path::new(below).join(path.file_name().unwrap_or_default());
        let placed = output_dir.join(&target);
        placements.push(Placement { target, source: path.to_owned() });
        return Ok(placed);
    }
    for name in relative_files(path).map_err(failed("read", path))? {
        placements
            .push(Placement { target: Path::new(below).join(&name), source: path.join(name) });
    }
    let is_flat = below.is_empty();
    Ok(if is_flat { output_dir.to_owned() } else { output_dir.join(below) })
}

fn measure(placements: &[Placement]) -> Result<Vec<PlacedFile>, OutputError> {
    let files = placements.iter().map(|Placement { target, source }| {
        let size_bytes = fs::metadata(source).map_err(failed("read", source))?.len();
        Ok(PlacedFile { path: target.clone(), size_bytes })
    });
    files.collect()
}

fn read_marker(output_dir: &Path) -> Option<Marker> {
    serde_json::from_slice(&fs::read(output_dir.join(MARKER)).ok()?).ok()
}

/// Whether everything the marker names is there; a small file may have been edited.
fn is_whole(marker: &Marker, output_dir: &Path) -> bool {
    let is_there = |file: &PlacedFile| {
        let found = fs::metadata(output_dir.join(&file.path));
        found.is_ok_and(|found| found.len() == file.size_bytes || file.size_bytes <= COPIED_BYTES)
    };
    marker.files.iter().all(is_there) && output_dir.join(report::PAGE).exists()
}

/// Takes away what says that the folder holds a result, and files that the new one lacks.
fn clear(old: Option<&Marker>, new: &Marker, output_dir: &Path) -> Result<(), OutputError> {
    let mut gone: Vec<PathBuf> = vec![MARKER.into(), "model_config.json".into()];
    let stays = |path: &Path| new.files.iter().any(|file| file.path == path);
    let old_files = old.map(|marker| marker.files.as_slice()).unwrap_or_default();
    gone.extend(old_files.iter().map(|file| file.path.clone()).filter(|path| !stays(path)));
    for name in gone {
        let path = output_dir.join(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(failed("remove", &path)(error));
            }
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

fn put(
    placement: &Placement,
    output_dir: &Path,
    put_large: fn(&Path, &Path) -> io::Result<()>,
) -> Result<(), OutputError> {
    let Placement { target, source } = placement;
    let target = output_dir.join(target);
    let size = fs::metadata(source).map_err(failed("read", source))?.len();
    if size > COPIED_BYTES {
        return put_large(source, &target).map_err(failed("write", &target));
    }
    let folder = target.parent().unwrap_or(output_dir);
    fs::create_dir_all(folder).map_err(failed("make", folder))?;
    let bytes = fs::read(source).map_err(failed("read", source))?;
    write_atomically(&target, &bytes).map_err(failed("write", &target))
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> OutputError {
    let path = path.to_owned();
    move |source| OutputError::Io { action, path, source }
}
