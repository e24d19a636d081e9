//! PEFT's side, in a virtual environment that is made once.

use std::path::PathBuf;
use std::process::Command;

use serde_json::json;

use super::super::venv;
use super::runs::{Side, Training, Trial};
use crate::error::ChoreError;
use crate::workspace::root;

/// What is installed, at the versions whose figures the project knows.
const PACKAGES: [&str; 5] =
    ["torch==2.15.0", "transformers==5.23.0", "peft==0.21.2", "bitsandbytes==0.50.2", "accelerate"];

/// A Python interpreter with PEFT.
#[derive(Debug)]
pub(super) struct Peer {
    python: PathBuf,
}

impl Peer {
    /// The interpreter that was named, or one of a virtual environment below `target`.
    pub(super) fn new(python: Option<PathBuf>) -> Result<Self, ChoreError> {
        let python = match python {
            Some(python) => python,
            None => venv::python(
                "peer-venv",
                "import torch, transformers, peft, bitsandbytes",
                &PACKAGES,
            )?,
        };
        Ok(Self { python })
    }

    /// One run; in 4 bits, that of the faster compute type.
    pub(super) fn best(&self, trial: &Trial, training: &Training) -> Result<Side, ChoreError> {
        let side = self.side(trial, training)?;
        if training.precision != "nf4" {
            return Ok(side);
        }
        let other = Training { precision: "nf4-f32".into(), ..training.clone() };
        let other = self.side(trial, &other)?;
        Ok(if other.seconds < side.seconds { other } else { side })
    }

    fn side(&self, trial: &Trial, training: &Training) -> Result<Side, ChoreError> {
        let mut command = Command::new(&self.python);
        command.arg(root().join("xtask/peers/train.py")).arg(json!(training).to_string());
        trial.side(&mut command)
    }
}
