//! Arguments of the training.

use olive_plugin_api::Unavailable;
use serde_json::{Map, Value, json};

use super::Missed::{No, Yes};
use super::{Row, left_out};

const ONE_PROCESS: &str = "processes share the work in one way, by `ranks` of their system";
const PROCESSOR: &str = "training runs on the processor";

/// Arguments that have no effect, and whether they are missed.
const TRAINING: [Row; 20] = [
    (
        "`torch_dtype` says what is computed in",
        No,
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
        No,
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
        No,
        &[
            "local_rank",
            "ddp_bucket_cap_mb",
            "ddp_broadcast_buffers",
            "ddp_find_unused_parameters",
            "ddp_static_graph",
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
        No,
        &[
            "dataloader_num_workers",
            "dataloader_pin_memory",
            "dataloader_persistent_workers",
            "dataloader_prefetch_factor",
            "dataloader_in_order",
            "dataloader_multiprocessing_context",
        ],
    ),
    (
        "figures go to the run's report and, if asked for, to TensorBoard",
        No,
        &[
            "run_name",
            "project",
            "trackio_space_id",
            "trackio_bucket_id",
            "trackio_static_space_id",
            "log_level",
            "log_level_replica",
            "disable_tqdm",
            "include_num_input_tokens_seen",
            "include_tokens_per_second",
            "skip_memory_metrics",
            "debug",
        ],
    ),
    ("event files are in the folder `runs` of the output model", No, &["logging_dir"]),
    ("training ends at a loss that is no number", No, &["logging_nan_inf_filter"]),
    (
        "a checkpoint holds all that a resumed training needs to give the same result",
        No,
        &[
            "save_only_model",
            "save_safetensors",
            "restore_callback_states_from_checkpoint",
            "ignore_data_skip",
        ],
    ),
    ("a run that is cancelled writes a checkpoint", No, &["enable_jit_checkpoint"]),
    ("the host chooses where results go", No, &["output_dir", "overwrite_output_dir"]),
    ("`eval_strategy` says when to evaluate", No, &["do_eval"]),
    (
        "the evaluation loss is all that is measured",
        No,
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
    ("the pass always trains and never predicts", No, &["do_train", "do_predict"]),
    (
        "blocks of tokens are the input",
        No,
        &["remove_unused_columns", "label_names", "length_column_name", "past_index"],
    ),
    (
        "there is one kind of checkpointing",
        No,
        &["gradient_checkpointing_kwargs", "activation_checkpointing_kwargs"],
    ),
    ("nothing is generated while training", No, &["use_cache"]),
    ("training is always deterministic", No, &["full_determinism"]),
    (
        "batches are as large as they are written; the memory they need is told before training",
        Yes,
        &["auto_find_batch_size"],
    ),
    ("operations are fused already", No, &["use_liger_kernel", "liger_kernel_config"]),
    (
        "nothing is uploaded",
        No,
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

/// Arguments of the training that have no effect.
pub(crate) fn left_out_of_training() -> Map<String, Value> {
    left_out(&TRAINING)
}

/// Arguments that would change the adapter or where it goes, and are not done.
pub(crate) fn unavailable_in_training() -> Map<String, Value> {
    let off = || vec![Value::Null, json!(false)];
    let empty = || vec![Value::Null, json!(""), json!({}), json!([]), json!(false)];
    let options = [
        ("push_to_hub", "nothing is uploaded", off()),
        ("deepspeed", ONE_PROCESS, empty()),
        ("fsdp", ONE_PROCESS, empty()),
        ("parallelism_config", ONE_PROCESS, empty()),
        ("adafactor", "`optim` `adafactor` says the same", off()),
        ("optim_target_modules", "no optimizer here projects gradients", empty()),
        ("extra_args", "write its entries beside the other arguments", empty()),
    ];
    let marks = options.map(|(name, reason, unless)| {
        (name.to_owned(), json!(Unavailable { reason: reason.to_owned(), unless }))
    });
    marks.into_iter().collect()
}

/// Backends of torch that are not here.
pub(crate) fn unavailable_backends() -> Map<String, Value> {
    let reason = "it is for accelerators that no pass trains on; `gloo` sums between processors";
    values(&[(reason, &["ccl", "cncl", "hccl", "mccl"])])
}

/// Optimizers of transformers that are not here.
pub(crate) fn unavailable_optimizers() -> Map<String, Value> {
    let other = "the optimizer is not written yet";
    let codes = "its moments are not written yet; `adamw_8bit` has moments of 8 bits";
    let projected = "an adapter's gradients are of low rank already";
    let in_backward = "it updates within the backward pass, and gradients are summed first here";
    let rows: [(&str, &[&str]); 4] = [
        (
            other,
            &[
                "ademamix",
                "ademamix_8bit",
                "grokadamw",
                "paged_ademamix_32bit",
                "paged_ademamix_8bit",
                "rmsprop_bnb",
                "rmsprop_bnb_32bit",
                "rmsprop_bnb_8bit",
                "schedule_free_adamw",
                "schedule_free_radam",
                "schedule_free_sgd",
                "stable_adamw",
            ],
        ),
        (codes, &["adamw_anyprecision", "adamw_torch_4bit", "adamw_torch_8bit"]),
        (
            projected,
            &[
                "apollo_adamw",
                "apollo_adamw_layerwise",
                "galore_adafactor",
                "galore_adafactor_layerwise",
                "galore_adamw",
                "galore_adamw_8bit",
                "galore_adamw_8bit_layerwise",
                "galore_adamw_layerwise",
            ],
        ),
        (in_backward, &["adalomo", "lomo"]),
    ];
    values(&rows)
}

/// Schedules of transformers that are not here.
pub(crate) fn unavailable_schedules() -> Map<String, Value> {
    values(&[("the schedule is not written yet", &["greedy"])])
}

/// Orders of transformers that are not here.
pub(crate) fn unavailable_orders() -> Map<String, Value> {
    values(&[(ONE_PROCESS, &["batch_rebalance"])])
}

/// Places of transformers that are not here.
pub(crate) fn unavailable_reporters() -> Map<String, Value> {
    let reason = "figures go to the run's report and, if asked for, to TensorBoard";
    let names = &[
        "azure_ml",
        "clearml",
        "codecarbon",
        "comet_ml",
        "dagshub",
        "dvclive",
        "flyte",
        "kubeflow",
        "mlflow",
        "neptune",
        "swanlab",
        "trackio",
        "wandb",
    ];
    values(&[(reason, names)])
}

fn values(rows: &[(&str, &[&str])]) -> Map<String, Value> {
    let marks = rows.iter().flat_map(|(reason, names)| {
        names.iter().map(move |name| ((*name).to_owned(), json!(reason)))
    });
    marks.collect()
}
