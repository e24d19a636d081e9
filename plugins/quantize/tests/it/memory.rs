//! What a quantization needs of memory, against what it is told to need.

use std::path::Path;
use std::process::Command;
use std::{env, fs};

use olive_kit_checkpoint::Dtype;
use olive_kit_testing::{fixture, write_random_model};
use olive_plugin_api::testing::Recorder;
use serde_json::{Value, json};

use crate::{request_with, run};

/// Holds a request for the test below, which is run in a process of its own.
const REQUEST: &str = "OLIVE_TEST_QUANTIZE_REQUEST";

/// Largest difference from what was used: what is given back stays with the process for a while.
const NEAR: f64 = 0.15;

#[test]
fn estimates_are_near_what_is_used() {
    if !cfg!(target_os = "linux") {
        println!("skipped: only Linux tells a process what memory it uses");
        return;
    }
    let model = tempfile::tempdir().unwrap();
    write_model(model.path());
    let mut wrong = Vec::new();
    for (pass, settings) in [
        ("Gptq", json!({})),
        ("Gptq", json!({"lm_head": true})),
        ("Awq", json!({})),
        ("Rtn", json!({"embeds": true})),
    ] {
        let output = tempfile::tempdir().unwrap();
        let mut request = request_with(pass, "tiny-llama", &settings, output.path());
        request["input"]["model_path"] = json!(model.path());
        request["config"]["group_size"] = json!(128);
        if pass != "Rtn" {
            request["data_configs"]["tone"]["pre_process_data_config"]["max_seq_len"] = json!(256);
        }
        let (estimated, used) = measured(&request);
        let line = format!("{pass} {settings}: {estimated:.0} MiB told, {used:.0} used");
        println!("{line}");
        if (estimated / used - 1.0).abs() > NEAR {
            wrong.push(line);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Runs the request of the environment, and says what was told and used.
#[test]
#[ignore = "run by the test above, in a process of its own"]
fn one_quantization() {
    let Ok(request) = env::var(REQUEST) else { return };
    let (request, events) = (serde_json::from_str(&request).unwrap(), Recorder::default());
    run(&request, &events).unwrap();
    events.logs().iter().for_each(|line| println!("{line}"));
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let kib: f64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    println!("memory used at most: {:.0} MiB", kib / 1024.0);
}

/// MiB that a process is told to need, and uses.
fn measured(request: &Value) -> (f64, f64) {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "memory::one_quantization", "--ignored", "--nocapture"]);
    let output = command.env(REQUEST, request.to_string()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let number = |start: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(start));
        let line = line.unwrap_or_else(|| panic!("no `{start}` in {text}"));
        line.trim_end_matches(" MiB").parse::<f64>().unwrap()
    };
    (number("memory needed: "), number("memory used at most: "))
}

/// A Llama of 38 million values, in 16 bits.
fn write_model(dir: &Path) {
    let config = json!({
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu",
        "hidden_size": 1024, "intermediate_size": 3072, "num_hidden_layers": 2,
        "num_attention_heads": 16, "num_key_value_heads": 4, "vocab_size": 16384,
        "max_position_embeddings": 512, "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
        "tie_word_embeddings": false, "bos_token_id": 1, "eos_token_id": 2,
        "torch_dtype": "bfloat16"
    });
    write_random_model(dir, &config.to_string(), Dtype::BF16);
    for name in ["tokenizer.json", "tokenizer_config.json"] {
        fs::copy(fixture("tiny-llama").join(name), dir.join(name)).unwrap();
    }
}
