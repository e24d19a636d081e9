//! Steps: the request a worker gets, the events it streams, the outcome it ends with.
//!
//! ```
//! use olive_schemas::step::{StepEvent, StepKind, StepOutcome, StepRequest};
//! use serde_json::json;
//!
//! let request: StepRequest = serde_json::from_value(json!({
//!     "kind": "pass",
//!     "name": "MergeAdapterWeights",
//!     "config": {},
//!     "input": {"type": "HfModel", "model_path": "/models/phi", "adapter_path": "/adapters/tone"},
//!     "output_dir": "/tmp/output",
//!     "scratch_dir": "/tmp/scratch",
//!     "threads": 2
//! }))
//! .unwrap();
//! assert_eq!(request.kind, StepKind::Pass);
//! assert!(request.is_input_final);
//!
//! let line = r#"{"event": "progress", "unit": "tensor", "done": 3, "total": 9}"#;
//! let StepEvent::Progress { done, total, .. } = serde_json::from_str(line).unwrap() else {
//!     panic!("not progress")
//! };
//! assert_eq!((done, total), (3, 9));
//!
//! let outcome = json!({"kind": "model", "value": {"type": "HfModel", "model_path": "/tmp/output"}});
//! let StepOutcome::Model(model) = serde_json::from_value(outcome).unwrap() else {
//!     panic!("not a model")
//! };
//! assert_eq!(model.adapter_path, None);
//! ```

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::data::DataConfig;
use crate::graph::GraphView;
use crate::metric::MetricValue;
use crate::model::Model;
use crate::packaging::Package;
use crate::preview::Previewed;
use crate::protocol::Packed;
use crate::ranks::{is_one, one};
use crate::system::SystemReply;

/// Everything a step may know. The step is a pure function of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StepRequest {
    /// What kind of work.
    pub kind: StepKind,
    /// Name of the pass, evaluator or generator inside the plugin.
    pub name: String,
    /// Its settings as the user wrote them; those left out have the defaults that the plugin knows.
    pub config: Value,
    /// The model to work on; a packager reads its files where `package` says they lie.
    pub input: Model,
    /// Whether `input` is the very model the step runs on; false for an early look at an ancestor.
    #[serde(default = "yes")]
    pub is_input_final: bool,
    /// Data configs the config refers to, by name, with absolute paths.
    #[serde(default)]
    pub data_configs: BTreeMap<String, DataConfig>,
    /// Existing, empty folder for the result; nothing else may be written to, but `scratch_dir` and
    /// `checkpoint_dir`.
    pub output_dir: PathBuf,
    /// Existing, empty folder that is deleted after the step.
    pub scratch_dir: PathBuf,
    /// Existing folder of this very step that outlives it unless it succeeds: what an attempt that
    /// failed or was stopped left there, the next one finds. It decides how much is left to do,
    /// never the result. None when the host keeps nothing for the step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint_dir: Option<PathBuf>,
    /// Existing folder that a source shares with other programs, as the mark `x-olive-shared-dir`
    /// of its schema says; it may be written to, and files of the result may be links into it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared_dir: Option<PathBuf>,
    /// Processes that compute the step together, each of which gets this request; all of them see
    /// the same folders. 1 unless the pass and the system can have more.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    #[schemars(range(min = 1))]
    pub ranks: usize,
    /// Threads the step may use.
    pub threads: usize,
    /// Where the step runs.
    #[serde(default)]
    pub accelerator: Accelerator,
    /// The library of the accelerator's execution provider, when a pack provides it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_provider_library: Option<ProviderLibrary>,
    /// What a packager puts together, whose first model is `input`; none of other steps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package: Option<Box<Package>>,
}

/// An execution provider of ONNX Runtime in a library of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProviderLibrary {
    /// The library, absolute.
    pub path: PathBuf,
    /// What it must be; for the host's own workers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub packed: Option<Packed>,
}

/// What kind of work a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    /// Model in, model out.
    Pass,
    /// Model in, metrics out.
    Evaluate,
    /// Model and prompt in, text out.
    Generate,
    /// Reference in, local files out; there is no input model, its path is empty.
    Source,
    /// A call to a system.
    System,
    /// Model and data in, what the model will see out.
    Preview,
    /// ONNX model in, its graph without weights out.
    GraphView,
    /// ONNX model and edits of its graph in, model out.
    GraphEdit,
    /// Models in, one file or folder to pass on out.
    Package,
}

/// Device and execution provider a step works for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Accelerator {
    /// `cpu`, `gpu` or `npu`.
    pub device: Device,
    /// ONNX Runtime execution provider.
    pub execution_provider: String,
}

impl Default for Accelerator {
    fn default() -> Self {
        Self { device: Device::Cpu, execution_provider: "CPUExecutionProvider".into() }
    }
}

/// Kind of device.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(extend(
    "errorMessage" = "write `gpu` for any graphics card, `npu` for any neural processor"
))]
pub enum Device {
    /// Processor cores.
    #[default]
    Cpu,
    /// A graphics processor.
    Gpu,
    /// A neural processor.
    Npu,
}

impl Device {
    /// Every kind, in declaration order.
    pub const ALL: [Self; 3] = [Self::Cpu, Self::Gpu, Self::Npu];

    /// The name a config uses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Gpu => "gpu",
            Self::Npu => "npu",
        }
    }
}

/// Config of a generate step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GenerateConfig {
    /// Text the model continues, used as written; bos is prepended as training did.
    pub prompt: String,
    /// Tokens generated at most.
    pub max_new_tokens: usize,
}

/// What a running step tells, one JSON object a line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum StepEvent {
    /// A sentence for people.
    Log {
        /// How important it is.
        level: LogLevel,
        /// The sentence.
        message: String,
    },
    /// How far the step is.
    Progress {
        /// What is counted, such as `step` or `tensor`.
        unit: String,
        /// How many are done.
        done: u64,
        /// How many there are.
        total: u64,
        /// Figures of the moment, such as `loss` and `tokens_per_second`.
        #[serde(default)]
        figures: BTreeMap<String, f64>,
    },
    /// A piece of generated text.
    Text {
        /// The piece; pieces concatenate to the whole.
        text: String,
    },
}

/// Importance of a log line.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Someone must act.
    Error,
    /// The step went on, but not as asked.
    Warning,
    /// Worth knowing.
    Info,
    /// For plugin authors.
    Debug,
}

/// What a source fetched, and of which revision it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Fetched {
    /// The file or folder.
    pub path: PathBuf,
    /// What names this very content for ever, such as a commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
}

impl From<PathBuf> for Fetched {
    fn from(path: PathBuf) -> Self {
        Self { path, revision: None }
    }
}

/// What a finished step made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", content = "value", rename_all = "snake_case")]
pub enum StepOutcome {
    /// A pass made a model.
    Model(Model),
    /// An evaluator measured.
    Metrics(Vec<MetricValue>),
    /// A generator wrote; the whole text.
    Text(String),
    /// A source fetched, or a packager packed; the file or folder.
    Path(PathBuf),
    /// A source fetched what may be another thing tomorrow under the same reference.
    Fetched(Fetched),
    /// A system answered.
    Reply(SystemReply),
    /// A previewer looked.
    Preview(Previewed),
    /// A graph editor looked.
    Graph(Box<GraphView>),
}

fn yes() -> bool {
    true
}
