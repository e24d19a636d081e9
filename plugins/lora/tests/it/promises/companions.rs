//! Settings that mean something beside others only, and values where a schema tells no good one.

use std::path::Path;

use olive_plugin_api::testing::{Companion, merge};
use serde_json::{Value, json};

/// Settings of the passes.
pub(super) fn of_passes() -> Vec<Companion> {
    let mut all = vec![
        Companion::value("/rank_pattern", json!({"q_proj": 2})),
        Companion::value("/alpha_pattern", json!({"q_proj": 2})),
        Companion::value("/modules_to_save", json!(["model.norm"])),
        Companion::value("/exclude_modules", json!(["q_proj"])),
        Companion::with("/layers_pattern", json!({"layers_to_transform": 0})),
        Companion::with("/eval_data_config", args(json!({"eval_steps": 1}))).to(json!("other")),
        Companion::with("/eval_dataset_size", args(json!({"eval_steps": 1}))),
        Companion::with("/rank_dropout_scale", json!({"rank_dropout": 0.5})),
        Companion::with("/decompose_both", json!({"r": 1, "decompose_factor": 4})),
    ];
    all.extend(of_training());
    all.extend(of_courses());
    all
}

/// Arguments of the training.
fn of_training() -> Vec<Companion> {
    let with = |name: &str, others| Companion::with(format!("/training_args/{name}"), others);
    let short_epochs =
        json!({"max_steps": -1, "num_train_epochs": 1, "per_device_train_batch_size": 5});
    let warmed = || args(json!({"lr_scheduler_type": "constant_with_warmup", "max_steps": 6}));
    let chosen = json!({"save_strategy": "best", "load_best_model_at_end": true});
    vec![
        with("per_device_eval_batch_size", evaluated(json!({}))),
        with("dataloader_drop_last", args(short_epochs)),
        with("gradient_checkpointing", args(json!({"per_device_train_batch_size": 8}))),
        with("num_train_epochs", args(json!({"max_steps": -1}))),
        with("optim_args", args(json!({"optim": "sgd"}))).to(json!("momentum=0.9")),
        with("warmup_ratio", warmed()),
        with("warmup_steps", warmed()),
        with("eval_strategy", json!({"eval_dataset_size": 0.25})),
        with("eval_steps", json!({"eval_dataset_size": 0.25})),
        with("eval_delay", evaluated(json!({}))),
        with("eval_on_start", evaluated(json!({}))),
        with("load_best_model_at_end", evaluated(json!({}))),
        with("greater_is_better", evaluated(chosen)),
        with("early_stopping_patience", evaluated(json!({"learning_rate": 0.3, "max_steps": 12}))),
        with(
            "early_stopping_threshold",
            evaluated(json!({"early_stopping_patience": 1, "max_steps": 6})),
        ),
        with("save_total_limit", args(json!({"save_steps": 1}))),
    ]
}

/// Settings of the courses of the learning rate.
fn of_courses() -> Vec<Companion> {
    let with = |name: &str, others| {
        Companion::with(format!("/training_args/lr_scheduler_kwargs/{name}"), others)
    };
    let course = |name: &str, kwargs: Value| {
        args(json!({
            "lr_scheduler_type": name, "lr_scheduler_kwargs": kwargs,
            "warmup_steps": 2, "max_steps": 6
        }))
    };
    let stable = || course("warmup_stable_decay", json!({"num_decay_steps": 2}));
    let plateau = |threshold: f64| {
        evaluated(json!({
            "lr_scheduler_type": "reduce_lr_on_plateau",
            "lr_scheduler_kwargs": {"patience": 0, "threshold": threshold},
            "max_steps": 8
        }))
    };
    let floored = || course("cosine_with_min_lr", json!({}));
    vec![
        with("num_cycles", course("cosine", json!({}))),
        with("min_lr", floored()),
        with("min_lr_rate", floored()),
        with("warmup_lr_rate", course("cosine_warmup_with_min_lr", json!({"min_lr": 0.001}))),
        with("lr_end", course("polynomial", json!({}))),
        with("power", course("polynomial", json!({}))),
        with("timescale", course("inverse_sqrt", json!({}))),
        with("num_decay_steps", stable()).to(json!(3)),
        with("num_stable_steps", stable()),
        with("warmup_type", stable()),
        with("decay_type", stable()),
        with("min_lr_ratio", stable()),
        with("factor", plateau(0.9)),
        with("patience", plateau(0.9)),
        with("threshold", plateau(0.9)),
        with("threshold_mode", plateau(0.1)),
        with("cooldown", plateau(0.9)),
        with("eps", plateau(0.9)),
    ]
}

