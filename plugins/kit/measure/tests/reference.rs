//! Figures beside those of torchmetrics and lm-evaluation-harness, on recorded predictions.

#![expect(clippy::unwrap_used, reason = "a failing helper fails its test")]

use std::fs;
use std::path::{Path, PathBuf};

use olive_kit_measure::Figure;
use olive_kit_measure::classification::{Predictions, figure, softmax};
use olive_kit_measure::multiple_choice::{Normalization, asking, share, told};
use olive_kit_testing::fixture;
use olive_kit_text::{Question, Row, Shots, Tokenizer, delimited, questions, rows};
use olive_schemas::metric::{MetricSettings, SubMetric};
use serde_json::{Value, json};

/// torchmetrics computes in f32.
const SINGLE: f64 = 1e-6;
/// Both compute in f64.
const DOUBLE: f64 = 1e-12;

fn own_fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn read(name: &str) -> Value {
    serde_json::from_slice(&fs::read(own_fixture(name)).unwrap()).unwrap()
}

fn likelihoods(value: &Value) -> Vec<Vec<f64>> {
    serde_json::from_value(value.clone()).unwrap()
}

#[test]
fn figures_of_classification_are_those_of_torchmetrics() {
    let mut count = 0;
    for case in read("classification.json").as_array().unwrap() {
        let found = likelihoods(&case["log_likelihoods"]);
        let predictions = Predictions {
            probabilities: found.iter().map(|row| softmax(row)).collect(),
            targets: serde_json::from_value(case["targets"].clone()).unwrap(),
        };
        for expected in case["figures"].as_array().unwrap() {
            let name = &expected["sub_type"];
            let sub = json!({"name": name, "metric_config": expected["metric_config"]});
            let sub: SubMetric = serde_json::from_value(sub).unwrap();
            let found = figure("tone", &sub, &predictions).unwrap().value;
            let expected = (expected["value"].as_f64().unwrap(), &expected["metric_config"]);
            assert!((found - expected.0).abs() < SINGLE, "{name}: {found} is not {expected:?}");
            count += 1;
        }
    }
    assert!(count > 100, "{count}");
}

#[test]
fn settings_that_do_not_fit_the_labels_of_the_data_are_refused() {
    let chances = vec![vec![0.2, 0.3, 0.5]];
    let predictions = Predictions { probabilities: chances, targets: vec![2] };
    for (settings, told) in [
        (json!({"task": "binary"}), "`task` binary, and there are 3 labels"),
        (json!({"num_classes": 4}), "`num_classes` 4, and there are 3 labels"),
        (json!({"top_k": 5}), "`top_k` 5, and there are 3 labels"),
    ] {
        let sub = json!({"name": "recall", "metric_config": settings});
        let sub: SubMetric = serde_json::from_value(sub).unwrap();
        let error = figure("tone", &sub, &predictions).unwrap_err().to_string();
        assert_eq!(error, format!("metric `tone` has {told}"));
    }
}

#[test]
fn a_share_has_an_interval_and_a_mean_of_classes_has_none() {
    let chances = vec![vec![0.2, 0.3, 0.5]; 4];
    let predictions = Predictions { probabilities: chances, targets: vec![2, 2, 0, 2] };
    let figure = |settings: Value| {
        let sub = json!({"name": "accuracy_score", "metric_config": settings});
        figure("tone", &serde_json::from_value::<SubMetric>(sub).unwrap(), &predictions).unwrap()
    };
    assert_eq!(figure(json!({})), Figure::share(3, 4));
    assert_eq!(figure(json!({"average": "macro"})).uncertainty, None);
}

