//! What a run shows while it runs.
//!
//! People read progress and logs on standard error and the results on standard output; programs
//! read one JSON object a line on standard output.

mod bars;
mod json;
mod lines;
mod live;
mod pace;
mod sink;
mod spark;
pub mod summary;

use std::sync::{Mutex, MutexGuard, PoisonError};

use olive_schemas::footprint::{Footprint, StepRecord};
use olive_schemas::metric::MetricValue;
use olive_schemas::search::{Choice, TrialRecord};
use olive_schemas::step::{LogLevel, StepEvent};

use crate::steps::StepTitle;
use bars::Bars;
use json::Json;
use lines::Lines;
use sink::Sink;

/// How a run is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Moving bars, for a terminal.
    Bars,
    /// Plain lines.
    Lines,
    /// One JSON object a line, for programs.
    Json,
}

/// Shows a run; the threads of the run share it.
pub struct View {
    /// Least importance of log lines; nothing when none is shown.
    min_level: Option<LogLevel>,
    shown: Mutex<Box<dyn Show>>,
}

impl View {
    /// A view on the standard streams.
    ///
    /// Log lines of `min_level` and more important ones are shown; none without a level.
    pub fn new(mode: Mode, min_level: impl Into<Option<LogLevel>>) -> Self {
        let shown: Box<dyn Show> = match mode {
            Mode::Bars => Box::new(Bars::new(Sink::streams())),
            Mode::Lines => Box::new(Lines::new(Sink::streams())),
            Mode::Json => Box::new(Json::new(Sink::streams())),
        };
        Self { min_level: min_level.into(), shown: Mutex::new(shown) }
    }

    /// Tells what the run will do.
    pub fn run_started(&self, workflow_id: &str, steps: &[StepTitle]) {
        self.shown().run_started(workflow_id, steps);
    }

    /// Tells that a step begins, or that its earlier result is taken.
    pub fn step_started(&self, step: &StepTitle) {
        self.shown().step_started(step);
    }

    /// Shows what the running step tells.
    pub fn event(&self, event: &StepEvent) {
        let is_shown = match event {
            StepEvent::Log { level, .. } => self.min_level.is_some_and(|least| *level <= least),
            StepEvent::Progress { .. } | StepEvent::Text { .. } => true,
        };
        if is_shown {
            self.shown().event(event);
        }
    }

    /// Tells how a step went and what it measured.
    pub fn step_ended(&self, step: &StepTitle, record: &StepRecord, metrics: &[MetricValue]) {
        self.shown().step_ended(step, record, metrics);
    }

    /// A view that shows nothing, for work that is told about as a whole.
    pub fn quiet() -> Self {
        Self { min_level: None, shown: Mutex::new(Box::new(Quiet)) }
    }

    /// Tells what a search will try, when that can be counted.
    pub fn search_started(&self, workflow_id: &str, variants: Option<u64>) {
        self.shown().search_started(workflow_id, variants);
    }

    /// Tells that a trial of a search begins.
    pub fn trial_started(&self, number: usize, choices: &[Choice]) {
        self.shown().trial_started(number, choices);
    }

    /// Tells how a trial came out and what its last model measures.
    pub fn trial_ended(&self, trial: &TrialRecord, metrics: &[MetricValue]) {
        self.shown().trial_ended(trial, metrics);
    }

    /// Tells something about the run as a whole.
    pub fn note(&self, message: &str) {
        let message = message.to_owned();
        self.event(&StepEvent::Log { level: LogLevel::Info, message });
    }

    /// Sums the run up.
    pub fn run_ended(&self, footprint: &Footprint) {
        self.shown().run_ended(footprint);
    }

    /// What a panicked thread showed last does no harm to what comes next.
    fn shown(&self) -> MutexGuard<'_, Box<dyn Show>> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One way to show a run.
trait Show: Send {
    fn run_started(&mut self, workflow_id: &str, steps: &[StepTitle]);
    fn step_started(&mut self, step: &StepTitle);
    fn event(&mut self, event: &StepEvent);
    fn step_ended(&mut self, step: &StepTitle, record: &StepRecord, metrics: &[MetricValue]);
    fn run_ended(&mut self, footprint: &Footprint);
    fn search_started(&mut self, workflow_id: &str, variants: Option<u64>);
    fn trial_started(&mut self, number: usize, choices: &[Choice]);
    fn trial_ended(&mut self, trial: &TrialRecord, metrics: &[MetricValue]);
}

/// Shows nothing.
struct Quiet;

impl Show for Quiet {
    fn run_started(&mut self, _workflow_id: &str, _steps: &[StepTitle]) {}
    fn step_started(&mut self, _step: &StepTitle) {}
    fn event(&mut self, _event: &StepEvent) {}
    fn step_ended(&mut self, _step: &StepTitle, _record: &StepRecord, _metrics: &[MetricValue]) {}
    fn run_ended(&mut self, _footprint: &Footprint) {}
    fn search_started(&mut self, _workflow_id: &str, _variants: Option<u64>) {}
    fn trial_started(&mut self, _number: usize, _choices: &[Choice]) {}
    fn trial_ended(&mut self, _trial: &TrialRecord, _metrics: &[MetricValue]) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_is_shared_by_threads() {
        fn is_shared<T: Send + Sync>() {}
        is_shared::<View>();
    }

    #[test]
    fn less_important_logs_are_dropped() {
        for (min_level, shown) in [
            (Some(LogLevel::Info), "info: quiet\nwarning: loud\nerror: last\n"),
            (Some(LogLevel::Warning), "warning: loud\nerror: last\n"),
            (Some(LogLevel::Error), "error: last\n"),
            (None, ""),
        ] {
            let (sink, streams) = Sink::captured();
            let view = View { min_level, shown: Mutex::new(Box::new(Lines::new(sink))) };
            for (level, message) in
                [(LogLevel::Info, "quiet"), (LogLevel::Warning, "loud"), (LogLevel::Error, "last")]
            {
                view.event(&StepEvent::Log { level, message: message.into() });
            }
            assert_eq!(streams.progress(), shown);
        }
    }
}
