//! What a step made: written into a work folder, published by one rename.

use std::cell::Cell;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use olive_schemas::footprint::{CurvePoint, StepRecord};
use olive_schemas::graph::GraphView;
use olive_schemas::inference::InferenceSettings;
use olive_schemas::metric::MetricValue;
use olive_schemas::model::{Model, ModelKind};
use olive_schemas::preview::Previewed;
use olive_schemas::step::{Fetched, StepOutcome};
use olive_schemas::system::SystemReply;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::checkpoints::Checkpoints;
use super::files::{relative_files, seal, size, write_atomically};
use super::key::StepKey;
use super::lock::Lock;
use super::{Store, StoreError, vet};

/// A complete step of the store.
#[derive(Debug, Clone)]
pub struct StoredStep {
    /// Its key.
    pub key: StepKey,
    /// Name of the pass or evaluator.
    pub name: String,
    /// How it went.
    pub record: StepRecord,
    /// What it made; paths of models are absolute.
    pub outcome: StepOutcome,
}

/// A step under way: its folders and its lock.
#[derive(Debug)]
pub struct Work {
    key: StepKey,
    folder: PathBuf,
    checkpoints: Checkpoints,
    /// Whether its folder outlives this.
    pub(super) stays: Cell<bool>,
    _lock: Lock,
}

/// `step.json`.
#[derive(Serialize, Deserialize)]
struct Manifest {
    name: String,
    record: StepRecord,
    made: Made,
    files: Vec<FileEntry>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Made {
    Model {
        #[serde(rename = "type")]
        kind: ModelKind,
        model_path: Location,
        adapter_path: Option<Location>,
        onnx_file_name: Option<String>,
        #[serde(default)]
        inference_settings: Option<InferenceSettings>,
        model_attributes: std::collections::BTreeMap<String, Value>,
    },
    Metrics(Vec<MetricValue>),
    Text(String),
    Path(Location),
    Fetched {
        path: Location,
        revision: Option<String>,
    },
    Reply(SystemReply),
    Preview(Previewed),
    Graph(Box<GraphView>),
}

/// Where a path leads, so that the cache folder can be moved.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Location {
    /// Below the files of this step.
    Here(PathBuf),
    /// Below the files of another step.
    Step { key: StepKey, path: PathBuf },
    /// Outside the store.
    Outside(PathBuf),
}

#[derive(Serialize, Deserialize)]
struct FileEntry {
    path: String,
    size_bytes: u64,
}

