//! How far a figure of a sample may be from that of all there is.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How far a figure may be from what endless data of the same kind would give.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Uncertainty {
    /// Rows (or runs) that the figure is made of.
    pub count: usize,
    /// Standard error of the figure, in its unit.
    pub stderr: f64,
    /// Lower end of the interval of 95 % confidence.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}
