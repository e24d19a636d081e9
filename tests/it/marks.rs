//! What the schemas of the built-in passes say beyond types: told by `check`, without a plugin.

use serde_json::{Value, json};

use crate::playground::Playground;
use crate::real::{playground, unmeasured, write};

/// A finding: severity, code and pointer.
type Told = (&'static str, &'static str, &'static str);

const EPOCHS: &str = "/passes/lora/training_args/num_train_epochs";
const STRATEGY: &str = "/passes/lora/training_args/eval_strategy";
const EVAL_STEPS: &str = "/passes/lora/training_args/eval_steps";
const MAX_STEPS: &str = "/passes/lora/training_args/max_steps";
const RATE: &str = "/passes/lora/training_args/learning_rate";
const RATIO: &str = "/passes/lora/training_args/warmup_ratio";

#[test]
fn trainings_that_surprise_are_warned_of() {
    let playground = playground();
    let check = |settings: Value, args: Value, expected: &[Told]| {
        let mut workflow = unmeasured();
        extend(&mut workflow["passes"]["lora"], settings);
        extend(&mut workflow["passes"]["lora"]["training_args"], args);
        told(&playground, workflow, expected);
    };
    let data = || json!({"eval_data_config": "test"});
    check(json!({}), json!({}), &[]);
    check(json!({}), json!({"num_train_epochs": 3}), &[("warning", "no-effect", EPOCHS)]);
    check(json!({}), json!({"num_train_epochs": 3, "max_steps": -1}), &[]);
    check(data(), json!({"eval_steps": 187}), &[("warning", "no-effect", EVAL_STEPS)]);
    check(data(), json!({"eval_steps": 3.0}), &[]);
    check(data(), json!({"logging_steps": 10}), &[("warning", "no-effect", MAX_STEPS)]);
    check(json!({}), json!({"eval_strategy": "epoch"}), &[("warning", "no-effect", STRATEGY)]);
    check(data(), json!({"eval_strategy": "no"}), &[("warning", "no-effect", STRATEGY)]);
    check(json!({}), json!({"learning_rate": 2}), &[("warning", "unusual-value", RATE)]);
    check(json!({}), json!({"warmup_ratio": 0.1}), &[("warning", "no-effect", RATIO)]);
    check(json!({}), json!({"warmup_ratio": 0.1, "lr_scheduler_type": "linear"}), &[]);
    let count = ("warning", "unusual-value", "/passes/lora/eval_dataset_size");
    check(json!({"eval_dataset_size": 30}), json!({"eval_steps": 2}), &[count]);
    check(json!({"eval_dataset_size": 0.3}), json!({"eval_steps": 2}), &[]);
    let beaten = ("warning", "no-effect", "/passes/lora/eval_dataset_size");
    check(
        json!({"eval_data_config": "test", "eval_dataset_size": 0.3}),
        json!({"eval_steps": 2}),
        &[beaten],
    );
}

#[test]
fn arguments_of_transformers_are_left_out_or_refused_by_name() {
    let playground = playground();
    let check = |key: &str,
                 value: Value,
                 severity_and_code: Option<(&'static str, &'static str)>| {
        let mut workflow = unmeasured();
        workflow["passes"]["lora"]["training_args"][key] = value;
        let expected = severity_and_code
            .map(|(severity, code)| (severity, code, format!("/passes/lora/training_args/{key}")));
        let found = findings(&playground, workflow);
        assert_eq!(found, expected.into_iter().map(owned).collect::<Vec<_>>(), "{key}");
    };
    let refused = Some(("error", "not-available"));
    check("report_to", json!("none"), None);
    check("bf16", json!(true), Some(("note", "ignored-key")));
    check("bf16", json!(false), None);
    check("deepspeed", json!(true), refused);
    check("deepspeed", json!(null), None);
    check("label_smoothing_factor", json!(0.1), None);
    check("label_smoothing_factor", json!(0.0), None);
    check("resume_from_checkpoint", json!("checkpoint-500"), Some(("warning", "file-missing")));
    check("optim", json!("galore_adamw"), refused);
    check("optim", json!("sgd"), None);
    check("lr_scheduler_type", json!("greedy"), refused);
    check("lr_scheduler_type", json!("polynomial"), None);
    check("save_step", json!(500), Some(("error", "unknown-key")));
    check("optim", json!("adamw_troch"), Some(("error", "unknown-value")));
}

#[test]
fn every_wrong_argument_is_told() {
    let mut workflow = unmeasured();
    let args = json!({"seeed": 1, "fsdp": "full_shard", "learning_rte": 1, "max_steps": "ten"});
    extend(&mut workflow["passes"]["lora"]["training_args"], args);
    told(
        &playground(),
        workflow,
        &[
            ("error", "not-available", "/passes/lora/training_args/fsdp"),
            ("error", "unknown-key", "/passes/lora/training_args/learning_rte"),
            ("error", "unknown-key", "/passes/lora/training_args/seeed"),
            ("error", "wrong-value", MAX_STEPS),
        ],
    );
}

#[test]
fn graphs_that_are_not_built_are_refused_by_name() {
    let playground = playground();
    let check = |settings: Value, expected: &[Told]| {
        let mut workflow = unmeasured();
        extend(&mut workflow["passes"]["builder"], settings);
        told(&playground, workflow, expected);
    };
    let error = |pointer| ("error", "not-available", pointer);
    let warning = |pointer| ("warning", "no-effect", pointer);
    let extra = |options: Value| json!({ "extra_options": options });
    check(
        extra(json!({"use_paged_attention": true, "dspark_path": "drafter"})),
        &[
            error("/passes/builder/extra_options/dspark_path"),
            error("/passes/builder/extra_options/use_paged_attention"),
        ],
    );
    check(
        extra(json!({"use_paged_attention": false, "dspark_top_k": 4})),
        &[("note", "ignored-key", "/passes/builder/extra_options/dspark_top_k")],
    );
    check(
        json!({"int4_algo_config": "k_quant_most"}),
        &[("error", "unknown-value", "/passes/builder/int4_algo_config")],
    );
    check(
        extra(json!({"include_hidden_states": "yes"})),
        &[("error", "wrong-value", "/passes/builder/extra_options/include_hidden_states")],
    );
    check(
        json!({"use_qdq": true, "extra_options": {"use_qdq": "0", "nodes_to_exclude": "/lm_head/MatMul"}}),
        &[warning("/passes/builder/use_qdq")],
    );
    check(
        json!({"search": {"max_lenght": 8, "top_k": "50"}}),
        &[
            ("error", "unknown-key", "/passes/builder/search/max_lenght"),
            ("error", "wrong-value", "/passes/builder/search/top_k"),
        ],
    );
    check(
        json!({"precision": "fp32", "int4_block_size": 32, "int4_accuracy_level": null}),
        &[warning("/passes/builder/int4_block_size")],
    );
    check(
        json!({"int4_block_size": 32, "extra_options": {"block_size": 16}}),
        &[warning("/passes/builder/int4_block_size")],
    );
    check(json!({"use_qdq": false, "metadata_only": null, "extra_options": null}), &[]);
}

#[test]
fn a_precision_and_its_accelerator_fit() {
    let playground = playground();
    let check = |precision: &str, device: &str, provider: &str, pointer: Option<&'static str>| {
        let mut workflow = unmeasured();
        workflow["passes"]["builder"]["precision"] = json!(precision);
        let provider = format!("{provider}ExecutionProvider");
        let accelerators = json!([{"device": device, "execution_providers": [provider]}]);
        workflow["systems"] =
            json!({"here": {"type": "LocalSystem", "accelerators": accelerators}});
        workflow["engine"]["target"] = json!("here");
        let expected = pointer.map(|pointer| ("error", "accelerator-mismatch", pointer));
        told(&playground, workflow, expected.as_slice());
    };
    check("fp32", "cpu", "CPU", None);
    check("fp16", "cpu", "CPU", Some("/passes/builder/precision"));
    check("bf16", "gpu", "Dml", Some("/passes/builder/precision"));
    check("fp16", "gpu", "CUDA", None);
    check("int4", "gpu", "WebGpu", None);
    check("fp32", "gpu", "CUDA", Some("/passes/builder/precision"));
    check("int8", "gpu", "NvTensorRTRTX", Some("/passes/builder/precision"));
}

fn extend(object: &mut Value, entries: Value) {
    object.as_object_mut().unwrap().extend(entries.as_object().unwrap().clone());
}

#[track_caller]
fn told(playground: &Playground, workflow: Value, expected: &[Told]) {
    let expected: Vec<_> = expected
        .iter()
        .map(|(severity, code, pointer)| owned((severity, code, *pointer)))
        .collect();
    assert_eq!(findings(playground, workflow), expected);
}

fn owned<T: Into<String>>((severity, code, pointer): (&str, &str, T)) -> [String; 3] {
    [severity.to_owned(), code.to_owned(), pointer.into()]
}

/// What `check` says to `workflow`, sorted.
fn findings(playground: &Playground, workflow: Value) -> Vec<[String; 3]> {
    write(playground, workflow);
    let said = playground.olive(&["check", "--format", "json", "@/olive.json"]);
    let said: Value = serde_json::from_str(&said.out).unwrap();
    let found = said["files"][0]["diagnostics"].as_array().unwrap();
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap().to_owned();
    let keys = ["severity", "code", "pointer"];
    let mut found: Vec<_> =
        found.iter().map(|finding| keys.map(|key| text(finding, key))).collect();
    found.sort();
    found
}
