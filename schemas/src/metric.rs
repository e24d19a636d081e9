//! Evaluators and metrics: what a user asks to be measured, and what was measured.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::goal::Goal;

/// What to measure about a model.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EvaluatorConfig {
    /// Metrics, measured in this order.
    #[serde(default)]
    pub metrics: Vec<Metric>,
}

/// One metric with its sub-metrics.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-olive-ignored" = {
    "backend": "metrics are computed here",
    "sample_log_num": "samples are not kept yet",
    "sample_log_dir": "samples are not kept yet"
}))]
pub struct Metric {
    /// Name in results: `<name>-<sub-metric>`.
    pub name: String,
    /// What is measured.
    #[serde(rename = "type")]
    #[schemars(extend("x-olive-unavailable-values" = {
        "custom": "Python code is never run; a plugin can bring an evaluator"
    }))]
    pub kind: MetricKind,
    /// Which figures of it are reported.
    #[schemars(length(min = 1))]
    pub sub_types: Vec<SubMetric>,
    /// Name of the data config the metric reads; accuracy needs one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-olive-reference" = "data_config"))]
    pub data_config: Option<String>,
    /// How the metric is measured.
    #[serde(default)]
    pub user_config: MetricSettings,
}

/// What a metric measures.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum MetricKind {
    /// Quality on a data config: `exact_match` of greedy generation, `perplexity`.
    Accuracy,
    /// Milliseconds of one forward pass over a prompt: `avg`, `min`, `max`, `p50` … `p999`.
    Latency,
    /// Generated tokens a second: `avg`, `min`, `max`, `p50` … `p999`.
    Throughput,
    /// Bytes of the model's files: `bytes`.
    SizeOnDisk,
}

impl MetricKind {
    /// Sub-metrics that exist for this kind.
    pub const fn sub_metrics(self) -> &'static [&'static str] {
        match self {
            Self::Accuracy => &["exact_match", "perplexity"],
            Self::Latency | Self::Throughput => {
                &["avg", "max", "min", "p50", "p75", "p90", "p95", "p99", "p999"]
            }
            Self::SizeOnDisk => &["bytes"],
        }
    }

    /// The name a config uses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accuracy => "accuracy",
            Self::Latency => "latency",
            Self::Throughput => "throughput",
            Self::SizeOnDisk => "size_on_disk",
        }
    }
}

/// One figure of a metric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-olive-ignored" = {
    "metric_config": "the figure has no settings"
}))]
pub struct SubMetric {
    /// Name of the figure, such as `exact_match` or `p90`.
    pub name: String,
    /// Rank among the objectives of a search, 1 first; -1 is no objective.
    #[serde(default = "no_priority")]
    pub priority: i32,
    /// Which direction is better; the metric knows when this is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub higher_is_better: Option<bool>,
    /// What the last model must reach; a run that misses it ends with exit code 21.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub goal: Option<Goal>,
}

impl SubMetric {
    /// Whether more is better, by the user's word or the figure's nature.
    pub fn is_higher_better(&self, kind: MetricKind) -> bool {
        let natural = match kind {
            MetricKind::Accuracy => self.name != "perplexity",
            MetricKind::Throughput => true,
            MetricKind::Latency | MetricKind::SizeOnDisk => false,
        };
        self.higher_is_better.unwrap_or(natural)
    }
}

/// How a metric is measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-olive-ignored" = {
    "io_bind": "inputs and outputs stay on the processor",
    "shared_kv_buffer": "the runtime decides about its KV cache",
    "sleep_num": "there is no pause between runs",
    "batch_size": "one prompt is measured at a time",
    "run_kwargs": "no function of the user is called",
    "script_dir": "Python code is never run"
}), extend("x-olive-unavailable" = {
    "inference_settings": {"reason": "session options are not set yet", "unless": [null, {}]},
    "user_script": {"reason": "Python code is never run", "unless": [null]},
    "evaluate_func": {"reason": "Python code is never run", "unless": [null]},
    "evaluate_func_kwargs": {"reason": "Python code is never run", "unless": [null, {}]},
    "metric_func": {"reason": "Python code is never run", "unless": [null]},
    "metric_func_kwargs": {"reason": "Python code is never run", "unless": [null, {}]}
}))]
pub struct MetricSettings {
    /// Tokens generated at most for an answer (`exact_match`) or a throughput run.
    #[schemars(range(min = 1))]
    pub max_new_tokens: usize,
    /// Rows measured at most.
    pub limit: Option<usize>,
    /// Prompt length in tokens for latency and throughput.
    #[schemars(range(min = 1))]
    pub prompt_tokens: usize,
    /// Runs before timing starts.
    pub warmup_num: usize,
    /// Timed runs.
    #[schemars(range(min = 1))]
    pub repeat_test_num: usize,
}

impl Default for MetricSettings {
    fn default() -> Self {
        Self {
            max_new_tokens: 16,
            limit: None,
            prompt_tokens: 64,
            warmup_num: 2,
            repeat_test_num: 5,
        }
    }
}

/// One measured figure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MetricValue {
    /// Name of the metric.
    pub metric: String,
    /// Name of the sub-metric.
    pub sub_type: String,
    /// The figure: a share in 0..=1, a perplexity, milliseconds, tokens a second or bytes.
    pub value: f64,
    /// Rank among the objectives of a search; -1 is no objective.
    pub priority: i32,
    /// Whether more is better.
    pub higher_is_better: bool,
}

impl MetricValue {
    /// The key Olive writes: `<metric>-<sub-metric>`.
    pub fn key(&self) -> String {
        format!("{}-{}", self.metric, self.sub_type)
    }
}

fn no_priority() -> i32 {
    -1
}
