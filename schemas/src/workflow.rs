//! The workflow in its one normalized form: every era of config is upgraded to this.
//!
//! Sections whose settings depend on their `type` are open here; [`types`](mod@crate::types) says
//! what each type takes, and passes bring their own schemas.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::data::DataConfig;
use crate::engine::{EngineConfig, SearchSwitch};
use crate::metric::EvaluatorConfig;
use crate::model::Model;
use crate::search::SearchValues;
use crate::step::{Accelerator, Device};
use crate::validation::ValidatorsConfig;

/// A workflow: a model, what to do to it, and how to measure it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-olive-ignored" = {
    "auto_optimizer_config": "passes are not chosen automatically; write `passes`",
    "max_concurrent_builds": "builds run one after the other"
}))]
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
    pub data_configs: Vec<DataSection>,
    /// Named evaluators.
    #[serde(default)]
    pub evaluators: IndexMap<String, EvaluatorSection>,
    /// Passes by name, run in this order.
    #[serde(default)]
    pub passes: IndexMap<String, PassConfig>,
    /// Several results of one file, each from its own chain of passes; `_default` holds what they
    /// share.
    #[serde(default)]
    pub builds: IndexMap<String, Build>,
    /// Settings of the run as a whole.
    #[serde(default)]
    pub engine: EngineConfig,
    /// How the installed validators are used.
    #[serde(default, skip_serializing_if = "is_default")]
    pub validators: ValidatorsConfig,
    /// Azure Machine Learning workspace of systems and resources that name none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub azureml_client: Option<AzureMlClient>,
}

impl Workflow {
    /// What the result is meant for: the target's accelerator, else the host's, else this machine's
    /// processor.
    pub fn accelerator(&self) -> Accelerator {
        let system = self.engine.target.as_ref().or(self.engine.host.as_ref());
        let system = system.and_then(|name| self.systems.get(name));
        let Some(found) = system.and_then(|system| system.accelerators.first()) else {
            return Accelerator::default();
        };
        let written = found.execution_providers.first().map(ExecutionProvider::name);
        let device = found.device.or(written.and_then(device_of)).unwrap_or_default();
        let usual = match device {
            Device::Cpu => "CPUExecutionProvider",
            Device::Gpu => "CUDAExecutionProvider",
            Device::Npu => "QNNExecutionProvider",
        };
        let execution_provider = written.unwrap_or(usual).to_owned();
        Accelerator { device, execution_provider }
    }
}

/// The device an execution provider usually runs on.
fn device_of(provider: &str) -> Option<Device> {
    let known = EXECUTION_PROVIDERS.contains(&provider);
    match provider {
        "CPUExecutionProvider" | "OpenVINOExecutionProvider" => Some(Device::Cpu),
        "QNNExecutionProvider" | "VitisAIExecutionProvider" => Some(Device::Npu),
        _ => known.then_some(Device::Gpu),
    }
}

/// The model a workflow starts from: its `type`, and the settings of that type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InputModel {
    /// What the files are.
    #[serde(rename = "type")]
    pub kind: String,
    /// Settings of the type.
    #[serde(flatten)]
    pub settings: Map<String, Value>,
}

impl InputModel {
    /// The model as steps see it; nothing when its type is no [`ModelKind`](crate::model::ModelKind)
    /// or its files are not named by a plain path.
    pub fn model(&self) -> Option<Model> {
        let mut settings = self.settings.clone();
        settings.retain(|key, _| Model::FIELDS.contains(&key.as_str()));
        settings.insert("type".into(), self.kind.clone().into());
        serde_json::from_value(settings.into()).ok()
    }
}

/// A place where steps run: its `type`, accelerators, and the settings of that type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct System {
    /// Kind of system.
    #[serde(rename = "type")]
    pub kind: String,
    /// Device and execution provider; at most one entry.
    #[serde(default)]
    #[schemars(length(max = 1))]
    pub accelerators: Vec<AcceleratorConfig>,
    /// Settings of the type.
    #[serde(flatten)]
    pub settings: Map<String, Value>,
}

/// A device with its execution providers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AcceleratorConfig {
    /// Kind of device; the execution provider decides when this is left out.
    pub device: Option<Device>,
    /// ONNX Runtime execution provider; at most one.
    #[schemars(length(max = 1))]
    pub execution_providers: Vec<ExecutionProvider>,
    /// Memory of the device: bytes, or a text such as `8GB`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<Memory>,
}

/// An ONNX Runtime execution provider, by name or with the library it is in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ExecutionProvider {
    /// One that ONNX Runtime knows.
    Known(#[schemars(extend("enum" = EXECUTION_PROVIDERS))] String),
    /// Name and path of a plugin library.
    Library(String, String),
}

impl ExecutionProvider {
    /// The provider's name.
    pub fn name(&self) -> &str {
        match self {
            Self::Known(name) | Self::Library(name, _) => name,
        }
    }
}

/// Execution providers that ONNX Runtime knows.
pub const EXECUTION_PROVIDERS: [&str; 12] = [
    "CPUExecutionProvider",
    "CUDAExecutionProvider",
    "DmlExecutionProvider",
    "OpenVINOExecutionProvider",
    "TensorrtExecutionProvider",
    "NvTensorRTRTXExecutionProvider",
    "ROCMExecutionProvider",
    "MIGraphXExecutionProvider",
    "QNNExecutionProvider",
    "VitisAIExecutionProvider",
    "WebGpuExecutionProvider",
    "JsExecutionProvider",
];

