//! Settings of a figure: of classification as torchmetrics names its arguments, and of timing.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a figure is computed, by arguments of torchmetrics, or how often it is timed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-olive-ignored" = {
    "validate_args": {"reason": "arguments are always checked", "harmless": true}
}), extend("x-olive-unavailable" = {
    "num_labels": {"reason": "a row has one label, not several", "unless": [null]},
    "multidim_average": {"reason": "a row has one label, not several", "unless": [null, "global"]},
    "ignore_index": {"reason": "every row of the data counts", "unless": [null, -100]},
    "max_fpr": {"reason": "the whole curve is measured", "unless": [null]},
    "thresholds": {"reason": "every score is a threshold of the curve", "unless": [null]}
}))]
pub struct MetricConfig {
    /// Kind of classification; by the number of labels when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-olive-unavailable-values" = {
        "multilabel": "a row has one label, not several"
    }))]
    pub task: Option<ClassificationTask>,
    /// How many labels there are; checked against those of the data.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 2))]
    pub num_classes: Option<usize>,
    /// How a multiclass figure is made of its classes; `micro`, but `macro` for `auroc`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-olive-unavailable-values" = {
        "none": "a figure is one number, not one for each class"
    }))]
    pub average: Option<Average>,
    /// Probability above which the second label of a binary task is predicted; 0.5 by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub threshold: Option<f64>,
    /// Labels among which the right one may be in a multiclass task; 1 by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub top_k: Option<usize>,
    /// Runs before timing starts, of all sub-types of the metric.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warmup_num: Option<usize>,
    /// Timed runs, of all sub-types of the metric.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub repeat_test_num: Option<usize>,
    /// Seconds of rest after each run, of all sub-types of the metric.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sleep_num: Option<u64>,
}

impl MetricConfig {
    /// Whether it says how often something is timed.
    pub(super) fn is_about_timing(&self) -> bool {
        self.warmup_num.is_some() || self.repeat_test_num.is_some() || self.sleep_num.is_some()
    }
}

/// Kind of classification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ClassificationTask {
    /// Two labels, of which the second is the one to find.
    Binary,
    /// Two or more labels of equal standing.
    Multiclass,
}

/// How a figure of several classes becomes one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Average {
    /// Over all rows alike.
    Micro,
    /// The mean over the classes that occur.
    Macro,
    /// The mean over the classes, each by the number of its rows.
    Weighted,
}
