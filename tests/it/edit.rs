//! Editing configs from the command line: what changes, what stays, what is refused.

use std::fs;

use serde_json::{Value, json};

use crate::playground::Playground;

const CONFIG: &str = r#"{
    // the model of these tests
    "input_model": {"type": "HfModel", "model_path": "base"},
    "passes": {
        "first": {
            "type": "Toy",
            "score": 0.5 // about right
        },
    },
    "output_dir": "out",
    "cache_dir": "cache"
}
"#;

/// The recipe, in the spelling of several eras.
pub(crate) const RECIPE: &str = include_str!("recipe/local.json");

fn playground() -> Playground {
    let playground = Playground::new();
    playground.write("olive.json", CONFIG);
    playground
}

pub(crate) fn with_recipe() -> Playground {
    let playground = Playground::bare();
    for plugin in ["lora", "merge", "model_builder"] {
        let name = format!("olive_plugin_{plugin}");
        playground.install(&name, &name);
    }
    playground.write("olive.json", RECIPE);
    playground
}

/// Runs `olive config` on `CONFIG`: it then is as with `old` replaced by `new`, and `said` is told.
#[track_caller]
fn check(args: &[&str], old: &str, new: &str, said: &str) {
    let playground = playground();
    assert_eq!(CONFIG.matches(old).count(), 1, "{old}");
    playground.olive(&config(args)).check(0, &[said]);
    assert_eq!(playground.read("olive.json"), CONFIG.replace(old, new));
}

/// Runs `olive config` on `CONFIG`: it fails and writes nothing.
#[track_caller]
fn check_refused(args: &[&str], code: i32, parts: &[&str]) {
    let playground = playground();
    let said = playground.olive(&config(args));
    said.check(code, parts);
    assert_eq!(said.err.matches("error[").count(), 1, "{}", said.err);
    assert_eq!(playground.read("olive.json"), CONFIG);
    assert!(playground.names("").iter().all(|name| !name.starts_with('.')));
}

/// The whole command line; the file comes after the first of `args`.
fn config<'a>(args: &[&'a str]) -> Vec<&'a str> {
    [&["config", args[0], "@/olive.json"], &args[1..]].concat()
}

#[test]
fn values_are_printed_as_json() {
    let playground = playground();
    for (path, value) in [
        ("passes.first.score", json!(0.5)),
        ("/passes/first/type", json!("Toy")),
        ("engine.output_dir", json!("out")),
        ("passes.first.config.score", json!(0.5)),
        ("input_model", json!({"type": "HfModel", "model_path": "base"})),
    ] {
        let said = playground.olive(&["config", "get", "@/olive.json", path]);
        said.check(0, &[]);
        assert_eq!(serde_json::from_str::<Value>(&said.out).unwrap(), value, "{path}");
    }
    let whole = playground.olive(&["config", "get", "@/olive.json", "--json"]);
    assert_eq!(whole.out.lines().count(), 1);
    assert!(serde_json::from_str::<Value>(&whole.out).unwrap()["passes"].is_object());
}

#[test]
fn what_is_not_there_is_told_with_what_is() {
    let parts = ["`passes.first.scor` is not set", "did you mean `score`?"];
    check_refused(&["get", "passes.first.scor"], 11, &parts);
    check_refused(&["unset", "passes.second"], 11, &["`passes.second` is not set", "`first`"]);
    check_refused(&["get", "passes..first"], 2, &["`passes..first` is not a path"]);
    let parts = ["`passes.first.score` is 0.5: it has no `a`"];
    check_refused(&["set", "passes.first.score.a", "1"], 11, &parts);
}

#[test]
fn setting_changes_one_value() {
    check(
        &["set", "passes.first.score", "0.75"],
        "\"score\": 0.5 //",
        "\"score\": 0.75 //",
        "olive.json: passes.first.score = 0.75 (was 0.5)",
    );
    check(
        &["set", "/passes/first/behavior", "print"],
        "0.5 // about right\n",
        "0.5, // about right\n            \"behavior\": \"print\"\n",
        "passes.first.behavior = \"print\"",
    );
    check(
        &["set", "engine.log_severity_level", "0"],
        "\"cache\"\n",
        "\"cache\",\n    \"log_severity_level\": 0\n",
        "log_severity_level = 0",
    );
    check(
        &["set", "workflow_id", "12", "--string"],
        "\"cache\"\n",
        "\"cache\",\n    \"workflow_id\": \"12\"\n",
        "workflow_id = \"12\"",
    );
    check(
        &["set", "passes.first.score", "0.5"],
        "\"score\"",
        "\"score\"",
        "passes.first.score = 0.5 already, nothing to write",
    );
}

