//! In which form an adapter has seen its base: 4-bit codes, when it was trained by `QLoRA`.
//!
//! The passes that train on a quantized base leave its weights as they are and write attributes on
//! the model that say how to load it: transformers' `quantization_config`, and the paths of the
//! layers it is about.

use std::collections::{BTreeMap, BTreeSet};

use olive_kit_checkpoint::{Decoder, Linear};
use olive_kit_quant::{FourBitFormat, FourBitKind};
use serde_json::{Value, json};

use crate::error::AdapterError;

/// Attribute with transformers' settings of bitsandbytes.
const CONFIG: &str = "quantization_config";
/// Attribute with the module paths of quantized layers.
const MODULES: &str = "quantized_modules";
/// Attribute with the name of the library.
const METHOD: &str = "quantization_method";
/// What bitsandbytes has for 4 bits.
const BLOCK_SIZE: usize = 64;

/// Which layers of a base were in 4 bits while the adapter was trained, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuantizedBase {
    /// How weights became codes.
    pub format: FourBitFormat,
    modules: QuantizedModules,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum QuantizedModules {
    /// Those at these paths.
    Listed(BTreeSet<String>),
    /// All in layers but those with such a name in their path.
    AllBut(Vec<String>),
}

impl QuantizedBase {
    /// A base all of whose linear layers but the one that makes logits are in `format`.
    pub fn of_all(format: FourBitFormat, decoder: &Decoder) -> Self {
        let paths = decoder.linears_of_layers().map(|linear| linear.name).collect();
        Self { format, modules: QuantizedModules::Listed(paths) }
    }

    /// Whether the attributes of a model speak of a quantized base.
    pub fn is_told(attributes: &BTreeMap<String, Value>) -> bool {
        attributes.contains_key(CONFIG)
    }

    /// The attributes that say so, as Olive writes them; products were of the type `compute`.
    pub fn attributes(&self, compute: &str) -> BTreeMap<String, Value> {
        let mut attributes = BTreeMap::from([
            (METHOD.to_owned(), json!("bitsandbytes")),
            (
                CONFIG.to_owned(),
                json!({
                    "quant_method": "bitsandbytes",
                    "load_in_4bit": true,
                    "bnb_4bit_compute_dtype": compute,
                    "bnb_4bit_use_double_quant": self.format.double_quantized,
                    "bnb_4bit_quant_type": self.format.kind.name(),
                }),
            ),
        ]);
        if let QuantizedModules::Listed(paths) = &self.modules {
            attributes.insert(MODULES.to_owned(), json!(paths));
        }
        attributes
    }

    /// What the attributes of a model say.
    ///
    /// # Errors
    /// When they say something else than 4 bits of bitsandbytes.
    pub fn of(attributes: &BTreeMap<String, Value>) -> Result<Option<Self>, AdapterError> {
        let Some(config) = attributes.get(CONFIG).filter(|config| !config.is_null()) else {
            return Ok(None);
        };
        let refused = |problem: String| AdapterError::Quantization { problem };
        let flag = |key: &str| config.get(key).and_then(Value::as_bool).unwrap_or(false);
        let method = config.get("quant_method").and_then(Value::as_str).unwrap_or("bitsandbytes");
        if method != "bitsandbytes" || !flag("load_in_4bit") {
            let problem =
                format!("`quant_method` is `{method}`, `load_in_4bit` {}", flag("load_in_4bit"));
            return Err(refused(problem));
        }
        let kind = match config.get("bnb_4bit_quant_type").and_then(Value::as_str) {
            Some("nf4") => FourBitKind::Nf4,
            Some("fp4") | None => FourBitKind::Fp4,
            Some(other) => return Err(refused(format!("`bnb_4bit_quant_type` is `{other}`"))),
        };
        let double_quantized = flag("bnb_4bit_use_double_quant");
        let format = FourBitFormat { kind, block_size: BLOCK_SIZE, double_quantized };
        let modules = match attributes.get(MODULES).and_then(Value::as_array) {
            Some(listed) => QuantizedModules::Listed(texts(listed).collect()),
            None => {
                let skipped = config.get("llm_int8_skip_modules").and_then(Value::as_array);
                QuantizedModules::AllBut(skipped.into_iter().flat_map(|s| texts(s)).collect())
            }
        };
        Ok(Some(Self { format, modules }))
    }

