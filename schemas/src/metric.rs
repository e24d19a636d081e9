//! Evaluators and metrics: what a user asks to be measured, and what was measured.

mod classification;
mod timing;
mod uncertainty;
mod check;

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use check::MetricProblem;
pub use classification::{Average, ClassificationTask, MetricConfig};
pub use timing::Timing;
use timing::{LATENCIES, STATISTICS};
pub use uncertainty::Uncertainty;

use crate::goal::Goal;
use crate::harness;
use crate::inference::EvaluatedSettings;

/// Why functions in Python are not called, and what to do.
const PYTHON: &str = "Python code of a config is never run; an evaluator of a process plugin can be \
                      in Python, see docs/quality.md";

/// What to measure about a model.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-olive-ignored" = harness::ignored(), "x-olive-unavailable" = harness::unavailable()))]
pub struct EvaluatorConfig {
    /// Metrics, measured in this order.
    #[serde(default)]
    pub metrics: Vec<Metric>,
}

/// One metric with its sub-metrics.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-olive-ignored" = {
    "backend": "metrics are computed here"
}))]
pub struct Metric {
    /// Name in results: `<name>-<sub-metric>`.
    pub name: String,
    /// What is measured.
    #[serde(rename = "type")]
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
    /// How many of its samples are kept: what the model was asked, and how it answered.
    #[serde(default, skip_serializing_if = "is_default")]
    pub sample_log_num: usize,
    /// Folder for the samples, JSON lines in `METRIC.MODEL.jsonl`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-olive-path" = "output"))]
    pub sample_log_dir: Option<PathBuf>,
}

impl Metric {
    /// `value` as the figure of `sub_type`, without a measure of its certainty.
    pub fn figure(&self, sub_type: &SubMetric, value: f64) -> MetricValue {
        MetricValue {
            metric: self.name.clone(),
            sub_type: sub_type.name.clone(),
            value,
            priority: sub_type.priority,
            higher_is_better: sub_type.is_higher_better(self.kind),
            uncertainty: None,
        }
    }

    /// How often the metric is timed: as the first of its sub-types says that says anything of it,
    /// as in Olive, else as `user_config` says, else as Olive does, 20 times after 10.
    pub fn timing(&self) -> Timing {
        let settings = &self.user_config;
        let mut configs = self.sub_types.iter().map(|sub| &sub.metric_config);
        let own = configs.find(|config| config.is_about_timing()).cloned().unwrap_or_default();
        Timing {
            num_warmups: own.warmup_num.or(settings.warmup_num).unwrap_or(10),
            num_repeats: own.repeat_test_num.or(settings.repeat_test_num).unwrap_or(20),
            rest_sec: own.sleep_num.or(settings.sleep_num).unwrap_or(0),
        }
    }
}

/// What a metric measures.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum MetricKind {
    /// Quality on a data config, by generation, classification, choice, or beside another model.
    ///
    /// By generation: `exact_match` of the answer. By likelihood: `perplexity` of the text;
    /// `accuracy_score`, `f1_score`, `precision`, `recall` and `auroc` of the likeliest label;
    /// `acc`, `acc_norm` and `acc_bytes` of multiple choice. Beside the `reference_model`:
    /// `token_match` of what both generate, and `kl_divergence`.
    Accuracy,
    /// Milliseconds of one forward pass over a prompt: `avg`, `min`, `max`, `p50` … `p999`.
    ///
    /// `ttft_avg` … `ttft_p999` are those of the time to the first token, `itl_avg` … `itl_p999`
    /// of the time between a token and the next.
    Latency,
    /// Generated tokens a second, after the prompt: `avg`, `min`, `max`, `p50` … `p999`.
    Throughput,
    /// Bytes of the model's files: `bytes`.
    SizeOnDisk,
    /// Bytes of memory that the process holds at most while the model runs: `peak`.
    Memory,
    /// What the evaluator of a plugin measures that `user_config` names; its figures are its own.
    Custom,
}

impl MetricKind {
    /// Every kind whose figures are known here, in declaration order.
    pub const ALL: [Self; 5] =
        [Self::Accuracy, Self::Latency, Self::Throughput, Self::SizeOnDisk, Self::Memory];

    /// Sub-metrics that exist for this kind; none for those of plugins.
    pub const fn sub_metrics(self) -> &'static [&'static str] {
        match self {
            Self::Accuracy => &[
                "exact_match",
                "perplexity",
                "accuracy_score",
                "f1_score",
                "precision",
                "recall",
                "auroc",
                "acc",
                "acc_norm",
                "acc_bytes",
                "token_match",
                "kl_divergence",
            ],
            Self::Latency => &LATENCIES,
            Self::Throughput => &STATISTICS,
            Self::SizeOnDisk => &["bytes"],
            Self::Memory => &["peak"],
            Self::Custom => &[],
        }
    }

    /// The name a config uses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accuracy => "accuracy",
            Self::Latency => "latency",
            Self::Throughput => "throughput",
            Self::SizeOnDisk => "size_on_disk",
            Self::Memory => "memory",
            Self::Custom => "custom",
        }
    }
}

