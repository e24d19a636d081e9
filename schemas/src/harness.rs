//! Olive's evaluator `LMEvaluator`, where its tasks are local files of questions.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Multiple choice by likelihood on local files, as lm-evaluation-harness scores it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-olive-ignored" = ignored(), "x-olive-unavailable" = unavailable()))]
pub struct HarnessEvaluator {
    /// Files of questions, JSON lines; `size_on_disk` measures the model's files.
    ///
    /// Tasks of the harness itself are code and data of others, which a plugin may bring.
    #[schemars(
        length(min = 1),
        inner(regex(pattern = r"^(size_on_disk|.*\.jsonl?(\.gz|\.zst)?)$"))
    )]
    pub tasks: Vec<String>,
    /// Rows measured at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// Solved questions before each: the first other rows of its file.
    #[serde(default)]
    pub num_fewshot: Option<usize>,
    /// Whether questions are put as chats, by the chat template.
    #[serde(default)]
    pub apply_chat_template: Option<bool>,
    /// Whether solved questions are messages of a chat of their own.
    #[serde(default)]
    pub fewshot_as_multiturn: Option<bool>,
    /// Text before all questions; the system's message of a chat.
    #[serde(default)]
    pub system_instruction: Option<String>,
    /// How many samples of each task are kept.
    #[serde(default)]
    pub sample_log_num: usize,
    /// Folder for the samples.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample_log_dir: Option<PathBuf>,
}

/// Keys of Olive's evaluator that have no effect, each with the reason.
pub(crate) fn ignored() -> Value {
    json!({
        "batch_size": {"reason": "one prompt is measured at a time", "harmless": true},
        "model_class": {"reason": "the model's type says what runs it", "harmless": true},
        "bootstrap_iters": {"reason": "intervals are computed, not drawn", "harmless": true},
        "device": "the system says where the model runs",
        "execution_provider": "the system says where the model runs"
    })
}

/// Keys of Olive's evaluator that are not done, each with the reason.
pub(crate) fn unavailable() -> Value {
    json!({
        "max_length": {"reason": "prompts are never cut", "unless": [null]},
        "provider_options": {"reason": "the system has them", "unless": [null, {}, []]},
        "model_args": {"reason": "the model is opened as its files say", "unless": [null, {}]}
    })
}
