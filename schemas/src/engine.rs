//! Settings of a run as a whole.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Settings of the run as a whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-olive-ignored" = {
    "no_artifacts": {"reason": "a result always comes with its report", "harmless": true},
    "plot_pareto_frontier": {"reason": "the report draws the models of a run", "harmless": true},
    "clean_cache": {"reason": "results are found by content, never stale", "harmless": true},
    "clean_evaluation_cache": {
        "reason": "results are found by content, never stale", "harmless": true
    },
    "log_to_file": {"reason": "the report keeps what was logged", "harmless": true},
    "ort_log_severity_level": {"reason": "ONNX Runtime tells errors only", "harmless": true},
    "ort_py_log_severity_level": {"reason": "ONNX Runtime tells errors only", "harmless": true},
    "output_name": {"reason": "results are named by their folder", "harmless": true},
    "packaging_config": "results are not packaged; the output folder is complete as it is"
}), extend("x-olive-unavailable" = {
    "enable_shared_cache": {"reason": "there is no shared cache yet", "unless": [false, null]}
}))]
pub struct EngineConfig {
    /// System on which passes run.
    #[schemars(extend("x-olive-reference" = "system"))]
    pub host: Option<String>,
    /// System the result is meant for, where models are measured.
    #[schemars(extend("x-olive-reference" = "system"))]
    pub target: Option<String>,
    /// Evaluator of every model.
    #[schemars(extend("x-olive-reference" = "evaluator"))]
    pub evaluator: Option<String>,
    /// Whether the input model is measured too.
    pub evaluate_input_model: bool,
    /// Folder for the result; relative paths start at the config file's folder.
    #[schemars(extend("x-olive-path" = "output"))]
    pub output_dir: String,
    /// Folder for what steps make; relative paths start at the config file's folder.
    #[schemars(extend("x-olive-path" = "output"))]
    pub cache_dir: String,
    /// How to search for the best model; `false` or `null` runs the passes once.
    pub search_strategy: Option<SearchSwitch>,
    /// Least importance of log lines shown: 0 debug, 1 info, 2 warning, 3 error, 4 nothing.
    #[schemars(range(min = 0, max = 4), extend(
        "errorMessage" = "write 0 for debug, 1 for info, 2 for warning, 3 for error, 4 for nothing"
    ))]
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

/// A search, or none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum SearchSwitch {
    /// `false`: no search.
    Off(bool),
    /// How to search.
    On(Box<SearchStrategy>),
}

/// How to search for the best model.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SearchStrategy {
    /// Whether all passes are searched as one space, or one after the other.
    pub execution_order: Option<ExecutionOrder>,
    /// Which points of the space are tried.
    pub sampler: Option<Sampler>,
    /// Samples tried at most; 0 for all.
    pub max_samples: Option<usize>,
    /// Start of the random numbers of a sampler.
    pub seed: Option<u64>,
    /// Further settings of the sampler.
    pub sampler_config: Option<Map<String, Value>>,
    /// Models kept.
    pub output_model_num: Option<usize>,
    /// Whether the first model that meets every goal ends the search.
    pub stop_when_goals_met: bool,
    /// Points tried at most.
    pub max_iter: Option<usize>,
    /// Seconds of search at most.
    pub max_time: Option<f64>,
    /// Whether settings of passes are searched, or only which passes run.
    pub include_pass_params: Option<bool>,
}

/// Order in which passes are searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ExecutionOrder {
    /// All passes as one space.
    Joint,
    /// One pass after the other.
    PassByPass,
}

/// Which points of a search space are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Sampler {
    /// All, in order.
    Sequential,
    /// Random ones.
    Random,
    /// Those a tree-structured Parzen estimator proposes.
    Tpe,
}
