//! Shortcuts: commands that write the config they stand for, and what passes do in them.
//!
//! A pass tells it in the mark `x-olive-shortcuts` of its schema, a list of [`Offer`]s, so that the
//! host knows no pass by name.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A command that chooses passes by what they do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Shortcut {
    /// `olive finetune`, by method.
    Finetune,
    /// `olive quantize`, by algorithm, precision and implementation.
    Quantize,
    /// `olive convert`, by precision.
    Convert,
    /// `olive optimize` and `olive auto`: an alternative of a search.
    Optimize,
    /// What follows a quantization whose codes are to be read by `DequantizeLinear`.
    EncodeQdq,
}

/// What a pass does for one shortcut.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Offer {
    /// The shortcut.
    pub shortcut: Shortcut,
    /// Word by which it is chosen: a method of `finetune`, an algorithm of `quantize`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Precision of the weights that come out, such as `int4`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub precision: Option<String>,
    /// Whose kernels the codes are for, of several passes with one algorithm: `olive` or `ort`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub implementation: Option<String>,
    /// Devices it is worth trying on; all when left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub devices: Vec<String>,
    /// What it is good for, in a few words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Settings of the pass.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub settings: Map<String, Value>,
    /// Settings that a search decides.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub search_space: Map<String, Value>,
}

impl Offer {
    /// An offer for `shortcut` without anything else.
    pub fn new(shortcut: Shortcut) -> Self {
        Self {
            shortcut,
            method: None,
            precision: None,
            implementation: None,
            devices: Vec::new(),
            reason: None,
            settings: Map::new(),
            search_space: Map::new(),
        }
    }

    /// Chosen by `method`.
    #[must_use]
    pub fn by(mut self, method: &str) -> Self {
        self.method = Some(method.to_owned());
        self
    }

    /// Makes weights of `precision`.
    #[must_use]
    pub fn precision(mut self, precision: &str) -> Self {
        self.precision = Some(precision.to_owned());
        self
    }

    /// For the kernels of `implementation`.
    #[must_use]
    pub fn implementation(mut self, implementation: &str) -> Self {
        self.implementation = Some(implementation.to_owned());
        self
    }

    /// Worth trying on `devices` only.
    #[must_use]
    pub fn on(mut self, devices: &[&str]) -> Self {
        self.devices = devices.iter().map(|&device| device.to_owned()).collect();
        self
    }

    /// Good for what `reason` says.
    #[must_use]
    pub fn because(mut self, reason: &str) -> Self {
        self.reason = Some(reason.to_owned());
        self
    }

    /// With these settings, an object.
    #[must_use]
    pub fn with(mut self, settings: Value) -> Self {
        self.settings = object(settings);
        self
    }

    /// Leaving these settings to a search, an object.
    #[must_use]
    pub fn searching(mut self, search_space: Value) -> Self {
        self.search_space = object(search_space);
        self
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Offer, Shortcut};

    #[test]
    fn an_offer_says_only_what_it_has() {
        let offer = Offer::new(Shortcut::Quantize).by("rtn").precision("int4");
        let offer = offer.with(json!({"bits": 4})).searching(json!({"block_size": [32, 128]}));
        let written = json!({
            "shortcut": "quantize", "method": "rtn", "precision": "int4",
            "settings": {"bits": 4}, "search_space": {"block_size": [32, 128]}
        });
        assert_eq!(serde_json::to_value(&offer).unwrap(), written);
        assert_eq!(serde_json::from_value::<Offer>(written).unwrap(), offer);
        assert!(serde_json::from_value::<Offer>(json!({"shortcut": "fly"})).is_err());
    }
}
