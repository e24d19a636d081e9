//! From `adapter_config.json` to settings.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use olive_kit_checkpoint::CheckpointError;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    ADAPTER_CONFIG, AdapterConfig, LayerSettings, LohaConfig, LokrConfig, LokrStart, LoraConfig,
    LoraStart, MethodConfig,
};
use crate::error::AdapterError;
use crate::targets::{Bias, Names, TargetModules, TargetSpec};

/// Settings that only loading or other kinds of layers read.
const WITHOUT_EFFECT: [&str; 14] = [
    "auto_mapping",
    "corda_config",
    "ensure_weight_tying",
    "eva_config",
    "fan_in_fan_out",
    "inference_mode",
    "loftq_config",
    "lora_ga_config",
    "megatron_config",
    "megatron_core",
    "peft_version",
    "qalora_group_size",
    "revision",
    "runtime_config",
];

/// A config as it is stored, of any method.
#[derive(Debug, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "PEFT's config has them")]
struct Stored {
    peft_type: Option<String>,
    task_type: Option<String>,
    base_model_name_or_path: Option<String>,
    r: usize,
    lora_alpha: Option<f64>,
    alpha: Option<f64>,
    rank_pattern: Option<BTreeMap<String, usize>>,
    alpha_pattern: Option<BTreeMap<String, f64>>,
    target_modules: Option<Stringly>,
    exclude_modules: Option<Stringly>,
    layers_to_transform: Option<OneOrMany<usize>>,
    layers_pattern: Option<OneOrMany<String>>,
    modules_to_save: Option<Vec<String>>,
    bias: Option<String>,
    lora_dropout: Option<f64>,
    #[serde(default)]
    use_rslora: bool,
    #[serde(default)]
    use_dora: bool,
    init_lora_weights: Option<Value>,
    init_weights: Option<Value>,
    rank_dropout: Option<f64>,
    #[serde(default)]
    rank_dropout_scale: bool,
    module_dropout: Option<f64>,
    #[serde(default)]
    decompose_both: bool,
    decompose_factor: Option<i64>,
    /// Of convolutions only.
    #[serde(rename = "use_effective_conv2d")]
    _use_effective_conv2d: Option<bool>,
    #[serde(flatten)]
    other: Map<String, Value>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Stringly {
    Pattern(String),
    Listed(Vec<String>),
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMany<T> {
    One(T),
    Many(Vec<T>),
}

impl AdapterConfig {
    /// Reads `adapter_config.json` in `dir`.
    ///
    /// # Errors
    /// When it is missing, no config, or has a setting whose effect is not computed.
    pub fn read(dir: &Path) -> Result<Self, AdapterError> {
        let path = dir.join(ADAPTER_CONFIG);
        let bytes = fs::read(&path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => CheckpointError::NoFile(path.clone()),
            _ => CheckpointError::Read { path: path.clone(), source },
        })?;
        let json = |source| CheckpointError::Json { path: path.clone(), source };
        let stored: Value = serde_json::from_slice(&bytes).map_err(json)?;
        Self::from_json(stored).map_err(|error| error.stored(&path))
    }

    /// Reads the object PEFT has for it.
    ///
    /// # Errors
    /// When it is no config, or has a setting whose effect is not computed.
    pub(crate) fn from_json(value: Value) -> Result<Self, AdapterError> {
        let kind = value.get("peft_type").and_then(Value::as_str);
        if let Some(kind) = kind.filter(|kind| !["LORA", "LOHA", "LOKR"].contains(kind)) {
            let problem = format!(
                "adapters of `peft_type` `{kind}` are not supported; LORA, LOHA and LOKR are"
            );
            return Err(AdapterError::setting(problem));
        }
        let stored = serde_json::from_value::<Stored>(value);
        let stored = stored.map_err(|error| AdapterError::setting(error.to_string()))?;
        stored.config()
    }
}

impl Stored {
    fn config(self) -> Result<AdapterConfig, AdapterError> {
        if let Some((key, value)) = self.other.iter().find(|(key, value)| has_effect(key, value)) {
            let problem = format!("adapter setting `{key}` = {value} is not supported");
            return Err(AdapterError::setting(problem));
        }
        let config = AdapterConfig {
            method: self.method()?,
            rank: self.r,
            alpha: self.lora_alpha.or(self.alpha).unwrap_or(8.0),
            targets: TargetSpec {
                modules: self.target_modules.map(Stringly::targets),
                exclude: self.exclude_modules.map(Stringly::names),
                layers: self.layers_to_transform.map(OneOrMany::list).unwrap_or_default(),
                layers_pattern: self.layers_pattern.map(OneOrMany::list).unwrap_or_default(),
                modules_to_save: self.modules_to_save.unwrap_or_default(),
                bias: bias(self.bias.as_deref())?,
            },
            rank_pattern: self.rank_pattern.unwrap_or_default(),
            alpha_pattern: self.alpha_pattern.unwrap_or_default(),
            task_type: self.task_type,
            base_model: self.base_model_name_or_path,
        };
        LayerSettings::new(&config)?;
        Ok(config)
    }

