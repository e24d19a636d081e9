//! Quality of ONNX models by likelihood and beside the checkpoint that they were made of.

use std::fs;
use std::path::{Path, PathBuf};

use olive_kit_testing::fixture;
use olive_plugin_api::testing::Recorder;
use olive_plugin_api::{MetricValue, Plugin, StepOutcome, StepRequest};
use olive_plugin_onnxruntime::evaluator::OnnxRuntimeEvaluator;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::has_library;

/// Log-likelihoods of dozens of tokens, in f32 sums of another order.
const LIKELIHOOD: f64 = 5e-3;

fn measure(model: &str, metric: &Value, data: Option<Value>, folder: &TempDir) -> Vec<MetricValue> {
    let input = json!({"type": "ONNXModel", "model_path": fixture(model)});
    let mut request = olive_kit_testing::evaluation("OnnxRuntimeEvaluator", &input, folder.path());
    request["config"] = json!({"metrics": [metric]});
    if let Some(data) = data {
        request["data_configs"]["tone"] = data;
    }
    let request: StepRequest = serde_json::from_value(request).unwrap();
    let plugin = Plugin::new("onnxruntime", "0.1.0").with_evaluator::<OnnxRuntimeEvaluator>();
    match plugin.run(&request, &Recorder::default()).unwrap() {
        StepOutcome::Metrics(values) => values,
        other => panic!("not metrics: {other:?}"),
    }
}

fn harness(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../kit/measure/tests/fixtures").join(name)
}

#[test]
fn choices_have_the_likelihoods_of_lm_evaluation_harness() {
    if !has_library() {
        return;
    }
    let recorded: Value =
        serde_json::from_slice(&fs::read(harness("questions.json")).unwrap()).unwrap();
    let recorded = &recorded["tiny-phi3"];
    let metric = json!({
        "name": "tone", "type": "accuracy", "data_config": "tone", "sub_types": [{"name": "acc"}],
        "user_config": {"target_delimiter": " "},
    });
    let data = json!({
        "name": "tone",
        "load_dataset_config": {"data_name": "json", "data_files": harness("questions.jsonl")},
        "pre_process_data_config": {"add_special_tokens": false},
    });
    let folder = tempfile::tempdir().unwrap();
    let values = measure("builder/tiny-phi3-fp32", &metric, Some(data), &folder);
    let expected = recorded["figures"]["acc"].as_f64().unwrap();
    assert!((values[0].value - expected).abs() < 1e-9, "{}", values[0].value);
    let rows = fs::read_to_string(folder.path().join("examples.jsonl")).unwrap();
    let mut rows = rows.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let of_row = |row: &Value| {
        let found = row["log_likelihoods"].as_object().unwrap();
        let mut found: Vec<f64> = found.values().map(|value| value.as_f64().unwrap()).collect();
        found.sort_by(f64::total_cmp);
        found
    };
    for expected in recorded["log_likelihoods"].as_array().unwrap() {
        let mut expected: Vec<f64> = serde_json::from_value(expected.clone()).unwrap();
        expected.sort_by(f64::total_cmp);
        let found = of_row(&rows.next().unwrap());
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(&expected) {
            assert!((found - expected).abs() < LIKELIHOOD, "{found} is not {expected}");
        }
    }
}

#[test]
fn rounding_takes_a_model_away_from_its_checkpoint() {
    if !has_library() {
        return;
    }
    let beside = |model: &str, reference: &str| {
        let metric = json!({
            "name": "likeness", "type": "accuracy", "data_config": "tone",
            "sub_types": [{"name": "token_match"}, {"name": "kl_divergence"}],
            "user_config": {
                "limit": 3, "max_new_tokens": 6, "reference_model": fixture(reference)
            },
        });
        let folder = tempfile::tempdir().unwrap();
        let values = measure(model, &metric, None, &folder);
        [values[0].value, values[1].value]
    };
    let [same, none] = beside("builder/tiny-phi3-fp32", "tiny-phi3");
    assert!((same - 1.0).abs() < 1e-12 && none.abs() < 1e-6, "{same} {none}");
    let [_, far] = beside("builder/tiny-phi3-int4", "tiny-phi3");
    assert!(far > 1e-4, "{far}");
    let [_, as_far] = beside("builder/tiny-phi3-int4", "builder/tiny-phi3-fp32");
    assert!((as_far / far - 1.0).abs() < 1e-2, "{as_far} {far}");
}
