//! Settings of Olive's pass and of transformers' `TrainingArguments` that are none here, with the
//! reason. A config that has them is understood; only slips are unknown.

use olive_plugin_api::Unavailable;
use serde_json::{Map, Value, json};

const ONE_PROCESS: &str = "training runs in one process";
const PROCESSOR: &str = "training runs on the processor";
const FLOATS: &str = "training computes in 32-bit float";
const REPORT: &str = "figures go to the host";
const LAST_STEP: &str = "the adapter of the last step is the result";
const QLORA: &str = "it belongs to QLoRA; LoRA trains on unquantized weights";
const LOHA: &str = "only the passes LoHa and LoKr have it";

/// Settings of the pass that have no effect, and whether they are missed.
const SETTINGS: [(&str, Missed, &[&str]); 6] = [
    (PROCESSOR, Missed::No, &["device_map", "ephemeral_gpu_offload"]),
    (FLOATS, Missed::No, &["allow_tf32"]),
    (
        "there is one trainer, which computes the same",
        Missed::No,
        &["use_ort_trainer", "ortmodule_onnx_opset_version"],
    ),
    (QLORA, Missed::Yes, &["double_quant", "quant_type", "compute_dtype", "save_quant_config"]),
    ("only the pass LoftQ has it", Missed::Yes, &["loftq_iter"]),
    (
        LOHA,
        Missed::Yes,
        &[
            "rank_dropout",
            "module_dropout",
            "use_effective_conv2d",
            "exclude_modules",
            "init_weights",
            "layers_to_transform",
            "layers_pattern",
            "rank_pattern",
            "alpha_pattern",
            "decompose_both",
            "decompose_factor",
            "rank_dropout_scale",
        ],
    ),
];

/// Arguments of the training that have no effect, and whether they are missed.
const TRAINING: [(&str, Missed, &[&str]); 17] = [
    (
        FLOATS,
        Missed::No,
        &[
            "bf16",
            "fp16",
            "tf32",
            "bf16_full_eval",
            "fp16_full_eval",
            "fp16_backend",
            "fp16_opt_level",
            "half_precision_backend",
        ],
    ),
    (
        PROCESSOR,
        Missed::No,
        &[
            "use_cpu",
            "no_cuda",
            "use_ipex",
            "use_mps_device",
            "tpu_num_cores",
            "tpu_metrics_debug",
            "torch_empty_cache_steps",
            "torchdynamo",
            "torch_compile",
            "torch_compile_backend",
            "torch_compile_mode",
            "jit_mode_eval",
            "mp_parameters",
        ],
    ),
    (
        ONE_PROCESS,
        Missed::No,
        &[
            "local_rank",
            "ddp_backend",
            "ddp_bucket_cap_mb",
            "ddp_broadcast_buffers",
            "ddp_find_unused_parameters",
            "ddp_timeout",
            "ray_scope",
            "fsdp_config",
            "fsdp_min_num_params",
            "fsdp_transformer_layer_cls_to_wrap",
            "accelerator_config",
            "dispatch_batches",
            "split_batches",
            "average_tokens_across_devices",
            "log_on_each_node",
            "save_on_each_node",
        ],
    ),
    (
        "blocks are in memory before training starts",
        Missed::No,
        &[
            "dataloader_num_workers",
            "dataloader_pin_memory",
            "dataloader_persistent_workers",
            "dataloader_prefetch_factor",
        ],
    ),
    (
        REPORT,
        Missed::No,
        &[
            "report_to",
            "run_name",
            "project",
            "trackio_space_id",
            "logging_dir",
            "logging_strategy",
            "logging_first_step",
            "logging_nan_inf_filter",
            "log_level",
            "log_level_replica",
            "disable_tqdm",
            "include_num_input_tokens_seen",
            "include_tokens_per_second",
            "skip_memory_metrics",
            "debug",
        ],
    ),
    (
        LAST_STEP,
        Missed::No,
        &[
            "save_steps",
            "save_strategy",
            "save_total_limit",
            "save_only_model",
            "save_safetensors",
            "restore_callback_states_from_checkpoint",
            "ignore_data_skip",
            "metric_for_best_model",
            "greater_is_better",
        ],
    ),
    ("the host chooses where results go", Missed::No, &["output_dir", "overwrite_output_dir"]),
    ("`eval_strategy` says when to evaluate", Missed::No, &["do_eval"]),
    ("evaluation starts after `eval_steps` steps", Missed::Yes, &["eval_on_start", "eval_delay"]),
    (
        "the evaluation loss is all that is measured",
        Missed::No,
        &[
            "prediction_loss_only",
            "eval_accumulation_steps",
            "eval_do_concat_batches",
            "eval_use_gather_object",
            "batch_eval_metrics",
            "include_for_metrics",
            "include_inputs_for_metrics",
            "use_legacy_prediction_loop",
        ],
    ),
    ("the pass always trains and never predicts", Missed::No, &["do_train", "do_predict"]),
    (
        "blocks of tokens are the input",
        Missed::No,
        &["remove_unused_columns", "label_names", "length_column_name", "past_index"],
    ),
    ("there is one kind of checkpointing", Missed::No, &["gradient_checkpointing_kwargs"]),
    ("training is always deterministic", Missed::No, &["full_determinism"]),
    ("batches are as large as they are written", Missed::No, &["auto_find_batch_size"]),
    (
        "operations are fused already",
        Missed::No,
        &["use_liger_kernel", "liger_kernel_config", "use_module_with_loss"],
    ),
    (
        "nothing is uploaded",
        Missed::No,
        &[
            "hub_model_id",
            "hub_strategy",
            "hub_token",
            "hub_private_repo",
            "hub_always_push",
            "hub_revision",
            "push_to_hub_model_id",
            "push_to_hub_organization",
            "push_to_hub_token",
        ],
    ),
];

