//! Memory of training passes.

use crate::activations::Activations;
use crate::scratch::Scratch;

/// Memory of training passes, used again by each.
#[derive(Debug, Default)]
pub(crate) struct Workspace {
    pub(crate) scratch: Scratch,
    /// Of each layer, or of one when activations are computed again.
    pub(crate) kept: Vec<Activations>,
    /// The residual stream, `[rows, hidden_size]`.
    pub(crate) hidden: Vec<f32>,
    /// The residual stream before each layer, when activations are computed again.
    pub(crate) inputs: Vec<Vec<f32>>,
    /// The residual stream after the last norm, `[rows, hidden_size]`.
    pub(crate) normed: Vec<f32>,
    /// The gradient of the residual stream, `[rows, hidden_size]`.
    pub(crate) gradient: Vec<f32>,
}
