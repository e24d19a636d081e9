//! Why a checkpoint could not be quantized.

use std::io;
use std::path::PathBuf;

use olive_kit_calibrate::CalibrateError;
use olive_kit_checkpoint::CheckpointError;
use olive_kit_solve::SolveError;
use olive_plugin_api::{Diagnostic, PluginError};
use thiserror::Error;

/// Why a checkpoint could not be quantized.
#[derive(Debug, Error)]
pub enum QuantizeError {
    /// The model could not be read, or the result written.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The calibration data could not be read by the model.
    #[error(transparent)]
    Calibrate(#[from] CalibrateError),
    /// A matrix could not be quantized.
    #[error("`{module}` cannot be quantized")]
    Solve {
        /// Path of the linear layer.
        module: String,
        /// Why.
        source: SolveError,
    },
    /// The config does not fit the model or the data.
    #[error("{}", .0.message)]
    Refused(Box<Diagnostic>),
    /// A data config did not come with the step.
    #[error(transparent)]
    DataConfig(#[from] PluginError),
    /// A file could not be written.
    #[error("cannot write `{}`", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A temporary file could not be written or read.
    #[error("cannot keep a temporary file in `{}`", dir.display())]
    Scratch {
        /// The folder.
        dir: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Threads could not be started.
    #[error("cannot start {threads} threads")]
    Threads {
        /// How many were asked for.
        threads: usize,
        /// What the system said.
        source: rayon::ThreadPoolBuildError,
    },
    /// The step was asked to stop.
    #[error("the quantization was cancelled")]
    Cancelled,
}

impl QuantizeError {
    /// What went wrong with the matrix of a linear layer.
    pub(crate) fn of(module: &str) -> impl FnOnce(SolveError) -> Self {
        let module = module.to_owned();
        move |source| Self::Solve { module, source }
    }

    fn code(&self) -> &str {
        match self {
            Self::Checkpoint(_) | Self::Calibrate(CalibrateError::Checkpoint(_)) => "checkpoint",
            Self::Calibrate(
                CalibrateError::NotFinite { .. } | CalibrateError::LogitsNotFinite { .. },
            ) => "not-finite",
            Self::Calibrate(_) => "calibration",
            Self::Solve { .. } => "quantization",
            Self::Refused(diagnostic) => &diagnostic.code,
            Self::DataConfig(error) => &error.code,
            Self::Write { .. } | Self::Scratch { .. } => "io",
            Self::Threads { .. } => "threads",
            Self::Cancelled => PluginError::CANCELLED,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Checkpoint(error) => error.hint(),
            Self::Calibrate(CalibrateError::TooLong { .. }) => {
                Some("lower `max_seq_len` of the data config".into())
            }
            Self::Calibrate(error) => error.hint(),
            Self::Solve { source: SolveError::Singular { .. }, .. } => {
                Some("calibrate with more samples, or other ones".into())
            }
            Self::Solve { source: SolveError::WeightNotFinite { .. }, .. } => {
                Some("look for weights that are infinite or no numbers in the model".into())
            }
            Self::Refused(diagnostic) => diagnostic.help.clone(),
            Self::Scratch { .. } => {
                Some("make room on the disk of the folder, or calibrate a smaller model".into())
            }
            Self::Solve { .. }
            | Self::DataConfig(_)
            | Self::Write { .. }
            | Self::Threads { .. }
            | Self::Cancelled => None,
        }
    }
}

impl From<Diagnostic> for QuantizeError {
    fn from(diagnostic: Diagnostic) -> Self {
        Self::Refused(Box::new(diagnostic))
    }
}

impl From<QuantizeError> for PluginError {
    fn from(error: QuantizeError) -> Self {
        match error {
            QuantizeError::Cancelled | QuantizeError::Calibrate(CalibrateError::Cancelled) => {
                Self::cancelled()
            }
            QuantizeError::DataConfig(error) => error,
            error => {
                let plain = Self::from_error(error.code(), &error);
                match error.hint() {
                    Some(hint) => plain.with_help(hint),
                    None => plain,
                }
            }
        }
    }
}
