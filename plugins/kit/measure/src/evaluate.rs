//! From an evaluator config to figures.

use std::path::{Path, PathBuf};

use olive_kit_text::Tokenizer;
use olive_schemas::data::DataConfig;
use olive_schemas::metric::{EvaluatorConfig, Metric, MetricKind, MetricValue, SubMetric};

use crate::confidence;
use crate::data::Dataset;
use crate::error::{MeasureError, ModelError};
use crate::ground::Ground;
use crate::memory::peak_bytes;
use crate::model::LanguageModel;
use crate::progress::Observer;
use crate::records::Records;
use crate::size::size_bytes;
use crate::statistic::Statistic;
use crate::timing::{time_runs, timing_prompt};
use crate::uncertainty::Figure;

/// What is measured.
pub struct Subject<'a> {
    /// The model.
    pub model: &'a mut dyn LanguageModel,
    /// Its tokenizer.
    pub tokenizer: &'a Tokenizer,
    /// The files of its weights and graph.
    pub weight_files: &'a [PathBuf],
}

/// What a measurement may use of the world.
pub struct Surroundings<'a> {
    /// Gives the data config of a name.
    pub data_config: &'a dyn Fn(&str) -> Option<&'a DataConfig>,
    /// Existing folder; gets what the model was asked and how it answered, as
    /// [`olive_schemas::samples`].
    pub output_dir: &'a Path,
    /// Makes the model at a path, the reference of a metric, ready to run.
    pub open_reference: &'a mut OpenReference<'a>,
    /// Takes progress and may stop the measurement.
    pub observer: &'a mut Observer<'a>,
}

/// Makes the model at a path ready to run.
pub type OpenReference<'a> = dyn FnMut(&Path) -> Result<Box<dyn LanguageModel>, ModelError> + 'a;

/// Measures every sub-type of every metric of `config`, in this order.
///
/// # Errors
/// Before any work when the config asks for what there is not; else when a figure cannot be
/// measured, or [`MeasureError::Cancelled`].
pub fn evaluate(
    config: &EvaluatorConfig,
    subject: &mut Subject<'_>,
    surroundings: &mut Surroundings<'_>,
) -> Result<Vec<MetricValue>, MeasureError> {
    config.metrics.iter().try_for_each(check)?;
    let mut records = Records::new(surroundings.output_dir);
    let mut values = Vec::new();
    for metric in &config.metrics {
        if metric.kind != MetricKind::SizeOnDisk {
            subject.model.set_up(metric).map_err(MeasureError::Model)?;
        }
        let figures = measure(metric, subject, surroundings, &mut records)?;
        values.extend(metric.sub_types.iter().zip(figures).map(|(sub, figure)| MetricValue {
            uncertainty: figure.uncertainty,
            ..metric.figure(sub, figure.value)
        }));
    }
    records.finish()?;
    Ok(values)
}

/// Finds what no measurement could make sense of.
fn check(metric: &Metric) -> Result<(), MeasureError> {
    let known = metric.kind.sub_metrics();
    for sub in &metric.sub_types {
        if !known.contains(&sub.name.as_str()) {
            return Err(unknown(metric, sub));
        }
        if metric.kind == MetricKind::Accuracy && metric.data_config.is_none() {
            let (metric, sub_type) = (metric.name.clone(), sub.name.clone());
            return Err(MeasureError::NoDataConfig { metric, sub_type });
        }
    }
    if let Some(problem) = metric.problems().into_iter().next() {
        return Err(MeasureError::Metric(problem));
    }
    let settings = &metric.user_config;
    let at_least_one = [
        ("max_new_tokens", settings.max_new_tokens),
        ("prompt_tokens", settings.prompt_tokens),
        ("repeat_test_num", metric.timing().num_repeats),
    ];
    match at_least_one.into_iter().find(|&(_, value)| value == 0) {
        Some((setting, value)) => {
            Err(MeasureError::ZeroSetting { metric: metric.name.clone(), setting, value })
        }
        None => Ok(()),
    }
}

fn unknown(metric: &Metric, sub: &SubMetric) -> MeasureError {
    let (known, sub_type) = (metric.kind.sub_metrics(), sub.name.clone());
    MeasureError::UnknownSubType { metric: metric.name.clone(), sub_type, known }
}

/// The figures of `metric`, one for each of its sub-types.
fn measure(
    metric: &Metric,
    subject: &mut Subject<'_>,
    surroundings: &mut Surroundings<'_>,
    records: &mut Records,
) -> Result<Vec<Figure>, MeasureError> {
    match metric.kind {
        MetricKind::Accuracy => accuracy(metric, subject, surroundings, records),
        MetricKind::Latency => latency(metric, subject, surroundings),
        MetricKind::Throughput => throughput(metric, subject, surroundings),
        MetricKind::SizeOnDisk => {
            let bytes = size_bytes(subject.weight_files)? as f64;
            Ok(vec![Figure::plain(bytes); metric.sub_types.len()])
        }
        MetricKind::Memory => {
            let prompt = prompt(metric, subject, surroundings)?;
            let num_tokens = metric.user_config.max_new_tokens;
            let bytes = peak_bytes(subject.model, &prompt, num_tokens, surroundings.observer)?;
            Ok(vec![Figure::plain(bytes as f64); metric.sub_types.len()])
        }
        MetricKind::Custom => {
            metric.sub_types.iter().map(|sub| Err(unknown(metric, sub))).collect()
        }
    }
}