/// Whether a setting that has no effect is missed.
#[derive(Clone, Copy)]
enum Missed {
    /// The result is not what the config asks for.
    Yes,
    /// The result is the same.
    No,
}

/// Settings of the pass that have no effect.
pub(crate) fn left_out_of_settings() -> Map<String, Value> {
    left_out(&SETTINGS)
}

/// Arguments of the training that have no effect.
pub(crate) fn left_out_of_training() -> Map<String, Value> {
    left_out(&TRAINING)
}

/// Arguments that would change the adapter or where it goes, and are not done.
pub(crate) fn unavailable_in_training() -> Map<String, Value> {
    let off = || vec![Value::Null, json!(false)];
    let zero = || vec![Value::Null, json!(0), json!(0.0)];
    let empty = || vec![Value::Null, json!(""), json!({}), json!([]), json!(false)];
    let options = [
        ("resume_from_checkpoint", "training always starts with new adapters", off()),
        ("load_best_model_at_end", LAST_STEP, off()),
        ("push_to_hub", "nothing is uploaded", off()),
        ("deepspeed", ONE_PROCESS, empty()),
        ("fsdp", ONE_PROCESS, empty()),
        ("parallelism_config", ONE_PROCESS, empty()),
        ("label_smoothing_factor", "the loss is plain cross-entropy", zero()),
        ("neftune_noise_alpha", "no noise is added to embeddings", zero()),
        ("adafactor", "the optimizer is AdamW", off()),
        ("optim_args", "the optimizer has no other settings than these", empty()),
        ("optim_target_modules", "the optimizer is AdamW", empty()),
        ("lr_scheduler_kwargs", "the schedules have no other settings than these", empty()),
        ("dataloader_drop_last", "the last batch is trained on, however small", off()),
        ("extra_args", "write its entries beside the other arguments", empty()),
    ];
    let marks = options.map(|(name, reason, unless)| {
        (name.to_owned(), json!(Unavailable { reason: reason.to_owned(), unless }))
    });
    marks.into_iter().collect()
}

/// Optimizers of transformers that are not here.
pub(crate) fn unavailable_optimizers() -> Map<String, Value> {
    let moments = "moments are kept in 32-bit float";
    let other = "the optimizer is AdamW";
    let quantized = [
        "adamw_8bit",
        "adamw_bnb_8bit",
        "adamw_torch_4bit",
        "adamw_torch_8bit",
        "adamw_anyprecision",
        "paged_adamw_8bit",
    ];
    let others = [
        "adafactor",
        "adagrad",
        "adalomo",
        "ademamix",
        "ademamix_8bit",
        "apollo_adamw",
        "apollo_adamw_layerwise",
        "galore_adafactor",
        "galore_adafactor_layerwise",
        "galore_adamw",
        "galore_adamw_8bit",
        "galore_adamw_8bit_layerwise",
        "galore_adamw_layerwise",
        "grokadamw",
        "lion_32bit",
        "lion_8bit",
        "lomo",
        "paged_ademamix_32bit",
        "paged_ademamix_8bit",
        "paged_lion_32bit",
        "paged_lion_8bit",
        "rmsprop",
        "rmsprop_bnb",
        "rmsprop_bnb_32bit",
        "rmsprop_bnb_8bit",
        "schedule_free_adamw",
        "schedule_free_radam",
        "schedule_free_sgd",
        "sgd",
        "stable_adamw",
    ];
    let quantized = quantized.map(|name| (name.to_owned(), json!(moments)));
    quantized.into_iter().chain(others.map(|name| (name.to_owned(), json!(other)))).collect()
}

/// Schedules of transformers that are not here.
pub(crate) fn unavailable_schedules() -> Map<String, Value> {
    let names = [
        "cosine_warmup_with_min_lr",
        "cosine_with_min_lr",
        "cosine_with_restarts",
        "inverse_sqrt",
        "polynomial",
        "reduce_lr_on_plateau",
        "warmup_stable_decay",
    ];
    names
        .map(|name| (name.to_owned(), json!("the schedule is not written yet")))
        .into_iter()
        .collect()
}

fn left_out(table: &[(&str, Missed, &[&str])]) -> Map<String, Value> {
    let rows = table.iter().flat_map(|(reason, missed, names)| {
        names.iter().map(move |name| ((*name).to_owned(), mark(reason, *missed)))
    });
    rows.collect()
}

fn mark(reason: &str, missed: Missed) -> Value {
    match missed {
        Missed::Yes => json!(reason),
        Missed::No => json!({"reason": reason, "harmless": true}),
    }
}
