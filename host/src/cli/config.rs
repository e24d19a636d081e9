//! The command line of `olive config`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::CommonArgs;

/// `olive config`.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Print a value of a config as JSON
    Get(GetArgs),
    /// Write a value into a config
    Set(SetArgs),
    /// Take a value out of a config
    Unset(UnsetArgs),
    /// Add a pass, with the settings it needs
    AddPass(AddPassArgs),
    /// Take a pass out
    RemovePass(RemovePassArgs),
    /// Add a data config that reads local files
    AddData(AddDataArgs),
    /// Tell what can be written: at a place of a config, or as settings of a pass
    ListOptions(ListOptionsArgs),
    /// Write old spellings as they are written today
    Upgrade(UpgradeArgs),
}

/// How a change gets into the file.
#[derive(Debug, Args)]
pub struct WriteArgs {
    /// Show the change as a diff and write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Write also what does not check
    #[arg(long)]
    pub force: bool,
    /// Where plugins are and how to talk.
    #[command(flatten)]
    pub common: CommonArgs,
}

/// `olive config get`.
#[derive(Debug, Args)]
pub struct GetArgs {
    /// The config file
    pub file: PathBuf,
    /// Path of the value, such as `passes.lora.r` or `/passes/lora/r` [default: the whole config]
    pub path: Option<String>,
    /// Where plugins are and how to talk.
    #[command(flatten)]
    pub common: CommonArgs,
}

/// `olive config set`.
#[derive(Debug, Args)]
pub struct SetArgs {
    /// The config file
    pub file: PathBuf,
    /// Path of the value, such as `passes.lora.r` or `/passes/lora/r`
    pub path: String,
    /// The value as JSON; what is no JSON is a text
    #[arg(allow_negative_numbers = true)]
    pub value: String,
    /// The value is a text, also when it is JSON
    #[arg(long)]
    pub string: bool,
    /// How the change gets into the file.
    #[command(flatten)]
    pub write: WriteArgs,
}

/// `olive config unset`.
#[derive(Debug, Args)]
pub struct UnsetArgs {
    /// The config file
    pub file: PathBuf,
    /// Path of the value, such as `passes.lora.r` or `/passes/lora/r`
    pub path: String,
    /// How the change gets into the file.
    #[command(flatten)]
    pub write: WriteArgs,
}

/// `olive config add-pass`.
#[derive(Debug, Args)]
pub struct AddPassArgs {
    /// The config file
    pub file: PathBuf,
    /// Type of the pass, such as `LoRA`; `olive plugin list` shows what there is
    #[arg(value_name = "TYPE")]
    pub kind: String,
    /// Name of the pass [default: made of its type]
    #[arg(long)]
    pub name: Option<String>,
    /// Put it before this pass
    #[arg(long, value_name = "PASS", conflicts_with = "after")]
    pub before: Option<String>,
    /// Put it after this pass [default: after all]
    #[arg(long, value_name = "PASS")]
    pub after: Option<String>,
    /// Setting of the pass; may be given several times
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// How the change gets into the file.
    #[command(flatten)]
    pub write: WriteArgs,
}

/// `olive config remove-pass`.
#[derive(Debug, Args)]
pub struct RemovePassArgs {
    /// The config file
    pub file: PathBuf,
    /// Name of the pass
    pub name: String,
    /// How the change gets into the file.
    #[command(flatten)]
    pub write: WriteArgs,
}

/// `olive config add-data`.
#[derive(Debug, Args)]
pub struct AddDataArgs {
    /// The config file
    pub file: PathBuf,
    /// Name by which passes and metrics refer to the data
    pub name: String,
    /// Files with the rows: `.json`, `.jsonl`, `.csv`, `.parquet`, `.arrow` or `.txt`
    #[arg(required = true, value_name = "DATA_FILE")]
    pub data_files: Vec<PathBuf>,
    /// Text of a row, with columns in braces: `"### Text: {phrase}"`
    #[arg(long, value_name = "TEXT")]
    pub template: Option<String>,
    /// How the change gets into the file.
    #[command(flatten)]
    pub write: WriteArgs,
}

/// `olive config list-options`.
#[derive(Debug, Args)]
pub struct ListOptionsArgs {
    /// A config file, or the type of a pass
    #[arg(value_name = "FILE|TYPE")]
    pub target: PathBuf,
    /// Path of the place, such as `passes.lora` in a file or `training_args` of a pass
    pub path: Option<String>,
    /// Where plugins are and how to talk.
    #[command(flatten)]
    pub common: CommonArgs,
}

/// `olive config upgrade`.
#[derive(Debug, Args)]
pub struct UpgradeArgs {
    /// The config file
    pub file: PathBuf,
    /// Write the result to the file instead of printing it
    #[arg(long)]
    pub write: bool,
    /// Show the change as a diff and write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Write also what does not check
    #[arg(long)]
    pub force: bool,
    /// Where plugins are and how to talk.
    #[command(flatten)]
    pub common: CommonArgs,
}
