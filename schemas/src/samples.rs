//! Samples of an evaluation: what a model was asked, and how it answered.
//!
//! An evaluator may leave them in the output folder of its step, for every row and metric; the host
//! copies the first of them to the folders that metrics name. So they are kept with the step, and
//! are there as well when its result is taken from the store.

use serde::{Deserialize, Serialize};

/// Name of the file in the output folder: JSON lines, each with a [`SampleHead`].
pub const FILE_NAME: &str = "examples.jsonl";

/// What the host reads of a sample; the rest is the evaluator's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SampleHead {
    /// Name of the metric that it belongs to.
    pub metric: String,
}
