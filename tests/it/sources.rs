//! Graphs of models that are no checkpoint in floats: as if they had been made one before.

use std::fs;
use std::path::Path;

use olive_kit_testing::gguf::{Storage, tiny};
use serde_json::{Value, json};

use crate::playground::Playground;
use crate::real;

#[test]
fn an_adapter_is_merged_while_the_graph_is_written() {
    for model in ["tiny-llama", "tiny-llama3-nf4"] {
        let playground = real::installed();
        real::copy_files(&real::fixture(model), &playground.path("model"));
        let adapter = real::fixture(model).join("adapter");
        let input = json!({"type": "HfModel", "model_path": "model", "adapter_path": adapter});
        check_same(&playground, &input, "MergeAdapterWeights");
    }
}

#[test]
fn a_gguf_file_is_read_while_the_graph_is_written() {
    let playground = real::installed();
    fs::write(playground.path("tiny.gguf"), tiny(Storage::Q8_0).bytes()).unwrap();
    let input = json!({"type": "GgufModel", "model_path": "tiny.gguf"});
    check_same(&playground, &input, "ImportGguf");
}

/// Builds a model with the pass `before` and without it, and compares all files.
fn check_same(playground: &Playground, input: &Value, before: &str) {
    let build = json!({"type": "ModelBuilder", "precision": "int4"});
    let two = json!({"before": {"type": before}, "build": build});
    let folders = [("two", two), ("one", json!({"build": build}))].map(|(folder, passes)| {
        playground.workflow(json!({"input_model": input, "passes": passes, "output_dir": folder}));
        playground.run().check(0, &["build (ModelBuilder)"]);
        files(&playground.path(folder))
    });
    assert!(folders[0].len() >= 7, "{:?}", folders[0]);
    let names = |files: &[(String, Vec<u8>)]| -> Vec<String> {
        files.iter().map(|(name, _)| name.clone()).collect()
    };
    assert_eq!(names(&folders[0]), names(&folders[1]));
    for (two, one) in folders[0].iter().zip(&folders[1]) {
        assert!(two == one, "{}", two.0);
    }
}

/// Files of the model, by name; not what tells of the run.
fn files(dir: &Path) -> Vec<(String, Vec<u8>)> {
    const OF_THE_RUN: [&str; 7] = [
        ".olive-result.json",
        "footprint.json",
        "model_config.json",
        "output_footprint.json",
        "report.html",
        "run.json",
        "run_history.txt",
    ];
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let named = entries.filter(|path| path.is_file()).map(|path| {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        (name, fs::read(&path).unwrap())
    });
    let mut files: Vec<_> =
        named.filter(|(name, _)| !OF_THE_RUN.contains(&name.as_str())).collect();
    files.sort();
    files
}
