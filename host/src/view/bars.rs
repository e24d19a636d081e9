//! A run as a moving bar above which lines scroll.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use olive_schemas::diagnostic::Diagnostic;
use olive_schemas::footprint::{Footprint, StepRecord};
use olive_schemas::metric::MetricValue;
use olive_schemas::step::StepEvent;

use super::pace::Pace;
use super::sink::Sink;
use super::summary;
use super::{Show, StepTitle};
use crate::render::plain;

/// Before a step counts anything.
const WAITING: &str = "{prefix}  {spinner}  {elapsed}";
/// While it counts; what the terminal has no room for is cut.
const COUNTING: &str = "{prefix}  {bar:20.cyan/dim} {pos}/{len} {wide_msg}";
/// Time between two turns of the spinner.
const TURN: Duration = Duration::from_millis(200);

/// Shows a run as bars.
pub(super) struct Bars {
    sink: Sink,
    bar: ProgressBar,
    is_counting: bool,
    pace: Pace,
}

impl Bars {
    pub(super) fn new(sink: Sink) -> Self {
        Self { sink, bar: ProgressBar::hidden(), is_counting: false, pace: Pace::default() }
    }

    /// Writes a line above the bar.
    fn line(&mut self, line: &str) {
        let Self { sink, bar, .. } = self;
        bar.suspend(|| sink.progress(line));
    }

    fn progress(&mut self, event: &StepEvent) {
        let StepEvent::Progress { unit, done, total, figures } = event else { return };
        if !self.is_counting {
            self.bar.set_style(style(COUNTING));
            self.is_counting = true;
        }
        let remaining = self.pace.remaining(unit, *done, *total, Instant::now());
        let parts: Vec<String> = std::iter::once(plain(unit))
            .chain(remaining.map(summary::left))
            .chain(summary::figures(figures))
            .collect();
        self.bar.set_length(*total);
        self.bar.set_position(*done);
        self.bar.set_message(parts.join(", "));
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
        self.pace = Pace::default();
        self.is_counting = false;
        let target = ProgressDrawTarget::stderr_with_hz(10);
        self.bar = ProgressBar::with_draw_target(None, target)
            .with_style(style(WAITING))
            .with_prefix(step.label());
        self.bar.enable_steady_tick(TURN);
    }

    fn event(&mut self, event: &StepEvent) {
        match event {
            StepEvent::Progress { .. } => self.progress(event),
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
        for line in summary::ending(&step.label(), record, metrics, self.sink.colors_progress) {
            self.line(&line);
        }
    }

    fn diagnostic(&mut self, diagnostic: &Diagnostic) {
        let text = summary::diagnostic(diagnostic, self.sink.colors_progress);
        self.line(&text);
    }

    fn run_ended(&mut self, footprint: &Footprint) {
        self.bar.finish_and_clear();
        let text = summary::closing(footprint, self.sink.colors_results);
        self.sink.result(&text);
    }
}

fn style(template: &str) -> ProgressStyle {
    let style = ProgressStyle::with_template(template);
    style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("━╸─")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_well_formed() {
        for template in [WAITING, COUNTING] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }
}
