//! Quality of the tiny models by likelihood and beside each other, as a worker measures it.

#![expect(clippy::unwrap_used, reason = "a failing helper fails its test")]

use std::fs;
use std::path::{Path, PathBuf};

use olive_kit_testing::fixture;
use olive_plugin_api::testing::Recorder;
use olive_plugin_api::{MetricValue, Plugin, PluginError, StepOutcome, StepRequest};
use olive_plugin_evaluate::evaluator::CheckpointEvaluator;
use serde_json::{Value, json};
use tempfile::TempDir;

/// Log-likelihoods of dozens of tokens, in f32 sums of another order.
const LIKELIHOOD: f64 = 2e-3;

/// A request for the metric `tone` of the fixture `model`, on the data config `tone`.
fn request(model: &str, metric: &Value, folder: &TempDir) -> Value {
    let input = json!({"type": "HfModel", "model_path": fixture(model)});
    let mut request = olive_kit_testing::evaluation("CheckpointEvaluator", &input, folder.path());
    let mut whole = json!({"name": "tone", "type": "accuracy", "data_config": "tone"});
    whole.as_object_mut().unwrap().extend(metric.as_object().unwrap().clone());
    request["config"] = json!({"metrics": [whole]});
    request
}

fn run(request: &Value) -> Result<Vec<MetricValue>, PluginError> {
    let request: StepRequest = serde_json::from_value(request.clone()).unwrap();
    let plugin = Plugin::new("evaluate", "0.1.0").with_evaluator::<CheckpointEvaluator>();
    match plugin.run(&request, &Recorder::default())? {
        StepOutcome::Metrics(values) => Ok(values),
        other => panic!("not metrics: {other:?}"),
    }
}

