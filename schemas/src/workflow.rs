//! The workflow in its one normalized form: every era of config is upgraded to this.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::data::DataConfig;
use crate::metric::EvaluatorConfig;
use crate::model::{Model, ModelKind};
use crate::step::Device;

/// A workflow: a model, what to do to it, and how to measure it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Workflow {
    /// Name of the workflow in logs and reports.
    #[serde(default = "default_workflow")]
    pub workflow_id: String,
    /// The model to start from.
    pub input_model: InputModel,
    /// Named systems on which steps run.
    #[serde(default)]
    pub systems: IndexMap<String, System>,
    /// Data sets that passes and metrics refer to by name.
    #[serde(default)]
    pub data_configs: Vec<DataConfig>,
    /// Named evaluators.
    #[serde(default)]
    pub evaluators: IndexMap<String, EvaluatorConfig>,
    /// Passes by name, run in this order.
    #[serde(default)]
    pub passes: IndexMap<String, PassConfig>,
    /// Settings of the run as a whole.
    #[serde(default)]
    pub engine: EngineConfig,
}

/// The model a workflow starts from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InputModel {
    /// What the files are.
    #[serde(rename = "type")]
    pub kind: ModelKind,
    /// Folder of the model, or the file of a GGUF or ONNX one.
    #[schemars(extend("x-olive-path" = "input"))]
    pub model_path: String,
    /// Folder of a PEFT adapter that belongs on top of the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-olive-path" = "input"))]
    pub adapter_path: Option<String>,
    /// Graph file inside `model_path` of an ONNX model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub onnx_file_name: Option<String>,
    /// Facts that a pass left for later ones.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub model_attributes: BTreeMap<String, Value>,
    /// What the model is for; only text generation is known.
    #[serde(default = "text_generation")]
    #[schemars(extend("enum" = ["text-generation", "text-generation-with-past"]))]
    pub task: String,
    /// Loading options.
    #[serde(default)]
    pub load_kwargs: LoadKwargs,
}

impl InputModel {
    /// The model as steps see it.
    pub fn model(&self) -> Model {
        Model {
            kind: self.kind,
            model_path: self.model_path.clone().into(),
            adapter_path: self.adapter_path.clone().map(Into::into),
            onnx_file_name: self.onnx_file_name.clone(),
            model_attributes: self.model_attributes.clone(),
        }
    }
}

/// Loading options of a Hugging Face model.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LoadKwargs {
    /// Accepted for Olive's sake: code in model folders is never run.
    pub trust_remote_code: bool,
}

/// A place where steps run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct System {
    /// Kind of system; `LocalSystem` is built in.
    #[serde(rename = "type")]
    #[schemars(extend("enum" = ["LocalSystem"]))]
    pub kind: String,
    /// Device and execution providers; at most one entry.
    #[serde(default)]
    #[schemars(length(max = 1))]
    pub accelerators: Vec<AcceleratorConfig>,
}

/// A device with its execution providers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AcceleratorConfig {
    /// `cpu`, `gpu` or `npu`.
    pub device: Device,
    /// ONNX Runtime execution providers; at most one.
    #[schemars(length(max = 1))]
    pub execution_providers: Vec<String>,
}

/// One pass of a workflow: which one, and its settings beside `type`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PassConfig {
    /// Name of the pass, matched without case.
    #[serde(rename = "type")]
    pub kind: String,
    /// Evaluator of the model this pass makes, instead of the engine's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evaluator: Option<String>,
    /// System this pass runs on, instead of the engine's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Settings of the pass; its own schema describes them.
    #[serde(flatten)]
    pub config: Map<String, Value>,
}

/// Settings of the run as a whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EngineConfig {
    /// System on which passes run.
    pub host: Option<String>,
    /// System the result is meant for, where models are measured.
    pub target: Option<String>,
    /// Evaluator of every model.
    pub evaluator: Option<String>,
    /// Whether the input model is measured too.
    pub evaluate_input_model: bool,
    /// Folder for the result; relative paths start at the config file's folder.
    #[schemars(extend("x-olive-path" = "output"))]
    pub output_dir: String,
    /// Folder for what steps make; relative paths start at the config file's folder.
    #[schemars(extend("x-olive-path" = "output"))]
    pub cache_dir: String,
    /// `false` or `null` runs the passes once; search is not available yet.
    pub search_strategy: Option<bool>,
    /// Least importance of log lines shown: 0 debug, 1 info, 2 warning, 3 error, 4 nothing.
    #[schemars(range(min = 0, max = 4))]
    pub log_severity_level: u8,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            host: None,
            target: None,
            evaluator: None,
            evaluate_input_model: true,
            output_dir: "output".into(),
            cache_dir: ".olive-cache".into(),
            search_strategy: None,
            log_severity_level: 1,
        }
    }
}

fn default_workflow() -> String {
    "default_workflow".into()
}

fn text_generation() -> String {
    "text-generation-with-past".into()
}
