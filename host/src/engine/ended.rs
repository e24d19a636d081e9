//! What a worker has left: judged, told, published.

use std::path::{Path, PathBuf};
use std::time::Instant;

use olive_schemas::error::PluginError;
use olive_schemas::footprint::{StepRecord, StepStatus};
use olive_schemas::metric::MetricValue;
use olive_schemas::model::Model;
use olive_schemas::protocol::Usage;
use olive_schemas::step::StepOutcome;
use serde::Deserialize;
use serde_json::Value;

use super::inputs::{Change, Inputs};
use super::outcome::Ground;
use super::record::Recorder;
use crate::clock;
use crate::plan::Step;
use crate::plugin::process::{Failure, Outcome};
use crate::store::{Store, StoreError, StoredStep, Work};

/// A step that came to an end, good or bad.
pub(super) struct Ended {
    pub(super) record: StepRecord,
    /// What it made; none when it failed.
    pub(super) outcome: Option<StepOutcome>,
}

/// Why a step has no result, and what its worker used up.
pub(super) type Failed = Box<(PluginError, Usage)>;

/// When a step began.
pub(super) struct Begun {
    start: Instant,
    start_time: String,
}

impl Begun {
    pub(super) fn now() -> Self {
        Self { start: Instant::now(), start_time: clock::now() }
    }
}

impl Ended {
    /// What an evaluation has measured.
    pub(super) fn metrics(&self) -> &[MetricValue] {
        match &self.outcome {
            Some(StepOutcome::Metrics(values)) => values,
            _ => &[],
        }
    }

    /// The end of a step that has no result.
    pub(super) fn without_result(
        step: &Step,
        (error, usage): (PluginError, Usage),
        begun: &Begun,
        recorder: &Recorder,
    ) -> Self {
        let status = if error.code == PluginError::CANCELLED {
            StepStatus::Cancelled
        } else {
            StepStatus::Failed
        };
        let (curve, log) = recorder.parts();
        let record = StepRecord {
            key: step.key.to_string(),
            plugin: step.plugin.clone(),
            status,
            start_time: begun.start_time.clone(),
            end_time: clock::now(),
            duration_sec: begun.start.elapsed().as_secs_f64(),
            cpu_sec: usage.cpu_sec,
            peak_memory_bytes: usage.peak_memory_bytes,
            curve,
            log,
            error: Some(error),
        };
        Self { record, outcome: None }
    }
}

/// What a worker worked on and with.
pub(super) struct Worked<'a> {
    pub(super) step: &'a Step,
    pub(super) input: &'a Model,
    /// What it reads, as that was when the step began.
    pub(super) inputs: &'a [&'a Inputs],
    pub(super) output_dir: &'a Path,
    /// Folders that the answer may name by where they were.
    pub(super) moved: &'a [(PathBuf, PathBuf)],
    pub(super) begun: &'a Begun,
    pub(super) recorder: &'a Recorder,
}

impl Worked<'_> {
    /// How the step went and what it made, with paths as the worker left them.
    ///
    /// # Errors
    /// When the worker has failed, or what it says or left cannot be kept.
    pub(super) fn judge(
        &self,
        done: Outcome,
        store: &Store,
    ) -> Result<(StepRecord, StepOutcome), Failed> {
        let Self { step, input, output_dir, begun, recorder, .. } = *self;
        let usage = done.usage;
        let failed = |error| Box::new((error, usage));
        if let Some(change) = self.inputs.iter().find_map(|inputs| inputs.change()) {
            return Err(failed(changed(step, &change, done.result.err(), store)));
        }
        let answer = done.result.map_err(|failure| failed(failure.into_error()))?;
        let outcome = StepOutcome::deserialize(&answer)
            .map_err(|error| failed(unreadable(step, &answer, &error)))?;
        let ground = Ground { step, input, output_dir };
        let outcome = ground.settle(moved_to(outcome, self.moved)).map_err(failed)?;
        let (curve, log) = recorder.parts();
        let record = StepRecord {
            key: step.key.to_string(),
            plugin: step.plugin.clone(),
            status: StepStatus::Ran,
            start_time: begun.start_time.clone(),
            end_time: clock::now(),
            duration_sec: done.duration.as_secs_f64(),
            cpu_sec: usage.cpu_sec,
            peak_memory_bytes: usage.peak_memory_bytes,
            curve,
            log,
            error: None,
        };
        Ok((record, outcome))
    }
}