    fn method(&self) -> Result<MethodConfig, AdapterError> {
        Ok(match self.peft_type.as_deref() {
            Some("LOHA") => MethodConfig::Loha(LohaConfig {
                rank_dropout: self.rank_dropout.unwrap_or_default(),
                module_dropout: self.module_dropout.unwrap_or_default(),
                starts_random: !self.init_weights.as_ref().is_none_or(is_true),
            }),
            Some("LOKR") => MethodConfig::Lokr(LokrConfig {
                rank_dropout: self.rank_dropout.unwrap_or_default(),
                rank_dropout_scale: self.rank_dropout_scale,
                module_dropout: self.module_dropout.unwrap_or_default(),
                decompose_both: self.decompose_both,
                decompose_factor: self.factor()?,
                start: lokr_start(self.init_weights.as_ref())?,
            }),
            _ => MethodConfig::Lora(LoraConfig {
                dropout: self.lora_dropout.unwrap_or_default(),
                use_rslora: self.use_rslora,
                use_dora: self.use_dora,
                start: lora_start(self.init_lora_weights.as_ref())?,
            }),
        })
    }

    fn factor(&self) -> Result<Option<usize>, AdapterError> {
        match self.decompose_factor {
            None | Some(-1) => Ok(None),
            Some(factor) => match usize::try_from(factor) {
                Ok(factor) if factor > 0 => Ok(Some(factor)),
                _ => Err(AdapterError::setting(format!(
                    "`decompose_factor` is {factor}, but it is at least 1, or -1"
                ))),
            },
        }
    }
}

impl Stringly {
    fn names(self) -> Names {
        match self {
            Self::Pattern(pattern) => Names::Pattern(pattern),
            Self::Listed(names) => Names::Listed(names),
        }
    }

    fn targets(self) -> TargetModules {
        match self {
            Self::Pattern(word) if word.eq_ignore_ascii_case("all-linear") => {
                TargetModules::AllLinear
            }
            other => TargetModules::Named(other.names()),
        }
    }
}

impl<T> OneOrMany<T> {
    fn list(self) -> Vec<T> {
        match self {
            Self::One(value) => vec![value],
            Self::Many(values) => values,
        }
    }
}

fn lora_start(value: Option<&Value>) -> Result<LoraStart, AdapterError> {
    let name = match value {
        None | Some(Value::Null | Value::Bool(true)) => return Ok(LoraStart::Kaiming),
        Some(Value::Bool(false)) => return Ok(LoraStart::Random),
        Some(Value::String(name)) => name,
        Some(other) => {
            return Err(AdapterError::setting(format!("`init_lora_weights` is {other}")));
        }
    };
    match name.to_lowercase().as_str() {
        "gaussian" => Ok(LoraStart::Gaussian),
        "orthogonal" => Ok(LoraStart::Orthogonal),
        // Its values come with the file, and the base is left alone.
        "eva" => Ok(LoraStart::Kaiming),
        _ => {
            let problem = "changes the base's weights too, which is not supported";
            Err(AdapterError::setting(format!("`init_lora_weights` `{name}` {problem}")))
        }
    }
}

fn lokr_start(value: Option<&Value>) -> Result<LokrStart, AdapterError> {
    match value {
        None | Some(Value::Null | Value::Bool(true)) => Ok(LokrStart::LeftZero),
        Some(Value::Bool(false)) => Ok(LokrStart::Random),
        Some(Value::String(name)) if name == "lycoris" => Ok(LokrStart::RightZero),
        Some(other) => Err(AdapterError::setting(format!("`init_weights` is {other}"))),
    }
}

fn bias(value: Option<&str>) -> Result<Bias, AdapterError> {
    match value {
        None | Some("none") => Ok(Bias::None),
        Some("all") => Ok(Bias::All),
        Some("lora_only") => Ok(Bias::AdaptedOnly),
        Some(other) => {
            let problem = format!("`bias` is `{other}`, but it is `none`, `all` or `lora_only`");
            Err(AdapterError::setting(problem))
        }
    }
}

fn is_true(value: &Value) -> bool {
    !matches!(value, Value::Bool(false))
}

/// Whether a setting that is not known here may change what the adapter computes.
fn has_effect(key: &str, value: &Value) -> bool {
    let is_neutral = match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Number(_) => false,
        Value::String(value) => value == "none",
        Value::Array(values) => values.is_empty(),
        Value::Object(values) => values.is_empty(),
    };
    !is_neutral && !WITHOUT_EFFECT.contains(&key)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check_refused(change: &Value, expected: &str) {
        let mut value = AdapterConfig::lora(4, 8.0, 0.0, &["o_proj"]).to_json();
        value.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let message = AdapterConfig::from_json(value).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }

