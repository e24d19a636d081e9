//! Settings of the pass `QuaRot`.

use olive_kit_solve::{Rotation, SolveError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::known;

/// Settings of the `QuaRot` pass: rotate weights so that none stands out.
///
/// The residual stream is rotated by one orthogonal matrix, the values of each
/// layer's heads by another. Norms are folded into the linear layers after them first, and all is
/// folded into the weights: logits stay as they are, and so does the layout. A model that ties its
/// embedding to the layer of logits has a weight for each in the end.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-olive-ignored" = known::of_rotation(), "x-olive-adapter" = "refuses"))]
pub struct QuaRotConfig {
    /// Seed of the signs, or of the matrices.
    pub seed: u64,
    /// Kind of the rotations: `hadamard`, or `random` for any orthogonal matrix.
    ///
    /// Hadamard matrices are fast, and spread weights as far as can be; `random` is for sizes that
    /// have none.
    pub rotate_mode: RotateMode,
}

/// Kind of a rotation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RotateMode {
    /// A Hadamard matrix with random signs, which is folded in fast.
    #[default]
    Hadamard,
    /// Any orthogonal matrix, for sizes without a Hadamard matrix: minutes for a large model.
    Random,
}

impl RotateMode {
    /// Whether there is a rotation of this size.
    pub(crate) fn has_size(self, size: usize) -> bool {
        match self {
            Self::Hadamard => Rotation::hadamard(size).is_ok(),
            Self::Random => true,
        }
    }

    /// The rotation of a size that a seed gives.
    ///
    /// # Errors
    /// When no Hadamard matrix of the size is known.
    pub(crate) fn rotation(self, size: usize, seed: u64) -> Result<Rotation, SolveError> {
        match self {
            Self::Hadamard => Rotation::random(size, seed),
            Self::Random => Ok(Rotation::orthogonal(size, seed)),
        }
    }
}
