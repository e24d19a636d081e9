//! Descriptors: what a plugin says about itself without being run.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::metric::MetricKind;
use crate::model::ModelKind;

/// What one plugin library provides.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PluginDescriptor {
    /// Package name of the plugin.
    pub name: String,
    /// Version of the plugin (semver).
    pub version: String,
    /// Version of the plugin API it was built against (semver); not for process plugins, whose
    /// manifest names their protocol.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub api_version: String,
    /// Passes: model in, model out.
    #[serde(default)]
    pub passes: Vec<PassDescriptor>,
    /// Evaluators: model in, metrics out.
    #[serde(default)]
    pub evaluators: Vec<EvaluatorDescriptor>,
    /// Generators: model and prompt in, text out.
    #[serde(default)]
    pub generators: Vec<GeneratorDescriptor>,
    /// Sources: reference in, local files out.
    #[serde(default)]
    pub sources: Vec<SourceDescriptor>,
    /// Systems: where steps run.
    #[serde(default)]
    pub systems: Vec<SystemDescriptor>,
    /// Previewers: model and data in, what the model will see out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub previewers: Vec<PreviewerDescriptor>,
    /// Graph editors: ONNX model in, its graph out; edits in, model out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub graph_editors: Vec<GraphEditorDescriptor>,
    /// Packagers: models in, one file or folder to pass on out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub packagers: Vec<PackagerDescriptor>,
}

impl PluginDescriptor {
    /// A plugin that provides nothing yet.
    pub fn new(
        name: impl Into<String>,
        version: impl Into<String>,
        api_version: impl Into<String>,
    ) -> Self {
        Self {
            name: name.into(),
            version: version.into(),
            api_version: api_version.into(),
            passes: Vec::new(),
            evaluators: Vec::new(),
            generators: Vec::new(),
            sources: Vec::new(),
            systems: Vec::new(),
            previewers: Vec::new(),
            graph_editors: Vec::new(),
            packagers: Vec::new(),
        }
    }
}

/// What one pass says about itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PassDescriptor {
    /// Name a config selects it by; matched without case.
    pub name: String,
    /// One sentence on what it does.
    pub summary: String,
    /// Kinds of model it takes.
    pub accepts: Vec<ModelKind>,
    /// Kind of model it makes.
    pub produces: ModelKind,
    /// JSON schema (draft-07) of its config.
    pub schema: Value,
    /// Whether another thread count may change the bytes of the result.
    pub threads_change_result: bool,
    /// Whether several processes can compute it together.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_ranks: bool,
}

/// What one evaluator says about itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EvaluatorDescriptor {
    /// Name in plans and reports.
    pub name: String,
    /// One sentence on what it does.
    pub summary: String,
    /// Kinds of model it measures.
    pub accepts: Vec<ModelKind>,
    /// Metrics it can measure.
    #[serde(default)]
    pub metrics: Vec<MetricKind>,
    /// What it measures for metrics of type `custom` that name it; nothing when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom: Option<CustomMetrics>,
}

/// What an evaluator measures for metrics of type `custom`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CustomMetrics {
    /// Figures that it gives, which a metric names as its `sub_types`; none when it takes any name.
    #[serde(default)]
    pub figures: Vec<CustomFigure>,
    /// JSON schema (draft-07) of the `settings` of such a metric; there are none when left out.
    #[serde(default = "no_settings")]
    pub schema: Value,
}

impl CustomMetrics {
    /// Whether more of the figure `name` is better, when a metric does not say it.
    pub fn is_higher_better(&self, name: &str) -> bool {
        let known = self.figures.iter().find(|figure| figure.name == name);
        known.is_none_or(|figure| figure.higher_is_better)
    }
}

/// A figure of an evaluator's own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CustomFigure {
    /// Its name.
    pub name: String,
    /// What it says about a model.
    #[serde(default)]
    pub description: String,
    /// Which direction is better, unless a config says otherwise.
    #[serde(default = "yes")]
    pub higher_is_better: bool,
}

fn yes() -> bool {
    true
}

fn no_settings() -> Value {
    json!({"type": "object", "additionalProperties": false})
}

/// What one generator says about itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GeneratorDescriptor {
    /// Name in listings.
    pub name: String,
    /// One sentence on what it does.
    pub summary: String,
    /// Kinds of model it can run.
    pub accepts: Vec<ModelKind>,
}

/// What one source says about itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SourceDescriptor {
    /// Name a reference selects it by; matched without case.
    pub name: String,
    /// One sentence on where files come from.
    pub summary: String,
    /// JSON schema (draft-07) of the reference beside `type`.
    pub schema: Value,
}

/// What one system says about itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SystemDescriptor {
    /// Name a config selects it by; matched without case.
    pub name: String,
    /// One sentence on where steps run.
    pub summary: String,
    /// JSON schema (draft-07) of its settings beside `type` and `accelerators`.
    pub schema: Value,
    /// Whether it can say what it would send to start a job.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rehearses: bool,
    /// What it runs on, where commands make and remove that.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<ResourceDescriptor>,
    /// Whether it takes jobs that follow each other all at once.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub chains: bool,
    /// Whether it takes many jobs at once, of which so many run at a time.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub batches: bool,
}

/// Something that a system runs on, which a command makes and removes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ResourceDescriptor {
    /// Words of its command after `olive`, such as `cloud machine` of `olive cloud machine create`.
    pub name: String,
    /// A command of one word that does the same, as its options `--create` and `--delete` say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// One sentence on what it is.
    pub summary: String,
    /// JSON schema (draft-07) of the settings of one that is made.
    pub create: Value,
    /// JSON schema (draft-07) of what names one that is removed.
    pub delete: Value,
}

/// What one previewer says about itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PreviewerDescriptor {
    /// Name in listings.
    pub name: String,
    /// One sentence on what it shows.
    pub summary: String,
    /// Kinds of model whose tokenizer it can read.
    pub accepts: Vec<ModelKind>,
}

/// What one graph editor says about itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GraphEditorDescriptor {
    /// Name in listings.
    pub name: String,
    /// One sentence on what it does.
    pub summary: String,
}

/// What one packager says about itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PackagerDescriptor {
    /// Name a config selects it by; matched without case.
    pub name: String,
    /// One sentence on what it makes.
    pub summary: String,
    /// Kinds of model it takes.
    pub accepts: Vec<ModelKind>,
    /// JSON schema (draft-07) of its settings beside `type` and `name`.
    pub schema: Value,
}
