//! `olive data preview`: what a model will see of the data of a config.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::playground::Playground;

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures");

/// A tiny Phi-3 in `model`, the tone data, and `olive.json` with a toy pass that trains on it.
fn playground(pass: Value, pre_process: Value) -> Playground {
    let playground = Playground::new();
    playground.install("olive_plugin_evaluate", "olive_plugin_evaluate");
    for (from, to) in [("tiny-phi3", "model"), ("tone", "tone")] {
        for entry in fs::read_dir(Path::new(FIXTURES).join(from)).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_file() {
                fs::create_dir_all(playground.path(to)).unwrap();
                fs::copy(entry.path(), playground.path(to).join(entry.file_name())).unwrap();
            }
        }
    }
    let data = |name: &str, file: &str| {
        json!({
            "name": name,
            "load_dataset_config": {"data_name": "json", "data_files": file},
            "pre_process_data_config": pre_process
        })
    };
    let mut train = json!({"type": "Toy", "train_data_config": "train"});
    train.as_object_mut().unwrap().extend(pass.as_object().unwrap().clone());
    playground.workflow(json!({
        "input_model": {"type": "HfModel", "model_path": "model"},
        "data_configs": [data("train", "tone/train.json"), data("test", "tone/test.json")],
        "passes": {"tune": train}
    }));
    playground
}

fn plain() -> Value {
    json!({
        "max_seq_len": 64,
        "text_template": "### Text: {phrase}\n### The tone is:\n{tone}"
    })
}

fn preview(playground: &Playground, args: &[&str]) -> crate::playground::Said {
    playground.olive(&[&["data", "preview", "--config", "@/olive.json"], args].concat())
}

#[test]
fn the_data_of_passes_is_shown_as_the_model_sees_it() {
    let playground = playground(json!({"eval_dataset_size": 0.1, "seed": 7}), plain());
    let said = preview(&playground, &["--rows", "1"]);
    said.check(
        0,
        &[
            "data `train`: train_data_config of tune (Toy)\n",
            "tone/train.json\n",
            "0 of them without text\n",
            "at most 64, by `join`",
            "to evaluate (evaluation size 0.1, seed 7)\n",
            "\n  row 1   ",
            "### Text: By the way, my jaw dropped when they read my name.↵",
            "\n  block 1: ",
        ],
    );
    assert!(!said.out.contains("data `test`") && !said.out.contains("row 2"), "{}", said.out);
    assert!(!said.out.contains('\u{1b}'), "a pipe has no colors");
}

#[test]
fn programs_get_one_object_a_data_config() {
    let playground = playground(json!({"eval_dataset_size": 4}), plain());
    let said = preview(&playground, &["--json", "--rows", "2", "--blocks", "0"]);
    said.check(0, &[]);
    let line: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(line["event"], "data_preview");
    assert_eq!(line["data_config"], "train");
    assert_eq!(line["split_settings"], json!({"eval_size": 4.0, "seed": 42}));
    let seen = &line["preview"];
    let count = |key: &str| seen[key].as_u64().unwrap();
    let rows = playground.read("tone/train.json").lines().count() as u64;
    assert_eq!(count("num_rows"), rows);
    assert_eq!(seen["split"]["eval"], 4);
    assert_eq!(seen["split"]["train"].as_u64().unwrap() + 4, count("num_blocks"));
    assert_eq!(seen["rows"].as_array().unwrap().len(), 2);
    assert_eq!(seen["blocks"], json!([]));
    for row in seen["rows"].as_array().unwrap() {
        let tokens = row["tokens"].as_array().unwrap();
        assert!(tokens.iter().all(|token| token["id"].is_u64() && token["text"].is_string()));
        assert!(tokens.len() > 4, "{row}");
    }
}

#[test]
fn what_is_padding_or_not_learned_is_marked() {
    let pre_process = json!({
        "max_seq_len": 64,
        "strategy": "line-by-line",
        "pad_to_max_len": true,
        "prompt_template": "### Text: {phrase}\n### The tone is:\n",
        "answer_template": "{tone}",
        "completion_only_loss": true
    });
    let playground = playground(json!({}), pre_process);
    preview(&playground, &["--data", "test"]).check(
        0,
        &["data `test`: no pass reads it", "⟨", "### Text: ", "⟩surprise", "⟨padding × "],
    );
}

#[test]
fn a_row_that_does_not_fit_is_named_with_its_place_in_the_config() {
    let playground = playground(json!({}), plain());
    let rows = "{\"phrase\": \"hello\", \"tone\": \"joy\"}\n{\"phrase\": \"bye\"}\n";
    playground.write("tone/train.json", rows);
    preview(&playground, &[])
        .check(13, &["row 2 of `", "tone/train.json` has no column `tone`", "olive.json:"]);
}

#[test]
fn what_cannot_be_shown_is_said() {
    let playground = playground(json!({}), plain());
    preview(&playground, &["--data", "other"])
        .check(2, &["the config has no data config `other`, only `train`, `test`"]);
    fs::remove_file(playground.path("model/tokenizer.json")).unwrap();
    preview(&playground, &[]).check(20, &["no `tokenizer.json` in `"]);
    fs::remove_file(playground.path("tone/train.json")).unwrap();
    preview(&playground, &[]).check(13, &["tone/train.json` does not exist"]);
    fs::remove_dir_all(playground.path("bin/plugins")).unwrap();
    playground.install("olive_toy_plugin", "olive_plugin_toy");
    preview(&playground, &["--data", "test"])
        .check(12, &["no installed plugin shows data as a model of type HfModel sees it"]);
}
