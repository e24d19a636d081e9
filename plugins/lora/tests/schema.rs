//! The schema knows every name that Olive and transformers have for the pass.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use olive_plugin_api::{Advice, Plugin};
use olive_plugin_lora::Lora;
use serde::Deserialize;
use serde_json::{Value, json};

/// Settings of Olive's passes for adapters, of any era.
const SETTINGS: &str = "r lora_r alpha lora_alpha lora_dropout bias target_modules \
    modules_to_save torch_dtype allow_tf32 train_data_config eval_data_config eval_dataset_size \
    training_args use_ort_trainer ortmodule_onnx_opset_version device_map ephemeral_gpu_offload \
    compute_dtype double_quant quant_type loftq_iter save_quant_config rank_dropout \
    module_dropout use_effective_conv2d exclude_modules init_weights layers_to_transform \
    layers_pattern rank_pattern alpha_pattern decompose_both decompose_factor rank_dropout_scale";

/// Fields of `TrainingArguments`, and what Olive adds.
const ARGUMENTS: &str = "output_dir overwrite_output_dir do_train do_eval do_predict \
    eval_strategy evaluation_strategy prediction_loss_only per_device_train_batch_size \
    per_device_eval_batch_size per_gpu_train_batch_size per_gpu_eval_batch_size \
    gradient_accumulation_steps eval_accumulation_steps eval_delay torch_empty_cache_steps \
    learning_rate weight_decay adam_beta1 adam_beta2 adam_epsilon max_grad_norm \
    num_train_epochs max_steps lr_scheduler_type lr_scheduler_kwargs warmup_ratio warmup_steps \
    log_level log_level_replica log_on_each_node logging_dir logging_strategy \
    logging_first_step logging_steps logging_nan_inf_filter save_strategy save_steps \
    save_total_limit save_safetensors save_on_each_node save_only_model \
    restore_callback_states_from_checkpoint no_cuda use_cpu use_mps_device seed data_seed \
    jit_mode_eval use_ipex bf16 fp16 fp16_opt_level half_precision_backend bf16_full_eval \
    fp16_full_eval tf32 local_rank ddp_backend tpu_num_cores tpu_metrics_debug debug \
    dataloader_drop_last eval_steps dataloader_num_workers dataloader_prefetch_factor \
    past_index run_name disable_tqdm remove_unused_columns label_names load_best_model_at_end \
    metric_for_best_model greater_is_better ignore_data_skip fsdp fsdp_min_num_params \
    fsdp_config fsdp_transformer_layer_cls_to_wrap accelerator_config parallelism_config \
    deepspeed label_smoothing_factor optim optim_args adafactor group_by_length \
    length_column_name report_to project trackio_space_id ddp_find_unused_parameters \
    ddp_bucket_cap_mb ddp_broadcast_buffers dataloader_pin_memory dataloader_persistent_workers \
    skip_memory_metrics use_legacy_prediction_loop push_to_hub resume_from_checkpoint \
    hub_model_id hub_strategy hub_token hub_private_repo hub_always_push hub_revision \
    gradient_checkpointing gradient_checkpointing_kwargs include_inputs_for_metrics \
    include_for_metrics eval_do_concat_batches fp16_backend push_to_hub_model_id \
    push_to_hub_organization push_to_hub_token mp_parameters auto_find_batch_size \
    full_determinism torchdynamo ray_scope ddp_timeout torch_compile torch_compile_backend \
    torch_compile_mode dispatch_batches split_batches include_tokens_per_second \
    include_num_input_tokens_seen neftune_noise_alpha optim_target_modules batch_eval_metrics \
    eval_on_start use_liger_kernel liger_kernel_config eval_use_gather_object \
    average_tokens_across_devices use_module_with_loss extra_args";

#[test]
fn every_name_of_olive_and_transformers_is_known_once() {
    let schema = schema();
    check_known(&schema, SETTINGS);
    check_known(&schema["definitions"]["TrainingArgs"], ARGUMENTS);
}

#[test]
fn values_that_are_not_available_are_not_allowed_either() {
    let schema = schema();
    let args = &schema["definitions"]["TrainingArgs"]["properties"];
    for (property, definition) in [
        (&schema["properties"]["bias"], "Bias"),
        (&args["optim"], "Optimizer"),
        (&args["lr_scheduler_type"], "LrSchedulerType"),
    ] {
        let marks = property["x-olive-unavailable-values"].as_object().unwrap();
        let allowed = schema["definitions"][definition].to_string();
        for name in marks.keys() {
            assert!(!allowed.contains(&format!("\"{name}\"")), "{name}");
        }
    }
}

#[test]
fn advice_points_to_settings() {
    let schema = schema();
    let args = &schema["definitions"]["TrainingArgs"]["properties"];
    let is_setting = |pointer: &str| match pointer.strip_prefix("/training_args/") {
        Some(name) => args.get(name).is_some(),
        None => schema["properties"].get(&pointer[1..]).is_some(),
    };
    let all = Vec::<Advice>::deserialize(&schema["x-olive-advice"]).unwrap();
    assert!(!all.is_empty());
    for advice in all {
        let text = format!("{}{}", advice.message, advice.help.clone().unwrap_or_default());
        let filled = text.split('{').skip(1).map(|part| part.split('}').next().unwrap());
        let above = advice.above.clone().into_iter().flatten();
        let pointers = filled.map(str::to_owned).chain(above).chain(advice.related.clone());
        for pointer in pointers.chain([advice.at.clone()]) {
            assert!(is_setting(&pointer), "{pointer} of {advice:?}");
        }
    }
}

/// Each of `names` is a setting, an old spelling of one, without effect, or not available.
#[track_caller]
fn check_known(object: &Value, names: &str) {
    let keys = |mark: &str| {
        let map = object.get(mark).and_then(Value::as_object);
        map.into_iter().flatten().map(|(key, _)| key.clone()).collect::<Vec<_>>()
    };
    let mut known = keys("properties");
    for property in object["properties"].as_object().unwrap().values() {
        let old = property.get("x-olive-renamed-from").unwrap_or(&json!([])).clone();
        known.extend(Vec::<String>::deserialize(old).unwrap());
    }
    known.extend(keys("x-olive-ignored"));
    known.extend(keys("x-olive-unavailable"));
    for name in names.split_whitespace() {
        assert_eq!(known.iter().filter(|known| *known == name).count(), 1, "{name}");
    }
    for name in known {
        assert!(names.split_whitespace().any(|known| known == name), "{name}");
    }
}

fn schema() -> Value {
    let plugin = Plugin::new("lora", "0.1.0").with_pass::<Lora>();
    plugin.descriptor().passes[0].schema.clone()
}
