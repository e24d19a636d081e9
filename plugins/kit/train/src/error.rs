//! Why a training ended without a result.

use olive_kit_checkpoint::CheckpointError;
use olive_kit_decoder::DecoderError;
use thiserror::Error;

/// Why a training ended without a result.
#[derive(Debug, Error)]
pub enum TrainError {
    /// There is nothing to train on.
    #[error("there are no sequences to train on")]
    NoSequences,
    /// There is nothing to train.
    #[error("there are no parameters to train")]
    NoParameters,
    /// No token of a step is to be predicted.
    #[error("step {step} has no label: every position of {} is ignored", list(.blocks))]
    NoLabels {
        /// The step, from 1.
        step: usize,
        /// Places of its sequences in the data, from 0.
        blocks: Vec<usize>,
    },
    /// No token of the evaluation data is to be predicted.
    #[error("the evaluation data has no label")]
    NoEvaluationLabels,
    /// A number left the range of f32.
    #[error("the {what} of step {step} is {value}, computed on {}", list(.blocks))]
    NotFinite {
        /// `loss` or `norm of the gradients`.
        what: &'static str,
        /// Infinite or not a number.
        value: f64,
        /// The step, from 1.
        step: usize,
        /// Places of the sequences in the data, from 0.
        blocks: Vec<usize>,
    },
    /// The observer asked to stop.
    #[error("the training was cancelled")]
    Cancelled,
    /// The model could not be computed.
    #[error(transparent)]
    Decoder(#[from] DecoderError),
    /// A tensor operation failed.
    #[error("the parameters could not be updated")]
    Compute(#[from] candle_core::Error),
    /// The adapter could not be written.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
}

fn list(places: &[usize]) -> String {
    let names: Vec<_> = places.iter().map(ToString::to_string).collect();
    match names.as_slice() {
        [one] => format!("block {one}"),
        names => format!("blocks {}", names.join(", ")),
    }
}
