//! What sandboxed components see of a workflow, and what they answer.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::model::ModelKind;
use crate::step::Accelerator;

/// Version of the form of [`Document`] (semver).
pub const DOCUMENT_VERSION: &str = "0.1.0";

/// How a workflow uses the installed validators.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ValidatorsConfig {
    /// What it means when a validator itself fails: runs too long, crashes, or answers nonsense.
    pub on_failure: OnFailure,
    /// Settings of validators, by their id.
    pub config: IndexMap<String, Map<String, Value>>,
}

/// What the failure of a validator means.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnFailure {
    /// The config is refused, since nobody knows whether its rules hold.
    #[default]
    Error,
    /// The config is taken without that validator.
    Warn,
}

/// A checked workflow as validators see it.
///
/// Pointers of their findings lead into `workflow`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Document {
    /// The workflow in its normalized form.
    pub workflow: Value,
    /// The passes in the order they run; those of every build, one build after the other.
    #[serde(default)]
    pub steps: Vec<PlannedStep>,
    /// The model to start from, when its files are at hand.
    #[serde(default)]
    pub model: Option<ModelDescription>,
    /// What the result is meant for.
    #[serde(default)]
    pub accelerator: Accelerator,
    /// Memory that the accelerator declares.
    #[serde(default)]
    pub accelerator_memory_bytes: Option<u64>,
    /// Settings of the component that is asked, from `validators.config` of the workflow.
    #[serde(default)]
    pub config: Map<String, Value>,
}

/// A pass that will run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PlannedStep {
    /// The build it belongs to, in a workflow with builds.
    #[serde(default)]
    pub build: Option<String>,
    /// Name of the pass in the workflow.
    pub name: String,
    /// JSON pointer of the pass in the workflow.
    pub pointer: String,
    /// Type of the pass, spelled as its plugin spells it.
    #[serde(rename = "type")]
    pub kind: String,
    /// Settings with defaults filled in.
    pub config: Map<String, Value>,
    /// Kind of model the pass makes; unknown when no installed plugin has the pass.
    #[serde(default)]
    pub produces: Option<ModelKind>,
    /// What the pass does with adapters: `adds`, `merges` or `refuses`.
    #[serde(default)]
    pub adapter: Option<String>,
    /// Evaluator of the model it makes.
    #[serde(default)]
    pub evaluator: Option<String>,
}

/// A model without its weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ModelDescription {
    /// What the files are.
    #[serde(rename = "type")]
    pub kind: ModelKind,
    /// The content of `config.json`.
    #[serde(default)]
    pub config: Option<Value>,
    /// Tensors, equal ones of several layers together.
    #[serde(default)]
    pub tensors: Vec<TensorGroup>,
    /// Size of all tensors.
    #[serde(default)]
    pub total_bytes: u64,
}

/// Tensors whose names differ in numbers only, of one shape and dtype.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TensorGroup {
    /// Their name with `*` for numbers: `model.layers.*.self_attn.q_proj.weight`.
    pub name: String,
    /// How many there are.
    pub count: u64,
    /// Their shape.
    pub shape: Vec<u64>,
    /// Their dtype as safetensors spells it: `BF16`.
    pub dtype: String,
}

/// What a component says about itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ValidatorDescriptor {
    /// Name, put before the codes of its findings.
    pub id: String,
    /// Version of the component (semver).
    pub version: String,
    /// One sentence on what it does.
    pub summary: String,
    /// Version of the WIT package it was built against (semver).
    pub api_version: String,
    /// Whether it checks workflows; a component may have passes only.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub validates: bool,
    /// Optional interfaces it exports: `migrator`, `completer`, `planner`, `graph-pass`.
    #[serde(default)]
    pub interfaces: Vec<String>,
    /// The rules it knows.
    #[serde(default)]
    pub rules: Vec<Rule>,
    /// JSON schema (draft-07) of its settings.
    pub schema: Value,
    /// Passes on ONNX graphs that it has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub passes: Vec<GraphPassDescriptor>,
}

/// What a graph pass of a component says about itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GraphPassDescriptor {
    /// Name a config selects it by; matched without case.
    pub name: String,
    /// One sentence on what it does.
    pub summary: String,
    /// JSON schema (draft-07) of its settings.
    pub schema: Value,
}

/// A rule of a validator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Rule {
    /// Code of its findings, without the component's id.
    pub code: String,
    /// What is the case where it speaks.
    pub summary: String,
    /// Page that tells more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// What one step will need, as a planner estimates it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Cost {
    /// Largest resident memory of its process, in bytes.
    pub peak_host_bytes: u64,
    /// Largest memory on the device, in bytes.
    pub peak_device_bytes: u64,
    /// Size of what it writes, in bytes.
    pub disk_bytes: u64,
    /// Floating-point operations, a multiplication and an addition as two.
    pub flops: f64,
    /// 0 for a guess, 1 for a certainty.
    pub confidence: f64,
    /// What adds up to the memory, in bytes by name.
    #[serde(default)]
    pub breakdown: Map<String, Value>,
}

/// A value that an editor may offer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Completion {
    /// What the list shows.
    pub label: String,
    /// What is inserted.
    pub insert: Value,
    /// A few words beside the label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Markdown shown on demand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub documentation: Option<String>,
}

const fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde wants it")]
const fn is_yes(is: &bool) -> bool {
    *is
}