/// Tokens are generated only where the time between them is asked for.
fn latency(
    metric: &Metric,
    subject: &mut Subject<'_>,
    surroundings: &mut Surroundings<'_>,
) -> Result<Vec<Figure>, MeasureError> {
    let prompt = prompt(metric, subject, surroundings)?;
    let is_generating = metric.sub_types.iter().any(|sub| sub.name.starts_with("itl_"));
    let num_tokens = if is_generating { metric.user_config.max_new_tokens } else { 0 };
    let timing = metric.timing();
    let timings = time_runs(subject.model, &prompt, num_tokens, timing, surroundings.observer)?;
    let figure = |sub: &SubMetric| {
        let (samples, name) = match sub.name.split_once('_') {
            Some(("ttft", name)) => (&timings.first_token_ms, name),
            Some(("itl", name)) => (&timings.between_ms, name),
            _ => (&timings.forward_ms, sub.name.as_str()),
        };
        let statistic = Statistic::named(name).ok_or_else(|| unknown(metric, sub))?;
        Ok(confidence::rounded(confidence::figure(statistic, samples)))
    };
    metric.sub_types.iter().map(figure).collect()
}

fn throughput(
    metric: &Metric,
    subject: &mut Subject<'_>,
    surroundings: &mut Surroundings<'_>,
) -> Result<Vec<Figure>, MeasureError> {
    let prompt = prompt(metric, subject, surroundings)?;
    let num_tokens = metric.user_config.max_new_tokens;
    let timing = metric.timing();
    let timings = time_runs(subject.model, &prompt, num_tokens, timing, surroundings.observer)?;
    let figure = |sub: &SubMetric| {
        let statistic = Statistic::named(&sub.name).ok_or_else(|| unknown(metric, sub))?;
        let time = confidence::figure(statistic.of_durations(), &timings.decode_ms);
        Ok(confidence::rounded(confidence::rate(num_tokens as f64, time)))
    };
    metric.sub_types.iter().map(figure).collect()
}

fn accuracy(
    metric: &Metric,
    subject: &mut Subject<'_>,
    surroundings: &mut Surroundings<'_>,
    records: &mut Records,
) -> Result<Vec<Figure>, MeasureError> {
    let Some(mut data) = dataset(metric, surroundings)? else { return Ok(Vec::new()) };
    if let Some(name) = &metric.user_config.fewshot_data_config {
        data = data.with_shots(data_config(metric, name, surroundings)?);
    }
    let Subject { model, tokenizer, .. } = subject;
    let Surroundings { observer, open_reference, .. } = surroundings;
    let mut ground = Ground {
        metric: &metric.name,
        sub_types: Vec::new(),
        model: &mut **model,
        tokenizer,
        records,
        observer: &mut **observer,
    };
    let reference = metric.user_config.reference_model.as_deref().unwrap_or(Path::new(""));
    crate::accuracy::accuracy(metric, &data, &mut ground, &mut || open_reference(reference))
}

fn prompt(
    metric: &Metric,
    subject: &Subject<'_>,
    surroundings: &Surroundings<'_>,
) -> Result<Vec<u32>, MeasureError> {
    let data = dataset(metric, surroundings)?;
    let length = metric.user_config.prompt_tokens;
    let data = data.as_ref().map(|data| (subject.tokenizer, data));
    timing_prompt(&*subject.model, data, length)
}

fn dataset<'a>(
    metric: &Metric,
    surroundings: &Surroundings<'a>,
) -> Result<Option<Dataset<'a>>, MeasureError> {
    let Some(name) = &metric.data_config else { return Ok(None) };
    let config = data_config(metric, name, surroundings)?;
    Ok(Some(Dataset::read(config, metric.user_config.limit)?))
}

