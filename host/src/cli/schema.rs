//! `olive schema` and `olive init`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::CommonArgs;

/// `olive schema`.
#[derive(Debug, Args)]
pub struct SchemaArgs {
    /// Write to this file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Describe every option as Markdown
    #[arg(long, conflicts_with = "of")]
    pub docs: bool,
    /// Schema of something else: a pass by its type, or a written type [default: the config]
    ///
    /// Written types are `footprint`, `check` (what `olive check --format json` says), `diagnostic`,
    /// `plugin-descriptor`, `step-request`, `step-event`, `step-outcome`, `conformance` (cases of
    /// `olive plugin test`), for graph passes `graph-view` and `graph-edit`, for process plugins
    /// `plugin-manifest`, `plugin-call` and `plugin-message`, and for packs `olive-pack`,
    /// `pack-manifest`, `pack-index` and `olive-lock`.
    #[arg(long, value_name = "NAME")]
    pub of: Option<String>,
    /// Write every schema below this folder
    #[arg(long, value_name = "DIR", conflicts_with_all = ["out", "docs", "of"])]
    pub all: Option<PathBuf>,
    /// Where plugins are and how to talk.
    #[command(flatten)]
    pub common: CommonArgs,
}

/// `olive init`.
#[derive(Debug, Args)]
pub struct InitArgs {
    /// The config file to write
    #[arg(value_name = "FILE", default_value = "olive-config.json")]
    pub file: PathBuf,
    /// Model to start from: a folder or file
    #[arg(short, long, value_name = "MODEL")]
    pub model: Option<String>,
    /// Pass to begin with; may be given several times, in the order of the run
    #[arg(short, long, value_name = "TYPE")]
    pub pass: Vec<String>,
    /// Editor that shall complete and check configs of this folder
    #[arg(long, value_enum, value_name = "EDITOR")]
    pub editor: Option<Editor>,
    /// Where plugins are and how to talk.
    #[command(flatten)]
    pub common: CommonArgs,
}

/// An editor that reads JSON schemas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Editor {
    /// Visual Studio Code: writes `.vscode/settings.json`
    Vscode,
    /// IDEs with an `.idea` folder
    Jetbrains,
    /// Neovim
    Neovim,
    /// Helix
    Helix,
    /// Zed
    Zed,
}
