//! `adapter_config.json` of a LoRA adapter, as PEFT 0.21 reads and writes it.

use std::path::Path;

use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value, json};

use crate::error::CheckpointError;

/// Name of an adapter's config file.
pub(crate) const ADAPTER_CONFIG: &str = "adapter_config.json";
/// The only kind of adapter that is read.
const LORA: &str = "LORA";

/// Settings that only training, loading or other kinds of layers read.
const WITHOUT_EFFECT: [&str; 18] = [
    "auto_mapping",
    "corda_config",
    "ensure_weight_tying",
    "eva_config",
    "exclude_modules",
    "fan_in_fan_out",
    "inference_mode",
    "layers_pattern",
    "layers_to_transform",
    "loftq_config",
    "lora_ga_config",
    "megatron_config",
    "megatron_core",
    "peft_version",
    "qalora_group_size",
    "revision",
    "runtime_config",
    "velora_config",
];

/// Initializations that leave the base's weights as they are.
const PLAIN_INITIALIZATIONS: [&str; 3] = ["gaussian", "eva", "orthogonal"];

/// Settings of a LoRA adapter: `W + scale * B A` for every adapted layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AdapterConfig {
    /// Kind of adapter; `LORA`.
    pub peft_type: String,
    /// What the adapted model does, such as `CAUSAL_LM`.
    #[serde(default)]
    pub task_type: Option<String>,
    /// The model the adapter was trained on.
    #[serde(default)]
    pub base_model_name_or_path: Option<String>,
    /// Rank of the adapters.
    pub r: usize,
    /// Numerator of the scale.
    #[serde(serialize_with = "whole_when_possible")]
    pub lora_alpha: f64,
    /// Dropout on the input while training.
    #[serde(default)]
    pub lora_dropout: f64,
    /// Whether the scale is `alpha / sqrt(r)` instead of `alpha / r`.
    #[serde(default)]
    pub use_rslora: bool,
    /// Names, or a pattern, of the adapted layers.
    #[serde(default)]
    pub target_modules: Option<Value>,
    /// Other ranks for some layers, by the end of their module path.
    #[serde(default)]
    pub rank_pattern: Option<Map<String, Value>>,
    /// Other alphas for some layers, by the end of their module path.
    #[serde(default)]
    pub alpha_pattern: Option<Map<String, Value>>,
    /// How the weights were set before training.
    #[serde(default)]
    pub init_lora_weights: Option<Value>,
    /// All other settings.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl AdapterConfig {
    /// The config PEFT would write for a LoRA on these layers of a causal language model.
    pub fn lora(r: usize, lora_alpha: f64, lora_dropout: f64, target_modules: &[&str]) -> Self {
        Self {
            peft_type: LORA.into(),
            task_type: Some("CAUSAL_LM".into()),
            base_model_name_or_path: None,
            r,
            lora_alpha,
            lora_dropout,
            use_rslora: false,
            target_modules: Some(target_modules.into()),
            rank_pattern: Some(Map::new()),
            alpha_pattern: Some(Map::new()),
            init_lora_weights: Some(true.into()),
            other: defaults(),
        }
    }

    /// Rank of the layer at this module path.
    pub fn rank(&self, module: &str) -> usize {
        let pattern = matching(self.rank_pattern.as_ref(), module).and_then(Value::as_u64);
        pattern.and_then(|rank| usize::try_from(rank).ok()).unwrap_or(self.r)
    }

    /// Factor on `B A` of the layer at this module path.
    pub fn scale(&self, module: &str) -> f64 {
        let pattern = matching(self.alpha_pattern.as_ref(), module).and_then(Value::as_f64);
        let alpha = pattern.unwrap_or(self.lora_alpha);
        let rank = self.rank(module) as f64;
        if self.use_rslora { alpha / rank.sqrt() } else { alpha / rank }
    }

    /// Reads `adapter_config.json` in `dir`.
    ///
    /// # Errors
    /// When it is missing, no config, or has a setting whose effect is not supported.
    pub fn read(dir: &Path) -> Result<Self, CheckpointError> {
        let path = dir.join(ADAPTER_CONFIG);
        let bytes = std::fs::read(&path).map_err(CheckpointError::read(&path))?;
        let config: Value = parse(&path, &bytes)?;
        let kind = config.get("peft_type").and_then(Value::as_str).unwrap_or(LORA);
        if kind != LORA {
            let problem =
                format!("adapters of `peft_type` `{kind}` are not supported, only {LORA}");
            return Err(CheckpointError::config(&path, problem));
        }
        let config: Self = parse(&path, &bytes)?;
        match config.unsupported() {
            Some(problem) => Err(CheckpointError::config(&path, problem)),
            None => Ok(config),
        }
    }

    /// Writes `adapter_config.json` into `dir`, keys sorted as PEFT does.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, dir: &Path) -> Result<(), CheckpointError> {
        let path = dir.join(ADAPTER_CONFIG);
        let mut value = serde_json::to_value(self)
            .map_err(|source| CheckpointError::Json { path: path.clone(), source })?;
        value.sort_all_objects();
        std::fs::write(&path, format!("{value:#}")).map_err(CheckpointError::write(&path))
    }

    /// The first setting whose effect on the merged weights is not supported.
    fn unsupported(&self) -> Option<String> {
        if self.r == 0 {
            return Some("`r` is 0, but a rank is at least 1".into());
        }
        if let Some(Value::String(name)) = &self.init_lora_weights
            && !PLAIN_INITIALIZATIONS.contains(&name.to_lowercase().as_str())
        {
            let problem = "changes the base's weights too, which is not supported";
            return Some(format!("`init_lora_weights` `{name}` {problem}"));
        }
        let patterns =
            [("rank_pattern", &self.rank_pattern), ("alpha_pattern", &self.alpha_pattern)];
        for (name, pattern) in patterns {
            if let Some(problem) = unsupported_pattern(name, pattern.iter().flatten()) {
                return Some(problem);
            }
        }
        let mut other = self.other.iter();
        let found = other
            .find(|(key, value)| !WITHOUT_EFFECT.contains(&key.as_str()) && !is_neutral(value));
        found.map(|(key, value)| format!("adapter setting `{key}` = {value} is not supported"))
    }
}

