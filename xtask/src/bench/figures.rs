//! Figures of a run, read from its footprint.

use std::fmt;
use std::path::PathBuf;

use serde_json::Value;

use crate::error::ChoreError;

/// What ran, what it made and what it measured.
#[derive(Debug)]
pub(crate) struct Footprint {
    footprint: Value,
    config: PathBuf,
}

impl Footprint {
    /// The footprint in the JSON lines that `olive run --json` printed for `config`.
    pub(crate) fn of_run(lines: &str, config: PathBuf) -> Result<Self, ChoreError> {
        let events = lines.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let mut ends = events.filter(|event| event["event"] == "run_ended");
        let footprint = ends.next().map(|mut event| event["footprint"].take());
        let mut run = Self { footprint: Value::Null, config };
        run.footprint = footprint.ok_or_else(|| run.lacks("its end"))?;
        Ok(run)
    }

    /// The footprint itself.
    pub(crate) fn into_value(self) -> Value {
        self.footprint
    }

    fn lacks(&self, what: &str) -> ChoreError {
        let problem = format!("its run says nothing of `{what}`");
        ChoreError::Content { path: self.config.clone(), problem }
    }
}

/// What one step cost.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Cost {
    /// Wall time in seconds.
    pub(crate) wall_sec: f64,
    /// Processor time in seconds.
    pub(crate) cpu_sec: f64,
    /// Largest resident memory in bytes.
    pub(crate) peak_bytes: f64,
    /// Trained tokens a second, of a step that trains.
    pub(crate) tokens_per_sec: Option<f64>,
}

impl Cost {
    /// The median of each figure.
    pub(crate) fn median(costs: &[Self]) -> Self {
        let figure = |of: fn(&Self) -> f64| median(&costs.iter().map(of).collect::<Vec<_>>());
        let speeds: Vec<_> = costs.iter().filter_map(|cost| cost.tokens_per_sec).collect();
        Self {
            wall_sec: figure(|cost| cost.wall_sec),
            cpu_sec: figure(|cost| cost.cpu_sec),
            peak_bytes: figure(|cost| cost.peak_bytes),
            tokens_per_sec: (!speeds.is_empty()).then(|| median(&speeds)),
        }
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mib = self.peak_bytes / f64::from(1 << 20);
        write!(f, "{:.2} s, {:.2} CPU-s, peak {mib:.0} MiB", self.wall_sec, self.cpu_sec)?;
        self.tokens_per_sec.map_or(Ok(()), |speed| write!(f, ", {speed:.0} tokens/s"))
    }
}

/// What the step of `pass` cost in this run.
pub(crate) fn cost(run: &Footprint, pass: &str) -> Result<Cost, ChoreError> {
    let model = models(run)?.iter().find(|model| model["from_pass"] == pass);
    let step = model.map(|model| &model["pass_step"]).ok_or_else(|| run.lacks(pass))?;
    let figure = |name: &str| step[name].as_f64().ok_or_else(|| run.lacks(name));
    Ok(Cost {
        wall_sec: figure("duration_sec")?,
        cpu_sec: figure("cpu_sec")?,
        peak_bytes: figure("peak_memory_bytes")?,
        tokens_per_sec: last_figure(step, "tokens_per_second"),
    })
}

/// What the step of `pass` said behind `start`, in the first line that begins so.
pub(crate) fn said(run: &Footprint, pass: &str, start: &str) -> Result<String, ChoreError> {
    let model = models(run)?.iter().find(|model| model["from_pass"] == pass);
    let log = model.and_then(|model| model["pass_step"]["log"].as_array());
    let messages = log.into_iter().flatten().filter_map(|line| line["message"].as_str());
    let mut found = messages.filter_map(|message| message.strip_prefix(start));
    found.next().map(str::to_owned).ok_or_else(|| run.lacks(start))
}

/// The title of each measured model and the median over `runs` of its generated tokens a second.
pub(crate) fn speeds(runs: &[Footprint]) -> Result<Vec<(String, f64)>, ChoreError> {
    let Some(first) = runs.first() else { return Ok(Vec::new()) };
    let mut speeds = Vec::new();
    for (index, model) in models(first)?.iter().enumerate() {
        let title = model["pass_name"].as_str().unwrap_or("input model").to_owned();
        let mut samples = Vec::new();
        for run in runs {
            samples.push(speed(&models(run)?[index]).ok_or_else(|| run.lacks("throughput"))?);
        }
        speeds.push((title, median(&samples)));
    }
    Ok(speeds)
}

/// The middle value; the mean of the two middle ones of an even number.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        length if length % 2 == 1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}

fn models(run: &Footprint) -> Result<&Vec<Value>, ChoreError> {
    run.footprint["models"].as_array().ok_or_else(|| run.lacks("models"))
}

fn last_figure(step: &Value, name: &str) -> Option<f64> {
    let curve = step["curve"].as_array()?;
    curve.iter().rev().find_map(|point| point["figures"][name].as_f64())
}

fn speed(model: &Value) -> Option<f64> {
    let metrics = model["metrics"].as_array()?;
    metrics.iter().find(|metric| metric["metric"] == "generation")?["value"].as_f64()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use serde_json::json;

    use super::{Footprint, cost, median, said, speeds};

    fn footprint() -> Footprint {
        let models = json!([
            { "metrics": [{ "metric": "generation", "value": 20.0 }] },
            {
                "pass_name": "lora",
                "from_pass": "LoRA",
                "pass_step": {
                    "duration_sec": 9.0, "cpu_sec": 17.5, "peak_memory_bytes": 1_048_576,
                    "curve": [{ "figures": { "tokens_per_second": 240.0 } }, { "figures": {} }],
                    "log": [{ "level": "info", "message": "memory needed: 1 MiB" }]
                },
                "metrics": [{ "metric": "generation", "value": 19.0 }]
            }
        ]);
        let end = json!({ "event": "run_ended", "footprint": { "models": models } });
        let lines = format!("{{\"event\":\"progress\"}}\n{end}\n");
        Footprint::of_run(&lines, PathBuf::from("olive-config.json")).unwrap()
    }

    #[test]
    fn a_run_without_an_end_is_named() {
        let error = Footprint::of_run("", PathBuf::from("olive-config.json")).unwrap_err();
        assert!(error.to_string().contains("olive-config.json"), "{error}");
    }

    #[test]
    fn the_middle_of_values_is_their_median() {
        assert!((median(&[3.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        assert!((median(&[4.0, 1.0]) - 2.5).abs() < f64::EPSILON);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn a_step_is_found_by_its_pass() {
        let cost = cost(&footprint(), "LoRA").unwrap();
        assert_eq!(cost.to_string(), "9.00 s, 17.50 CPU-s, peak 1 MiB, 240 tokens/s");
    }

    #[test]
    fn a_line_of_a_step_is_found_by_its_start() {
        assert_eq!(said(&footprint(), "LoRA", "memory needed: ").unwrap(), "1 MiB");
        assert!(said(&footprint(), "LoRA", "memory used: ").is_err());
    }

    #[test]
    fn a_missing_step_is_named() {
        let error = cost(&footprint(), "ModelBuilder").unwrap_err().to_string();
        assert!(error.contains("olive-config.json") && error.contains("ModelBuilder"), "{error}");
    }

    #[test]
    fn speeds_carry_the_models_titles() {
        let speeds = speeds(&[footprint(), footprint()]).unwrap();
        assert_eq!(speeds, [("input model".to_owned(), 20.0), ("lora".to_owned(), 19.0)]);
    }
}
