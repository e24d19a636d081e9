//! Commands that write their own config: what they write, that it runs, and what they refuse.
//!
//! `cases/shortcuts` has the config of each command line, and what each mistake is told; `BLESS=1`
//! writes them anew.

use std::path::Path;

use serde_json::Value;

use crate::blessed::Blessed;
use crate::playground::{Playground, Said};
use crate::real;

const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/cases/shortcuts");

const TEXT: [&str; 4] = ["--data", "test.json", "--text_template", "{phrase}: {tone}"];
const ANSWERS: [&str; 6] =
    ["--data", "test.json", "--prompt_template", "{phrase}:", "--answer_template", "{tone}"];

/// Command lines whose config is shown: name of the case, words, and whether `TEXT` or `ANSWERS`
/// follow.
const SHOWN: &[(&str, &[&str], &[&str])] = &[
    ("finetune", &["finetune", "-m", "model", "--lora_r", "8", "--learning_rate", "1e-4"], &TEXT),
    (
        "finetune-qlora",
        &[
            "finetune",
            "-m",
            "model",
            "--method",
            "qlora",
            "--target_modules",
            "qkv_proj,o_proj",
            "--eval_data_files",
            "test.json",
            "--max_steps",
            "-1",
            "-d",
            "json",
            "--data_files",
            "train.json,test.json",
            "--use_chat_template",
        ],
        &[],
    ),
    ("quantize", &["quantize", "-m", "model"], &[]),
    (
        "quantize-qdq",
        &["quantize", "-m", "model", "--precision", "int4", "--use_qdq_encoding"],
        &[],
    ),
    (
        "quantize-onnx",
        &[
            "quantize",
            "-m",
            "small.onnx",
            "--algorithm",
            "kquant",
            "--precision",
            "int4",
            "--use-qdq-encoding",
        ],
        &[],
    ),
    ("quantize-ort", &["quantize", "-m", "small.onnx", "--implementation", "ort"], &[]),
    (
        "quantize-gptq",
        &["quantize", "-m", "model", "--algorithm", "gptq", "--bits", "4", "--group_size", "32"],
        &TEXT,
    ),
    (
        "convert",
        &[
            "convert",
            "-m",
            "model",
            "-a",
            "adapter",
            "--precision",
            "int4",
            "--int4_block_size",
            "64",
            "--extra_mb_options",
            "int4_is_symmetric=false,fuse_qkv=true",
        ],
        &[],
    ),
    ("convert-gpu", &["capture-onnx-graph", "--model=model", "--device", "gpu"], &[]),
    (
        "run-pass",
        &[
            "run-pass",
            "--pass-name",
            "modelbuilder",
            "-m",
            "model",
            "--pass-config",
            "{\"precision\": \"fp32\"}",
            "precision=int4",
            "extra_options.fuse_qkv=true",
        ],
        &[],
    ),
    (
        "optimize",
        &[
            "optimize",
            "-m",
            "model",
            "--goal",
            "accuracy >= -2%",
            "--minimize",
            "size",
            "--minimize",
            "latency",
            "--max_new_tokens",
            "4",
        ],
        &ANSWERS,
    ),
    (
        "optimize-narrow",
        &[
            "optimize",
            "-m",
            "model",
            "--precision",
            "int4",
            "--block_size",
            "64",
            "--enable_search",
            "tpe",
            "--num_trials",
            "3",
            "--seed",
            "7",
            "--time",
            "1m30s",
            "--maximize",
            "throughput",
            "--minimize",
            "size",
            "--goal",
            "perplexity <= +5%",
            "--goal",
            "size <= 100MB",
        ],
        &TEXT,
    ),
    ("optimize-onnx", &["optimize", "-m", "small.onnx"], &[]),
    ("optimize-gpu", &["optimize", "-m", "model", "--provider", "CUDAExecutionProvider"], &[]),
    ("benchmark", &["benchmark", "-m", "model", "--limit", "2"], &ANSWERS),
    ("auto", &["auto", "-m", "model", "--time", "5m"], &TEXT),
];

