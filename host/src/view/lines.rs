//! A run as plain lines.

use std::time::{Duration, Instant};

use olive_schemas::footprint::{Footprint, StepRecord, StepStatus};
use olive_schemas::metric::MetricValue;
use olive_schemas::search::{Choice, TrialRecord};
use olive_schemas::step::StepEvent;

use super::Show;
use super::pace::Pace;
use super::sink::Sink;
use super::summary;
use crate::render::plain;
use crate::steps::StepTitle;

/// Least time between two lines of progress of a step.
const PAUSE: Duration = Duration::from_secs(2);

/// Shows a run as lines.
pub(super) struct Lines {
    sink: Sink,
    label: String,
    last_line: Option<Instant>,
    pace: Pace,
    /// Whether a trial of a search is under way, which shares steps with earlier ones.
    is_in_trial: bool,
}

impl Lines {
    pub(super) fn new(sink: Sink) -> Self {
        Self {
            sink,
            label: String::new(),
            last_line: None,
            pace: Pace::default(),
            is_in_trial: false,
        }
    }

    /// A line of progress, unless the last one was just written; the end is told by itself.
    fn progress(&mut self, event: &StepEvent, now: Instant) {
        let StepEvent::Progress { unit, done, total, figures } = event else { return };
        let remaining = self.pace.remaining(unit, *done, *total, now);
        let is_due = self.last_line.is_none_or(|last| now.duration_since(last) >= PAUSE);
        if !is_due || done == total {
            return;
        }
        self.last_line = Some(now);
        let mut line = format!("{}: {} {done}/{total}", self.label, plain(unit));
        for part in summary::figures(figures).into_iter().chain(remaining.map(summary::left)) {
            line.push_str(", ");
            line.push_str(&part);
        }
        self.sink.progress(&line);
    }
}

impl Show for Lines {
    fn run_started(&mut self, workflow_id: &str, steps: &[StepTitle]) {
        let line = summary::opening(workflow_id, steps);
        self.sink.progress(&line);
    }

    fn step_started(&mut self, step: &StepTitle) {
        self.label = step.label();
        self.pace = Pace::default();
        // The first line of progress waits too: a short step has a start and an end.
        self.last_line = Some(Instant::now());
        if !step.is_cached {
            self.sink.progress(&self.label);
        }
    }

    fn event(&mut self, event: &StepEvent) {
        match event {
            StepEvent::Progress { .. } => self.progress(event, Instant::now()),
            StepEvent::Log { level, message } => {
                let line = summary::log(*level, message, self.sink.colors_progress);
                self.sink.progress(&line);
            }
            StepEvent::Text { text } => self.sink.result(text),
        }
    }

    fn step_ended(&mut self, step: &StepTitle, record: &StepRecord, metrics: &[MetricValue]) {
        if self.is_in_trial && record.status == StepStatus::Reused {
            return;
        }
        let color = self.sink.colors_progress;
        for line in summary::ending(&step.label(), record, metrics, color) {
            self.sink.progress(&line);
        }
    }

    fn run_ended(&mut self, footprint: &Footprint) {
        let text = summary::closing(footprint, self.sink.colors_results);
        self.sink.result(&text);
    }

    fn search_started(&mut self, workflow_id: &str, variants: Option<u64>) {
        let line = summary::search(workflow_id, variants);
        self.sink.progress(&line);
    }

    fn trial_started(&mut self, number: usize, choices: &[Choice]) {
        self.is_in_trial = true;
        let line = summary::trial(number, choices, self.sink.colors_progress);
        self.sink.progress(&line);
    }

    fn trial_ended(&mut self, trial: &TrialRecord, metrics: &[MetricValue]) {
        self.is_in_trial = false;
        for line in summary::trial_end(trial, metrics, self.sink.colors_progress) {
            self.sink.progress(&line);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::report::sample;

    fn step(index: usize, title: &str, is_cached: bool) -> StepTitle {
        StepTitle { index, total: 12, title: title.into(), key: "k".into(), is_cached }
    }

    fn progress(done: u64) -> StepEvent {
        let figures = BTreeMap::from([
            ("learning_rate".to_owned(), 1e-4),
            ("loss".to_owned(), 2.314),
            ("tokens_per_second".to_owned(), 218.4),
        ]);
        StepEvent::Progress { unit: "step".into(), done, total: 176, figures }
    }

    #[test]
    fn a_step_has_a_start_lines_and_an_end() {
        let (sink, streams) = Sink::captured();
        let mut lines = Lines::new(sink);
        let footprint = sample::full();
        let steps = [step(1, "evaluate input model", true), step(2, "tune (Tune)", false)];
        lines.run_started("tone", &steps);
        lines.step_started(&steps[0]);
        let mut reused = footprint.models[0].evaluation_steps[0].clone();
        reused.status = olive_schemas::footprint::StepStatus::Reused;
        lines.step_ended(&steps[0], &reused, &footprint.models[0].metrics);
        lines.step_started(&steps[1]);
        let start = lines.last_line.unwrap();
        for (done, seconds) in [(1, 2), (2, 3), (3, 6), (4, 7), (176, 500)] {
            lines.progress(&progress(done), start + Duration::from_secs(seconds));
        }
        lines.step_ended(&steps[1], footprint.models[1].pass_step.as_ref().unwrap(), &[]);
        assert_eq!(
            streams.progress(),
            "\
workflow `tone`: 2 steps, 1 of them done before
[ 1/12] evaluate input model: reused (21 s when it ran)
        tone-exact_match 0.0 %, tone-perplexity 41.20, speed-avg 24.6 tokens/s
[ 2/12] tune (Tune)
[ 2/12] tune (Tune): step 1/176, loss 2.314, 218 tokens/s, learning rate 1e-4
[ 2/12] tune (Tune): step 3/176, loss 2.314, 218 tokens/s, learning rate 1e-4, 5 min 46 s left
[ 2/12] tune (Tune): done in 6 min 53 s, CPU 13 min 21 s, peak memory 1.40 GiB
"
        );
        assert_eq!(streams.results(), "");
    }

    #[test]
    fn a_unit_does_not_steer_the_terminal() {
        let (sink, streams) = Sink::captured();
        let (unit, figures) = ("\u{1b}[2Jstep".into(), BTreeMap::new());
        let event = StepEvent::Progress { unit, done: 1, total: 2, figures };
        Lines::new(sink).progress(&event, Instant::now());
        assert_eq!(streams.progress(), ": \u{fffd}[2Jstep 1/2\n");
    }

    #[test]
    fn a_failure_says_why() {
        let (sink, streams) = Sink::captured();
        let footprint = sample::failed();
        let record = footprint.models[1].pass_step.as_ref().unwrap();
        Lines::new(sink).step_ended(&step(2, "tune (Tune)", false), record, &[]);
        assert_eq!(
            streams.progress(),
            "[ 2/12] tune (Tune): failed after 6 min 53 s: the worker was killed by signal 9: \
             <no memory left>\n"
        );
    }

    #[test]
    fn text_goes_to_the_results_as_it_comes() {
        let (sink, streams) = Sink::captured();
        let mut lines = Lines::new(sink);
        for piece in ["joy", " ful"] {
            lines.event(&StepEvent::Text { text: piece.into() });
        }
        assert_eq!(streams.results(), "joy ful");
    }
}