/// `outcome` with the paths of its model below the new folder where they are below the old one of a
/// pair of `moved`.
pub(super) fn moved_to(mut outcome: StepOutcome, moved: &[(PathBuf, PathBuf)]) -> StepOutcome {
    let follow = |path: &mut PathBuf| {
        let to = moved.iter().find_map(|(from, to)| Some((to, path.strip_prefix(from).ok()?)));
        if let Some((to, inner)) = to {
            let whole = inner.as_os_str().is_empty();
            *path = if whole { to.clone() } else { to.join(inner) };
        }
    };
    if let StepOutcome::Model(model) = &mut outcome {
        follow(&mut model.model_path);
        if let Some(path) = &mut model.adapter_path {
            follow(path);
        }
    }
    outcome
}

/// Makes what a step has left in `work` a step of the store.
///
/// # Errors
/// When it is nothing that can be kept, or the store cannot be written.
pub(super) fn publish(
    step: &Step,
    work: &Work,
    record: StepRecord,
    outcome: &StepOutcome,
    store: &Store,
) -> Result<StoredStep, Failed> {
    let usage = Usage { cpu_sec: record.cpu_sec, peak_memory_bytes: record.peak_memory_bytes };
    let published = store.publish(work, &step.name, record, outcome, step.shared_dir());
    published.map_err(|error| {
        let told = match error {
            StoreError::Foreign { .. } => foreign(step, &error),
            _ => error.of_step(),
        };
        Box::new((told, usage))
    })
}

/// The error that an input has changed under the step; what is made of it must not be kept.
fn changed(step: &Step, change: &Change, result: Option<Failure>, store: &Store) -> PluginError {
    store.forget(&change.path);
    let path = change.path.display();
    let message = format!("input `{path}` {} since plugin `{}` began", change.what, step.plugin);
    let mut error = PluginError::new("input-changed", message);
    error.causes.extend(result.map(|failure| failure.into_error().to_string()));
    error.with_help(
        "plugins never change what they read: if no other program did, report it to the plugin's \
         authors; the result was not kept",
    )
}

/// The error that `answer` is no outcome of a step; a figure without a number is told by its name.
fn unreadable(step: &Step, answer: &Value, error: &serde_json::Error) -> PluginError {
    let figures = answer.get("value").and_then(Value::as_array).into_iter().flatten();
    let is_none = |figure: &&Value| figure.get("value").is_none_or(|value| !value.is_number());
    let name = |figure: &Value| {
        let part = |key: &str| figure.get(key).and_then(Value::as_str);
        let value = figure.get("value").unwrap_or(&Value::Null);
        Some((format!("{}-{}", part("metric")?, part("sub_type")?), value.to_string()))
    };
    let plugin = &step.plugin;
    let message = match figures.filter(is_none).find_map(name) {
        Some((figure, value)) => {
            format!("plugin `{plugin}` gives `{figure}` as {value}, no number")
        }
        None => format!("the answer of plugin `{plugin}`: {error}"),
    };
    PluginError::new("answer", message)
}

fn foreign(step: &Step, error: &StoreError) -> PluginError {
    let message = format!("plugin `{}` made what cannot be kept: {error}", step.plugin);
    PluginError::new("answer", message)
        .with_help("a result is made of files and folders: report this to the plugin's authors")
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use olive_schemas::model::{Model, ModelKind};
    use olive_schemas::step::StepOutcome;

    use super::moved_to;

    #[test]
    fn paths_follow_a_folder_that_has_moved() {
        let moved = [(PathBuf::from("/there/a/output"), PathBuf::from("/steps/a/files"))];
        for (from, to) in [
            ("/there/a/output", "/steps/a/files"),
            ("/there/a/output/model", "/steps/a/files/model"),
            ("/there/a/outputs", "/there/a/outputs"),
            ("/base", "/base"),
        ] {
            let mut model = Model::new(ModelKind::Hf, from);
            model.adapter_path = Some(from.into());
            let StepOutcome::Model(found) = moved_to(StepOutcome::Model(model), &moved) else {
                panic!("no model");
            };
            // A slash at the end would be another path.
            assert_eq!(found.model_path.as_os_str(), to);
            assert_eq!(found.adapter_path.as_deref(), Some(std::path::Path::new(to)));
        }
        let metrics = StepOutcome::Metrics(Vec::new());
        assert_eq!(moved_to(metrics.clone(), &moved), metrics);
    }
}