/// Command lines that are refused: name of the case, exit code, words.
const REFUSED: &[(&str, i32, &[&str])] = &[
    ("wrong-figure", 2, &["optimize", "-m", "model", "--goal", "acuracy >= -2%"]),
    ("wrong-direction", 2, &["optimize", "-m", "model", "--minimize", "accuracy"]),
    ("wrong-number", 2, &["optimize", "-m", "model", "--goal", "size <= huge"]),
    ("goal-without-data", 2, &["optimize", "-m", "model", "--goal", "accuracy >= -2%"]),
    (
        "goal-without-answers",
        2,
        &["optimize", "-m", "model", "--goal", "accuracy >= 0.5", "--data", "test.json"],
    ),
    (
        "two-goals",
        2,
        &["optimize", "-m", "model", "--goal", "size <= 1MB", "--goal", "size <= 2MB"],
    ),
    ("wrong-method", 2, &["finetune", "-m", "model", "--method", "lorra", "--data", "train.json"]),
    ("no-rows", 2, &["finetune", "-m", "model"]),
    ("unknown-suffix", 2, &["finetune", "-m", "model", "--data", "rows.dat"]),
    ("wrong-algorithm", 2, &["quantize", "-m", "model", "--algorithm", "gptk"]),
    ("wrong-bits", 2, &["quantize", "-m", "model", "--algorithm", "gptq", "--bits", "5"]),
    ("no-calibration", 2, &["quantize", "-m", "model", "--algorithm", "awq", "--bits", "4"]),
    ("rows-for-weights", 2, &["quantize", "-m", "model", "--data", "train.json"]),
    ("wrong-precision", 2, &["convert", "-m", "model", "--precision", "int5"]),
    ("wrong-pass", 11, &["run-pass", "--pass-name", "ModelBilder", "-m", "model"]),
    (
        "wrong-pass-config",
        2,
        &["run-pass", "--pass-name", "LoRA", "-m", "model", "--pass-config", "r"],
    ),
    ("of-olive", 2, &["optimize", "-m", "model", "--num_split", "2"]),
    ("of-lm-eval", 2, &["benchmark", "-m", "model", "--tasks", "arc_easy"]),
    ("wrong-time", 2, &["auto", "-m", "model", "--time", "soon"]),
    ("save-as", 2, &["quantize", "-m", "model", "--save-config", "config.toml"]),
    ("rank", 11, &["finetune", "-m", "model", "--data", "train.json", "--lora_r", "0"]),
    (
        "training-argument",
        11,
        &["finetune", "-m", "model", "--data", "train.json", "--learning_rat", "1e-4"],
    ),
    ("fp16-on-cpu", 11, &["convert", "-m", "model", "--precision", "fp16"]),
    (
        "setting",
        11,
        &["run-pass", "--pass-name", "ModelBuilder", "-m", "model", "precision=int4", "blok=3"],
    ),
    ("missing-setting", 11, &["run-pass", "--pass-name", "ModelBuilder", "-m", "model"]),
    ("limit-without-rows", 2, &["benchmark", "-m", "model", "--limit", "2"]),
    (
        "bound-without-answers",
        2,
        &["optimize", "-m", "model", "--data", "test.json", "--max_new_tokens", "4"],
    ),
    (
        "no-blocks",
        2,
        &[
            "optimize",
            "-m",
            "model",
            "--precision",
            "fp16",
            "--device",
            "gpu",
            "--block_size",
            "64",
        ],
    ),
    ("figures-in-model", 13, &["benchmark", "-m", "model", "-o", "model"]),
    ("forced-benchmark", 2, &["benchmark", "-m", "model", "--force"]),
    ("list-and-run", 2, &["run-pass", "--list-passes", "-m", "model"]),
    ("missing-model", 13, &["quantize", "-m", "modle"]),
];

/// The tiny model, with an adapter and an ONNX file that nobody opens.
fn playground() -> Playground {
    let playground = real::playground();
    playground.write("small.onnx", "");
    playground.write("rows.dat", "");
    playground.write("adapter/adapter_config.json", "{}");
    playground
}

/// Runs the program in the folder of the model.
fn here(playground: &Playground, words: &[&str]) -> Said {
    let mut command = playground.command(words);
    Said::from(command.current_dir(playground.path("")).output().unwrap())
}

#[test]
fn commands_show_the_config_they_stand_for() {
    let playground = playground();
    let mut blessed = Blessed::default();
    for (name, words, data) in SHOWN {
        let said = here(&playground, &[words, *data, &["--dry-run"]].concat());
        let path = Path::new(CASES).join(format!("{name}.json"));
        blessed.check(name, &path, &said.out);
    }
    blessed.finish();
    assert!(!playground.exists("olive-quantize.json") && !playground.exists("quantized-model"));
}

#[test]
fn mistakes_are_told_with_the_argument_and_the_way_out() {
    let playground = playground();
    let mut blessed = Blessed::default();
    for (name, code, words) in REFUSED {
        let said = here(&playground, words);
        assert_eq!(said.code, Some(*code), "{name}: {}{}", said.out, said.err);
        let text = said.err.replace(&playground.path("").display().to_string(), "[here]/");
        blessed.check(name, &Path::new(CASES).join(format!("{name}.txt")), &text);
    }
    blessed.finish();
}

