//! Mistakes of a first day: each is told with the way out, before anything is done.

use std::fs;

use serde_json::json;

use crate::playground::Playground;
use crate::real;

fn playground() -> Playground {
    let playground = Playground::new();
    playground.passes(&json!({"first": {"type": "Toy"}}));
    playground
}

#[test]
fn a_config_needs_no_flag() {
    let playground = playground();
    playground.olive(&["plan", "@/olive.json"]).check(0, &["first (Toy)", "to do"]);
    playground.olive(&["run", "@/olive.json"]).check(0, &["first (Toy): done"]);
    playground.olive(&["run", "@/olive.json", "-c", "@/olive.json"]).check(2, &["cannot be used"]);
    playground.olive(&["run"]).check(2, &["<--config <FILE>|FILE>"]);
    playground.olive(&["cache", "list"]).check(2, &["<--config <FILE>|--cache-dir <DIR>>"]);
}

#[test]
fn a_path_that_leads_nowhere_is_told_what_stands_near_it() {
    let playground = playground();
    let parts = ["cannot read config", "did you mean `", "/olive.json`?"];
    playground.olive(&["run", "@/oilve.json"]).check(10, &parts);
    playground.olive(&["check", "@/oilve.json"]).check(10, &parts);
    playground.olive(&["run", "@/"]).check(10, &["a config is a file"]);
    playground
        .olive(&["run", "@/nowhere/at-all.json"])
        .check(10, &["`olive init FILE` writes a config"]);
    let args = ["run", "@/olive.json", "-m", "@/baes"];
    playground.olive(&args).check(13, &["baes` does not exist", "did you mean `", "/base`?"]);
    playground
        .olive(&["run", "@/olive.json", "-m", "@/olive.json"])
        .check(13, &["the `model_config.json` of a run"]);
}

#[test]
fn a_run_gives_the_hints_of_a_check() {
    let playground = Playground::new();
    let model = |path: &str| {
        playground.workflow(json!({
            "input_model": {"type": "HfModel", "model_path": path},
            "passes": {"first": {"type": "Toy"}}
        }));
    };
    for (path, parts) in [
        ("baes", ["does not exist", "did you mean `base`?"]),
        ("owner/name", ["is a Hugging Face name", "install a source that takes such ids"]),
    ] {
        model(path);
        playground.olive(&["check", "@/olive.json"]).check(0, &parts);
        playground.olive(&["plan", "@/olive.json"]).check(13, &parts);
        playground.run().check(13, &parts);
    }
}

#[test]
fn a_place_that_cannot_be_written_is_found_before_the_first_step() {
    let playground = playground();
    playground.write("file", "");
    let said = playground.olive(&["run", "@/olive.json", "-o", "@/file/out"]);
    said.check(20, &["cannot write into `"]);
    assert!(!said.err.contains("first (Toy)"), "{}", said.err);
    assert!(playground.names("cache/v1/steps").is_empty());
}

#[test]
fn a_pass_that_refuses_the_model_has_not_failed() {
    let playground = real::playground();
    real::write(&playground, real::unmeasured());
    fs::remove_file(playground.path("model/config.json")).unwrap();
    let said = playground.run();
    said.check(13, &["`lora (LoRA)` cannot run: ", "a checkpoint is a folder"]);
}

#[test]
fn an_evaluator_that_no_config_has_is_told() {
    let playground = playground();
    let args = ["evaluate", "@/olive.json", "--model", "@/base"];
    playground.olive(&args).check(2, &["the config has no `evaluators`"]);
    let args = [&args[..], &["--evaluator", "tone"]].concat();
    playground.olive(&args).check(2, &["the config has no `evaluators`"]);
}

#[test]
fn numbers_of_threads_are_asked_for_in_words() {
    let playground = playground();
    for wrong in ["0", "many", "70000"] {
        let args = ["run", "@/olive.json", "--threads", wrong];
        playground.olive(&args).check(2, &["write a number from 1 to 65535"]);
    }
}
