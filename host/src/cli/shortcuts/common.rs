//! Options that commands with a config of their own share.

use std::path::PathBuf;

use clap::{ArgGroup, Args};

use super::Device;
use crate::cli::{CommonArgs, ThreadArgs};

/// The model, which must be there.
#[derive(Debug, Args)]
pub struct ModelArgs {
    /// Model to start from: a folder, an ONNX or GGUF file, the output of a run, a hub name
    #[arg(short = 'm', long = "model_name_or_path", visible_alias = "model", value_name = "MODEL")]
    pub model_name_or_path: String,
    /// The rest of it.
    #[command(flatten)]
    pub extras: ModelExtras,
}

/// The model, or none.
#[derive(Debug, Args)]
pub struct OptionalModelArgs {
    /// Model to start from: a folder, an ONNX or GGUF file, the output of a run, a hub name
    #[arg(
        short = 'm',
        long = "model_name_or_path",
        visible_alias = "model",
        value_name = "MODEL",
        required_unless_present = "list_passes"
    )]
    pub model_name_or_path: Option<String>,
    /// The rest of it.
    #[command(flatten)]
    pub extras: ModelExtras,
}

/// What belongs to a model.
#[derive(Debug, Args)]
pub struct ModelExtras {
    /// Adapter on top of the model: a PEFT folder
    #[arg(short = 'a', long = "adapter_path", visible_alias = "adapter", value_name = "DIR")]
    pub adapter_path: Option<PathBuf>,
    /// What the model is for [default: text-generation]
    #[arg(short, long, value_name = "TASK")]
    pub task: Option<String>,
}

/// What becomes of the config.
#[derive(Debug, Args)]
pub struct ShortcutArgs {
    /// Folder for the result [default: a name after the command]
    #[arg(short = 'o', long = "output_path", visible_alias = "output", value_name = "DIR")]
    pub output_path: Option<PathBuf>,
    /// Write the config to this file too, as YAML or JSON by its suffix
    #[arg(long = "save-config", alias = "save_config_file", value_name = "FILE")]
    pub save_config: Option<PathBuf>,
    /// Print the config and its plan, and run nothing
    #[arg(long = "dry-run")]
    pub dry_run: bool,
    /// Run what will not fit into memory or on the disk, as far as can be told
    #[arg(long)]
    pub force: bool,
    /// How many threads.
    #[command(flatten)]
    pub threads: ThreadArgs,
    /// Where plugins are and how to talk.
    #[command(flatten)]
    pub common: CommonArgs,
}

/// Rows, and how they become text.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("text").args(["text_field", "text_template", "use_chat_template"]))]
pub struct DataArgs {
    /// Rows: a JSON, CSV, Parquet, Arrow or text file, or the format of `--data_files`
    #[arg(short = 'd', long = "data_name", visible_alias = "data", value_name = "FILE")]
    pub data_name: Option<String>,
    /// Files to read, with commas between
    #[arg(
        long = "data_files",
        value_name = "FILES",
        value_delimiter = ',',
        requires = "data_name"
    )]
    pub data_files: Vec<PathBuf>,
    /// Split to read; local files form the one split `train`
    #[arg(long, visible_alias = "train_split", value_name = "NAME", requires = "data_name")]
    pub split: Option<String>,
    /// Column of the text [default: text]
    #[arg(long = "text_field", value_name = "COLUMN", requires = "data_name")]
    pub text_field: Option<String>,
    /// Text of a row, with its columns in braces; `\n` is a new line
    #[arg(long = "text_template", value_name = "TEXT", requires = "data_name")]
    pub text_template: Option<String>,
    /// Take a row's chat, by the template of the tokenizer
    #[arg(long = "use_chat_template", requires = "data_name")]
    pub use_chat_template: bool,
    /// Prompt of a row, for what is generated
    #[arg(
        long = "prompt_template", value_name = "TEXT",
        requires_all = ["data_name", "answer_template"]
    )]
    pub prompt_template: Option<String>,
    /// Answer of a row, which generated text is compared with
    #[arg(
        long = "answer_template", value_name = "TEXT",
        requires_all = ["data_name", "prompt_template"]
    )]
    pub answer_template: Option<String>,
    /// Length of a block of text in tokens [default: 1024]
    #[arg(long = "max_seq_len", value_name = "N", requires = "data_name")]
    pub max_seq_len: Option<usize>,
    /// Blocks to train on, or rows to measure on, at most
    #[arg(long = "max_samples", value_name = "N", requires = "data_name")]
    pub max_samples: Option<usize>,
    /// Begin and end each text with the tokens for it
    #[arg(long = "add_special_tokens", requires = "data_name")]
    pub add_special_tokens: bool,
}

/// How much is measured.
#[derive(Debug, Args)]
pub struct MeasureArgs {
    /// Rows measured at most
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// Tokens generated at most for an answer [default: 16]
    #[arg(long = "max_new_tokens", value_name = "N")]
    pub max_new_tokens: Option<usize>,
}

/// Where a model runs.
#[derive(Debug, Args)]
pub struct AcceleratorArgs {
    /// Device the result is for [default: by the provider, else cpu]
    #[arg(long, value_enum, value_name = "DEVICE")]
    pub device: Option<Device>,
    /// Execution provider of ONNX Runtime the result is for [default: by the device]
    #[arg(long, value_name = "NAME")]
    pub provider: Option<String>,
}
