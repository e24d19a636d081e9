//! The built-in plugins on a tiny model.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::playground::Playground;

const PLUGINS: [&str; 13] = [
    "azureml",
    "environments",
    "evaluate",
    "hub",
    "import",
    "lora",
    "merge",
    "model_builder",
    "onnx",
    "onnxruntime",
    "package",
    "quantize",
    "slurm",
];

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures");

/// Rows of `train.json` and `test.json`.
const ROWS: [(&str, &str); 8] = [
    ("I won the race", "joy"),
    ("The dog ran away", "sadness"),
    ("Who is there", "fear"),
    ("A gift for me", "surprise"),
    ("We danced all night", "joy"),
    ("It rains again", "sadness"),
    ("The door moved", "fear"),
    ("You are here", "surprise"),
];

/// A playground with the built-in plugins, a tiny Phi-3 in `model`, data and `olive.json`.
pub(crate) fn playground() -> Playground {
    let playground = installed();
    copy_files(&fixture("tiny-phi3"), &playground.path("model"));
    let rows = ROWS.map(|(phrase, tone)| json!({"phrase": phrase, "tone": tone}).to_string());
    playground.write("train.json", &rows.join("\n"));
    playground.write("test.json", &rows[..2].join("\n"));
    write(&playground, workflow());
    playground
}

/// A playground with the built-in plugins and nothing to work on.
pub(crate) fn installed() -> Playground {
    let playground = Playground::bare();
    for plugin in PLUGINS {
        let name = format!("olive_plugin_{plugin}");
        playground.install(&name, &name);
    }
    playground
}

/// The recipe for the tiny model: one short epoch, everything measured.
pub(crate) fn workflow() -> Value {
    json!({
        "input_model": {"type": "HfModel", "model_path": "model"},
        "data_configs": [
            {
                "name": "train",
                "load_dataset_config": {"data_name": "json", "data_files": "train.json"},
                "pre_process_data_config": {"max_seq_len": 32, "text_template": "{phrase}: {tone}"}
            },
            {
                "name": "test",
                "load_dataset_config": {"data_name": "json", "data_files": "test.json"},
                "pre_process_data_config": {
                    "text_template": "{phrase}: {tone}",
                    "prompt_template": "{phrase}:",
                    "answer_template": "{tone}"
                }
            }
        ],
        "evaluators": {"tone": {"metrics": [
            {
                "name": "tone",
                "type": "accuracy",
                "sub_types": [{"name": "exact_match"}, {"name": "perplexity"}],
                "data_config": "test",
                "user_config": {"max_new_tokens": 4}
            },
            {"name": "files", "type": "size_on_disk", "sub_types": [{"name": "bytes"}]}
        ]}},
        "passes": {
            "lora": {
                "type": "LoRA",
                "r": 4,
                "alpha": 8,
                "lora_dropout": 0.1,
                "torch_dtype": "float32",
                "train_data_config": "train",
                "training_args": {
                    "per_device_train_batch_size": 1,
                    "learning_rate": 0.001,
                    "max_steps": 3,
                    "logging_steps": 1
                }
            },
            "merge": {"type": "MergeAdapterWeights"},
            "builder": {"type": "ModelBuilder", "precision": "int4"}
        },
        "engine": {"evaluator": "tone", "output_dir": "out", "cache_dir": "cache"}
    })
}

/// The workflow without evaluation, so that nothing needs ONNX Runtime.
pub(crate) fn unmeasured() -> Value {
    let mut workflow = workflow();
    workflow["engine"].as_object_mut().unwrap().remove("evaluator");
    workflow
}

pub(crate) fn write(playground: &Playground, workflow: Value) {
    playground.write("olive.json", &format!("{workflow:#}"));
}

/// The folder of a model of `tests/fixtures`.
pub(crate) fn fixture(name: &str) -> PathBuf {
    Path::new(FIXTURES).join(name)
}

/// Copies the files of a folder, but not its folders.
pub(crate) fn copy_files(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
        }
    }
}

/// Whether ONNX Runtime is at hand; says so when it is not.
pub(crate) fn has_onnxruntime() -> bool {
    let found = std::env::var_os("OLIVE_ONNXRUNTIME_LIB").is_some();
    if !found {
        println!("skipped: OLIVE_ONNXRUNTIME_LIB names no ONNX Runtime library");
    }
    found
}