#[test]
fn unsetting_takes_the_line() {
    check(
        &["unset", "passes.first.score"],
        "\"Toy\",\n            \"score\": 0.5 // about right\n",
        "\"Toy\"\n",
        "passes.first.score removed (was 0.5)",
    );
}

#[test]
fn setting_and_unsetting_restores_the_bytes() {
    let playground = playground();
    let texts = [
        CONFIG.to_owned(),
        CONFIG.replace('\n', "\r\n").replace("    ", "\t"),
        CONFIG.trim_end().to_owned(),
        serde_json::from_str::<Value>(
            &CONFIG
                .replace("},\n    },", "}\n    },")
                .replace("// the model of these tests", "")
                .replace("// about right", ""),
        )
        .unwrap()
        .to_string(),
    ];
    for text in texts {
        playground.write("olive.json", &text);
        for path in ["passes.first.ballast_bytes", "systems.here", "host", "engine.x.y", "a.b"] {
            playground
                .olive(&["config", "set", "@/olive.json", path, "{\"k\": 1}", "--force"])
                .check(0, &[]);
            assert_ne!(playground.read("olive.json"), text);
            playground.olive(&["config", "unset", "@/olive.json", path, "--force"]).check(0, &[]);
            assert_eq!(playground.read("olive.json"), text, "{path}");
        }
    }
}

#[test]
fn what_does_not_check_is_not_written() {
    check_refused(
        &["set", "passes.first.score", "2"],
        11,
        &["2 is more than the maximum of 1", "note[not-written]", "`--force` writes"],
    );
    check_refused(&["set", "host", "aml"], 11, &["system `aml` is not defined"]);
    check(
        &["set", "passes.first.score", "2", "--force"],
        "\"score\": 0.5",
        "\"score\": 2",
        "2 is more than the maximum of 1",
    );
}

#[test]
fn errors_that_were_there_before_do_not_matter() {
    let playground = playground();
    playground.write("olive.json", &CONFIG.replace("\"Toy\"", "\"Tooy\""));
    playground.olive(&["config", "set", "@/olive.json", "output_dir", "o"]).check(0, &[]);
    let said = playground.olive(&["config", "set", "@/olive.json", "passes.first.type", "toy"]);
    said.check(0, &["passes.first.type = \"toy\" (was \"Tooy\")"]);
}

#[test]
fn a_dry_run_shows_the_change_only() {
    let playground = playground();
    let args = ["config", "set", "@/olive.json", "passes.first.score", "1", "--dry-run"];
    let said = playground.olive(&args);
    said.check(
        0,
        &[
            "--- ",
            "+++ ",
            "@@ ",
            "-            \"score\": 0.5 // about right\n",
            "+            \"score\": 1 // about right\n",
        ],
    );
    assert_eq!(playground.read("olive.json"), CONFIG);
    let said = playground.olive(&[&args[..], &["--json"]].concat());
    let event: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(event["pointer"], "/passes/first/score");
    assert_eq!((&event["was"], &event["now"]), (&json!(0.5), &json!(1)));
    assert_eq!(event["written"], false);
    assert_eq!(playground.read("olive.json"), CONFIG);
}

