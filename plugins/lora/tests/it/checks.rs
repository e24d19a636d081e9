//! What is refused, or told before the work.

use olive_kit_testing::fixture;
use olive_plugin_api::testing::Recorder;
use olive_plugin_api::{Diagnostic, PluginError, Severity};
use serde_json::{Value, json};

use crate::common::{PASSES, check_found, check_refused, prepare, request, request_of, run, set};

#[test]
fn unknown_targets_are_named_with_what_was_meant() {
    let problem = check_found("/target_modules", &json!(["o_proj", "qvk_proj"]), "unknown-module");
    assert_eq!(problem.pointer, "/target_modules/1");
    assert_eq!(problem.help.as_deref(), Some("did you mean `qkv_proj`?"));
    check_found("/target_modules", &json!(["proj"]), "unknown-module");
    check_found("/target_modules", &json!([]), "unknown-module");
    check_found("/target_modules", &json!("(q_proj"), "unknown-module");
    check_found("/exclude_modules", &json!(["mlp_proj"]), "unknown-module");
    check_found("/layers_to_transform", &json!([0, 7]), "unknown-module");
    check_found("/modules_to_save", &json!(["lm_haed"]), "unknown-module");
    check_found("/rank_pattern", &json!({"q_proj": 2}), "unknown-module");
}

#[test]
fn what_is_not_honoured_is_refused() {
    for (pointer, value) in [
        ("/init_lora_weights", json!("pissa")),
        ("/training_args/optim", json!("lomo")),
        ("/training_args/lr_scheduler_type", json!("greedy")),
        ("/training_args/logging_steps", json!(1.5)),
        ("/training_args/save_steps", json!(0)),
        ("/training_args/report_to", json!("wandb")),
        ("/training_args/metric_for_best_model", json!("accuracy")),
        ("/training_args/optim_args", json!("momentum")),
        ("/training_args/deepspeed", json!(true)),
        ("/use_dora", json!(true)),
    ] {
        let output = tempfile::tempdir().unwrap();
        let mut request = request("tiny-phi3", &output);
        set(&mut request["config"], pointer, &value);
        assert_eq!(prepare(&request).unwrap_err().code, "config", "{pointer}");
    }
}

#[test]
fn settings_of_other_passes_are_refused() {
    for (pass, key, value) in [
        ("LoRA", "quant_type", json!("nf4")),
        ("LoftQ", "double_quant", json!(true)),
        ("LoHa", "lora_dropout", json!(0.1)),
        ("LoHa", "decompose_both", json!(true)),
        ("DoRA", "rank_dropout", json!(0.1)),
    ] {
        let output = tempfile::tempdir().unwrap();
        let mut request = request_of(pass, "tiny-phi3", &output);
        request["config"][key] = value;
        let error = prepare(&request).unwrap_err();
        assert!(error.code == "config" && error.to_string().contains(key), "{pass} {key}: {error}");
    }
}

#[test]
fn arguments_that_do_not_go_together_are_refused() {
    let arguments = |values: &Value| {
        let output = tempfile::tempdir().unwrap();
        let mut request = request("tiny-phi3", &output);
        let args = request["config"]["training_args"].as_object_mut().unwrap();
        args.extend(values.as_object().unwrap().clone());
        request
    };
    for (values, code, at) in [
        (json!({"load_best_model_at_end": true}), "needs-evaluation", "load_best_model_at_end"),
        (json!({"early_stopping_patience": 3}), "needs-evaluation", "early_stopping_patience"),
        (json!({"save_strategy": "best"}), "needs-evaluation", "save_strategy"),
        (
            json!({"lr_scheduler_type": "reduce_lr_on_plateau"}),
            "needs-evaluation",
            "lr_scheduler_type",
        ),
        (
            json!({"lr_scheduler_type": "cosine_with_min_lr"}),
            "missing-setting",
            "lr_scheduler_type",
        ),
        (
            json!({"lr_scheduler_type": "warmup_stable_decay"}),
            "missing-setting",
            "lr_scheduler_type",
        ),
        (
            json!({
                "lr_scheduler_type": "cosine_with_min_lr",
                "lr_scheduler_kwargs": {"min_lr": 0.1, "min_lr_rate": 0.1}
            }),
            "settings",
            "lr_scheduler_kwargs",
        ),
        (json!({"optim": "lion_32bit", "optim_args": "alpha=1"}), "unknown-setting", "optim_args"),
        (json!({"optim": "sgd", "optim_args": "momentum=big"}), "unknown-setting", "optim_args"),
        (json!({"optim": "sgd", "optim_args": "nesterov=true"}), "settings", ""),
    ] {
        let request = arguments(&values);
        check_refused(&request, code);
        let found = prepare(&request).unwrap().remove(0);
        assert_eq!(found.pointer, format!("/training_args/{at}").trim_end_matches('/'), "{values}");
    }
}