#[test]
fn the_recipe_runs_end_to_end_and_is_measured() {
    if !has_onnxruntime() {
        return;
    }
    let playground = playground();
    let said = playground.run();
    said.check(0, &["lora", "merge", "builder", "report.html"]);
    for file in ["model.onnx", "model.onnx.data", "genai_config.json", "tokenizer.json"] {
        assert!(playground.exists(&format!("out/{file}")), "{file}");
    }
    let footprint: Value = serde_json::from_str(&playground.read("out/footprint.json")).unwrap();
    let models = footprint.as_object().unwrap();
    assert_eq!(models.len(), 4, "{footprint:#}");
    for model in models.values() {
        let values = &model["metrics"]["value"];
        for metric in ["tone-exact_match", "tone-perplexity", "files-bytes"] {
            assert!(values[metric]["value"].is_number(), "{metric}: {model:#}");
        }
    }
    let metrics: Value = serde_json::from_str(&playground.read("out/metrics.json")).unwrap();
    assert!(metrics["tone-perplexity"]["value"].as_f64().unwrap() > 1.0, "{metrics:#}");

    let prompt = ["generate", "--prompt", "I won the race:", "--max-new-tokens", "4"];
    let answer = |model: &str| {
        let said = playground.olive(&[&prompt[..], &["--model", model]].concat());
        said.check(0, &[]);
        said.out
    };
    assert!(!answer("@/out").trim().is_empty());
    assert!(!answer("@/model").trim().is_empty());

    playground.run().check(0, &["nothing to do"]);
}

#[test]
fn samples_lie_where_the_config_says_also_when_nothing_runs_again() {
    let playground = playground();
    let mut evaluated = workflow();
    evaluated["passes"] = json!({});
    for (count, said) in [(1, ""), (2, "nothing to do")] {
        let metric = &mut evaluated["evaluators"]["tone"]["metrics"][0];
        metric["sample_log_num"] = json!(count);
        metric["sample_log_dir"] = json!("samples");
        write(&playground, evaluated.clone());
        playground.run().check(0, &[said]);
        let samples = playground.read("samples/tone.input_model.jsonl");
        assert_eq!(samples.lines().count(), count);
        let first: Value = serde_json::from_str(samples.lines().next().unwrap()).unwrap();
        assert_eq!(first["sub_types"], json!(["exact_match"]));
        assert!(first["expected"].is_string() && first["got"].is_string(), "{first}");
    }
    let footprint = playground.read("out/footprint.json");
    assert!(!footprint.contains("sample_log"), "where samples go is no part of a step");
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let bytes = || {
        let playground = playground();
        write(&playground, unmeasured());
        playground.run().check(0, &[]);
        fs::read(playground.path("out/model.onnx.data")).unwrap()
    };
    assert!(bytes() == bytes(), "two runs differ");
}

#[test]
fn any_part_of_the_recipe_runs() {
    for keep in [&["lora"][..], &["builder"], &["lora", "merge"]] {
        let playground = playground();
        let mut workflow = unmeasured();
        let passes = workflow["passes"].as_object_mut().unwrap();
        passes.retain(|name, _| keep.contains(&name.as_str()));
        write(&playground, workflow);
        playground.run().check(0, &[]);
        assert!(playground.exists("out/model_config.json"), "{keep:?}");
    }
}

#[test]
fn the_output_of_a_run_is_a_model_of_another() {
    let playground = playground();
    let mut workflow = unmeasured();
    workflow["passes"].as_object_mut().unwrap().retain(|name, _| name == "lora");
    write(&playground, workflow);
    playground.run().check(0, &[]);
    let mut workflow = unmeasured();
    workflow["passes"].as_object_mut().unwrap().retain(|name, _| name != "lora");
    write(&playground, workflow);
    let run = ["run", "--config", "@/olive.json", "-m", "@/out", "-o", "@/second"];
    playground.olive(&run).check(0, &[]);
    assert!(playground.exists("second/model.onnx"));
}

/// The onnx package refuses weights in a file that has more than one name.
#[test]
#[cfg(unix)]
fn an_onnx_model_in_the_output_shares_no_file_with_the_store() {
    use std::os::unix::fs::MetadataExt;

    let playground = installed();
    copy_files(&fixture("tiny-phi3-longrope"), &playground.path("model"));
    let mut workflow = unmeasured();
    workflow["passes"] = json!({"build": {"type": "ModelBuilder", "precision": "fp32"}});
    for section in ["data_configs", "evaluators"] {
        workflow.as_object_mut().unwrap().remove(section);
    }
    write(&playground, workflow);
    playground.run().check(0, &[]);
    let data = fs::metadata(playground.path("out/model.onnx.data")).unwrap();
    assert!(data.len() > 1 << 20, "smaller files are copied anyway: {}", data.len());
    assert_eq!((data.nlink(), data.permissions().readonly()), (1, false));
}