#[test]
fn passes_are_added_and_removed() {
    check(
        &["add-pass", "toy", "--set", "score=1", "--set", "behavior=print"],
        "        },\n    },\n",
        "        },\n        \"toy\": {\n            \"type\": \"Toy\",\n            \"score\": 1,\n            \"behavior\": \"print\"\n        },\n    },\n",
        "passes.toy = {\"type\":\"Toy\"",
    );
    check(
        &["add-pass", "Toy", "--name", "zero", "--before", "first"],
        "\"passes\": {\n",
        "\"passes\": {\n        \"zero\": {\n            \"type\": \"Toy\"\n        },\n",
        "passes.zero",
    );
    check_refused(&["add-pass", "Tooy"], 11, &["no installed plugin has a pass `Tooy`", "`Toy`"]);
    check_refused(&["add-pass", "Toy", "--name", "first"], 11, &["pass `first` is there already"]);
    check_refused(&["add-pass", "Toy", "--after", "frist"], 11, &["did you mean `first`?"]);
    check_refused(&["add-pass", "Toy", "--set", "score"], 2, &["`score` is not KEY=VALUE"]);
    check_refused(&["remove-pass", "frist"], 11, &["did you mean `first`?"]);
    let playground = playground();
    playground.olive(&config(&["add-pass", "Toy", "--after", "first"])).check(0, &[]);
    playground.olive(&config(&["remove-pass", "toy"])).check(0, &["passes.toy removed"]);
    assert_eq!(playground.read("olive.json"), CONFIG);
}

#[test]
fn a_pass_is_added_with_what_it_needs() {
    let playground = with_recipe();
    let args = ["config", "add-pass", "@/olive.json", "lora"];
    let parts = ["pass `lora_2` needs `train_data_config`", "--set train_data_config=", "dataset"];
    playground.olive(&args).check(2, &parts);
    let data = "train_data_config=dataset_default_train";
    let more =
        ["--set", data, "--set", "lora_r=8", "--set", "training_args.seed=7", "--after", "lora"];
    playground.olive(&[&args[..], &more].concat()).check(0, &["passes.lora_2"]);
    let said = playground.olive(&["config", "get", "@/olive.json", "passes.lora_2"]);
    let config =
        json!({"train_data_config": "dataset_default_train", "r": 8, "training_args": {"seed": 7}});
    let pass = json!({"type": "LoRA", "config": config});
    assert_eq!(serde_json::from_str::<Value>(&said.out).unwrap(), pass);
    playground.olive(&["config", "remove-pass", "@/olive.json", "lora_2"]).check(0, &[]);
    assert_eq!(playground.read("olive.json"), RECIPE);
}

#[test]
fn data_is_added_with_paths_from_the_configs_folder() {
    let playground = playground();
    playground.write("data/rows.csv", "phrase,tone\n");
    let args = ["config", "add-data", "@/olive.json", "rows", "../data/rows.csv"];
    playground
        .olive(&[&args[..], &["--template", "{phrase}"]].concat())
        .check(0, &["data_configs.0"]);
    let added = "\"cache\",\n    \"data_configs\": [\n        {\n            \"name\": \"rows\",\n            \"type\": \"HuggingfaceContainer\",\n            \"load_dataset_config\": {\n                \"data_name\": \"csv\",\n                \"data_files\": \"data/rows.csv\",\n                \"split\": \"train\"\n            },\n            \"pre_process_data_config\": {\n                \"text_template\": \"{phrase}\"\n            }\n        }\n    ]\n";
    assert_eq!(playground.read("olive.json"), CONFIG.replace("\"cache\"\n", added));
    playground.olive(&args).check(11, &["data config `rows` is there already"]);
    let more = ["config", "add-data", "@/olive.json", "more", "a.json", "b.jsonl"];
    playground.olive(&[&more[..], &["--force"]].concat()).check(0, &["data_configs.1"]);
    let said = playground.olive(&[
        "config",
        "get",
        "@/olive.json",
        "data_configs.more.load_dataset_config.data_files",
    ]);
    assert_eq!(serde_json::from_str::<Value>(&said.out).unwrap(), json!(["a.json", "b.jsonl"]));
    let mixed = ["config", "add-data", "@/olive.json", "x", "a.json", "b.csv"];
    playground.olive(&mixed).check(2, &["`a.json` is json and `b.csv` is csv"]);
}