#[test]
fn multiple_choice_is_scored_as_by_lm_evaluation_harness() {
    let recorded = read("questions.json");
    for (name, case) in recorded.as_object().unwrap() {
        let repeats = usize::try_from(case["repeats"].as_u64().unwrap_or(1)).unwrap();
        let questions: Vec<Question> = of_file()
            .into_iter()
            .flat_map(|question| std::iter::repeat_n(question, repeats))
            .collect();
        let found = likelihoods(&case["log_likelihoods"]);
        assert_eq!(found.len(), questions.len());
        for (figure, expected) in case["figures"].as_object().unwrap() {
            let found = share(&questions, &found, Normalization::of(figure));
            let expected = expected.as_f64().unwrap();
            assert!((found.value - expected).abs() < DOUBLE, "{name} {figure}: {found:?}");
            if let Some(stderr) = case["stderr"][figure].as_f64() {
                let found = found.uncertainty.unwrap().stderr;
                assert!((found - stderr).abs() < DOUBLE, "{name} {figure}: {found} {stderr}");
            }
        }
    }
}

#[test]
fn questions_are_put_as_by_lm_evaluation_harness() {
    let mut count = 0;
    for case in read("prompts.json").as_array().unwrap() {
        let model = case["model"].as_str();
        let mut settings = json!({"target_delimiter": " ", "apply_chat_template": model.is_some()});
        let ours = case.as_object().unwrap().iter();
        let ours = ours.filter(|(key, _)| !["model", "shots", "asked"].contains(&key.as_str()));
        settings.as_object_mut().unwrap().extend(ours.map(|(k, v)| (k.clone(), v.clone())));
        let settings: MetricSettings = serde_json::from_value(settings).unwrap();
        let told = told(&settings);
        let asking = asking(&settings, &told);
        let tokenizer = Tokenizer::open(&fixture(model.unwrap_or("tiny-phi3"))).unwrap();
        let rows = rows_of("questions.jsonl");
        let others = case["shots"].as_str().map(rows_of);
        let config = serde_json::from_value(json!({"add_special_tokens": false})).unwrap();
        let shots = Shots { rows: others.as_deref().unwrap_or(&rows), config: &config };
        let found = asking.questions(&tokenizer, &rows, &config, shots).unwrap();
        for (question, expected) in found.iter().zip(case["asked"].as_array().unwrap()) {
            assert_eq!(question.prompt, expected["context"], "{settings:?} {model:?}");
            let delimiter = asking.choice_delimiter();
            let continuations: Vec<String> = question
                .choices
                .iter()
                .map(|choice| delimited(&question.prompt, choice, delimiter))
                .collect();
            assert_eq!(json!(continuations), expected["continuations"], "{settings:?}");
            count += 1;
        }
    }
    assert_eq!(count, 27 * 6);
}

#[test]
fn too_few_solved_questions_and_no_chat_template_are_refused() {
    let rows = rows_of("questions.jsonl");
    let config = serde_json::from_value(json!({})).unwrap();
    let refused = |settings: Value, folder: &Path| {
        let settings: MetricSettings = serde_json::from_value(settings).unwrap();
        let shots = Shots { rows: &rows, config: &config };
        let tokenizer = Tokenizer::open(folder).unwrap();
        let found = asking(&settings, "").questions(&tokenizer, &rows, &config, shots);
        found.unwrap_err().to_string()
    };
    let error = refused(json!({"num_fewshot": 6}), &fixture("tiny-phi3"));
    assert_eq!(error, "6 solved questions are wanted, and there are 5 other rows");
    let bare = tempfile::tempdir().unwrap();
    for file in ["tokenizer.json", "tokenizer_config.json"] {
        fs::copy(fixture("tiny-llama").join(file), bare.path().join(file)).unwrap();
    }
    let error = refused(json!({"apply_chat_template": true}), bare.path());
    assert_eq!(error, "the model's tokenizer has no chat template");
}

fn rows_of(name: &str) -> Vec<Row> {
    let config = json!({"data_name": "json", "data_files": own_fixture(name)});
    rows::read(&serde_json::from_value(config).unwrap()).unwrap()
}

fn of_file() -> Vec<Question> {
    let rows = rows_of("questions.jsonl");
    let tokenizer = Tokenizer::open(&fixture("tiny-phi3")).unwrap();
    questions(&tokenizer, &rows, &serde_json::from_value(json!({})).unwrap()).unwrap()
}
