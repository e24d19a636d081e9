//! `olive report`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// `olive report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// Output folder of a run, or `v1/last_run` of its cache; or a `footprint.json`
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
    /// How to tell it [default: the page `report.html`, written anew into DIR]
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub format: Option<ReportFormat>,
    /// File to write to, instead of standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// How a run is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// One page that needs no network
    Html,
    /// The same as tables, in Markdown
    Md,
    /// Everything, for programs
    Json,
    /// A row for each variant of a search, or for each model
    Csv,
}
