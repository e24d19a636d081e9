//! The command line of `olive systems`.

use clap::{Args, Subcommand};

use super::{CommonArgs, ConfigArgs};

/// `olive systems`.
#[derive(Debug, Subcommand)]
pub enum SystemsCommand {
    /// Tell what each system of a config finds, and what keeps steps from running there
    Probe(ProbeArgs),
}

/// `olive systems probe`.
#[derive(Debug, Args)]
pub struct ProbeArgs {
    /// The config file.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// Where plugins are and how to talk.
    #[command(flatten)]
    pub common: CommonArgs,
}
