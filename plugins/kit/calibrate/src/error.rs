//! Why a model could not be calibrated.

use std::io;
use std::path::PathBuf;

use olive_kit_checkpoint::CheckpointError;
use olive_kit_decoder::DecoderError;
use thiserror::Error;

use crate::site::Site;

/// Why a model could not be calibrated.
#[derive(Debug, Error)]
pub enum CalibrateError {
    /// There is nothing to read.
    #[error("the calibration data has no sequence; at least one is needed")]
    NoSequences,
    /// A sequence without tokens.
    #[error("calibration sequence {0} has no tokens")]
    EmptySequence(usize),
    /// A sequence that the model was not made for.
    #[error(
        "calibration sequence {sequence} has {found} tokens, but the model has positions for \
         {limit}; cut sequences to at most {limit} tokens"
    )]
    TooLong {
        /// Its place in the calibration data, from 0.
        sequence: usize,
        /// Its tokens.
        found: usize,
        /// Positions of the model.
        limit: usize,
    },
    /// A number left the range of f32.
    #[error(
        "the inputs of {site}{} are not finite in calibration sequence {sequence}: input {input} \
         of token {token} is {value}", of_layer(*.layer)
    )]
    NotFinite {
        /// The layer, from 0; `None` at the logits.
        layer: Option<usize>,
        /// The site.
        site: Site,
        /// Place of the sequence in the calibration data, from 0.
        sequence: usize,
        /// Place of the token in the sequence, from 0.
        token: usize,
        /// The input of the linear layers, from 0.
        input: usize,
        /// Infinite or not a number.
        value: f32,
    },
    /// A logit left the range of f32.
    #[error("the logits of a calibration sequence of {len} tokens are not finite")]
    LogitsNotFinite {
        /// Tokens of the sequence.
        len: usize,
    },
    /// A weight was written that is not computed with any more.
    #[error(
        "`{module}` cannot be replaced at {site}, where it was computed with before; replace it at \
         its own site, or take whole layers"
    )]
    TooLate {
        /// Path of the linear layer, or of the norm.
        module: String,
        /// Where it was written.
        site: Site,
    },
    /// A module of another layer.
    #[error("`{module}` is no module of {}", named(*.layer))]
    NoModule {
        /// Its path.
        module: String,
        /// The layer, from 0; `None` at the logits.
        layer: Option<usize>,
    },
    /// Other values than a weight has room for.
    #[error("`{module}` has {expected} values, but {found} were given for it")]
    Length {
        /// Path of the module.
        module: String,
        /// Values that were given.
        found: usize,
        /// Values that it has.
        expected: usize,
    },
    /// The file of hidden states could not be made, written or read.
    #[error("cannot keep hidden states in a temporary file in `{}`", dir.display())]
    States {
        /// Its folder.
        dir: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The observer asked to stop.
    #[error("the calibration was cancelled")]
    Cancelled,
    /// The model cannot be read.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The model cannot be computed.
    #[error(transparent)]
    Decoder(#[from] DecoderError),
}

impl CalibrateError {
    /// What to try, when something can be.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NotFinite { .. } | Self::LogitsNotFinite { .. } => {
                Some("look for weights that are infinite or no numbers in the model".to_owned())
            }
            Self::States { .. } => {
                Some("let more hidden states stay in memory, or make room on the disk".to_owned())
            }
            Self::Checkpoint(error) | Self::Decoder(DecoderError::Checkpoint(error)) => {
                error.hint()
            }
            Self::NoSequences
            | Self::EmptySequence(_)
            | Self::TooLong { .. }
            | Self::TooLate { .. }
            | Self::NoModule { .. }
            | Self::Length { .. }
            | Self::Cancelled
            | Self::Decoder(_) => None,
        }
    }
}

fn of_layer(layer: Option<usize>) -> String {
    layer.map_or_else(String::new, |layer| format!(" in layer {layer}"))
}

fn named(layer: Option<usize>) -> String {
    layer.map_or_else(|| "the logits".to_owned(), |layer| format!("layer {layer}"))
}
