//! Inference settings: how ONNX Runtime is to run a model, with Olive's keys.
//!
//! ```
//! use olive_schemas::inference::InferenceSettings;
//! use serde_json::json;
//!
//! let settings = |value| serde_json::from_value::<InferenceSettings>(value).unwrap();
//! let of_model = settings(json!({
//!     "execution_provider": "CPUExecutionProvider",
//!     "session_options": {"intra_op_num_threads": 4, "execution_mode": 1}
//! }));
//! let of_metric = settings(json!({"session_options": {"intra_op_num_threads": 1}}));
//! // Settings go before others key by key; session options are one key.
//! let both = of_metric.over(Some(&of_model));
//! assert_eq!(both.execution_provider.unwrap().names(), ["CPUExecutionProvider"]);
//! assert_eq!(both.session_options.unwrap().execution_mode, None);
//! ```

use std::collections::BTreeMap;
use std::fmt::{self, Display};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Number;

/// How ONNX Runtime is to run a model.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-olive-ignored" = {
    "io_bind": {"reason": "inputs and outputs are always bound", "harmless": true}
}), extend("x-olive-unavailable" = {
    "tuning_op_result": {"reason": "only ROCm has operators to tune", "unless": [null, []]},
    "tuning_result_file": {"reason": "only ROCm has operators to tune", "unless": [null]},
    "provider_selection_policy": {"reason": "name the `execution_provider`", "unless": [null]}
}))]
pub struct InferenceSettings {
    /// What computes; the system's accelerator says it when this is left out.
    ///
    /// One provider, which may be followed by `CPUExecutionProvider`: the processor computes what
    /// another cannot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub execution_provider: Option<ExecutionProviders>,
    /// Options of each provider of `execution_provider`, in the same order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider_options: Option<Vec<BTreeMap<String, Scalar>>>,
    /// Options of the session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_options: Option<SessionOptions>,
}

impl InferenceSettings {
    /// These settings and, for keys they leave out, those of `others`.
    #[must_use]
    pub fn over(&self, others: Option<&Self>) -> Self {
        let mut settings = others.cloned().unwrap_or_default();
        if self.execution_provider.is_some() {
            settings.execution_provider.clone_from(&self.execution_provider);
            settings.provider_options = None;
        }
        if self.provider_options.is_some() {
            settings.provider_options.clone_from(&self.provider_options);
        }
        if self.session_options.is_some() {
            settings.session_options.clone_from(&self.session_options);
        }
        settings
    }
}

/// Execution providers in order of their precedence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ExecutionProviders {
    /// A single one.
    One(String),
    /// Several.
    Many(Vec<String>),
}

impl ExecutionProviders {
    /// Their names, such as `CPUExecutionProvider`.
    pub fn names(&self) -> &[String] {
        match self {
            Self::One(name) => std::slice::from_ref(name),
            Self::Many(names) => names,
        }
    }
}

/// A value of an option, which ONNX Runtime reads as text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Scalar {
    /// 1 or 0.
    Flag(bool),
    /// A number.
    Number(Number),
    /// Text.
    Text(String),
}

impl Display for Scalar {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => u8::from(*flag).fmt(out),
            Self::Number(number) => number.fmt(out),
            Self::Text(text) => text.fmt(out),
        }
    }
}

/// Options of a session of ONNX Runtime; what is left out is as the runtime has it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-olive-unavailable" = {
    "enable_profiling": {"reason": "profiles are not kept", "unless": [null, false]}
}))]
pub struct SessionOptions {
    /// Threads that share the work of one node; the threads of the run when left out.
    ///
    /// 0 leaves it to the runtime, which takes a thread a core.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub intra_op_num_threads: Option<usize>,
    /// Nodes that may run at the same time, where `execution_mode` is 1; 0: one a core.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inter_op_num_threads: Option<usize>,
    /// Whether nodes run one after the other (0) or those that can at the same time (1).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = [0, 1, null]))]
    pub execution_mode: Option<u8>,
    /// How much the runtime improves the graph as it loads it: 0, 1, 2, 3, or 99 for all it can.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = [0, 1, 2, 3, 99, null]))]
    pub graph_optimization_level: Option<u8>,
    /// Whether memory is planned from the sizes of the first run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enable_mem_pattern: Option<bool>,
    /// Whether memory of the processor is kept from run to run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enable_cpu_mem_arena: Option<bool>,
    /// Entries such as `"session.intra_op.allow_spinning": "0"`, handed on as they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extra_session_config: Option<BTreeMap<String, Scalar>>,
    /// What the runtime says on the error stream: 0 everything to 4 nothing but what is fatal.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 4))]
    pub log_severity_level: Option<u8>,
}

/// How models are run while they are measured, by framework.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-olive-unavailable" = {
    "pytorch": {"reason": "checkpoints are run by our own code", "unless": [null, {}]},
    "openvino": {"reason": "no evaluator runs such models", "unless": [null, {}]},
    "qnn": {"reason": "no evaluator runs such models", "unless": [null, {}]},
    "tensorflow": {"reason": "no evaluator runs such models", "unless": [null, {}]}
}))]
pub struct EvaluatedSettings {
    /// Settings of ONNX models; checkpoints have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub onnx: Option<InferenceSettings>,
}
