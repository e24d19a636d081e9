//! What a training needs of memory, against what it is told to need.

use std::env;
use std::path::Path;
use std::process::Command;

use olive_kit_checkpoint::Dtype;
use olive_kit_testing::{fixture, write_random_model};
use olive_plugin_api::testing::Recorder;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::common::{request_of, run};

/// Holds a request for the test below, which is run in a process of its own.
const REQUEST: &str = "OLIVE_TEST_MEMORY_REQUEST";

/// Largest difference from what was used.
const NEAR: f64 = 0.1;

#[test]
fn estimates_are_near_what_is_used() {
    if !cfg!(target_os = "linux") {
        println!("skipped: only Linux tells a process what memory it uses");
        return;
    }
    let model = tempfile::tempdir().unwrap();
    write_model(model.path());
    for (pass, dtype, config, args) in [
        ("LoRA", "bfloat16", json!({"target_modules": "all-linear"}), json!({})),
        ("DoRA", "float32", json!({}), json!({"optim": "adamw_8bit"})),
        ("QLoRA", "bfloat16", json!({}), json!({"gradient_checkpointing": true})),
        ("LoHa", "float32", json!({"r": 8}), json!({"optim": "sgd"})),
        ("LoKr", "bfloat16", json!({}), json!({"gradient_checkpointing": true})),
    ] {
        let output = tempfile::tempdir().unwrap();
        let request = sized(pass, dtype, &model, &output, &config, &args);
        let (estimated, used) = measured(&request);
        println!("{pass} {dtype} {config} {args}: {estimated:.0} MiB told, {used:.0} used");
        let share = estimated / used - 1.0;
        assert!(share.abs() < NEAR, "{pass} {dtype} {config} {args}: {estimated} {used}");
    }
}

/// Runs the request of the environment, and says what was told.
#[test]
#[ignore = "run by the test above, in a process of its own"]
fn one_training() {
    let Ok(request) = env::var(REQUEST) else { return };
    let (request, events) = (serde_json::from_str(&request).unwrap(), Recorder::default());
    run(&request, &events).unwrap();
    events.logs().iter().for_each(|line| println!("{line}"));
}

/// MiB that a process is told to need, and uses.
fn measured(request: &Value) -> (f64, f64) {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "memory::one_training", "--ignored", "--nocapture"]);
    let output = command.env(REQUEST, request.to_string()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let number = |start: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(start));
        let line = line.unwrap_or_else(|| panic!("no `{start}` in {text}"));
        let size: Vec<_> = line.split([' ', ':']).collect();
        size[0].parse::<f64>().unwrap() * if size[1] == "GiB" { 1024.0 } else { 1.0 }
    };
    (number("memory needed: "), number("memory used at most: "))
}

fn sized(
    pass: &str,
    dtype: &str,
    model: &TempDir,
    output: &TempDir,
    config: &Value,
    args: &Value,
) -> Value {
    let mut request = request_of(pass, "tiny-llama", output);
    request["input"]["model_path"] = json!(model.path());
    request["config"]["torch_dtype"] = json!(dtype);
    let own = request["config"].as_object_mut().unwrap();
    own.extend(config.as_object().unwrap().clone());
    let more = json!({
        "max_steps": 1, "gradient_accumulation_steps": 1, "per_device_train_batch_size": 2
    });
    for values in [&more, args] {
        let all = request["config"]["training_args"].as_object_mut().unwrap();
        all.extend(values.as_object().unwrap().clone());
    }
    let data = &mut request["data_configs"]["tone"]["pre_process_data_config"];
    data["max_seq_len"] = json!(256);
    request
}

/// A Llama of 32 million values.
fn write_model(dir: &Path) {
    let config = json!({
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu",
        "hidden_size": 768, "intermediate_size": 2048, "num_hidden_layers": 4,
        "num_attention_heads": 12, "num_key_value_heads": 4, "vocab_size": 8192,
        "max_position_embeddings": 512, "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
        "tie_word_embeddings": true, "bos_token_id": 1, "eos_token_id": 2, "torch_dtype": "float32"
    });
    write_random_model(dir, &config.to_string(), Dtype::F32);
    for name in ["tokenizer.json", "tokenizer_config.json"] {
        std::fs::copy(fixture("tiny-llama").join(name), dir.join(name)).unwrap();
    }
}