/// PEFT reads keys as regular expressions; only those that are plain names are honoured.
fn unsupported_pattern<'a>(
    name: &str,
    mut pattern: impl Iterator<Item = (&'a String, &'a Value)>,
) -> Option<String> {
    let is_plain = |key: &str| key.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.'));
    let found = pattern
        .find(|(key, value)| !is_plain(key) || value.as_f64().is_none_or(|number| number <= 0.0));
    found.map(|(key, value)| {
        format!("`{name}` holds `{key}` = {value}; only module names with positive numbers are supported")
    })
}

/// The value of the first key that is `module` or the end of it after a dot, as PEFT looks it up.
fn matching<'a>(pattern: Option<&'a Map<String, Value>>, module: &str) -> Option<&'a Value> {
    let mut pattern = pattern.into_iter().flatten();
    let found = pattern.find(|(key, _)| {
        let rest = module.strip_suffix(key.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    });
    found.map(|(_, value)| value)
}

fn is_neutral(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Number(_) => false,
        Value::String(value) => value == "none",
        Value::Array(values) => values.is_empty(),
        Value::Object(values) => values.is_empty(),
    }
}

fn parse<T: serde::de::DeserializeOwned>(path: &Path, bytes: &[u8]) -> Result<T, CheckpointError> {
    serde_json::from_slice(bytes)
        .map_err(|source| CheckpointError::Json { path: path.to_owned(), source })
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn whole_when_possible<S: Serializer>(value: &f64, out: S) -> Result<S::Ok, S::Error> {
    #[expect(clippy::cast_possible_truncation, reason = "checked by comparing back")]
    let whole = *value as i64;
    #[expect(clippy::float_cmp, reason = "equal exactly when the number is whole")]
    let is_whole = whole as f64 == *value;
    if is_whole { out.serialize_i64(whole) } else { out.serialize_f64(*value) }
}

/// What PEFT 0.21.2 writes for settings left alone.
fn defaults() -> Map<String, Value> {
    let defaults = json!({
        "alora_invocation_tokens": null,
        "arrow_config": null,
        "auto_mapping": null,
        "bias": "none",
        "corda_config": null,
        "ensure_weight_tying": false,
        "eva_config": null,
        "exclude_modules": null,
        "fan_in_fan_out": false,
        "inference_mode": true,
        "kasa_config": null,
        "layer_replication": null,
        "layers_pattern": null,
        "layers_to_transform": null,
        "loftq_config": {},
        "lora_bias": false,
        "lora_ga_config": null,
        "megatron_config": null,
        "megatron_core": "megatron.core",
        "modules_to_save": null,
        "monteclora_config": null,
        "peft_version": "0.21.2",
        "qalora_group_size": 16,
        "revision": null,
        "target_parameters": null,
        "trainable_token_indices": null,
        "use_bdlora": null,
        "use_dora": false,
        "use_qalora": false,
        "velora_config": null,
    });
    match defaults {
        Value::Object(defaults) => defaults,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_refused(change: &Value, expected: &str) {
        let dir = tempfile::tempdir().unwrap();
        let config = AdapterConfig::lora(4, 8.0, 0.0, &["o_proj"]);
        let mut value = serde_json::to_value(&config).unwrap();
        let changes = change.as_object().unwrap().clone();
        value.as_object_mut().unwrap().extend(changes);
        std::fs::write(dir.path().join(ADAPTER_CONFIG), value.to_string()).unwrap();
        let message = AdapterConfig::read(dir.path()).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }

    #[test]
    fn effects_that_are_not_computed_are_refused_by_name() {
        check_refused(&json!({"peft_type": "LOHA"}), "`peft_type` `LOHA`");
        check_refused(&json!({"use_dora": true}), "`use_dora` = true");
        check_refused(&json!({"bias": "all"}), "`bias` = \"all\"");
        check_refused(&json!({"modules_to_save": ["lm_head"]}), "`modules_to_save`");
        check_refused(&json!({"init_lora_weights": "pissa"}), "`init_lora_weights` `pissa`");
        check_refused(&json!({"a_setting_of_tomorrow": 3}), "`a_setting_of_tomorrow` = 3");
        check_refused(&json!({"rank_pattern": {"^model.*q": 3}}), "`rank_pattern` holds `^model");
        check_refused(&json!({"r": 0}), "`r` is 0");
    }

    #[test]
    fn patterns_match_the_end_of_a_module_path() {
        let mut config = AdapterConfig::lora(4, 8.0, 0.0, &["o_proj", "q_proj"]);
        config.rank_pattern = Some(Map::from_iter([("q_proj".to_owned(), 16.into())]));
        config.alpha_pattern = Some(Map::from_iter([("1.self_attn.q_proj".to_owned(), 4.into())]));
        assert_eq!(config.rank("model.layers.0.self_attn.q_proj"), 16);
        assert_eq!(config.rank("model.layers.0.self_attn.eq_proj"), 4);
        assert!((config.scale("model.layers.0.self_attn.q_proj") - 0.5).abs() < 1e-12);
        assert!((config.scale("model.layers.1.self_attn.q_proj") - 0.25).abs() < 1e-12);
        config.use_rslora = true;
        assert!((config.scale("model.layers.0.self_attn.o_proj") - 4.0).abs() < 1e-12);
    }
}
