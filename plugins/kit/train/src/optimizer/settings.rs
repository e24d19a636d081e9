//! Which optimizer, and its settings.

use serde::{Deserialize, Serialize};

/// An optimizer with its settings.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OptimizerSettings {
    /// torch's `AdamW`.
    AdamW(AdamW),
    /// bitsandbytes' `AdamW8bit`: the same with its means in 8 bits.
    AdamW8Bit(AdamW),
    /// bitsandbytes' `Lion`.
    Lion(Lion),
    /// bitsandbytes' `Lion8bit`: the same with its mean in 8 bits.
    Lion8Bit(Lion),
    /// transformers' `Adafactor` with the rate of the schedule.
    Adafactor(Adafactor),
    /// torch's `SGD`.
    Sgd(Sgd),
    /// torch's `RMSprop`.
    RmsProp(RmsProp),
    /// torch's `Adagrad`.
    Adagrad(Adagrad),
}

/// Loshchilov and Hutter, "Decoupled Weight Decay Regularization" (2019).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct AdamW {
    /// Decay of the mean of the gradients.
    pub beta1: f64,
    /// Decay of the mean of their squares.
    pub beta2: f64,
    /// Added to the root of the squares.
    pub epsilon: f64,
}

/// Chen et al., "Symbolic Discovery of Optimization Algorithms" (2023).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Lion {
    /// Weight of the mean in the update.
    pub beta1: f64,
    /// Decay of the mean of the gradients.
    pub beta2: f64,
}

/// Shazeer and Stern, "Adafactor: Adaptive Learning Rates with Sublinear Memory Cost" (2018).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Adafactor {
    /// Added to the squares of the gradients.
    pub epsilon: f64,
    /// Largest root mean square of an update.
    pub clip_threshold: f64,
    /// Power of the step that the means decay with, below 0.
    pub decay_rate: f64,
}

/// Stochastic gradient descent, with momentum if wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Sgd {
    /// Decay of the sum of the gradients; 0 keeps none.
    pub momentum: f64,
    /// Share of a gradient that does not enter the sum.
    pub dampening: f64,
    /// Nesterov's: look ahead by the sum.
    pub nesterov: bool,
}

/// Tieleman and Hinton, "Lecture 6.5 - `RMSProp`" (2012).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RmsProp {
    /// Decay of the mean of the squares.
    pub alpha: f64,
    /// Added to the root of the mean.
    pub epsilon: f64,
    /// Decay of the sum of the updates; 0 keeps none.
    pub momentum: f64,
    /// Take the variance instead of the mean of the squares: Graves (2013).
    pub centered: bool,
}

/// Duchi et al., "Adaptive Subgradient Methods" (2011).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Adagrad {
    /// Decay of the rate over the steps.
    pub lr_decay: f64,
    /// Added to the root of the sum of the squares.
    pub epsilon: f64,
}

impl Default for AdamW {
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }
    }
}

impl Default for Lion {
    /// What transformers gives it: the decays of `AdamW`.
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.999 }
    }
}

impl Default for Adafactor {
    fn default() -> Self {
        Self { epsilon: 1e-30, clip_threshold: 1.0, decay_rate: -0.8 }
    }
}

impl Default for RmsProp {
    fn default() -> Self {
        Self { alpha: 0.99, epsilon: 1e-8, momentum: 0.0, centered: false }
    }
}

impl Default for Adagrad {
    fn default() -> Self {
        Self { lr_decay: 0.0, epsilon: 1e-10 }
    }
}

impl Default for OptimizerSettings {
    fn default() -> Self {
        Self::AdamW(AdamW::default())
    }
}

impl OptimizerSettings {
    /// Settings that do not go together, in a sentence; those torch refuses.
    pub(crate) fn problem(&self) -> Option<String> {
        match self {
            Self::Sgd(sgd) if sgd.nesterov && (sgd.momentum <= 0.0 || sgd.dampening != 0.0) => {
                Some("Nesterov's momentum needs a momentum above 0 and no dampening".into())
            }
            _ => None,
        }
    }
}