impl Store {
    /// Makes the work folder of `key`, emptying what a killed run left there.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn begin(&self, key: &StepKey, lock: Lock) -> Result<Work, StoreError> {
        let parent = self.work_dir();
        remove_leftovers(&parent, key)?;
        let folder = parent.join(format!("{key}.{}", std::process::id()));
        make_parts(&folder)?;
        let checkpoints = Checkpoints::of(self, key);
        Ok(Work::new(key.clone(), folder, checkpoints, lock))
    }

    /// Publishes what `work` made; links into the folder `shared` stay links.
    ///
    /// # Errors
    /// When the disk is full or the folder cannot be moved; nothing is published then.
    pub fn publish(
        &self,
        work: &Work,
        name: &str,
        record: StepRecord,
        outcome: &StepOutcome,
        shared: Option<&Path>,
    ) -> Result<StoredStep, StoreError> {
        work.forget_note();
        let target = self.step_dir(&work.key);
        let output = work.output_dir();
        vet::vet(&output, shared)?;
        let made = self.locate_made(outcome, &output);
        let files = measure(&output)?;
        let manifest = Manifest { name: name.to_owned(), record, made, files };
        let bytes = serde_json::to_vec_pretty(&manifest)
            .map_err(|source| StoreError::Record { key: work.key.clone(), source })?;
        seal(&output).map_err(StoreError::io("seal", &output))?;
        let scratch = work.scratch_dir();
        vet::remove(&scratch).map_err(StoreError::io("remove", &scratch))?;
        let staged = work.folder.join("files");
        fs::rename(&output, &staged).map_err(StoreError::io("move", &output))?;
        let step_file = work.folder.join("step.json");
        write_atomically(&step_file, &bytes).map_err(StoreError::io("write", &step_file))?;
        self.move_in(&work.folder, &target)?;
        work.checkpoints.remove();
        Ok(self.to_stored(work.key.clone(), manifest))
    }

    /// Files below `path`, a folder or file of a step, lent ones among them: their paths below it
    /// and their bytes, sorted. None when no step has made it.
    pub fn files_below(&self, path: &Path) -> Option<Vec<(PathBuf, u64)>> {
        let (key, inner) = self.inside(path)?;
        let files = manifest(self, &key)?.files.into_iter();
        let below = files.filter_map(|file| {
            let name = Path::new(&file.path).strip_prefix(&inner).ok()?;
            Some((name.to_owned(), file.size_bytes))
        });
        Some(below.collect())
    }

    /// Bytes of a file or of every file below a folder, in this store or elsewhere.
    ///
    /// # Errors
    /// When something cannot be read.
    pub fn size(&self, path: &Path) -> io::Result<u64> {
        match self.files_below(path) {
            Some(files) => Ok(files.iter().map(|(_, size_bytes)| size_bytes).sum()),
            None => size(path),
        }
    }

    fn move_in(&self, folder: &Path, target: &Path) -> Result<(), StoreError> {
        let parent = self.root.join("steps");
        fs::create_dir_all(&parent).map_err(StoreError::io("make", &parent))?;
        if target.exists() {
            // Only an incomplete folder gets here: a complete one would have been found.
            fs::remove_dir_all(target).map_err(StoreError::io("remove", target))?;
        }
        fs::rename(folder, target).map_err(StoreError::io("move", folder))?;
        // Makes the rename itself durable, where a folder can be synced.
        let _ = File::open(&parent).and_then(|folder| folder.sync_all());
        Ok(())
    }

    fn locate_made(&self, outcome: &StepOutcome, output: &Path) -> Made {
        match outcome {
            StepOutcome::Model(model) => Made::Model {
                kind: model.kind,
                model_path: self.locate(&model.model_path, output),
                adapter_path: model.adapter_path.as_ref().map(|path| self.locate(path, output)),
                onnx_file_name: model.onnx_file_name.clone(),
                inference_settings: model.inference_settings.clone(),
                model_attributes: model.model_attributes.clone(),
            },
            StepOutcome::Metrics(values) => Made::Metrics(values.clone()),
            StepOutcome::Text(text) => Made::Text(text.clone()),
            StepOutcome::Path(path) => Made::Path(self.locate(path, output)),
            StepOutcome::Fetched(Fetched { path, revision }) => {
                Made::Fetched { path: self.locate(path, output), revision: revision.clone() }
            }
            StepOutcome::Reply(reply) => Made::Reply(reply.clone()),
            StepOutcome::Preview(previewed) => Made::Preview(previewed.clone()),
            StepOutcome::Graph(view) => Made::Graph(view.clone()),
        }
    }

    fn locate(&self, path: &Path, output: &Path) -> Location {
        if let Ok(inner) = path.strip_prefix(output) {
            return Location::Here(inner.to_owned());
        }
        match self.inside(path) {
            Some((key, path)) => Location::Step { key, path },
            None => Location::Outside(path.to_owned()),
        }
    }

    fn absolute(&self, location: &Location, own_key: &StepKey) -> PathBuf {
        match location {
            Location::Here(path) => join(self.step_dir(own_key).join("files"), path),
            Location::Step { key, path } => join(self.step_dir(key).join("files"), path),
            Location::Outside(path) => path.clone(),
        }
    }

    fn to_stored(&self, key: StepKey, manifest: Manifest) -> StoredStep {
        let outcome = match manifest.made {
            Made::Model {
                kind,
                model_path,
                adapter_path,
                onnx_file_name,
                inference_settings,
                model_attributes,
            } => StepOutcome::Model(Model {
                kind,
                model_path: self.absolute(&model_path, &key),
                adapter_path: adapter_path.map(|location| self.absolute(&location, &key)),
                onnx_file_name,
                inference_settings,
                model_attributes,
            }),
            Made::Metrics(values) => StepOutcome::Metrics(values),
            Made::Text(text) => StepOutcome::Text(text),
            Made::Path(location) => StepOutcome::Path(self.absolute(&location, &key)),
            Made::Fetched { path, revision } => {
                StepOutcome::Fetched(Fetched { path: self.absolute(&path, &key), revision })
            }
            Made::Reply(reply) => StepOutcome::Reply(reply),
            Made::Preview(previewed) => StepOutcome::Preview(previewed),
            Made::Graph(view) => StepOutcome::Graph(view),
        };
        StoredStep { key, name: manifest.name, record: manifest.record, outcome }
    }
}

impl Work {
    /// Work on `key` in `folder`.
    pub(super) fn new(key: StepKey, folder: PathBuf, checkpoints: Checkpoints, lock: Lock) -> Self {
        Self { key, folder, checkpoints, stays: Cell::new(false), _lock: lock }
    }

    /// The step.
    pub fn key(&self) -> &StepKey {
        &self.key
    }

    /// The folder of all its folders.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Has all its folders in `folder` from now on.
    pub(super) fn move_to(&mut self, folder: PathBuf) {
        self.folder = folder;
    }

    /// Folder for the result.
    pub fn output_dir(&self) -> PathBuf {
        self.folder.join("output")
    }

