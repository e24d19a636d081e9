//! Step requests as the host writes them, in JSON so that a test may change anything.

use std::path::Path;

use serde_json::{Value, json};

use crate::fixture;

/// A step of `kind` by `name` on a model, with an empty config; it writes into `folder`.
pub fn request(kind: &str, name: &str, input: &Value, folder: &Path) -> Value {
    json!({
        "kind": kind,
        "name": name,
        "config": {},
        "input": input,
        "data_configs": {},
        "output_dir": folder,
        "scratch_dir": folder,
        "threads": 2,
    })
}

/// The data config `tone` on one file of the fixtures' phrases: `train.json` or `test.json`.
pub fn tone(file: &str, pre_process: &Value) -> Value {
    json!({
        "name": "tone",
        "load_dataset_config": {"data_name": "json", "data_files": fixture("tone").join(file)},
        "pre_process_data_config": pre_process,
    })
}

/// A step that measures everything that is measured of a model.
pub fn evaluation(name: &str, input: &Value, folder: &Path) -> Value {
    let timing = json!({"prompt_tokens": 16, "max_new_tokens": 4, "repeat_test_num": 2});
    let mut request = request("evaluate", name, input, folder);
    request["config"] = json!({"metrics": [
        {
            "name": "tone", "type": "accuracy", "data_config": "tone",
            "sub_types": [{"name": "exact_match"}, {"name": "perplexity"}],
            "user_config": {"limit": 5, "max_new_tokens": 3},
        },
        {
            "name": "speed", "type": "latency",
            "sub_types": [{"name": "p90"}], "user_config": timing,
        },
        {
            "name": "rate", "type": "throughput", "data_config": "tone",
            "sub_types": [{"name": "avg"}], "user_config": timing,
        },
        {"name": "size", "type": "size_on_disk", "sub_types": [{"name": "bytes"}]},
    ]});
    request["data_configs"]["tone"] = tone(
        "test.json",
        &json!({
            "text_template": "### Text: {phrase}\n### The tone is:\n{tone}",
            "prompt_template": "### Text: {phrase}\n### The tone is:\n",
            "answer_template": "{tone}",
        }),
    );
    request
}