fn records(folder: &TempDir) -> Vec<Value> {
    let text = fs::read_to_string(folder.path().join("examples.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn harness(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../kit/measure/tests/fixtures").join(name)
}

#[test]
fn choices_have_the_likelihoods_of_lm_evaluation_harness() {
    let recorded: Value =
        serde_json::from_slice(&fs::read(harness("questions.json")).unwrap()).unwrap();
    for model in ["tiny-phi3", "tiny-llama"] {
        let folder = tempfile::tempdir().unwrap();
        let names = ["acc", "acc_norm", "acc_bytes"];
        let metric = json!({
            "sub_types": names.map(|name| json!({"name": name})),
            "user_config": {"target_delimiter": " "},
        });
        let mut request = request(model, &metric, &folder);
        request["data_configs"]["tone"] = json!({
            "name": "tone",
            "load_dataset_config": {"data_name": "json", "data_files": harness("questions.jsonl")},
            "pre_process_data_config": {"add_special_tokens": false},
        });
        let values = run(&request).unwrap();
        let expected = &recorded[model];
        for (value, name) in values.iter().zip(names) {
            let expected = expected["figures"][name].as_f64().unwrap();
            assert!((value.value - expected).abs() < 1e-9, "{model} {name}: {}", value.value);
            assert_eq!(value.uncertainty.unwrap().count, 6);
        }
        let questions = fs::read_to_string(harness("questions.jsonl")).unwrap();
        let rows = records(&folder);
        assert_eq!(rows.len(), 6);
        for ((row, question), expected) in
            rows.iter().zip(questions.lines()).zip(expected["log_likelihoods"].as_array().unwrap())
        {
            let question: Value = serde_json::from_str(question).unwrap();
            let choices = question["choices"].as_array().unwrap();
            for (choice, expected) in choices.iter().zip(expected.as_array().unwrap()) {
                let found = row["log_likelihoods"][choice.as_str().unwrap()].as_f64().unwrap();
                let expected = expected.as_f64().unwrap();
                assert!((found - expected).abs() < LIKELIHOOD, "{choice}: {found} {expected}");
            }
        }
    }
}

#[test]
fn solved_questions_stand_before_each_as_in_lm_evaluation_harness() {
    let recorded: Value =
        serde_json::from_slice(&fs::read(harness("prompts.json")).unwrap()).unwrap();
    // Of its own rows, of its own by their name, of others, and as a chat; all fit the positions of
    // the tiny models.
    let named = |case: &Value, name: &str| {
        let mut named = case.clone();
        named["fewshot_data_config"] = name.into();
        named
    };
    let own = &recorded[1];
    for case in [own, &named(own, "tone"), &named(&recorded[3], "shots"), &recorded[16]] {
        let folder = tempfile::tempdir().unwrap();
        let model = case["model"].as_str();
        let mut settings = json!({
            "target_delimiter": " ", "apply_chat_template": model.is_some()
        });
        let ours = case.as_object().unwrap().iter();
        let ours = ours.filter(|(key, _)| !["model", "shots", "asked"].contains(&key.as_str()));
        settings.as_object_mut().unwrap().extend(ours.map(|(k, v)| (k.clone(), v.clone())));
        let metric = json!({"sub_types": [{"name": "acc"}], "user_config": settings});
        let mut request = request(model.unwrap_or("tiny-phi3"), &metric, &folder);
        for (name, file) in [("tone", "questions.jsonl"), ("shots", "shots.jsonl")] {
            request["data_configs"][name] = json!({
                "name": name,
                "load_dataset_config": {"data_name": "json", "data_files": harness(file)},
                "pre_process_data_config": {"add_special_tokens": false},
            });
        }
        assert_eq!(run(&request).unwrap()[0].uncertainty.unwrap().count, 6);
        let rows = records(&folder);
        for (row, expected) in rows.iter().zip(case["asked"].as_array().unwrap()) {
            assert_eq!(row["prompt"], expected["context"]);
        }
    }
}

#[test]
fn labels_of_the_data_are_classified_by_likelihood() {
    let folder = tempfile::tempdir().unwrap();
    let names = ["accuracy_score", "f1_score", "precision", "recall", "auroc"];
    let sub = |name| json!({"name": name, "metric_config": {"average": "macro"}});
    let metric = json!({"sub_types": names.map(sub), "user_config": {"limit": 2}});
    let values = run(&request("tiny-phi3", &metric, &folder)).unwrap();
    let keys: Vec<_> = values.iter().map(|value| value.sub_type.as_str()).collect();
    assert_eq!(keys, names);
    assert!(values.iter().all(|value| (0.0..=1.0).contains(&value.value)), "{values:?}");
    let rows = records(&folder);
    assert_eq!(rows.len(), 2);
    let labels = rows[0]["log_likelihoods"].as_object().unwrap();
    assert_eq!(labels.len(), 4, "labels are those of all rows, not of two: {labels:?}");
    let likeliest = |row: &Value| {
        let found = row["log_likelihoods"].as_object().unwrap().clone();
        found.into_iter().max_by(|a, b| a.1.as_f64().partial_cmp(&b.1.as_f64()).unwrap()).unwrap().0
    };
    assert!(rows.iter().all(|row| row["got"] == likeliest(row)), "{rows:?}");
}

#[test]
fn a_model_is_like_itself_and_less_like_its_rounded_weights() {
    let sub_types = json!([{"name": "token_match"}, {"name": "kl_divergence"}]);
    let beside = |model: &str, reference: &str| {
        let folder = tempfile::tempdir().unwrap();
        let metric = json!({
            "sub_types": sub_types,
            "user_config": {
                "limit": 3, "max_new_tokens": 6, "reference_model": fixture(reference),
            },
        });
        let values = run(&request(model, &metric, &folder)).unwrap();
        assert!(values[0].higher_is_better && !values[1].higher_is_better);
        assert_eq!(records(&folder).len(), 6);
        [values[0].value, values[1].value]
    };
    let [same, none] = beside("tiny-llama3", "tiny-llama3");
    assert!((same - 1.0).abs() < 1e-12 && none.abs() < 1e-9, "{same} {none}");
    let [_, far] = beside("tiny-llama3-nf4", "tiny-llama3");
    assert!(far > 1e-4, "{far}");
}

#[test]
fn what_cannot_be_measured_is_refused_with_the_way_out() {
    let classified =
        |settings: Value| json!({"sub_types": [{"name": "recall"}], "user_config": settings});
    let compared = |reference: PathBuf| {
        json!({
            "sub_types": [{"name": "kl_divergence"}],
            "user_config": {"limit": 1, "reference_model": reference},
        })
    };
    for (metric, code, told) in [
        (classified(json!({"labels": ["hope", "fear"]})), "data", "none of the labels of metric"),
        (classified(json!({"labels": ["hope"]})), "metric-config", "has the one label `hope`"),
        (compared(fixture("nowhere")), "reference-model", "the reference model cannot be run"),
        (
            compared(fixture("tiny-llama3-nf4")),
            "reference-model",
            "a vocabulary of 512 tokens and its reference one of 320",
        ),
        (json!({"sub_types": [{"name": "acc"}]}), "data", "has no column `choices`"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let error = run(&request("tiny-phi3", &metric, &folder)).unwrap_err();
        assert_eq!(error.code, code, "{error}");
        assert!(error.to_string().contains(told), "{error}");
    }
}