#[test]
fn settings_are_found_where_the_file_has_them() {
    let playground = with_recipe();
    for (path, value) in [
        ("passes.lora.r", "64"),
        ("passes.lora.lora_r", "64"),
        ("passes.lora.config.alpha", "64"),
        ("passes.lora.training_args.seed", "0"),
        ("data_configs.dataset_default_train.load_dataset_config.split", "\"train\""),
        ("data_configs.0.pre_process_data_config.max_seq_len", "2048"),
    ] {
        let said = playground.olive(&["config", "get", "@/olive.json", path]);
        said.check(0, &[]);
        assert_eq!(said.out.trim(), value, "{path}");
    }
    playground
        .olive(&["config", "set", "@/olive.json", "passes.lora.r", "32"])
        .check(0, &["passes.lora.config.lora_r = 32 (was 64)"]);
    assert_eq!(playground.read("olive.json"), RECIPE.replace("\"lora_r\": 64", "\"lora_r\": 32"));
    playground.write("olive.json", RECIPE);
    playground
        .olive(&["config", "set", "@/olive.json", "passes.builder.int4_block_size", "32"])
        .check(0, &["passes.builder.config.int4_block_size = 32"]);
    playground
        .olive(&["config", "unset", "@/olive.json", "passes.builder.int4_block_size"])
        .check(0, &[]);
    assert_eq!(playground.read("olive.json"), RECIPE);
}

#[test]
fn options_are_listed() {
    let playground = playground();
    let said = playground.olive(&["config", "list-options", "toy"]);
    said.check(
        0,
        &[
            "score",
            "number from 0 to 1, null",
            "Score of the model it makes.",
            "work, refuse, fail",
        ],
    );
    let said = playground.olive(&["config", "list-options", "@/olive.json", "passes.first"]);
    said.check(0, &["0.5", "evaluator", "required"]);
    let said = playground.olive(&["config", "list-options", "@/olive.json"]);
    said.check(0, &["input_model", "output_dir", "\"out\""]);
    let said = playground.olive(&["config", "list-options", "@/olive.json", "passes"]);
    said.check(0, &["`passes` holds any names", "ToyPack", "Pack a model."]);
    let said = playground.olive(&["config", "list-options", "@/olive.json", "evaluators.x"]);
    said.check(0, &["metrics", "list of object"]);
    let said = playground.olive(&["config", "list-options", "Toy", "behavior"]);
    said.check(
        0,
        &["behavior: work, refuse, fail, panic, abort, wait, train, print", "What the pass does"],
    );
    let said = playground.olive(&["config", "list-options", "Toy", "--json"]);
    let first: Value = serde_json::from_str(said.out.lines().next().unwrap()).unwrap();
    assert_eq!(first["key"], "behavior");
    playground.olive(&["config", "list-options", "Tooy"]).check(11, &["did you mean `Toy`?"]);
    playground
        .olive(&["config", "list-options", "Toy", "scor"])
        .check(11, &["did you mean `score`?"]);
}

#[test]
fn what_cannot_be_edited_is_left_alone() {
    let playground = playground();
    playground.write("olive.json", &CONFIG.replace("\"output_dir\": \"out\",", "\"output_dir\":"));
    playground.olive(&["config", "set", "@/olive.json", "host", "x"]).check(11, &["error[syntax]"]);
    playground.write("olive.json", &CONFIG.replace("\"cache_dir\"", "\"output_dir\""));
    playground
        .olive(&["config", "set", "@/olive.json", "output_dir", "x"])
        .check(11, &["`output_dir` is written twice"]);
    playground.write("olive.md", "```json\n{\"passes\": {}}\n```\n");
    let said = playground.olive(&["config", "set", "@/olive.md", "host", "x"]);
    said.check(11, &["the Markdown file", "put the config into a .json file"]);
    playground
        .olive(&["config", "set", "@/missing.json", "host", "x"])
        .check(10, &["cannot read config"]);
}

#[test]
#[cfg(unix)]
fn permissions_and_links_stay() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let playground = playground();
    let file = playground.path("olive.json");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    symlink("olive.json", playground.path("link.json")).unwrap();
    playground.olive(&["config", "set", "@/link.json", "output_dir", "o"]).check(0, &[]);
    assert!(fs::symlink_metadata(playground.path("link.json")).unwrap().is_symlink());
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(playground.read("olive.json"), CONFIG.replace("\"out\"", "\"o\""));
}