fn data_config<'a>(
    metric: &Metric,
    name: &str,
    surroundings: &Surroundings<'a>,
) -> Result<&'a DataConfig, MeasureError> {
    (surroundings.data_config)(name).ok_or_else(|| {
        let (metric, name) = (metric.name.clone(), name.to_owned());
        MeasureError::UnknownDataConfig { metric, name }
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::ops::ControlFlow;
    use std::path::Path;

    use olive_schemas::data::DataConfig;
    use olive_schemas::metric::{EvaluatorConfig, MetricValue};
    use serde_json::{Value, json};

    use super::{Subject, Surroundings, evaluate};
    use crate::error::MeasureError;
    use crate::toy::{Parrot, tokenizer};

    fn data_config(folder: &Path) -> DataConfig {
        let rows = [("I won", "joy"), ("I lost", "sadness"), ("Who is there", "fear")];
        let lines = rows.map(|(phrase, tone)| json!({"phrase": phrase, "tone": tone}).to_string());
        let file = folder.join("rows.json");
        fs::write(&file, lines.join("\n")).unwrap();
        serde_json::from_value(json!({
            "name": "rows",
            "load_dataset_config": {"data_name": "json", "data_files": file},
            "pre_process_data_config": {
                "text_template": "{phrase}: {tone}",
                "prompt_template": "{phrase}:",
                "answer_template": "{tone}",
                "add_special_tokens": false,
            },
        }))
        .unwrap()
    }

    fn run(metrics: &Value, texts: &[&str]) -> Result<(Vec<MetricValue>, String), MeasureError> {
        let folder = tempfile::tempdir().unwrap();
        let data_config = data_config(folder.path());
        let tokenizer = tokenizer();
        let sequences = texts.iter().map(|text| tokenizer.encode_plain(text).unwrap()).collect();
        let weights = folder.path().join("weights");
        fs::write(&weights, [0; 77]).unwrap();
        let config: EvaluatorConfig = serde_json::from_value(json!({"metrics": metrics})).unwrap();
        let values = evaluate(
            &config,
            &mut Subject {
                model: &mut Parrot::new(sequences),
                tokenizer: &tokenizer,
                weight_files: &[weights],
            },
            &mut Surroundings {
                data_config: &|name| Some(&data_config).filter(|data| data.name == name),
                output_dir: folder.path(),
                open_reference: &mut |path| Err(format!("no `{}`", path.display()).into()),
                observer: &mut |_| ControlFlow::Continue(()),
            },
        )?;
        let records = fs::read_to_string(folder.path().join("examples.jsonl")).unwrap_or_default();
        Ok((values, records))
    }

    fn check_error(metrics: &Value, expected: &str) {
        assert_eq!(run(metrics, &[]).unwrap_err().to_string(), expected);
    }

    #[test]
    fn answers_are_compared_and_recorded() {
        let metrics = json!([{
            "name": "tone", "type": "accuracy", "data_config": "rows",
            "sub_types": [{"name": "exact_match", "priority": 1}],
        }]);
        let texts = ["I won: Joy\nmore", "I lost: anger", "Who is there:fear"];
        let (values, records) = run(&metrics, &texts).unwrap();
        assert_eq!(values[0].key(), "tone-exact_match");
        assert!((values[0].value - 2.0 / 3.0).abs() < 1e-12);
        assert!(values[0].higher_is_better && values[0].priority == 1);
        let lines: Vec<Value> =
            records.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 3);
        assert_eq!(
            lines[1],
            json!({
                "metric": "tone", "sub_types": ["exact_match"], "row": 2,
                "prompt": "I lost:", "expected": "sadness", "got": " anger", "score": 0.0,
            })
        );
        assert_eq!(lines[0]["score"], 1.0);
    }

    #[test]
    fn figures_keep_the_order_of_the_config() {
        let metrics = json!([
            {"name": "size", "type": "size_on_disk", "sub_types": [{"name": "bytes"}]},
            {
                "name": "speed", "type": "throughput", "data_config": "rows",
                "sub_types": [{"name": "min"}, {"name": "max"}],
            },
            {
                "name": "text", "type": "accuracy", "data_config": "rows",
                "sub_types": [{"name": "perplexity"}], "user_config": {"limit": 1},
            },
        ]);
        let (values, records) = run(&metrics, &["I won: joy"]).unwrap();
        let keys: Vec<_> = values.iter().map(MetricValue::key).collect();
        assert_eq!(keys, ["size-bytes", "speed-min", "speed-max", "text-perplexity"]);
        assert!((values[0].value - 77.0).abs() < f64::EPSILON);
        assert!(values[1].value <= values[2].value && values[1].value > 0.0);
        let known = ((10.0_f64.exp() + 511.0) / 10.0_f64.exp()).ln().exp();
        assert!((values[3].value - known).abs() < 1e-4, "{}", values[3].value);
        assert!(!values[3].higher_is_better);
        assert_eq!(records.lines().count(), 1);
    }

    #[test]
    fn what_there_is_not_is_said_before_any_work() {
        check_error(
            &json!([{"name": "q", "type": "accuracy", "sub_types": [{"name": "bleu"}]}]),
            "metric `q` has no sub-type `bleu`; it has exact_match, perplexity, \
             accuracy_score, f1_score, precision, recall, auroc, acc, acc_norm, acc_bytes, \
             token_match, kl_divergence",
        );
        check_error(
            &json!([{"name": "q", "type": "accuracy", "sub_types": [{"name": "perplexity"}]}]),
            "metric `q` measures `perplexity`, which needs a `data_config`",
        );
        check_error(
            &json!([{
                "name": "q", "type": "accuracy", "data_config": "other",
                "sub_types": [{"name": "perplexity"}],
            }]),
            "metric `q` refers to data config `other`, which is not there",
        );
        check_error(
            &json!([{
                "name": "t", "type": "latency", "sub_types": [{"name": "avg"}],
                "user_config": {"repeat_test_num": 0},
            }]),
            "metric `t` has `repeat_test_num` 0; it must be at least 1",
        );
    }
}
