//! `olive onnx`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::CommonArgs;

/// What to do with an ONNX model.
#[derive(Debug, Subcommand)]
pub enum OnnxCommand {
    /// Show what an ONNX model holds: inputs, outputs, operators, weights and files
    Inspect(InspectArgs),
}

/// `olive onnx inspect`.
#[derive(Debug, Args)]
pub struct InspectArgs {
    /// An ONNX file, a folder with one, or the output folder of a run
    #[arg(value_name = "MODEL")]
    pub model: PathBuf,
    /// List every node with its inputs, outputs and attributes
    #[arg(long)]
    pub nodes: bool,
    /// List every weight, instead of the largest
    #[arg(long)]
    pub weights: bool,
    /// Where plugins are and how to talk.
    #[command(flatten)]
    pub common: CommonArgs,
}
