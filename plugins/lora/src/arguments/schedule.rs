//! Courses of the learning rate by the names of transformers, and their own settings.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Course of the learning rate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LrSchedulerType {
    /// The same for every step, without warm-up.
    #[default]
    Constant,
    /// The same after the warm-up.
    ConstantWithWarmup,
    /// Down to 0 in a line after the warm-up.
    Linear,
    /// Down to 0 in half a cosine after the warm-up.
    Cosine,
    /// Down to 0 in half a cosine, several times.
    CosineWithRestarts,
    /// Down to a least rate in half a cosine after the warm-up.
    CosineWithMinLr,
    /// The same, with a warm-up that starts above 0.
    CosineWarmupWithMinLr,
    /// Down to `lr_end` by a power of what is left.
    Polynomial,
    /// Down by the root of the steps after the warm-up.
    InverseSqrt,
    /// Up, the same for most steps, and down at the end.
    WarmupStableDecay,
    /// Down whenever the evaluation loss gets no better.
    ReduceLrOnPlateau,
}

/// Settings of a course; each course has a few of them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SchedulerKwargs {
    /// Waves of a cosine: 0.5 is one way down; times down for `cosine_with_restarts`.
    #[schemars(range(min = 0.0))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub num_cycles: Option<f64>,
    /// Least rate of cosines with one, or after plateaus.
    #[schemars(range(min = 0.0))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_lr: Option<f64>,
    /// Least rate of cosines with one, as a share of the largest.
    #[schemars(range(min = 0.0, max = 1.0))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_lr_rate: Option<f64>,
    /// Share of the largest rate that `cosine_warmup_with_min_lr` starts with.
    #[schemars(range(min = 0.0, max = 1.0))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warmup_lr_rate: Option<f64>,
    /// Last rate of `polynomial`; 1e-7 when left out.
    #[schemars(range(min = 0.0))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lr_end: Option<f64>,
    /// Power of `polynomial`; 1, a line, when left out.
    #[schemars(range(min = 0.0))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub power: Option<f64>,
    /// Steps that `inverse_sqrt` counts from; those of the warm-up when left out.
    #[schemars(range(min = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timescale: Option<usize>,
    /// Steps down of `warmup_stable_decay`, which needs them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub num_decay_steps: Option<usize>,
    /// Steps in the middle of `warmup_stable_decay`; all that are left when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub num_stable_steps: Option<usize>,
    /// Way up of `warmup_stable_decay`; `linear` when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warmup_type: Option<Curve>,
    /// Way down of `warmup_stable_decay`; `cosine` when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decay_type: Option<Curve>,
    /// Least rate of `warmup_stable_decay`, as a share of the largest.
    #[schemars(range(min = 0.0, max = 1.0))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_lr_ratio: Option<f64>,
    /// Factor on the rate at a plateau; 0.1 when left out.
    #[schemars(extend("exclusiveMinimum" = 0, "exclusiveMaximum" = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub factor: Option<f64>,
    /// Evaluations that make a plateau; 10 when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patience: Option<usize>,
    /// Difference of losses that is no plateau; 1e-4 when left out.
    #[schemars(range(min = 0.0))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
    /// What `threshold` is measured in; `rel` when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold_mode: Option<ThresholdMode>,
    /// Evaluations after a plateau that are not counted; 0 when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cooldown: Option<usize>,
    /// Least difference of rates that is a change; 1e-8 when left out.
    #[schemars(range(min = 0.0))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eps: Option<f64>,
}

/// A way between two rates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Curve {
    /// A line.
    Linear,
    /// Half a cosine.
    Cosine,
    /// One less the root.
    #[serde(rename = "1-sqrt")]
    Sqrt,
}

/// What a difference of losses is measured in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ThresholdMode {
    /// Shares of the best loss.
    Rel,
    /// The loss itself.
    Abs,
}

/// Settings of courses, and the courses that have them.
pub(crate) const KWARGS: [(&str, &[&str]); 18] = [
    (
        "num_cycles",
        &[
            "cosine",
            "cosine_with_restarts",
            "cosine_with_min_lr",
            "cosine_warmup_with_min_lr",
            "warmup_stable_decay",
        ],
    ),
    ("min_lr", &["cosine_with_min_lr", "cosine_warmup_with_min_lr", "reduce_lr_on_plateau"]),
    ("min_lr_rate", &["cosine_with_min_lr", "cosine_warmup_with_min_lr"]),
    ("warmup_lr_rate", &["cosine_warmup_with_min_lr"]),
    ("lr_end", &["polynomial"]),
    ("power", &["polynomial"]),
    ("timescale", &["inverse_sqrt"]),
    ("num_decay_steps", &["warmup_stable_decay"]),
    ("num_stable_steps", &["warmup_stable_decay"]),
    ("warmup_type", &["warmup_stable_decay"]),
    ("decay_type", &["warmup_stable_decay"]),
    ("min_lr_ratio", &["warmup_stable_decay"]),
    ("factor", &["reduce_lr_on_plateau"]),
    ("patience", &["reduce_lr_on_plateau"]),
    ("threshold", &["reduce_lr_on_plateau"]),
    ("cooldown", &["reduce_lr_on_plateau"]),
    ("eps", &["reduce_lr_on_plateau"]),
    ("threshold_mode", &["reduce_lr_on_plateau"]),
];
