//! How fast this machine does which kind of step, learned from those that it has run.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use olive_schemas::footprint::{ModelRecord, StepStatus};
use olive_schemas::validation::Cost;

use crate::home::cache_home;
use crate::plan::{Plan, Role, Step};
use crate::store::Store;
use crate::store::files::write_atomically;

/// Weight of what is new against what is known.
const NEW: f64 = 0.5;

/// What a step does, as far as its time depends on it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Work {
    /// Floating-point operations, where a planner counts them.
    Operations(f64),
    /// Bytes of the model that the run starts from.
    Bytes(f64),
}

impl Work {
    /// The work of a step of this `cost` in a run from a model of so many bytes.
    pub(super) fn of(cost: Option<&Cost>, model_bytes: u64) -> Self {
        match cost {
            Some(cost) if cost.flops > 0.0 => Self::Operations(cost.flops),
            _ => Self::Bytes(model_bytes as f64),
        }
    }

    fn parts(self) -> (&'static str, f64) {
        match self {
            Self::Operations(count) => ("operations", count),
            Self::Bytes(count) => ("bytes", count),
        }
    }
}

/// Work a second by kind of step, unit and threads.
#[derive(Debug, Default)]
pub(super) struct Rates {
    path: PathBuf,
    known: BTreeMap<String, f64>,
}

impl Rates {
    /// What this machine remembers; an unreadable file is an empty memory.
    pub(super) fn open() -> Self {
        Self::open_at(cache_home().join("rates.json"))
    }

    fn open_at(path: PathBuf) -> Self {
        let known = fs::read(&path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        Self { path, known: known.unwrap_or_default() }
    }

    /// Seconds that `step` will take, when steps of its kind have run here.
    pub(super) fn seconds(&self, step: &Step, work: Work, threads: usize) -> Option<f64> {
        let whole = self.seconds_of(&kind(step), work, threads);
        whole.or_else(|| parts(step)?.iter().map(|kind| self.seconds_of(kind, work, threads)).sum())
    }

    fn seconds_of(&self, kind: &str, work: Work, threads: usize) -> Option<f64> {
        let (unit, count) = work.parts();
        let rate = self.known.get(&key(kind, unit, threads))?;
        Some(count / rate).filter(|seconds| seconds.is_finite())
    }

    fn learn(&mut self, kind: &str, work: Work, threads: usize, seconds: f64) {
        let (unit, count) = work.parts();
        let new = count / seconds;
        if !new.is_finite() || new <= 0.0 {
            return;
        }
        let known = self.known.entry(key(kind, unit, threads)).or_insert(new);
        *known += NEW * (new - *known);
    }

    /// A failure costs only what was learned and is not told.
    fn save(&self) {
        if let Ok(bytes) = serde_json::to_vec_pretty(&self.known)
            && let Some(parent) = self.path.parent()
            && fs::create_dir_all(parent).is_ok()
        {
            let _ = write_atomically(&self.path, &bytes);
        }
    }
}

/// Learns from the steps of `models` that ran; `costs` are the estimates of the passes of their
/// `plan` by name.
pub fn learn(plan: &Plan, costs: &[(String, Option<Cost>)], models: &[ModelRecord]) {
    let model_bytes =
        super::engine::size(&plan.input.model, &Store::new(&plan.cache_dir)).unwrap_or_default();
    let mut rates = Rates::open();
    let mut has_learned = false;
    for record in models.iter().flat_map(ModelRecord::steps) {
        let step = plan.steps.iter().find(|step| step.key.as_str() == record.key);
        let Some(step) = step.filter(|step| step.system.is_none()) else { continue };
        if record.status == StepStatus::Ran {
            let work = Work::of(super::cost_of(step, costs), model_bytes);
            rates.learn(&kind(step), work, step.threads, record.duration_sec);
            has_learned = true;
        }
    }
    if has_learned {
        rates.save();
    }
}

/// What steps have in common that are as fast as each other.
fn kind(step: &Step) -> String {
    match &step.role {
        Role::Evaluation { metric, .. } => evaluation(step, metric.as_deref().unwrap_or_default()),
        Role::Pass { .. } | Role::Fetch { .. } => step.name.clone(),
    }
}

/// The kinds of steps, one a metric as in trials of a search, that `step` does together.
fn parts(step: &Step) -> Option<Vec<String>> {
    let metrics = step.full_config.get("metrics")?.as_array()?;
    let names = metrics.iter().filter_map(|metric| metric.get("name")?.as_str());
    let is_whole = matches!(step.role, Role::Evaluation { metric: None, .. });
    is_whole.then(|| names.map(|name| evaluation(step, name)).collect())
}

fn evaluation(step: &Step, metric: &str) -> String {
    format!("evaluate {} {metric}", step.name)
}

fn key(kind: &str, unit: &str, threads: usize) -> String {
    format!("{} / {unit} / {threads}", kind.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_follows_from_what_was_learned_of_the_same_kind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/rates.json");
        let mut rates = Rates::open_at(path.clone());
        assert_eq!(rates.seconds_of("Tune", Work::Operations(1e9), 2), None);
        rates.learn("Tune", Work::Operations(1e9), 2, 10.0);
        rates.learn("Tune", Work::Operations(1e9), 2, 5.0);
        rates.learn("Tune", Work::Operations(1e9), 2, 0.0);
        rates.save();
        let rates = Rates::open_at(path);
        let seconds = |kind, work, threads| rates.seconds_of(kind, work, threads);
        assert_eq!(seconds("Tune", Work::Operations(3e9), 2), Some(20.0));
        assert_eq!(seconds("Tune", Work::Operations(3e9), 4), None);
        assert_eq!(seconds("Tune", Work::Bytes(3e9), 2), None);
        assert_eq!(seconds("Other", Work::Operations(3e9), 2), None);
    }
}