/// An amount of memory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Memory {
    /// Bytes.
    Bytes(u64),
    /// A number with a unit, such as `8GB` or `512 MiB`.
    Text(
        #[schemars(
            regex(pattern = r"^\s*[0-9]+(\.[0-9]+)?\s*([KMGT]i?)?B?\s*$"),
            extend("patternErrorMessage" = "an amount of memory such as `8GB`")
        )]
        String,
    ),
}

/// A data set: where it comes from, and how rows become model input, each step with its `type`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DataSection {
    /// Name by which passes and metrics refer to this data set.
    #[schemars(
        regex(pattern = r"^[A-Za-z0-9_]+$"),
        extend("patternErrorMessage" = "a name of letters, digits and `_`")
    )]
    pub name: String,
    /// Container the data set is read through.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// Python file with functions the other sections name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-olive-path" = "input"))]
    pub user_script: Option<String>,
    /// Folder of modules that `user_script` imports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-olive-path" = "input"))]
    pub script_dir: Option<String>,
    /// Which rows to read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load_dataset_config: Option<Component>,
    /// How rows become text and tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pre_process_data_config: Option<Component>,
    /// What happens to the model's output before it is compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub post_process_data_config: Option<Component>,
    /// How rows are batched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataloader_config: Option<Component>,
}

impl DataSection {
    /// The data config that plugins read.
    ///
    /// # Errors
    /// When it needs something else than rows of local files.
    pub fn data_config(&self) -> Result<DataConfig, serde_json::Error> {
        let mut value = serde_json::to_value(self)?;
        if let Some(sections) = value.as_object_mut() {
            sections.retain(|key, _| DataConfig::FIELDS.contains(&key.as_str()));
            sections.retain(|_, section| !section.is_null());
            let components = sections.values_mut().filter_map(Value::as_object_mut);
            components.for_each(|component| drop(component.remove("type")));
        }
        serde_json::from_value(value)
    }
}

/// One step of a data set's way to the model: a registered function and its parameters.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Component {
    /// Name of the function; the container's own when left out.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Parameters of the function.
    #[serde(flatten)]
    pub params: Map<String, Value>,
}

/// What to measure about a model: a list of metrics, or a registered evaluator by `type`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EvaluatorSection {
    /// Registered evaluator; metrics are measured when this is left out.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Settings of the evaluator.
    #[serde(flatten)]
    pub settings: Map<String, Value>,
}

impl EvaluatorSection {
    /// The metrics that evaluator plugins read.
    ///
    /// # Errors
    /// When it is a registered evaluator.
    pub fn metrics(&self) -> Result<EvaluatorConfig, serde_json::Error> {
        serde_json::from_value(Value::Object(self.settings.clone()))
    }
}

/// One pass of a workflow: which one, and its settings beside `type`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PassConfig {
    /// Name of the pass, matched without case.
    #[serde(rename = "type")]
    pub kind: String,
    /// Evaluator of the model this pass makes, instead of the engine's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-olive-reference" = "evaluator"))]
    pub evaluator: Option<String>,
    /// System this pass runs on, instead of the engine's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-olive-reference" = "system"))]
    pub host: Option<String>,
    /// Settings that a search tries, by name (a path with dots for one inside another), each with
    /// its values.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub search_space: IndexMap<String, SearchValues>,
    /// Settings of the pass; its own schema describes them.
    #[serde(flatten)]
    pub config: Map<String, Value>,
}

/// One result of a file that makes several.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-olive-unavailable" = {
    "components": {"reason": "models of several parts are not read yet", "unless": [null, []]}
}))]
pub struct Build {
    /// Names of passes, run in this order; all of them when left out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1), extend("x-olive-reference" = "pass"))]
    pub pipeline: Vec<String>,
    /// Folder for the result; the build's name below the engine's when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-olive-path" = "output"))]
    pub output_dir: Option<String>,
    /// System on which passes run, instead of the engine's.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-olive-reference" = "system"))]
    pub host: Option<String>,
    /// System the result is meant for, instead of the engine's.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-olive-reference" = "system"))]
    pub target: Option<String>,
    /// Evaluator of every model, instead of the engine's.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-olive-reference" = "evaluator"))]
    pub evaluator: Option<String>,
    /// Search of this build, instead of the engine's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub search_strategy: Option<SearchSwitch>,
}

/// An Azure Machine Learning workspace and how to reach it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AzureMlClient {
    /// Azure subscription.
    pub subscription_id: Option<String>,
    /// Resource group of the workspace.
    pub resource_group: Option<String>,
    /// Name of the workspace.
    pub workspace_name: Option<String>,
    /// File with the three settings above, which wins over them.
    #[schemars(extend("x-olive-path" = "input"))]
    pub aml_config_path: Option<String>,
    /// Seconds to wait for an answer.
    pub read_timeout: Option<u32>,
    /// How often a failed request is tried again.
    pub max_operation_retries: Option<u32>,
    /// Seconds before the first new try; doubled each time.
    pub operation_retry_interval: Option<u32>,
    /// Options of the default chain of credentials.
    pub default_auth_params: Option<Map<String, Value>>,
    /// Key vault with the secret `hf-token`.
    pub keyvault_name: Option<String>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn default_workflow() -> String {
    "default_workflow".into()
}
