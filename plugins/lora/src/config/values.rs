//! Values that several settings share.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Names of modules, or a pattern.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Names {
    /// A regular expression that a whole module path fits, or a word that stands for several.
    Pattern(String),
    /// Each a module's path, or the end of it after a dot.
    List(Vec<String>),
}

/// Numbers of layers, from 0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Layers {
    /// One layer.
    One(usize),
    /// Several.
    Several(Vec<usize>),
}

/// Which biases are trained.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Bias {
    /// None of them.
    #[default]
    None,
    /// Every bias of the model.
    All,
    /// The biases of adapted layers.
    LoraOnly,
}

/// Type training computes in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TorchDtype {
    /// Products of 16-bit floats with the range of 32 bits, summed in 32 bits.
    #[default]
    Bfloat16,
    /// 32-bit float.
    Float32,
    /// 32-bit float here: processors do not multiply this type faster.
    Float16,
}

impl Names {
    /// The names of a list; a pattern is one.
    pub fn as_slice(&self) -> &[String] {
        match self {
            Self::Pattern(pattern) => std::slice::from_ref(pattern),
            Self::List(names) => names,
        }
    }
}

impl Layers {
    /// The numbers.
    pub fn as_slice(&self) -> &[usize] {
        match self {
            Self::One(layer) => std::slice::from_ref(layer),
            Self::Several(layers) => layers,
        }
    }
}

impl TorchDtype {
    /// The name a config uses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bfloat16 => "bfloat16",
            Self::Float32 => "float32",
            Self::Float16 => "float16",
        }
    }
}