/// Settings of data, whose files are in `folder`.
pub(super) fn of_data(folder: &Path) -> Vec<Companion> {
    let loaded =
        |name: &str, others| Companion::with(format!("/load_dataset_config/{name}"), others);
    let csv = json!({"data_name": "csv", "data_files": folder.join("rows.csv")});
    let mut all = vec![
        loaded("data_files", json!({})).to(json!(folder.join("other.json"))),
        loaded("sep", json!({"load_dataset_config": csv})).to(json!(";")),
    ];
    all.extend(of_pre_processing().into_iter().map(|(name, others, value)| {
        let pointer = format!("/pre_process_data_config/{name}");
        Companion { pointer, others: json!({"pre_process_data_config": others}), value }
    }));
    all
}

/// Settings of how rows become blocks.
fn of_pre_processing() -> Vec<(&'static str, Value, Option<Value>)> {
    let chat = |template: Value| json!({"text_template": null, "chat_template": template});
    let answered = || json!({"text_template": null, "prompt_template": "{phrase}", "answer_template": "{tone}"});
    let pair = |more: Value| {
        let mut pair = json!({"dataset_type": "pair", "source_max_len": 16, "target_max_len": 16});
        merge(&mut pair, &more);
        pair
    };
    let custom =
        || pair(json!({"pair_format": "custom", "input_col": "phrase", "output_col": "tone"}));
    let strategy = |name: &str| json!({"strategy": name, "random_seed": 1});
    let fitting = json!({
        "strategy": "join", "text_template": "a", "add_special_tokens": false, "joiner": null,
        "max_seq_len": 4
    });
    let unmasked = || json!({"use_attention_mask": false});
    vec![
        ("stride", json!({"strategy": "join-sliding-window", "stride": 8}), Some(json!(16))),
        ("message_col", chat(json!(true)), Some(json!("chat"))),
        ("chat_template_kwargs", chat(json!("{{ changed }}{{ messages[0].content }}")), None),
        ("chat_template_date", chat(json!("{{ strftime_now('%Y') }}")), Some(json!("2026-01-31"))),
        ("assistant_only_loss", chat(json!(true)), None),
        ("text_cols", json!({"text_template": null, "text_cols": "phrase"}), Some(json!("tone"))),
        ("prompt_template", answered(), Some(json!("{phrase}: "))),
        ("answer_template", answered(), Some(json!("{tone}!"))),
        ("completion_only_loss", answered(), None),
        ("pair_format", pair(json!({})), None),
        ("input_template", custom(), Some(json!("{phrase}!"))),
        ("input_col", custom(), Some(json!("tone"))),
        ("output_template", custom(), Some(json!("{tone}!"))),
        ("output_col", custom(), Some(json!("phrase"))),
        ("source_max_len", custom(), None),
        ("target_max_len", custom(), None),
        ("ignore_source_in_labels", custom(), None),
        ("joiner", strategy("join"), None),
        ("pad_to_max_len", unmasked(), None),
        ("padding_side", unmasked(), None),
        ("drop_short_sequences", json!({"pad_to_max_len": false, "max_seq_len": 24}), None),
        ("block_cross_document_attention", strategy("join"), None),
        ("keep_exact_fit", fitting, None),
        ("mask_pad_tokens", json!({"text_template": "{phrase}<pad>{tone}"}), None),
        (
            "use_attention_mask",
            json!({"text_template": "{phrase}<pad>{tone}", "mask_pad_tokens": true}),
            None,
        ),
        ("random_seed", strategy("line-by-line-random"), Some(json!(2))),
        ("random_retries", strategy("join-random"), None),
        ("processing_batch_size", strategy("pack"), None),
    ]
}

#[expect(clippy::needless_pass_by_value, reason = "rows read better without borrows")]
fn args(args: Value) -> Value {
    json!({"training_args": args})
}

/// A training with an evaluation after every step.
#[expect(clippy::needless_pass_by_value, reason = "rows read better without borrows")]
fn evaluated(more: Value) -> Value {
    let mut args = json!({"eval_strategy": "steps", "eval_steps": 1});
    merge(&mut args, &more);
    json!({"eval_dataset_size": 0.25, "training_args": args})
}