    /// Folder that is deleted after the step.
    pub fn scratch_dir(&self) -> PathBuf {
        self.folder.join("scratch")
    }

    /// Folder for checkpoints, with what earlier attempts at the step have left; it outlives this
    /// unless the step is published. `name` and `plugin` tell people whose it is.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn checkpoint_dir(&self, name: &str, plugin: &str) -> Result<PathBuf, StoreError> {
        self.checkpoints.folder(name, plugin)
    }

    /// Figures that an earlier attempt left with its checkpoints.
    pub fn earlier_curve(&self) -> Vec<CurvePoint> {
        self.checkpoints.curve()
    }

    /// Keeps the figures of this attempt for the next one, when it left checkpoints.
    pub fn keep_curve(&self, curve: &[CurvePoint]) {
        self.checkpoints.keep_curve(curve);
    }
}

impl Drop for Work {
    /// Removes what a failed step left, but its checkpoints; a published one has moved away.
    fn drop(&mut self) {
        if self.stays.get() {
            return;
        }
        let _ = vet::remove(&self.folder);
        self.checkpoints.remove_if_empty();
    }
}

/// Makes what every work folder has.
pub(super) fn make_parts(folder: &Path) -> Result<(), StoreError> {
    for part in ["output", "scratch"] {
        let part = folder.join(part);
        fs::create_dir_all(&part).map_err(StoreError::io("make", &part))?;
    }
    Ok(())
}

/// Whether the work folder `name` is one of the step `key`.
pub(super) fn is_of(name: &str, key: &StepKey) -> bool {
    name.split('.').next() == Some(key.as_str())
}

/// The lock is ours, so whoever else worked on `key` is dead.
pub(super) fn remove_leftovers(parent: &Path, key: &StepKey) -> Result<(), StoreError> {
    let names = super::files::names(parent).map_err(StoreError::io("read", parent))?;
    for name in names.iter().filter(|name| is_of(name, key)) {
        let folder = parent.join(name);
        vet::remove(&folder).map_err(StoreError::io("remove", &folder))?;
    }
    Ok(())
}

/// Reads a step; `None` when it is absent, unreadable, or a file or another step it needs is gone.
pub(super) fn read(store: &Store, key: &StepKey) -> Option<StoredStep> {
    let manifest = whole_manifest(store, key)?;
    let stored = store.to_stored(key.clone(), manifest);
    let leads = |path: &PathBuf| {
        let is_whole = |other: StepKey| other == *key || whole_manifest(store, &other).is_some();
        store.place_of(path).exists() && store.inside(path).is_none_or(|(other, _)| is_whole(other))
    };
    let leads_somewhere = match &stored.outcome {
        StepOutcome::Model(model) => {
            leads(&model.model_path) && model.adapter_path.as_ref().is_none_or(leads)
        }
        StepOutcome::Path(path) | StepOutcome::Fetched(Fetched { path, .. }) => leads(path),
        StepOutcome::Metrics(_)
        | StepOutcome::Text(_)
        | StepOutcome::Reply(_)
        | StepOutcome::Preview(_)
        | StepOutcome::Graph(_) => true,
    };
    leads_somewhere.then_some(stored)
}

/// Name of the pass of the step `key`, as far as its record is there.
pub(super) fn name(store: &Store, key: &StepKey) -> Option<String> {
    manifest(store, key).map(|manifest| manifest.name)
}

/// The record of a step whose files are all there, or where it has lent them.
fn whole_manifest(store: &Store, key: &StepKey) -> Option<Manifest> {
    let manifest = manifest(store, key)?;
    let files = store.step_dir(key).join("files");
    let is_whole = manifest.files.iter().all(|file| {
        let metadata = fs::metadata(store.place_of(&files.join(&file.path)));
        metadata.is_ok_and(|metadata| metadata.len() == file.size_bytes)
    });
    is_whole.then_some(manifest)
}

fn manifest(store: &Store, key: &StepKey) -> Option<Manifest> {
    serde_json::from_slice(&fs::read(store.step_dir(key).join("step.json")).ok()?).ok()
}

fn measure(output: &Path) -> Result<Vec<FileEntry>, StoreError> {
    let names = relative_files(output).map_err(StoreError::io("read", output))?;
    let entries = names.into_iter().map(|path| {
        let file = output.join(&path);
        let size_bytes = fs::metadata(&file).map_err(StoreError::io("read", &file))?.len();
        Ok(FileEntry { path, size_bytes })
    });
    entries.collect()
}

/// `folder/path`, without a trailing slash when `path` is empty.
fn join(folder: PathBuf, path: &Path) -> PathBuf {
    if path.as_os_str().is_empty() { folder } else { folder.join(path) }
}