#[test]
fn every_option_is_known_with_dashes_too() {
    let playground = playground();
    let shown = |words: &[&str]| here(&playground, &[words, &["--dry-run"]].concat()).out;
    let with_underscores = ["quantize", "--model_name_or_path", "model", "--output_path", "x"];
    let with_dashes = ["quantize", "--model-name-or-path", "model", "--output-path", "x"];
    assert_eq!(shown(&with_underscores), shown(&with_dashes));
    assert!(shown(&with_dashes).contains("\"output_dir\": \"x\""));
}

#[test]
fn a_saved_config_runs_to_what_is_there_already() {
    let playground = playground();
    for (file, words) in [
        ("q.yaml", &["quantize", "-m", "model", "--precision", "int4", "-o", "q"][..]),
        ("c.json", &["convert", "-m", "model", "-o", "c"]),
        ("deep/o.json", &["optimize", "-m", "model", "--precision", "int8", "-o", "o"]),
        (
            "f.json",
            &[
                "finetune",
                "-m",
                "model",
                "--data",
                "train.json",
                "--text_template",
                "{phrase}",
                "--lora_r",
                "2",
                "--max_seq_len",
                "16",
                "--max_steps",
                "1",
                "-o",
                "f",
            ],
        ),
    ] {
        here(&playground, &[words, &["--save-config", file]].concat()).check(0, &["report.html"]);
        assert!(playground.read(file).contains("$schema"));
        let folder = Path::new(file).parent().unwrap().join(".olive/config.schema.json");
        assert!(playground.exists(folder.to_str().unwrap()), "{file}");
        here(&playground, &["check", file]).check(0, &[]);
        here(&playground, &["run", "--config", file]).check(0, &["nothing to do"]);
    }
    let again = ["quantize", "-m", "model", "--save-config", "q.yaml"];
    here(&playground, &again).check(2, &["`q.yaml` is there already: nothing was written"]);
}

#[test]
fn a_pass_runs_by_name_and_all_are_listed() {
    let playground = playground();
    let words = ["run-pass", "--pass-name", "ModelBuilder", "-m", "model", "precision=int4"];
    here(&playground, &words).check(0, &["report.html"]);
    assert!(playground.exists("run-pass-output/genai_config.json"));
    let words = ["run-pass", "--pass-name", "OnnxPeepholeOptimizer", "-m", "run-pass-output"];
    here(&playground, &[&words[..], &["-o", "x"]].concat()).check(0, &["report.html"]);
    assert!(playground.exists("x/model.onnx"));
    let said = here(&playground, &["run-pass", "--list-passes"]);
    said.check(0, &[]);
    assert!(said.out.contains("LoRA          "), "{}", said.out);
    let names = said.out.lines().map(|line| line.split(' ').next().unwrap().to_lowercase());
    assert!(names.is_sorted(), "{}", said.out);
    let said = here(&playground, &["run-pass", "--list-passes", "--json"]);
    let first: Value = serde_json::from_str(said.out.lines().next().unwrap()).unwrap();
    assert_eq!(first["name"], "AddOliveMetadata");
}

#[test]
fn the_smallest_variant_is_the_result_of_a_search() {
    let playground = playground();
    let words = ["optimize", "-m", "model", "--enable_search", "random", "--num_trials", "2"];
    here(&playground, &words).check(0, &["a search among 18 variants", "variant 2", "size"]);
    assert!(playground.exists("optimized-model/genai_config.json"));
    let words = ["auto", "-m", "model", "--time", "5m", "--memory", "8GB", "--dry-run"];
    let said = here(&playground, &words);
    said.check(0, &["processors", "ModelBuilder int4", "not ModelBuilder fp16", "at most 5 min"]);
}

#[test]
fn a_model_is_measured_without_a_config() {
    let playground = playground();
    let words = [&["benchmark", "-m", "model", "--limit", "2"], &TEXT[..]].concat();
    let said = here(&playground, &words);
    said.check(0, &[]);
    for figure in ["latency", "throughput", "size", "perplexity"] {
        assert!(said.out.contains(figure), "{figure}: {}", said.out);
    }
    let said = here(&playground, &[&words[..], &["--json"]].concat());
    let told: Value = serde_json::from_str(&said.out).unwrap();
    assert!(told["accuracy-perplexity"]["value"].as_f64().unwrap() > 1.0, "{told}");
    assert!(!playground.exists("benchmark"));
    here(&playground, &[&words[..], &["-o", "figures"]].concat()).check(0, &["figures"]);
    let metrics: Value = serde_json::from_str(&playground.read("figures/metrics.json")).unwrap();
    assert_eq!(metrics["size-bytes"]["value"], told["size-bytes"]["value"]);
    here(&playground, &["report", "figures", "--format", "md"]).check(0, &[]);
    playground.write("taken/.olive-result.json", "{}");
    let said = here(&playground, &[&words[..], &["-o", "taken"]].concat());
    said.check(2, &["`taken` holds the result of a run: name another folder"]);
}
