//! What the layers of a checkpoint take to read calibration data, as `kit/calibrate` tells it.

use olive_validator_api::{Document, PlannedStep, integer, text};

use crate::need::{FLOAT, MIB};
use crate::parts::Data;
use crate::shape::Shape;

/// Samples where nothing is said.
const SAMPLES: f64 = 128.0;

/// Bytes of hidden states in memory; others are in a file.
const STATES: f64 = 512.0 * MIB;

/// Tokens that are computed at once, unless a sample is longer.
const TOKENS_AT_ONCE: f64 = 1024.0;

/// Calibration data.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Samples {
    /// How many at most.
    pub(crate) count: f64,
    /// Tokens of each.
    pub(crate) len: f64,
}

impl Samples {
    /// Those of a step.
    pub(crate) fn of(document: &Document, step: &PlannedStep) -> Self {
        let data = text(&step.config, "data_config").and_then(|name| Data::named(document, name));
        Self {
            count: integer(&step.config, "nsamples").map_or(SAMPLES, |count| count as f64),
            len: data.map_or(1024.0, |data| data.block_tokens() as f64),
        }
    }

    /// Tokens of all.
    pub(crate) fn tokens(&self) -> f64 {
        self.count * self.len
    }
}

/// What a walk through the layers has in memory beside the weights of one layer, in bytes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Walk {
    /// Hidden states of all samples.
    pub(crate) states: f64,
    /// What a layer takes to compute some tokens.
    pub(crate) activations: f64,
}

impl Walk {
    /// A walk of which every linear layer sees the error before it, or only `whole_layers` do.
    pub(crate) fn of(shape: &Shape, samples: Samples, whole_layers: bool) -> Self {
        let Shape { hidden, inner, query, kv, .. } = *shape;
        let mut widths = vec![hidden, query.max(inner)];
        let widest = query.max(inner).max(hidden);
        let mut values = 2.0 * hidden + 2.0 * query + 2.0 * kv + 3.0 * inner + widest;
        // Inputs that are looked at, and what a norm makes of them.
        values += widest.max(2.0 * hidden);
        if whole_layers {
            widths.insert(1, hidden);
            values += hidden;
        }
        let mut states = 0.0;
        for width in widths {
            let bytes = FLOAT * width * samples.tokens();
            states += if states + bytes <= STATES { bytes } else { 0.0 };
        }
        let of_samples = (TOKENS_AT_ONCE / samples.len.max(1.0)).floor().max(1.0) * samples.len;
        let at_once = of_samples.min(samples.tokens());
        Self { states, activations: FLOAT * at_once * values }
    }
}
