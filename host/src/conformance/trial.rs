//! One run of a plugin, watched.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use olive_plugin_api::packager::package_of;
use olive_schemas::data::DataConfig;
use olive_schemas::error::PluginError;
use olive_schemas::model::Model;
use olive_schemas::protocol::{Call, Callee};
use olive_schemas::step::{Accelerator, StepEvent, StepKind, StepRequest};
use serde_json::Value;

use super::specimen;
use super::world::{CHECKPOINTS, SHARED, World, changes, copy, files};
use crate::plugin::process::{self, Failure, Supervision};

/// Time after which a run is asked to stop.
const PATIENCE: Duration = Duration::from_mins(1);

/// What is asked of a plugin, but for the folders.
#[derive(Debug, Clone)]
pub(super) struct Task {
    pub(super) kind: StepKind,
    /// Name of the pass, evaluator, generator or source.
    pub(super) entry: String,
    pub(super) config: Value,
    pub(super) input: Input,
    pub(super) data_configs: BTreeMap<String, DataConfig>,
    pub(super) accelerator: Accelerator,
    pub(super) threads: usize,
    /// Whether it shares a folder with other programs.
    pub(super) shares: bool,
    /// Folder with what outlives the run, of a source; the run's own when there is none.
    pub(super) kept: Option<PathBuf>,
}

/// The model of a task; a copy of it is worked on.
#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "there is one of a task")]
pub(super) enum Input {
    /// A model on disk.
    Model(Model),
    /// A specimen of the kind of this model, at a path that is not looked at.
    Specimen(olive_schemas::model::ModelKind),
}

/// When a run is asked to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    Never,
    AtOnce,
    AfterFirstEvent,
    /// When something is done.
    Midway,
    /// The same, without being asked: it is killed.
    KilledMidway,
}

/// What is done to the copy of the model before the run.
pub(super) type Damage<'a> = &'a dyn Fn(&mut Model, &Path) -> io::Result<()>;

/// How a run went.
#[derive(Debug)]
pub(super) struct Trial {
    /// The plugin's answer.
    pub(super) result: Result<Value, Ending>,
    /// Everything it told.
    pub(super) events: Vec<StepEvent>,
    /// Files of the output folder, with digests.
    pub(super) files: BTreeMap<PathBuf, String>,
    /// Paths it should not have touched, and how it did.
    pub(super) strays: Vec<String>,
    /// Wall time of all of it.
    pub(super) duration: Duration,
    /// Time from being asked to stop to the end, when it was asked.
    pub(super) stopping: Option<Duration>,
    /// The request it got.
    pub(super) request: StepRequest,
    /// The folder of the run, until it is dropped.
    _folder: RunFolder,
}

/// Why a run has no answer.
#[derive(Debug, Clone)]
pub(super) enum Ending {
    /// The plugin gave an error.
    Error(PluginError),
    /// It crashed, or ended without an answer.
    Crash(String),
    /// It did not stop, and was killed.
    Killed,
    /// It took too long and then stopped as asked.
    Late,
}

impl Ending {
    /// The ending in words.
    pub(super) fn tell(&self) -> String {
        match self {
            Self::Error(error) => format!("`{}`: {error}", error.code),
            Self::Crash(how) => how.clone(),
            Self::Killed => "it did not stop when asked to, and was killed".into(),
            Self::Late => format!("it ran for more than {} s", PATIENCE.as_secs()),
        }
    }
}

impl Trial {
    /// The plugin's own error, when it ended with one.
    pub(super) fn error(&self) -> Option<&PluginError> {
        match &self.result {
            Err(Ending::Error(error)) => Some(error),
            _ => None,
        }
    }

    /// How it broke down: crashed, hung or panicked; nothing when it gave an answer or an error.
    pub(super) fn breakdown(&self) -> Option<String> {
        self.result
            .as_ref()
            .err()
            .filter(|ending| !matches!(ending, Ending::Error(_)))
            .map(Ending::tell)
    }

