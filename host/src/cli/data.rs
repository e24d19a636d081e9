//! `olive data`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{CommonArgs, ConfigArgs, ThreadArgs};

/// What to do with data.
#[derive(Debug, Subcommand)]
pub enum DataCommand {
    /// Show what the model will see of the data that passes train and evaluate on
    Preview(PreviewArgs),
}

/// `olive data preview`.
#[derive(Debug, Args)]
pub struct PreviewArgs {
    /// The config file.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// Only this data config, whether a pass reads it or not
    #[arg(long, value_name = "NAME")]
    pub data: Option<String>,
    /// Rows whose text and tokens are shown
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub rows: usize,
    /// Training blocks that are shown
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub blocks: usize,
    /// Model whose tokenizer is used, instead of the config's
    #[arg(short, long, value_name = "MODEL")]
    pub model: Option<PathBuf>,
    /// How many threads.
    #[command(flatten)]
    pub threads: ThreadArgs,
    /// Where plugins are and how to talk.
    #[command(flatten)]
    pub common: CommonArgs,
}