    fn check_read_back(config: &AdapterConfig) {
        let dir = tempfile::tempdir().unwrap();
        config.write(dir.path()).unwrap();
        assert_eq!(AdapterConfig::read(dir.path()).unwrap(), *config);
    }

    #[test]
    fn effects_that_are_not_computed_are_refused_by_name() {
        check_refused(&json!({"peft_type": "IA3"}), "`peft_type` `IA3`");
        check_refused(&json!({"use_qalora": true}), "`use_qalora` = true");
        check_refused(&json!({"lora_bias": true}), "`lora_bias` = true");
        check_refused(&json!({"bias": "some"}), "`bias` is `some`");
        check_refused(&json!({"init_lora_weights": "pissa"}), "`init_lora_weights` `pissa`");
        check_refused(&json!({"init_lora_weights": "olora"}), "changes the base's weights");
        check_refused(&json!({"a_setting_of_tomorrow": 3}), "`a_setting_of_tomorrow` = 3");
        check_refused(&json!({"rank_pattern": {"(q": 3}}), "`rank_pattern`: `(q`");
        check_refused(&json!({"r": 0}), "a rank of 0");
        check_refused(&json!({"r": "four"}), "invalid type");
        let lokr = json!({"peft_type": "LOKR", "decompose_factor": 0});
        check_refused(&lokr, "`decompose_factor` is 0");
    }

    #[test]
    fn every_setting_is_read_back() {
        let lora = LoraConfig {
            dropout: 0.05,
            use_rslora: true,
            use_dora: true,
            start: LoraStart::Gaussian,
        };
        let loha = LohaConfig { rank_dropout: 0.1, module_dropout: 0.2, starts_random: true };
        let lokr = LokrConfig {
            rank_dropout: 0.1,
            rank_dropout_scale: true,
            module_dropout: 0.2,
            decompose_both: true,
            decompose_factor: Some(4),
            start: LokrStart::RightZero,
        };
        let methods =
            [MethodConfig::Lora(lora), MethodConfig::Loha(loha), MethodConfig::Lokr(lokr)];
        for method in methods {
            check_read_back(&AdapterConfig::new(method.clone(), 8, 16.0));
            let mut config = AdapterConfig::new(method, 8, 12.5);
            config.rank_pattern.insert("q_proj".into(), 4);
            config.alpha_pattern.insert("k_proj".into(), 0.5);
            config.base_model = Some("base".into());
            config.targets = TargetSpec {
                modules: Some(TargetModules::AllLinear),
                exclude: Some(Names::Pattern(".*up_proj".into())),
                layers: vec![0, 2],
                layers_pattern: vec!["layers".into()],
                modules_to_save: vec!["lm_head".into()],
                bias: Bias::None,
            };
            check_read_back(&config);
        }
    }
}