#[test]
fn checkpoints_between_evaluations_are_a_warning() {
    let output = tempfile::tempdir().unwrap();
    let mut request = request("tiny-phi3", &output);
    request["config"]["eval_dataset_size"] = json!(0.25);
    let args = request["config"]["training_args"].as_object_mut().unwrap();
    args.insert("load_best_model_at_end".to_owned(), json!(true));
    for (save_steps, eval_steps, is_fine) in
        [(4.0, 2.0, true), (3.0, 2.0, false), (0.5, 0.25, true), (2.0, 4.0, false)]
    {
        let args = request["config"]["training_args"].as_object_mut().unwrap();
        args.insert("save_steps".to_owned(), json!(save_steps));
        args.insert("eval_steps".to_owned(), json!(eval_steps));
        let codes: Vec<_> =
            prepare(&request).unwrap().into_iter().map(|found| found.code).collect();
        let expected: &[&str] = if is_fine { &[] } else { &["best-unsaved"] };
        assert_eq!(codes, expected, "{save_steps} {eval_steps}");
    }
}

#[test]
fn evaluation_that_is_due_after_the_end_is_a_warning() {
    let output = tempfile::tempdir().unwrap();
    let mut request = request("tiny-phi3", &output);
    request["config"]["eval_dataset_size"] = json!(0.25);
    let args = request["config"]["training_args"].as_object_mut().unwrap();
    args.remove("max_steps");
    args.insert("num_train_epochs".to_owned(), json!(1));
    args.insert("eval_steps".to_owned(), json!(187.0));
    let found = prepare(&request).unwrap().remove(0);
    assert_eq!((found.severity, found.code.as_str()), (Severity::Warning, "no-effect"));
    assert_eq!(found.pointer, "/training_args/eval_steps");
    assert!(
        found.message.starts_with("evaluation never runs: it is due every 187 of "),
        "{found:?}"
    );
}

#[test]
fn data_that_makes_no_block_is_named() {
    let output = tempfile::tempdir().unwrap();
    let mut request = request("tiny-phi3", &output);
    let data = &mut request["data_configs"]["tone"]["pre_process_data_config"];
    data["max_seq_len"] = json!(1_000_000);
    let error = check_refused(&request, "empty-data");
    assert!(error.message.contains("1000000"), "{error}");
    let data = &mut request["data_configs"]["tone"]["pre_process_data_config"];
    data["text_template"] = json!("{phrse}");
    let error = check_refused(&request, "template");
    assert!(error.message.contains("phrse"), "{error}");
    let missing = output.path().join("none.json");
    request["data_configs"]["tone"]["load_dataset_config"]["data_files"] = json!(missing);
    let error = check_refused(&request, "io");
    assert!(error.message.contains("none.json"), "{error}");
}

#[test]
fn a_split_leaves_both_sides_something() {
    let output = tempfile::tempdir().unwrap();
    let mut request = request("tiny-phi3", &output);
    request["config"]["eval_dataset_size"] = json!(100_000);
    check_refused(&request, "eval-split");
    request["config"]["eval_dataset_size"] = json!(1.5);
    check_refused(&request, "eval-split");
}

#[test]
fn an_adapter_on_an_adapter_is_refused() {
    for pass in PASSES {
        let output = tempfile::tempdir().unwrap();
        let mut request = request_of(pass, "tiny-phi3", &output);
        request["input"]["adapter_path"] = json!(fixture("tiny-phi3").join("adapter"));
        check_refused(&request, "adapter-present");
    }
}

#[test]
fn a_base_in_4_bits_is_not_quantized_again() {
    let output = tempfile::tempdir().unwrap();
    let mut request = request_of("QLoRA", "tiny-phi3", &output);
    request["input"]["model_attributes"] = json!({"quantization_config": {"load_in_4bit": true}});
    check_refused(&request, "quantized-base");
}

#[test]
fn numbers_that_are_none_end_the_step() {
    let output = tempfile::tempdir().unwrap();
    let mut request = request("tiny-phi3", &output);
    request["config"]["training_args"]["learning_rate"] = json!(1e30);
    let error: PluginError = run(&request, &Recorder::default()).unwrap_err();
    assert_eq!(error.code, "not-finite");
    assert!(error.help.unwrap().contains("learning_rate"));
    let _: Vec<Diagnostic> = prepare(&request).unwrap();
}
