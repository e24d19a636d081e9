//! Training through the whole program: every method to an ONNX model, and runs that are killed.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::playground::{Playground, Said, signal};

/// Times a run is killed, each time a little further.
const KILLS: u64 = 10;

/// The real passes, a tiny model and the tone data.
pub(crate) fn playground(model: &str) -> Playground {
    let playground = Playground::bare();
    for plugin in ["lora", "merge", "model_builder"] {
        let name = format!("olive_plugin_{plugin}");
        playground.install(&name, &name);
    }
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    for file in fs::read_dir(fixtures.join(model)).unwrap() {
        let file = file.unwrap();
        if file.file_type().unwrap().is_file() {
            let name = format!("base/{}", file.file_name().to_str().unwrap());
            fs::copy(file.path(), playground.path(&name)).unwrap();
        }
    }
    fs::remove_file(playground.path("base/weights")).unwrap();
    fs::copy(fixtures.join("tone/train.json"), playground.path("train.json")).unwrap();
    playground
}

pub(crate) fn workflow(playground: &Playground, passes: &Value) {
    playground.workflow(json!({
        "data_configs": [{
            "name": "tone",
            "load_dataset_config": {"data_name": "json", "data_files": "train.json"},
            "pre_process_data_config": {
                "text_template": "### Text: {phrase}\n### The tone is:\n{tone}",
                "max_seq_len": 32
            }
        }],
        "passes": passes,
    }));
}

fn run(playground: &Playground) -> Said {
    playground.olive(&["run", "--config", "@/olive.json", "--threads", "2"])
}

#[test]
fn what_was_trained_on_4_bits_is_merged_before_it_is_built_or_while_it_is() {
    let playground = playground("tiny-phi3");
    let mut passes = json!({
        "tune": {
            "type": "QLoRA", "r": 4, "alpha": 8, "double_quant": true,
            "train_data_config": "tone",
            "training_args": {"max_steps": 3, "per_device_train_batch_size": 2}
        },
        "merge": {"type": "MergeAdapterWeights"},
        "build": {"type": "ModelBuilder", "precision": "int4"}
    });
    let built = [true, false].map(|merges| {
        if !merges {
            passes.as_object_mut().unwrap().remove("merge");
        }
        workflow(&playground, &passes);
        run(&playground).check(0, &["tune (QLoRA)", "build (ModelBuilder)"]);
        assert!(playground.exists("out/genai_config.json"));
        let model: Value = serde_json::from_str(&playground.read("out/model_config.json")).unwrap();
        assert!(!model.to_string().contains("quantization_config"), "{model}");
        ["out/model.onnx", "out/model.onnx.data"]
            .map(|name| fs::read(playground.path(name)).unwrap())
    });
    assert!(built[0] == built[1]);
}

#[test]
fn every_method_ends_in_one_checkpoint() {
    for (method, more) in [
        ("LoRA", json!({"use_rslora": true})),
        ("DoRA", json!({})),
        ("LoHa", json!({})),
        ("LoKr", json!({})),
        ("LoftQ", json!({})),
    ] {
        let playground = playground("tiny-llama");
        let mut tune = json!({
            "type": method, "r": 4, "alpha": 8, "train_data_config": "tone",
            "training_args": {"max_steps": 2, "per_device_train_batch_size": 2}
        });
        tune.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        workflow(&playground, &json!({"tune": tune, "merge": {"type": "MergeAdapterWeights"}}));
        run(&playground).check(0, &[&format!("tune ({method})")]);
        assert!(playground.exists("out/model.safetensors"), "{method}");
    }
}

/// A training long enough to be killed in the middle, with a checkpoint every other step.
fn long_training(playground: &Playground) {
    workflow(
        playground,
        &json!({"tune": {
            "type": "LoRA", "r": 16, "alpha": 16, "lora_dropout": 0.1,
            "target_modules": "all-linear", "train_data_config": "tone",
            "training_args": {
                "max_steps": 60, "per_device_train_batch_size": 16, "save_steps": 2,
                "logging_steps": 5,
                "save_total_limit": 2, "lr_scheduler_type": "cosine"
            }
        }}),
    );
}

pub(crate) fn adapter(playground: &Playground) -> Vec<u8> {
    let mut folders = vec![playground.path("out")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.file_name().is_some_and(|name| name == "adapter_model.safetensors") {
                return fs::read(path).unwrap();
            }
        }
    }
    panic!("the run left an adapter");
}

#[test]
fn a_run_that_is_killed_ten_times_ends_with_the_same_adapter() {
    let whole = playground("tiny-llama");
    long_training(&whole);
    whole.run().check(0, &[]);

    let killed = playground("tiny-llama");
    long_training(&killed);
    for kill in 0..KILLS {
        let mut running = killed.spawn();
        // Logged every fifth step; a checkpoint is there by then, but for the first.
        running.line_with(&format!("step {} of 60", 5 * (kill + 1)));
        std::thread::sleep(Duration::from_millis(kill * 7 % 23));
        signal("KILL", &running.host());
        let said = running.end();
        assert_eq!(said.code, None, "kill {kill} met a run under way: {}", said.err);
    }
    let last = killed.run();
    last.check(0, &["training goes on after step "]);
    let (_, told) = last.err.split_once("training goes on after step ").unwrap();
    let step: u64 = told.split_once(' ').unwrap().0.parse().unwrap();
    // A step is logged before its checkpoint is written; the one before is always there.
    assert!(step + 2 >= 5 * KILLS, "{}", last.err);
    assert_eq!(adapter(&killed), adapter(&whole));
}
