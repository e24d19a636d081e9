//! Models as they travel between steps: a kind and paths, never tensors.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::inference::InferenceSettings;

/// A model on disk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// What the files are.
    #[serde(rename = "type")]
    pub kind: ModelKind,
    /// Folder of the model (a file for GGUF), absolute once a step sees it.
    pub model_path: PathBuf,
    /// Folder of a PEFT adapter that belongs on top of the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adapter_path: Option<PathBuf>,
    /// Graph file inside `model_path` of an ONNX model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub onnx_file_name: Option<String>,
    /// How ONNX Runtime is to run an ONNX model; evaluators and generators keep to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inference_settings: Option<InferenceSettings>,
    /// Facts that a pass leaves for later ones.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub model_attributes: BTreeMap<String, Value>,
}

impl Model {
    /// Keys of a written model.
    pub const FIELDS: [&str; 6] = [
        "type",
        "model_path",
        "adapter_path",
        "onnx_file_name",
        "inference_settings",
        "model_attributes",
    ];

    /// A model of `kind` at `model_path`, without adapter or attributes.
    pub fn new(kind: ModelKind, model_path: impl Into<PathBuf>) -> Self {
        Self {
            kind,
            model_path: model_path.into(),
            adapter_path: None,
            onnx_file_name: None,
            inference_settings: None,
            model_attributes: BTreeMap::new(),
        }
    }

    /// Lets a model that a pass made of `input` be run as that one, when the pass says nothing of it.
    pub fn keep_settings_of(&mut self, input: &Self) {
        if self.kind == input.kind && self.inference_settings.is_none() {
            self.inference_settings.clone_from(&input.inference_settings);
        }
    }
}

/// What the files of a model are, named as Olive names its model types.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub enum ModelKind {
    /// A Hugging Face folder: `config.json`, safetensors, tokenizer.
    #[serde(rename = "HfModel")]
    Hf,
    /// An ONNX graph with its external data, tokenizer and `genai_config.json`.
    #[serde(rename = "ONNXModel")]
    Onnx,
    /// One GGUF file.
    #[serde(rename = "GgufModel")]
    Gguf,
}

impl ModelKind {
    /// Every kind, in declaration order.
    pub const ALL: [Self; 3] = [Self::Hf, Self::Onnx, Self::Gguf];

    /// The name a config uses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hf => "HfModel",
            Self::Onnx => "ONNXModel",
            Self::Gguf => "GgufModel",
        }
    }
}

impl std::fmt::Display for ModelKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
