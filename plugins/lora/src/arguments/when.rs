//! When something is done, and from where a training goes on.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// When the evaluation loss is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum EvalStrategy {
    /// Never.
    No,
    /// Every `eval_steps` steps.
    Steps,
    /// After every epoch.
    Epoch,
}

/// When checkpoints are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SaveStrategy {
    /// Only when the run is cancelled.
    No,
    /// Every `save_steps` steps.
    #[default]
    Steps,
    /// After every epoch.
    Epoch,
    /// After every evaluation that is the best so far.
    Best,
}

/// When figures are logged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LoggingStrategy {
    /// Never.
    No,
    /// Every `logging_steps` steps.
    #[default]
    Steps,
    /// After every epoch.
    Epoch,
}

/// Order of the blocks in an epoch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SamplingStrategy {
    /// Another one in every epoch, by `data_seed`.
    #[default]
    Random,
    /// That of the data, in every epoch.
    Sequential,
    /// A random one, with blocks of about one length in one batch.
    GroupByLength,
}

/// What tells the best evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BestMetric {
    /// The evaluation loss.
    EvalLoss,
    /// The same under its short name.
    Loss,
}

/// Where a training goes on from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Resume {
    /// The newest checkpoint of this step, or none.
    Newest(bool),
    /// A checkpoint's folder.
    Folder(PathBuf),
}