/// One figure of a metric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SubMetric {
    /// Name of the figure, such as `exact_match` or `p90`.
    pub name: String,
    /// How the figure is measured.
    #[serde(default, skip_serializing_if = "is_default")]
    pub metric_config: MetricConfig,
    /// Rank among the objectives of a search, 1 first; -1 is no objective.
    #[serde(default = "no_priority")]
    pub priority: i32,
    /// Which direction is better; the metric, or the plugin that measures it, knows otherwise.
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
            MetricKind::Accuracy => !["perplexity", "kl_divergence"].contains(&self.name.as_str()),
            MetricKind::Throughput | MetricKind::Custom => true,
            MetricKind::Latency | MetricKind::SizeOnDisk | MetricKind::Memory => false,
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
    "run_kwargs": "no function of the user is called",
    "script_dir": "Python code of a config is never run"
}), extend("x-olive-unavailable" = {
    "batch_size": {"reason": "one prompt is measured at a time", "unless": [null, 1]},
    "gen_prefix": {"reason": "answers are the choices alone", "unless": [null]},
    "fewshot_split": {"reason": "`fewshot_data_config` names the data", "unless": [null]},
    "fewshot_config": {
        "reason": "solved questions are the first rows, as of the sampler `first_n`",
        "unless": [null, {"sampler": "first_n"}]
    },
    "user_script": {"reason": PYTHON, "unless": [null]},
    "evaluate_func": {"reason": PYTHON, "unless": [null]},
    "evaluate_func_kwargs": {"reason": PYTHON, "unless": [null, {}]},
    "metric_func": {"reason": PYTHON, "unless": [null]},
    "metric_func_kwargs": {"reason": PYTHON, "unless": [null, {}]}
}))]
pub struct MetricSettings {
    /// Evaluator of a plugin that measures a metric of type `custom`; matched without case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evaluator: Option<String>,
    /// What that evaluator is told, by its own names.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub settings: Map<String, Value>,
    /// Tokens generated at most for an answer (`exact_match`, `token_match`) or a timed run.
    #[schemars(range(min = 1))]
    pub max_new_tokens: usize,
    /// Rows measured at most.
    pub limit: Option<usize>,
    /// Labels of a classification, the positive one last of two; those of the data when left out.
    ///
    /// Those of the data are its distinct answers, sorted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// Text between a prompt and a label or choice.
    ///
    /// When left out it is one space, and nothing where white space is there already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_delimiter: Option<String>,
    /// Solved questions before each question of multiple choice: the first rows of the data.
    #[serde(skip_serializing_if = "is_default")]
    pub num_fewshot: usize,
    /// Name of the data config that solved questions are taken from.
    ///
    /// When left out it is the metric's own, and no row is solved before itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-olive-reference" = "data_config"))]
    pub fewshot_data_config: Option<String>,
    /// Text after each solved question; an empty line when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fewshot_delimiter: Option<String>,
    /// Text before all questions of multiple choice, as it is; the system's message of a chat.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Text before `description`, with `fewshot_delimiter` between them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system_instruction: Option<String>,
    /// Whether questions of multiple choice are put as chats, by the chat template.
    #[serde(skip_serializing_if = "is_default")]
    pub apply_chat_template: bool,
    /// Whether solved questions are messages of a chat, each with its answer, or all one message.
    ///
    /// They are messages of their own when this is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fewshot_as_multiturn: Option<bool>,
    /// Model that `token_match` and `kl_divergence` compare with, which the same evaluator runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-olive-path" = "input"))]
    pub reference_model: Option<PathBuf>,
    /// Prompt length in tokens for latency, throughput and memory.
    #[schemars(range(min = 1))]
    pub prompt_tokens: usize,
    /// Runs before timing starts; 10 when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warmup_num: Option<usize>,
    /// Timed runs; 20 when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub repeat_test_num: Option<usize>,
    /// Seconds of rest after each run; none when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sleep_num: Option<u64>,
    /// How models are run, by framework; goes before what the model says itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inference_settings: Option<EvaluatedSettings>,
}

impl Default for MetricSettings {
    fn default() -> Self {
        Self {
            evaluator: None,
            settings: Map::new(),
            max_new_tokens: 16,
            limit: None,
            labels: Vec::new(),
            target_delimiter: None,
            num_fewshot: 0,
            fewshot_data_config: None,
            fewshot_delimiter: None,
            description: None,
            system_instruction: None,
            apply_chat_template: false,
            fewshot_as_multiturn: None,
            reference_model: None,
            prompt_tokens: 64,
            warmup_num: None,
            repeat_test_num: None,
            sleep_num: None,
            inference_settings: None,
        }
    }
}

impl MetricSettings {
    /// Text after each solved question.
    pub fn shot_delimiter(&self) -> &str {
        self.fewshot_delimiter.as_deref().unwrap_or("\n\n")
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
    /// Rank among the objectives of a search; -1 is no objective. The host writes what the config
    /// says of a custom figure.
    #[serde(default = "no_priority")]
    pub priority: i32,
    /// Whether more is better; as the config or the plugin's descriptor says of a custom figure.
    #[serde(default = "yes")]
    pub higher_is_better: bool,
    /// How far it may be off, where that can be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uncertainty: Option<Uncertainty>,
}

impl MetricValue {
    /// The key Olive writes: `<metric>-<sub-metric>`.
    pub fn key(&self) -> String {
        format!("{}-{}", self.metric, self.sub_type)
    }
}

fn yes() -> bool {
    true
}

fn no_priority() -> i32 {
    -1
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
