//! A run on a terminal: the step under way in a few lines, above which what was told scrolls.
//!
//! The cursor is never hidden, so that whatever ends the program leaves a terminal in order.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use console::Term;
use indicatif::style::ProgressTracker;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use olive_schemas::footprint::{Footprint, StepRecord, StepStatus};
use olive_schemas::metric::MetricValue;
use olive_schemas::search::{Choice, TrialRecord};
use olive_schemas::step::StepEvent;

use super::Show;
use super::live::Live;
use super::sink::Sink;
use super::summary;
use crate::steps::StepTitle;

/// Time between two looks at the clock.
const TURN: Duration = Duration::from_millis(250);
/// Drawings a second, at most.
const RATE: u8 = 10;

/// Shows a run on a terminal.
pub(super) struct Bars {
    sink: Sink,
    bar: ProgressBar,
    live: Arc<Mutex<Live>>,
    /// Whether a trial of a search is under way, which shares steps with earlier ones.
    is_in_trial: bool,
}

impl Bars {
    pub(super) fn new(sink: Sink) -> Self {
        Self { sink, bar: ProgressBar::hidden(), live: Arc::default(), is_in_trial: false }
    }

    /// Writes a line above the step.
    fn line(&mut self, line: &str) {
        let Self { sink, bar, .. } = self;
        bar.suspend(|| sink.progress(line));
    }
}

impl Show for Bars {
    fn run_started(&mut self, workflow_id: &str, steps: &[StepTitle]) {
        self.line(&summary::opening(workflow_id, steps));
    }

    fn step_started(&mut self, step: &StepTitle) {
        if step.is_cached {
            return;
        }
        self.live = Arc::new(Mutex::new(Live::new(step.label())));
        let drawing = Drawing { live: Arc::clone(&self.live), color: self.sink.colors_progress };
        let style = ProgressStyle::with_template("{live}");
        let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
        let target = ProgressDrawTarget::stderr_with_hz(RATE);
        self.bar =
            ProgressBar::with_draw_target(None, target).with_style(style.with_key("live", drawing));
        self.bar.enable_steady_tick(TURN);
    }

    fn event(&mut self, event: &StepEvent) {
        match event {
            StepEvent::Progress { .. } => {
                locked(&self.live).take(event, Instant::now());
                self.bar.tick();
            }
            StepEvent::Log { level, message } => {
                let line = summary::log(*level, message, self.sink.colors_progress);
                self.line(&line);
            }
            StepEvent::Text { text } => {
                let Self { sink, bar, .. } = self;
                bar.suspend(|| sink.result(text));
            }
        }
    }

    fn step_ended(&mut self, step: &StepTitle, record: &StepRecord, metrics: &[MetricValue]) {
        self.bar.finish_and_clear();
        if self.is_in_trial && record.status == StepStatus::Reused {
            return;
        }
        for line in summary::ending(&step.label(), record, metrics, self.sink.colors_progress) {
            self.line(&line);
        }
    }

    fn run_ended(&mut self, footprint: &Footprint) {
        self.bar.finish_and_clear();
        let text = summary::closing(footprint, self.sink.colors_results);
        self.sink.result(&text);
    }

    fn search_started(&mut self, workflow_id: &str, variants: Option<u64>) {
        let line = summary::search(workflow_id, variants);
        self.line(&line);
    }

    fn trial_started(&mut self, number: usize, choices: &[Choice]) {
        self.is_in_trial = true;
        let line = summary::trial(number, choices, self.sink.colors_progress);
        self.line(&line);
    }

    fn trial_ended(&mut self, trial: &TrialRecord, metrics: &[MetricValue]) {
        self.is_in_trial = false;
        for line in summary::trial_end(trial, metrics, self.sink.colors_progress) {
            self.line(&line);
        }
    }
}

/// Draws the step under way.
#[derive(Clone)]
struct Drawing {
    live: Arc<Mutex<Live>>,
    color: bool,
}

impl ProgressTracker for Drawing {
    fn clone_box(&self) -> Box<dyn ProgressTracker> {
        Box::new(self.clone())
    }

    fn tick(&mut self, _state: &ProgressState, _now: Instant) {}

    fn reset(&mut self, _state: &ProgressState, _now: Instant) {}

    fn write(&self, state: &ProgressState, out: &mut dyn fmt::Write) {
        // The last column stays free: some terminals go to the next line when it is written to.
        let columns = usize::from(Term::stderr().size().1).saturating_sub(1);
        let live = locked(&self.live);
        let lines = live.lines(Instant::now(), state.elapsed(), columns, self.color);
        let _ = out.write_str(&lines.join("\n"));
    }
}

fn locked(live: &Mutex<Live>) -> MutexGuard<'_, Live> {
    live.lock().unwrap_or_else(PoisonError::into_inner)
}
