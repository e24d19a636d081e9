//! The builder of ONNX Runtime GenAI, in a virtual environment that is made once.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::super::disk;
use super::super::venv;
use super::super::watch::{self, Watched};
use super::name;
use crate::error::ChoreError;

/// What is installed, at the versions whose figures the project knows.
const PACKAGES: [&str; 6] = [
    "onnxruntime-genai==0.18.0",
    "onnxruntime==1.32.0",
    "onnx==1.23.2",
    "onnx-ir==1.1.0",
    "torch==2.15.0",
    "transformers==5.24.0",
];

/// A Python interpreter with the builder.
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
                "builder-venv",
                "import onnxruntime_genai, onnx, onnx_ir, torch, transformers",
                &PACKAGES,
            )?,
        };
        Ok(Self { python })
    }

    /// Its int4 model of `model`, with its defaults.
    pub(super) fn build(
        &self,
        model: &Path,
        folder: &Path,
        output: &Path,
    ) -> Result<Watched, ChoreError> {
        disk::remove(output)?;
        let mut command = self.command();
        command.args(["-m", "onnxruntime_genai.models.builder", "-p", "int4", "-e", "cpu", "-i"]);
        command.arg(model).arg("-o").arg(output).arg("-c").arg(folder.join("their-cache"));
        watch::run(&mut command).inspect_err(|_| println!("  while building {}", name(model)))
    }

    /// The interpreter, without a network.
    pub(super) fn command(&self) -> Command {
        let mut command = Command::new(&self.python);
        command.env("HF_HUB_OFFLINE", "1");
        command
    }
}
