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
use crate::store::files::{copy, let_write, link_or_copy, remove, write_atomically};
use crate::store::{Hold, Store, StoreError};

/// Says which result the folder holds, and which files belong to it.
const MARKER: &str = ".olive-result.json";
/// Files up to this size are copied, so that a user may edit them. Larger ones share their bytes
/// with the store, or are lent by it where their format's readers refuse files with two names.
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
    /// The store cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
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

/// A file of the result: where it goes below the folder, where it is in the store, its bytes.
struct Placement {
    target: PathBuf,
    source: PathBuf,
    size_bytes: u64,
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
    let in_store = model.clone();
    let placements = settle(model, store, output_dir);
    let model_id = last.model_id.clone();
    let keys = steps(footprint).iter().map(|step| step.record.key.clone()).collect();
    let files = placements.iter().map(Placement::placed).collect();
    let marker = Marker { model_id, steps: keys, files };
    let old = read_marker(output_dir);
    if old.as_ref() == Some(&marker) && is_whole(&marker, output_dir) {
        return Ok(());
    }
    clear(old.as_ref(), &marker, &placements, store, output_dir)?;
    let hold = store.hold(&in_store)?;
    for placement in &placements {
        put(placement, output_dir, &hold, in_store.kind)?;
    }
    drop(hold);
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
fn settle(model: &mut Model, store: &Store, output_dir: &Path) -> Vec<Placement> {
    let mut placements = Vec::new();
    let has_adapter = model.adapter_path.is_some();
    if store.holds(&model.model_path) {
        let below = if has_adapter { "model" } else { "" };
        let ground = (store, output_dir);
        model.model_path = settle_path(&model.model_path, below, ground, &mut placements);
    }
    if let Some(adapter) = &mut model.adapter_path
        && store.holds(adapter)
    {
        *adapter = settle_path(adapter, "adapter", (store, output_dir), &mut placements);
    }
    placements
}

/// Where `path` goes, with its files added to `placements`.
fn settle_path(
    path: &Path,
    below: &str,
    (store, output_dir): (&Store, &Path),
    placements: &mut Vec<Placement>,
) -> PathBuf {
    for (name, size_bytes) in store.files_below(path).unwrap_or_default() {
        if name.as_os_str().is_empty() {
            let target = Path::new(below).join(path.file_name().unwrap_or_default());
            let placed = output_dir.join(&target);
            placements.push(Placement { target, source: path.to_owned(), size_bytes });
            return placed;
        }
        let (target, source) = (Path::new(below).join(&name), path.join(name));
        placements.push(Placement { target, source, size_bytes });
    }
    if below.is_empty() { output_dir.to_owned() } else { output_dir.join(below) }
}

impl Placement {
    fn placed(&self) -> PlacedFile {
        PlacedFile { path: self.target.clone(), size_bytes: self.size_bytes }
    }
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

/// Takes away what says that the folder holds a result, and files that the new one lacks; what other
/// steps have lent goes back to them.
fn clear(
    old: Option<&Marker>,
    new: &Marker,
    placements: &[Placement],
    store: &Store,
    output_dir: &Path,
) -> Result<(), OutputError> {
    let take = |name: &Path| {
        let path = output_dir.join(name);
        remove(&path).map_err(failed("remove", &path))
    };
    take(Path::new(MARKER))?;
    let is_placed = |source: &Path, place: &Path| {
        let here =
            |file: &Placement| file.source == source && output_dir.join(&file.target) == place;
        placements.iter().any(here)
    };
    store.take_home(output_dir, &is_placed)?;
    take(Path::new("model_config.json"))?;
    let stays = |path: &Path| new.files.iter().any(|file| file.path == path);
    let old_files = old.map(|marker| marker.files.as_slice()).unwrap_or_default();
    old_files.iter().filter(|file| !stays(&file.path)).try_for_each(|file| take(&file.path))
}

fn put(
    placement: &Placement,
    output_dir: &Path,
    hold: &Hold<'_>,
    kind: ModelKind,
) -> Result<(), OutputError> {
    let Placement { target, source, size_bytes } = placement;
    let target = output_dir.join(target);
    if *size_bytes > COPIED_BYTES {
        // The onnx package refuses weights in a file that has more than one name.
        let is_shared = kind != ModelKind::Onnx;
        return put_large(source, &target, hold, is_shared).map_err(failed("write", &target));
    }
    let folder = target.parent().unwrap_or(output_dir);
    fs::create_dir_all(folder).map_err(failed("make", folder))?;
    let bytes = fs::read(source).map_err(failed("read", source))?;
    write_atomically(&target, &bytes).map_err(failed("write", &target))
}

fn put_large(source: &Path, target: &Path, hold: &Hold<'_>, is_shared: bool) -> io::Result<()> {
    let place = hold.place_of(source);
    if place == target {
        return let_write(target);
    }
    if is_shared && place == source {
        return link_or_copy(source, target);
    }
    if place == source && hold.lend(source, target)? {
        return Ok(());
    }
    copy(&place, target)?;
    if hold.place_of(source) == place {
        return Ok(());
    }
    Err(io::Error::other(format!("`{}` has changed: run again", place.display())))
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> OutputError {
    let path = path.to_owned();
    move |source| OutputError::Io { action, path, source }
}