    /// The answer with the folders of the run replaced by names, which is the same for each run.
    pub(super) fn portable_answer(&self) -> Option<Value> {
        let mut answer = self.result.as_ref().ok()?.clone();
        let input = self.request.input.model_path.parent().unwrap_or(Path::new(""));
        let StepRequest { output_dir, scratch_dir, .. } = &self.request;
        let folders =
            [(&**output_dir, "<output>"), (&**scratch_dir, "<scratch>"), (input, "<input>")];
        replace(&mut answer, &folders);
        Some(answer)
    }
}

/// The folder of a run; gone with it.
#[derive(Debug)]
struct RunFolder(PathBuf);

impl Drop for RunFolder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Runs `task` on `plugin`, after `damage` was done to the model.
///
/// # Errors
/// When the folders cannot be set up.
pub(super) fn run(
    world: &World,
    plugin: &Callee,
    task: &Task,
    stop: Stop,
    damage: Damage<'_>,
) -> io::Result<Trial> {
    let folder = RunFolder(world.run_folder()?);
    let mut request = request(task, place(&task.input, &folder.0.join("input"))?, &folder.0)?;
    damage(&mut request.input, &folder.0.join("input"))?;
    let call = Call::Run { plugin: plugin.clone(), request: Box::new(request.clone()) };
    let before = world.snapshot(&folder.0)?;
    let start = Instant::now();
    let (result, events, stopping) = follow(&call, task.threads, stop);
    let duration = start.elapsed();
    let changed = changes(&before, &world.snapshot(&folder.0)?);
    // The same stray of another run is told by the same name.
    let stray = |(path, how): &(PathBuf, &str)| {
        let name = path.strip_prefix(&folder.0).unwrap_or_else(|_| world.name(path));
        format!("`{}` was {how}", name.display())
    };
    let strays = changed.iter().map(stray).collect();
    let below = |(path, digest): (PathBuf, String)| {
        (path.strip_prefix(&request.output_dir).unwrap_or(&path).to_owned(), digest)
    };
    let files = files(&request.output_dir)?.into_iter().map(below).collect();
    Ok(Trial { result, events, files, strays, duration, stopping, request, _folder: folder })
}

/// Shows the model of `task` to `look`, as a run would find it.
///
/// # Errors
/// When the folders cannot be set up.
pub(super) fn look(world: &World, task: &Task, look: Damage<'_>) -> io::Result<()> {
    let folder = RunFolder(world.run_folder()?);
    let mut input = place(&task.input, &folder.0.join("input"))?;
    look(&mut input, &folder.0)
}

/// What `plugin` finds about `task` before any work.
///
/// # Errors
/// When the folders cannot be set up.
pub(super) fn prepare(
    world: &World,
    plugin: &Callee,
    task: &Task,
) -> io::Result<Result<Value, Ending>> {
    let folder = RunFolder(world.run_folder()?);
    let input = place(&task.input, &folder.0.join("input"))?;
    let request = Box::new(request(task, input, &folder.0)?);
    let call = Call::Prepare { plugin: plugin.clone(), request };
    Ok(follow(&call, task.threads, Stop::Never).0)
}

/// What the plugin file `plugin` says about itself, and the time it took.
pub(super) fn describe(plugin: &Path) -> (Result<Value, Ending>, Duration) {
    let start = Instant::now();
    let call = Call::Describe { plugin: plugin.to_owned().into() };
    (follow(&call, 1, Stop::Never).0, start.elapsed())
}

type Followed = (Result<Value, Ending>, Vec<StepEvent>, Option<Duration>);

