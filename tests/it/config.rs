//! Configs that are wrong: one finding each, with its place and the way out.

use serde_json::json;

use crate::playground::Playground;

/// The toy config with `new` in place of `old`: one error, where `at` stands, that says `parts`.
#[track_caller]
fn check(old: &str, new: &str, at: &str, parts: &[&str]) {
    const CONFIG: &str = r#"{
  "input_model": {"type": "HfModel", "model_path": "base"},
  "data_configs": [{
    "name": "train",
    "load_dataset_config": {"data_name": "json", "data_files": "data.json"}
  }],
  "evaluators": {"common": {"metrics": [
    {"name": "tone", "type": "accuracy", "data_config": "train", "sub_types": [{"name": "exact_match"}]}
  ]}},
  "systems": {"here": {"type": "LocalSystem", "accelerators": [{"device": "cpu"}]}},
  "passes": {
    "first": {"type": "Toy", "train_data_config": "train", "score": 0.5}
  },
  "host": "here",
  "evaluator": "common",
  "output_dir": "out",
  "cache_dir": "cache"
}"#;
    assert!(CONFIG.contains(old), "{old}");
    let playground = Playground::new();
    let config = CONFIG.replacen(old, new, 1);
    playground.write("olive.json", &config);
    let said = playground.olive(&["check", "@/olive.json"]);
    said.check(11, parts);
    let errors = said.err.matches("error[").count();
    assert_eq!(errors, 1, "{}", said.err);
    let place = format!("olive.json:{}", place(&config, at));
    assert!(said.err.contains(&place), "`{place}` was not said\n{}", said.err);
    // A run says the same and does nothing.
    playground.run().check(11, parts);
    assert!(!playground.exists("cache") && !playground.exists("out"));
}

/// Line and column of the last `needle`.
fn place(text: &str, needle: &str) -> String {
    let before = &text[..text.rfind(needle).unwrap()];
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|letter| *letter != '\n').count() + 1;
    format!("{line}:{column}")
}

#[test]
fn the_config_of_these_tests_is_right() {
    let playground = Playground::new();
    playground.passes(&json!({"first": {"type": "Toy"}}));
    playground.olive(&["check", "@/olive.json"]).check(0, &["nothing is wrong"]);
}

#[test]
fn unknown_keys() {
    let parts = ["unknown key `scoer`", "did you mean `score`?"];
    check(r#""score": 0.5"#, r#""scoer": 0.5"#, "\"scoer\"", &parts);
    check(r#""output_dir""#, r#""output_dri""#, "\"output_dri\"", &["did you mean `output_dir`?"]);
    check(
        r#""data_name": "json""#,
        r#""data_nam": "json", "data_name": "json""#,
        "\"data_nam\"",
        &["unknown key `data_nam`", "did you mean `data_name`?"],
    );
}

#[test]
fn wrong_types_and_ranges() {
    check(
        r#""score": 0.5"#,
        r#""score": "half""#,
        "\"half\"",
        &["\"half\" is not a number or null"],
    );
    check(r#""score": 0.5"#, r#""score": 2"#, "2}", &["2 is more than the maximum of 1"]);
    check(r#""json""#, r#""jsno""#, "\"jsno\"", &["did you mean `json`?"]);
}

#[test]
fn names_that_lead_nowhere() {
    check(
        r#""type": "Toy""#,
        r#""type": "Tooy""#,
        "\"Tooy\"",
        &["no installed plugin has a pass `Tooy`", "did you mean `Toy`?"],
    );
    check(r#""host": "here""#, r#""host": "aml""#, "\"aml\"", &["system `aml` is not defined"]);
    check(
        r#""evaluator": "common""#,
        r#""evaluator": "comon""#,
        "\"comon\"",
        &["evaluator `comon` is not defined", "did you mean `common`?"],
    );
    check(
        r#""train_data_config": "train""#,
        r#""train_data_config": "trian""#,
        "\"trian\"",
        &["data config `trian` is not defined", "did you mean `train`?"],
    );
    check(
        r#""data_config": "train""#,
        r#""data_config": "test""#,
        "\"test\"",
        &["data config `test` is not defined"],
    );
    check("exact_match", "exact_mach", "\"exact_mach\"", &["did you mean `exact_match`?"]);
}

#[test]
fn syntax() {
    check(
        r#""host": "here","#,
        r#""host": "here""#,
        "\"here\"",
        &["error[syntax]", "a comma is missing"],
    );
    check(
        r#""host": "here","#,
        r#""host": "here", "host": "here","#,
        "\"host\": \"here\",\n",
        &["key `host` is written twice"],
    );
}

#[test]
fn files_that_cannot_be_read() {
    let playground = Playground::new();
    playground
        .olive(&["run", "--config", "@/missing.json"])
        .check(10, &["cannot read config", "missing.json"]);
    playground.write("olive.toml", "a = 1");
    playground.olive(&["run", "--config", "@/olive.toml"]).check(10, &["olive.toml", "`.yaml`"]);
}

#[test]
fn models_and_data_that_are_not_there_are_told_before_any_work() {
    let playground = Playground::new();
    playground.workflow(json!({
        "input_model": {"type": "HfModel", "model_path": "bsae"},
        "data_configs": [{
            "name": "train",
            "load_dataset_config": {"data_name": "json", "data_files": ["data.json", "more.json"]}
        }],
        "passes": {"first": {"type": "Toy", "train_data_config": "train"}}
    }));
    let said = playground.run();
    said.check(13, &["bsae` does not exist", "more.json` does not exist"]);
    assert_eq!(said.err.matches("error[").count(), 2, "{}", said.err);
    let config = playground.read("olive.json");
    for written in ["\"bsae\"", "\"more.json\""] {
        let place = format!("olive.json:{}", place(&config, written));
        assert!(said.err.contains(&place), "{}", said.err);
    }
    assert!(!playground.exists("out"));
}

#[test]
fn passes_that_do_not_fit_each_other_are_told_before_any_work() {
    let playground = Playground::new();
    playground.passes(&json!({"pack": {"type": "ToyPack"}, "again": {"type": "Toy"}}));
    playground.run().check(
        11,
        &["pass `again` (Toy) takes HfModel, but pass `pack` (ToyPack) makes ONNXModel"],
    );
    playground.workflow(json!({
        "input_model": {"type": "GgufModel", "model_path": "data.json"},
        "passes": {"first": {"type": "Toy"}}
    }));
    playground.run().check(
        11,
        &[
            "takes HfModel, but the input model is GgufModel",
            "put a pass of type `ToyImport` before it",
        ],
    );
    playground.workflow(json!({
        "input_model": {"type": "HfModel", "model_path": "base", "adapter_path": "base"},
        "passes": {"pack": {"type": "ToyPack"}}
    }));
    playground.run().check(
        11,
        &["error[adapter-not-merged]: pass `pack` (ToyPack) takes no adapter", "merge it before"],
    );
}

#[test]
fn what_a_pass_finds_wrong_has_its_place_and_stops_the_run_before_any_work() {
    let playground = Playground::new();
    playground.passes(&json!({
        "first": {"type": "Toy"},
        "second": {"type": "Toy", "behavior": "refuse"}
    }));
    let said = playground.run();
    said.check(11, &["this pass refuses this model", "be kind to it", "\"refuse\"", "olive.json:"]);
    assert!(!playground.exists("cache/v1/steps"));
}
