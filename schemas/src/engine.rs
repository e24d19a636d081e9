//! Settings of a run as a whole.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::packaging::PackagingConfig;
use crate::search::SearchStrategy;

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
    "output_name": {"reason": "results are named by their folder", "harmless": true}
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
    /// Packages of the result, made in the output folder.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub packaging_config: Vec<PackagingConfig>,
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
            packaging_config: Vec::new(),
            log_severity_level: 1,
        }
    }
}

/// A search, or none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum SearchSwitch {
    /// `false`: no search; `true`: one with the usual settings.
    Usual(bool),
    /// How to search.
    On(Box<SearchStrategy>),
}

impl SearchSwitch {
    /// The search that is asked for.
    pub fn strategy(&self) -> Option<SearchStrategy> {
        match self {
            Self::Usual(is_on) => is_on.then(SearchStrategy::default),
            Self::On(strategy) => Some((**strategy).clone()),
        }
    }
}