fn follow(call: &Call, threads: usize, stop: Stop) -> Followed {
    let events = RefCell::new(Vec::new());
    let asked = Cell::new(None);
    let start = Instant::now();
    let is_midway = || {
        let is_progress =
            |event: &StepEvent| matches!(event, StepEvent::Progress { done, .. } if *done > 0);
        events.borrow().iter().any(is_progress)
    };
    let is_due = || match stop {
        Stop::Never | Stop::KilledMidway => false,
        Stop::AtOnce => true,
        Stop::AfterFirstEvent => !events.borrow().is_empty(),
        Stop::Midway => is_midway(),
    };
    let is_cancelled = || {
        if stop == Stop::KilledMidway && is_midway() {
            // Nothing but this call is under way.
            process::end_all();
        }
        let is_due = is_due() || start.elapsed() > PATIENCE;
        if is_due && asked.get().is_none() {
            asked.set(Some(Instant::now()));
        }
        is_due
    };
    let on_event = |event| events.borrow_mut().push(event);
    let supervision = Supervision { on_event: &on_event, is_cancelled: &is_cancelled };
    let outcome = process::run(call, threads, &supervision);
    let stopping = asked.get().map(|asked| asked.elapsed());
    let is_late = start.elapsed() > PATIENCE && !is_due();
    let result = outcome.result.map_err(|failure| match failure {
        Failure::Plugin(error) if error.code == PluginError::PANIC => {
            Ending::Crash(error.to_string())
        }
        Failure::Plugin(error) if is_late && error.code == PluginError::CANCELLED => Ending::Late,
        Failure::Plugin(error) => Ending::Error(error),
        Failure::Killed => Ending::Killed,
        other => Ending::Crash(other.into_error().to_string()),
    });
    (result, events.into_inner(), stopping)
}

/// Puts a copy of the model into `folder`.
fn place(input: &Input, folder: &Path) -> io::Result<Model> {
    fs::create_dir_all(folder)?;
    let model = match input {
        Input::Specimen(kind) => return specimen::model(*kind, &sub_folder(folder, "model")?),
        Input::Model(model) => model,
    };
    let mut placed = model.clone();
    let name = model.model_path.file_name().unwrap_or("model".as_ref());
    placed.model_path = folder.join(name);
    copy(&model.model_path, &placed.model_path)?;
    if let Some(adapter) = &model.adapter_path {
        // An adapter often lies in its model's folder, and then came along.
        placed.adapter_path = Some(match adapter.strip_prefix(&model.model_path) {
            Ok(below) => placed.model_path.join(below),
            Err(_) => {
                copy(adapter, &folder.join("adapter"))?;
                folder.join("adapter")
            }
        });
    }
    Ok(placed)
}

fn sub_folder(folder: &Path, name: &str) -> io::Result<PathBuf> {
    let folder = folder.join(name);
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

fn request(task: &Task, input: Model, folder: &Path) -> io::Result<StepRequest> {
    let is_package = task.kind == StepKind::Package;
    let kept = task.kept.as_deref().unwrap_or(folder);
    let keeps = |name: &str, is_kept: bool| is_kept.then(|| sub_folder(kept, name)).transpose();
    let package = is_package.then(|| package_of(&input, &task.accelerator)).transpose()?;
    Ok(StepRequest {
        kind: task.kind,
        name: task.entry.clone(),
        config: task.config.clone(),
        input,
        is_input_final: true,
        data_configs: task.data_configs.clone(),
        output_dir: folder.join("output"),
        scratch_dir: folder.join("scratch"),
        checkpoint_dir: keeps(CHECKPOINTS, task.kind == StepKind::Source)?,
        shared_dir: keeps(SHARED, task.shares)?,
        ranks: 1,
        threads: task.threads,
        accelerator: task.accelerator.clone(),
        execution_provider_library: None,
        package: package.map(Box::new),
    })
}

/// Replaces paths in texts of `value`.
fn replace(value: &mut Value, folders: &[(&Path, &str)]) {
    match value {
        Value::String(text) => {
            for (folder, name) in folders {
                *text = text.replace(&*folder.to_string_lossy(), name);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, folders)),
        Value::Object(map) => map.values_mut().for_each(|item| replace(item, folders)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