    /// Removes from the attributes of a model that its base is quantized.
    pub fn forget(attributes: &mut BTreeMap<String, Value>) {
        for key in [CONFIG, MODULES, METHOD] {
            attributes.remove(key);
        }
    }

    /// Whether a layer was in 4 bits; the one that makes logits never is.
    pub fn has(&self, linear: &Linear) -> bool {
        match &self.modules {
            QuantizedModules::Listed(paths) => paths.contains(&linear.name),
            QuantizedModules::AllBut(skipped) => {
                let in_layers = linear.name.starts_with("model.layers.");
                let path = format!(".{}.", linear.name);
                in_layers && !skipped.iter().any(|name| path.contains(&format!(".{name}.")))
            }
        }
    }
}

fn texts(values: &[Value]) -> impl Iterator<Item = String> + '_ {
    values.iter().filter_map(Value::as_str).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use olive_kit_checkpoint::LinearRole;
    use serde_json::json;

    use super::*;

    fn base(attributes: Value) -> Result<Option<QuantizedBase>, String> {
        let attributes = serde_json::from_value(attributes).unwrap();
        QuantizedBase::of(&attributes).map_err(|error| error.to_string())
    }

    fn linear(name: &str) -> Linear {
        Linear {
            role: LinearRole::Output,
            name: name.into(),
            in_features: 1,
            out_features: 1,
            has_bias: false,
        }
    }

    #[test]
    fn a_model_without_the_attribute_is_in_floats() {
        assert_eq!(base(json!({"note": 1})), Ok(None));
        assert_eq!(base(json!({"quantization_config": null})), Ok(None));
    }

    #[test]
    fn every_layer_but_skipped_ones_is_quantized() {
        let config = json!({"load_in_4bit": true, "llm_int8_skip_modules": ["lm_head", "mlp"]});
        let base = base(json!({"quantization_config": config})).unwrap().unwrap();
        let expected =
            FourBitFormat { kind: FourBitKind::Fp4, block_size: 64, double_quantized: false };
        assert_eq!(base.format, expected);
        assert!(base.has(&linear("model.layers.0.self_attn.o_proj")));
        assert!(!base.has(&linear("model.layers.0.mlp.down_proj")));
        assert!(!base.has(&linear("lm_head")));
    }

    #[test]
    fn listed_modules_are_the_quantized_ones() {
        let attributes = json!({
            "quantization_config": {
                "quant_method": "bitsandbytes",
                "load_in_4bit": true,
                "bnb_4bit_quant_type": "nf4",
                "bnb_4bit_use_double_quant": true,
            },
            "quantized_modules": ["model.layers.0.self_attn.o_proj"],
        });
        let base = base(attributes).unwrap().unwrap();
        assert_eq!(base.format, FourBitFormat { double_quantized: true, ..FourBitFormat::NF4 });
        assert!(base.has(&linear("model.layers.0.self_attn.o_proj")));
        assert!(!base.has(&linear("model.layers.1.self_attn.o_proj")));
    }

    #[test]
    fn other_quantizations_are_refused() {
        let refused = |config: Value| base(json!({"quantization_config": config})).unwrap_err();
        assert!(refused(json!({"load_in_8bit": true})).contains("`load_in_4bit` false"));
        assert!(refused(json!({"quant_method": "gptq"})).contains("`quant_method` is `gptq`"));
        let kind = json!({"load_in_4bit": true, "bnb_4bit_quant_type": "nf3"});
        assert!(refused(kind).contains("`bnb_4bit_quant_type` is `nf3`"));
    }
}
