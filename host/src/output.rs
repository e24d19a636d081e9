//! The output folder: what is in it, and how a result gets there whole.
//!
//! Files go in one by one, each whole; the marker that says that all are there goes in last and is
//! taken away first. Without it the folder holds no result of ours. Meanwhile a list of what may be
//! there keeps files of an earlier result from staying for good after a kill.

mod parcel;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use olive_plugin_api::beside::{CANDIDATES, PLACING, RESULT};
use olive_schemas::footprint::Footprint;
use olive_schemas::model::ModelKind;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::report::{self, Form, ReportError};
use crate::steps::steps;
use crate::store::files::{copy, let_write, link_or_copy, remove, write_atomically};
use crate::store::{Hold, Store, StoreError};
use parcel::{Parcel, Placement, parcels};

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

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Marker {
    /// Content id of the result.
    model_id: String,
    /// Content ids of the candidates beside it, the best first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    candidates: Vec<String>,
    /// Keys of the run's steps.
    steps: Vec<String>,
    /// Files of the models, below the folder.
    files: Vec<PlacedFile>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct PlacedFile {
    path: PathBuf,
    size_bytes: u64,
}

/// Finds before a run whether its result can be put into `output_dir`; makes nothing there.
///
/// A folder that holds a result may be one that is only looked at.
///
/// # Errors
/// When a file cannot be made in the folder, or in the one that it will be made in.
pub fn check_writable(output_dir: &Path) -> Result<(), OutputError> {
    if holds_result(output_dir) {
        return Ok(());
    }
    let is_there = |folder: &&Path| folder.symlink_metadata().is_ok();
    let Some(folder) = output_dir.ancestors().find(is_there) else { return Ok(()) };
    tempfile::tempfile_in(folder).map(drop).map_err(failed("write into", folder))
}

/// Whether `output_dir` holds the result of a run.
pub fn holds_result(output_dir: &Path) -> bool {
    [RESULT, PLACING].iter().any(|name| output_dir.join(name).exists())
}

/// Puts what was measured of a model into `output_dir`, with a report; the model stays where it is.
///
/// # Errors
/// When a file cannot be written.
pub fn place_figures(footprint: &mut Footprint, output_dir: &Path) -> Result<(), OutputError> {
    fs::create_dir_all(output_dir).map_err(failed("make", output_dir))?;
    let output_dir = output_dir.canonicalize().map_err(failed("find", output_dir))?;
    footprint.output_dir = Some(output_dir.to_string_lossy().into_owned());
    Ok(report::write(footprint, &output_dir)?)
}

/// Puts the result of a complete run into `output_dir`, with its report, and the candidates of a
/// search into folders below `candidates`.
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
    let parcels = parcels(footprint, store, output_dir);
    let Some(marker) = Marker::of(&parcels, footprint) else { return Ok(()) };
    parcels.iter().try_for_each(|parcel| store.check_whole(&parcel.in_store))?;
    let old = read_marker(output_dir, RESULT);
    if old.as_ref() == Some(&marker) && is_whole(&marker, output_dir) {
        return Ok(());
    }
    let known = [old, read_marker(output_dir, PLACING)].into_iter().flatten();
    let known = known.fold(marker.clone(), Marker::joined);
    write_marker(&known, output_dir, PLACING)?;
    clear(&known, &marker, &parcels, store, output_dir)?;
    for candidate in footprint.candidates().map(|(candidate, _)| candidate) {
        let folder = output_dir.join(&candidate.folder);
        fs::create_dir_all(&folder).map_err(failed("make", &folder))?;
    }
    for parcel in &parcels {
        let hold = store.hold(&parcel.in_store)?;
        for placement in &parcel.placements {
            put(placement, output_dir, &hold, parcel.in_store.kind)?;
        }
    }
    report::write(footprint, output_dir)?;
    write_marker(&marker, output_dir, RESULT)?;
    take(output_dir, Path::new(PLACING))
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

/// Whether the file that was put at `path` with this size is there; a small one may have been edited.
pub fn stands(path: &Path, size_bytes: u64) -> bool {
    let found = fs::metadata(path);
    found.is_ok_and(|found| found.len() == size_bytes || size_bytes <= COPIED_BYTES)
}

/// Takes away `folder` and those below it in which nothing is: what the user has put there stays.
pub fn drop_empty(folder: &Path) {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    folders.for_each(|inner| drop_empty(&inner.path()));
    let _ = fs::remove_dir(folder);
}

impl Marker {
    /// What marks a folder with `parcels`; nothing when there are none.
    fn of(parcels: &[Parcel], footprint: &Footprint) -> Option<Self> {
        let (result, candidates) = parcels.split_first()?;
        let placements = parcels.iter().flat_map(|parcel| &parcel.placements);
        let file = |file: &Placement| PlacedFile {
            path: file.target.clone(),
            size_bytes: file.size_bytes,
        };
        Some(Self {
            model_id: result.model_id.clone(),
            candidates: candidates.iter().map(|parcel| parcel.model_id.clone()).collect(),
            steps: steps(footprint).iter().map(|step| step.record.key.clone()).collect(),
            files: placements.map(file).collect(),
        })
    }

    /// The same with the files and candidates of `other`, too.
    fn joined(mut self, other: Self) -> Self {
        let new = other.files.into_iter().filter(|file| !self.files.contains(file));
        self.files.extend(new.collect::<Vec<_>>());
        if self.candidates.len() < other.candidates.len() {
            self.candidates = other.candidates;
        }
        self
    }
}

fn read_marker(output_dir: &Path, name: &str) -> Option<Marker> {
    serde_json::from_slice(&fs::read(output_dir.join(name)).ok()?).ok()
}

fn write_marker(marker: &Marker, output_dir: &Path, name: &str) -> Result<(), OutputError> {
    let path = output_dir.join(name);
    let bytes = serde_json::to_vec_pretty(marker).unwrap_or_default();
    write_atomically(&path, &bytes).map_err(failed("write", &path))
}

/// Whether everything the marker names is there; a small file may have been edited.
fn is_whole(marker: &Marker, output_dir: &Path) -> bool {
    let stands = |file: &PlacedFile| stands(&output_dir.join(&file.path), file.size_bytes);
    marker.files.iter().all(stands) && output_dir.join(report::PAGE).exists()
}

/// Takes away what says that the folder holds a result, and those of the `known` files that the new
/// one lacks; what other steps have lent goes back to them.
fn clear(
    known: &Marker,
    new: &Marker,
    parcels: &[Parcel],
    store: &Store,
    output_dir: &Path,
) -> Result<(), OutputError> {
    take(output_dir, Path::new(RESULT))?;
    let is_placed = |source: &Path, place: &Path| {
        let here =
            |file: &Placement| file.source == source && output_dir.join(&file.target) == place;
        parcels.iter().flat_map(|parcel| &parcel.placements).any(here)
    };
    store.take_home(output_dir, &is_placed)?;
    take(output_dir, Path::new("model_config.json"))?;
    let stays = |path: &Path| new.files.iter().any(|file| file.path == path);
    let stale = known.files.iter().filter(|file| !stays(&file.path));
    for file in stale {
        take(output_dir, &file.path)?;
    }
    for (rank, _) in (2..).zip(&known.candidates) {
        let folder = parcel::folder_of(rank);
        report::OF_MODELS
            .iter()
            .try_for_each(|name| take(output_dir, &Path::new(&folder).join(name)))?;
    }
    drop_empty(&output_dir.join(CANDIDATES));
    Ok(())
}

/// Takes away the file `name`, if it is there.
fn take(output_dir: &Path, name: &Path) -> Result<(), OutputError> {
    let path = output_dir.join(name);
    remove(&path).map_err(failed("remove", &path))
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
