//! Why a training ended without a result.

use std::error::Error;
use std::io;
use std::path::PathBuf;

use olive_kit_collective::CollectiveError;
use olive_kit_decoder::DecoderError;
use thiserror::Error;

/// Why a training ended without a result.
#[derive(Debug, Error)]
pub enum TrainError {
    /// There is nothing to train on.
    #[error("there are no sequences to train on")]
    NoSequences,
    /// Whole batches only, and not one is whole.
    #[error("{sequences} sequences do not fill one batch of {batch_size}, and `drop_last` is on")]
    NoWholeBatch {
        /// Sequences there are.
        sequences: usize,
        /// Sequences of the micro-batches of all ranks.
        batch_size: usize,
    },
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
    /// Settings that ask for what cannot be done together.
    #[error("{0}")]
    Settings(String),
    /// A number left the range of f32.
    #[error("the {what} of step {step} is {value}, computed on {}{}", list(.blocks), kept(.saved.as_ref()))]
    NotFinite {
        /// `loss` or `norm of the gradients`.
        what: &'static str,
        /// Infinite or not a number.
        value: f64,
        /// The step, from 1.
        step: usize,
        /// Places of the sequences in the data, from 0.
        blocks: Vec<usize>,
        /// Where the batch was written, when there is a folder for it.
        saved: Option<PathBuf>,
    },
    /// The observer asked to stop.
    #[error("the training was cancelled")]
    Cancelled {
        /// The checkpoint of the last whole step, when there is a folder for it.
        saved: Option<PathBuf>,
    },
    /// A checkpoint could not be written.
    #[error("cannot write the checkpoint `{}`{}", path.display(), last_good(.last.as_ref()))]
    Save {
        /// The checkpoint's folder, which does not exist now.
        path: PathBuf,
        /// The newest checkpoint that is whole.
        last: Option<PathBuf>,
        /// What went wrong.
        source: Box<SaveError>,
    },
    /// A checkpoint is not whole.
    #[error("cannot resume from `{}`: {problem}", path.display())]
    Resume {
        /// The checkpoint's folder.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A checkpoint is of another training.
    #[error("cannot resume from `{}`: {difference}", path.display())]
    OtherTraining {
        /// The checkpoint's folder.
        path: PathBuf,
        /// What the checkpoint has other than this training.
        difference: String,
    },
    /// The event file of `TensorBoard` could not be written.
    #[error("cannot write events to `{}`", path.display())]
    Events {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The model could not be computed.
    #[error(transparent)]
    Decoder(#[from] DecoderError),
    /// Another rank trains something else.
    #[error("rank {rank} of {ranks} trains something else than rank 0: {difference}")]
    OtherRank {
        /// The rank.
        rank: usize,
        /// How many there are.
        ranks: usize,
        /// What is different.
        difference: String,
    },
    /// The ranks cannot go on together.
    #[error("{lost}{}", kept(.saved.as_ref()))]
    Collective {
        /// Why.
        lost: CollectiveError,
        /// The checkpoint of the last whole step, when this rank keeps them.
        saved: Option<PathBuf>,
    },
}

impl From<CollectiveError> for TrainError {
    fn from(lost: CollectiveError) -> Self {
        Self::Collective { lost, saved: None }
    }
}

/// Why a checkpoint could not be written.
#[derive(Debug, Error)]
pub enum SaveError {
    /// A file or folder could not be written.
    #[error("cannot write `{}`", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The adapter could not be written.
    #[error("cannot write the adapter")]
    Adapter(#[source] Box<dyn Error + Send + Sync>),
}

fn list(places: &[usize]) -> String {
    let names: Vec<_> = places.iter().map(ToString::to_string).collect();
    match names.as_slice() {
        [one] => format!("block {one}"),
        names => format!("blocks {}", names.join(", ")),
    }
}

fn kept(saved: Option<&PathBuf>) -> String {
    saved.map_or_else(String::new, |path| format!("; kept in `{}`", path.display()))
}

fn last_good(last: Option<&PathBuf>) -> String {
    match last {
        Some(path) => format!("; `{}` is whole", path.display()),
        None => String::new(),
    }
}
