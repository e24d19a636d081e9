//! From settings to `adapter_config.json`.

use std::collections::BTreeMap;
use std::path::Path;

use olive_kit_checkpoint::{CheckpointError, files};
use serde_json::{Map, Value, json};

use super::{
    ADAPTER_CONFIG, AdapterConfig, LohaConfig, LokrConfig, LokrStart, LoraConfig, LoraStart,
    MethodConfig,
};
use crate::error::AdapterError;
use crate::targets::{Bias, Names, TargetModules};

/// The version whose files ours are like.
const PEFT_VERSION: &str = "0.21.2";

impl AdapterConfig {
    /// Writes `adapter_config.json` into `dir`, with all keys PEFT writes, sorted as there.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, dir: &Path) -> Result<(), AdapterError> {
        let path = dir.join(ADAPTER_CONFIG);
        let mut value = self.to_json();
        value.sort_all_objects();
        files::write_whole(&path, format!("{value:#}").as_bytes())
            .map_err(|source| CheckpointError::Write { path, source }.into())
    }

    /// The object PEFT has for it.
    pub fn to_json(&self) -> Value {
        let targets = &self.targets;
        let mut all = Map::new();
        let common = json!({
            "alpha_pattern": numbers(&self.alpha_pattern),
            "auto_mapping": null,
            "base_model_name_or_path": self.base_model,
            "exclude_modules": targets.exclude.as_ref().map(names),
            "inference_mode": true,
            "layers_pattern": none_if_empty(&targets.layers_pattern),
            "layers_to_transform": none_if_empty(&targets.layers),
            "modules_to_save": none_if_empty(&targets.modules_to_save),
            "peft_type": self.method.name(),
            "peft_version": PEFT_VERSION,
            "r": self.rank,
            "rank_pattern": self.rank_pattern,
            "revision": null,
            "target_modules": targets.modules.as_ref().map(target_modules),
            "task_type": self.task_type,
        });
        let (own, other) = match &self.method {
            MethodConfig::Lora(lora) => (lora_settings(lora, self), lora_defaults()),
            MethodConfig::Loha(loha) => (loha_settings(loha, self.alpha), Value::Null),
            MethodConfig::Lokr(lokr) => (lokr_settings(lokr, self.alpha), Value::Null),
        };
        for part in [common, own, other] {
            if let Value::Object(part) = part {
                all.extend(part);
            }
        }
        Value::Object(all)
    }
}

fn lora_settings(lora: &LoraConfig, config: &AdapterConfig) -> Value {
    let start = match lora.start {
        LoraStart::Kaiming => json!(true),
        LoraStart::Random => json!(false),
        LoraStart::Gaussian => json!("gaussian"),
        LoraStart::Orthogonal => json!("orthogonal"),
    };
    let bias = match config.targets.bias {
        Bias::None => "none",
        Bias::All => "all",
        Bias::AdaptedOnly => "lora_only",
    };
    json!({
        "bias": bias,
        "init_lora_weights": start,
        "lora_alpha": number(config.alpha),
        "lora_dropout": lora.dropout,
        "use_dora": lora.use_dora,
        "use_rslora": lora.use_rslora,
    })
}

fn loha_settings(loha: &LohaConfig, alpha: f64) -> Value {
    json!({
        "alpha": number(alpha),
        "init_weights": !loha.starts_random,
        "module_dropout": loha.module_dropout,
        "rank_dropout": loha.rank_dropout,
        "use_effective_conv2d": false,
    })
}

fn lokr_settings(lokr: &LokrConfig, alpha: f64) -> Value {
    let start = match lokr.start {
        LokrStart::LeftZero => json!(true),
        LokrStart::Random => json!(false),
        LokrStart::RightZero => json!("lycoris"),
    };
    json!({
        "alpha": number(alpha),
        "decompose_both": lokr.decompose_both,
        "decompose_factor": lokr.decompose_factor.map_or(json!(-1), |factor| json!(factor)),
        "init_weights": start,
        "module_dropout": lokr.module_dropout,
        "rank_dropout": lokr.rank_dropout,
        "rank_dropout_scale": lokr.rank_dropout_scale,
        "use_effective_conv2d": false,
    })
}

/// What PEFT writes for settings of LoRA that are not ours.
fn lora_defaults() -> Value {
    json!({
        "alora_invocation_tokens": null,
        "arrow_config": null,
        "corda_config": null,
        "ensure_weight_tying": false,
        "eva_config": null,
        "fan_in_fan_out": false,
        "kasa_config": null,
        "layer_replication": null,
        "loftq_config": {},
        "lora_bias": false,
        "lora_ga_config": null,
        "megatron_config": null,
        "megatron_core": "megatron.core",
        "monteclora_config": null,
        "qalora_group_size": 16,
        "target_parameters": null,
        "trainable_token_indices": null,
        "use_bdlora": null,
        "use_qalora": false,
        "velora_config": null,
    })
}

fn target_modules(modules: &TargetModules) -> Value {
    match modules {
        TargetModules::Named(named) => names(named),
        TargetModules::AllLinear => json!("all-linear"),
    }
}

fn names(names: &Names) -> Value {
    match names {
        Names::Listed(names) => json!(names),
        Names::Pattern(pattern) => json!(pattern),
    }
}

fn none_if_empty<T: serde::Serialize>(values: &[T]) -> Value {
    if values.is_empty() { Value::Null } else { json!(values) }
}

fn numbers(values: &BTreeMap<String, f64>) -> Map<String, Value> {
    values.iter().map(|(key, value)| (key.clone(), number(*value))).collect()
}

/// A number without a fraction where it has none, as Python writes an `int`.
fn number(value: f64) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "checked by comparing back")]
    let whole = value as i64;
    #[expect(clippy::float_cmp, reason = "equal exactly when the number is whole")]
    let is_whole = whole as f64 == value;
    if is_whole { json!(whole) } else { json!(value) }
}
