//! A run as one JSON object a line.

use olive_schemas::footprint::{Footprint, StepRecord};
use olive_schemas::metric::MetricValue;
use olive_schemas::search::{Choice, TrialRecord};
use olive_schemas::step::StepEvent;
use serde::Serialize;

use super::Show;
use super::sink::Sink;
use crate::steps::StepTitle;

/// Shows a run to a program.
pub(super) struct Json {
    sink: Sink,
    key: String,
}

/// A line about the run; `event` says which.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Line<'a> {
    RunStarted {
        workflow_id: &'a str,
        steps: &'a [StepTitle],
    },
    StepStarted {
        #[serde(flatten)]
        step: &'a StepTitle,
    },
    StepEnded {
        #[serde(flatten)]
        step: &'a StepTitle,
        record: &'a StepRecord,
        metrics: &'a [MetricValue],
    },
    SearchStarted {
        workflow_id: &'a str,
        variants: Option<u64>,
    },
    TrialStarted {
        number: usize,
        choices: &'a [Choice],
    },
    TrialEnded {
        #[serde(flatten)]
        trial: &'a TrialRecord,
        metrics: &'a [MetricValue],
    },
    RunEnded {
        is_complete: bool,
        footprint: &'a Footprint,
    },
}

/// What a step tells, with the step's key.
#[derive(Serialize)]
struct StepLine<'a> {
    #[serde(flatten)]
    event: &'a StepEvent,
    key: &'a str,
}

impl Json {
    pub(super) fn new(sink: Sink) -> Self {
        Self { sink, key: String::new() }
    }

    fn write(&mut self, line: &impl Serialize) {
        if let Ok(text) = serde_json::to_string(line) {
            self.sink.result(&(text + "\n"));
        }
    }
}

impl Show for Json {
    fn run_started(&mut self, workflow_id: &str, steps: &[StepTitle]) {
        self.write(&Line::RunStarted { workflow_id, steps });
    }

    fn step_started(&mut self, step: &StepTitle) {
        self.key.clone_from(&step.key);
        self.write(&Line::StepStarted { step });
    }

    fn event(&mut self, event: &StepEvent) {
        let key = self.key.clone();
        self.write(&StepLine { event, key: &key });
    }

    fn step_ended(&mut self, step: &StepTitle, record: &StepRecord, metrics: &[MetricValue]) {
        self.write(&Line::StepEnded { step, record, metrics });
    }

    fn run_ended(&mut self, footprint: &Footprint) {
        let is_complete = footprint.is_complete();
        self.write(&Line::RunEnded { is_complete, footprint });
    }

    fn search_started(&mut self, workflow_id: &str, variants: Option<u64>) {
        self.write(&Line::SearchStarted { workflow_id, variants });
    }

    fn trial_started(&mut self, number: usize, choices: &[Choice]) {
        self.write(&Line::TrialStarted { number, choices });
    }

    fn trial_ended(&mut self, trial: &TrialRecord, metrics: &[MetricValue]) {
        self.write(&Line::TrialEnded { trial, metrics });
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::{Value, json};

    use super::*;
    use crate::report::sample;

    #[test]
    fn every_line_is_an_object_that_names_its_event() {
        let (sink, streams) = Sink::captured();
        let mut view = Json::new(sink);
        let footprint = sample::full();
        let step = StepTitle {
            index: 1,
            total: 1,
            title: "tune (Tune)".into(),
            key: "abc".into(),
            is_cached: false,
        };
        let figures = BTreeMap::from([("loss".to_owned(), f64::NAN)]);
        view.run_started("tone", std::slice::from_ref(&step));
        view.step_started(&step);
        view.event(&StepEvent::Progress { unit: "step".into(), done: 1, total: 2, figures });
        view.event(&StepEvent::Text { text: "two\nlines".into() });
        let record = footprint.models[1].pass_step.as_ref().unwrap();
        view.step_ended(&step, record, &footprint.models[1].metrics);
        view.run_ended(&footprint);

        let text = streams.results();
        let lines: Vec<Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let events: Vec<&str> = lines.iter().map(|line| line["event"].as_str().unwrap()).collect();
        assert_eq!(
            events,
            ["run_started", "step_started", "progress", "text", "step_ended", "run_ended"]
        );
        assert!(lines[2..=4].iter().all(|line| line["key"] == "abc"));
        assert_eq!(
            lines[2],
            json!({
                "event": "progress", "unit": "step", "done": 1, "total": 2,
                "figures": {"loss": null}, "key": "abc"
            })
        );
        assert_eq!(lines[4]["record"]["status"], "ran");
        assert_eq!(lines[4]["metrics"][0]["value"], 0.883);
        assert_eq!(lines[5]["is_complete"], true);
        assert_eq!(lines[5]["footprint"]["diagnostics"][0]["code"], "quality-loss");
        assert_eq!(streams.progress(), "");
    }
}
