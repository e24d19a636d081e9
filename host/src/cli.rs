//! The command line.

pub mod config;
pub mod data;
pub mod onnx;
pub mod packs;
pub mod plugin;
pub mod report;
pub mod resources;
pub mod schema;
pub mod shortcuts;
pub mod systems;
pub mod line;
#[cfg(test)]
mod promises;

use std::path::{Path, PathBuf};

use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum};
use olive_schemas::step::LogLevel;

use crate::plugin::process::memory;

/// Takes a model from checkpoint, data and config file to a deployable model.
#[derive(Debug, Parser)]
#[command(name = "olive", version, arg_required_else_help = true, after_help = AFTERWORD)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Memory the process of a plugin may fill, such as `8GB` [default: the machine's, less a
    /// reserve]
    #[arg(long, global = true, value_name = "SIZE", value_parser = memory::parse)]
    pub memory: Option<u64>,
}

const AFTERWORD: &str = "\
First steps:
  olive auto -m MODEL  make a model smaller; it and its kin need no config
  olive init           write a config to start from
  olive check FILE     tell what is wrong with it
  olive run FILE       run it

Exit codes: 0 done, 2 wrong usage, 10 unreadable file, 11 wrong config, 12 missing plugin,
13 model or data that does not fit, 20 failed step, 21 missed goal, 30 cancelled, 70 bug of Olive";

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a workflow
    Run(RunArgs),
    /// Show the steps a run would take, and which are done already
    Plan(RunArgs),
    /// Check a config file and tell everything that is wrong with it
    Check(CheckArgs),
    /// Tell a run that was told before, in another form or by this version
    Report(report::ReportArgs),
    /// Continue a prompt with a model
    Generate(GenerateArgs),
    /// Measure a model with an evaluator of a config
    Evaluate(EvaluateArgs),
    /// Turn a model file of another format into a model folder
    Import(ImportArgs),
    /// Train an adapter for a model
    Finetune(Box<shortcuts::FinetuneArgs>),
    /// Quantize the weights of a model
    Quantize(Box<shortcuts::QuantizeArgs>),
    /// Write a model as ONNX
    #[command(visible_alias = "capture-onnx-graph")]
    Convert(Box<shortcuts::ConvertArgs>),
    /// Search for the best way to write a model
    Optimize(Box<shortcuts::optimize::OptimizeArgs>),
    /// Propose what suits this machine, and search for the best of it
    Auto(Box<shortcuts::optimize::AutoArgs>),
    /// Measure speed, size and quality of a model
    Benchmark(Box<shortcuts::BenchmarkArgs>),
    /// Run one pass on a model
    RunPass(Box<shortcuts::RunPassArgs>),
    /// Look at data
    #[command(subcommand)]
    Data(data::DataCommand),
    /// Look at ONNX models
    #[command(subcommand)]
    Onnx(onnx::OnnxCommand),
    /// Read and edit a config file; comments and layout stay
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Write a config to start from, and its schema
    Init(schema::InitArgs),
    /// Print the schema of the config file, for editors, or its options as Markdown
    Schema(schema::SchemaArgs),
    /// The installed plugins
    #[command(subcommand)]
    Plugin(plugin::PluginCommand),
    /// Where steps run
    #[command(subcommand)]
    Systems(systems::SystemsCommand),
    /// What steps have made
    #[command(subcommand)]
    Cache(CacheCommand),
    /// Serve an editor: diagnostics, completion and more, over standard input and output
    Lsp(LspArgs),
    /// Answer one call of the host
    #[command(hide = true)]
    Worker(WorkerArgs),
    /// Compile the component on standard input for this machine, within limits
    #[command(hide = true)]
    CompileComponent,
}

/// `olive worker`.
#[derive(Debug, Args)]
pub struct WorkerArgs {
    /// Live on when standard input ends
    #[arg(long)]
    pub detached: bool,
    /// Do the same as a job of a chain, which ends with exit code 1 when its step fails
    #[arg(long, conflicts_with = "detached")]
    pub chained: bool,
    /// Become the command of this manifest
    #[arg(long, value_name = "MANIFEST", conflicts_with_all = ["detached", "chained"])]
    pub launch: Option<PathBuf>,
    /// Folder that the command may write to; may be given several times
    #[arg(long, value_name = "DIR", requires = "launch")]
    pub write: Vec<PathBuf>,
}

/// Where plugins are and how to talk.
#[derive(Debug, Args)]
pub struct CommonArgs {
    /// Folder with further plugin libraries; may be given several times
    #[arg(long, value_name = "DIR")]
    pub plugin_dir: Vec<PathBuf>,
    /// Write JSON for programs, one object a line
    #[arg(long)]
    pub json: bool,
    /// Least importance of log lines shown, instead of the config's
    #[arg(long, value_name = "LEVEL")]
    pub log_level: Option<Level>,
}

/// Importance of a log line.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Level {
    /// Everything, also what plugin authors want to know
    Debug,
    /// What is worth knowing
    Info,
    /// What did not go as asked
    Warning,
    /// What someone must act on
    Error,
}

impl From<Level> for LogLevel {
    fn from(level: Level) -> Self {
        match level {
            Level::Debug => Self::Debug,
            Level::Info => Self::Info,
            Level::Warning => Self::Warning,
            Level::Error => Self::Error,
        }
    }
}

/// How many threads a step may use.
#[derive(Debug, Args)]
pub struct ThreadArgs {
    /// Threads a step may use [default: all processors]
    #[arg(long, value_name = "N", value_parser = num_threads)]
    pub threads: Option<u16>,
}

fn num_threads(text: &str) -> Result<u16, String> {
    let found = text.parse().ok().filter(|number| *number > 0);
    found.ok_or_else(|| format!("write a number from 1 to {}", u16::MAX))
}

/// The config file, with or without a flag before it.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("where").required(true).args(["config", "file"]))]
pub struct ConfigArgs {
    /// The config file
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// Same as FILE
    #[arg(short, long, alias = "run-config", value_name = "FILE")]
    config: Option<PathBuf>,
}

impl ConfigArgs {
    /// The config file.
    pub fn path(&self) -> &Path {
        let path = self.config.as_ref().or(self.file.as_ref());
        path.map_or(Path::new(""), PathBuf::as_path)
    }
}

/// `olive run` and `olive plan`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// The config file.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// Model to start from, instead of the config's
    #[arg(short, long, value_name = "MODEL")]
    pub model: Option<PathBuf>,
    /// Folder for the result, instead of the config's
    #[arg(short, long, value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// Go on only with exactly the packs of `olive.lock` beside the config
    #[arg(long, conflicts_with = "plugin_dir")]
    pub locked: bool,
    /// Run what will not fit into memory or on the disk, as far as can be told
    #[arg(long)]
    pub force: bool,
    /// Show the plan and what would be sent to other systems; run and send nothing
    #[arg(long)]
    pub dry_run: bool,
    /// How many threads.
    #[command(flatten)]
    pub threads: ThreadArgs,
    /// Where plugins are and how to talk.
    #[command(flatten)]
    pub common: CommonArgs,
}

/// `olive check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The config files
    #[arg(value_name = "FILE", required_unless_present = "config")]
    pub files: Vec<PathBuf>,
    /// The config file
    #[arg(short, long, value_name = "FILE", conflicts_with = "files", hide = true)]
    pub config: Option<PathBuf>,
    /// How to write what is found
    #[arg(long, value_enum, default_value_t, conflicts_with = "json")]
    pub format: Format,
    /// Let warnings fail the check too
    #[arg(long)]
    pub strict: bool,
    /// Where plugins are and how to talk.
    #[command(flatten)]
    pub common: CommonArgs,
}

impl CheckArgs {
    /// How to write what is found; `--json` is short for `--format json`.
    pub fn format(&self) -> Format {
        if self.common.json { Format::Json } else { self.format }
    }
}

/// How to write what a check finds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people, on standard error
    #[default]
    Text,
    /// One JSON document, on standard output
    Json,
    /// SARIF 2.1.0, for code scanning, on standard output
    Sarif,
}

/// `olive generate`.
#[derive(Debug, Args)]
pub struct GenerateArgs {
    /// Model folder, or the output folder of a run
    #[arg(short, long, value_name = "MODEL")]
    pub model: PathBuf,
    /// Text to continue
    #[arg(short, long, value_name = "TEXT")]
    pub prompt: String,
    /// Adapter to put on top of the model
    #[arg(long, value_name = "DIR")]
    pub adapter: Option<PathBuf>,
    /// Tokens generated at most
    #[arg(long, value_name = "N", default_value_t = 64)]
    pub max_new_tokens: usize,
    /// How many threads.
    #[command(flatten)]
    pub threads: ThreadArgs,
    /// Where plugins are and how to talk.
    #[command(flatten)]
    pub common: CommonArgs,
}

/// `olive evaluate`.
#[derive(Debug, Args)]
pub struct EvaluateArgs {
    /// Model folder, or the output folder of a run
    #[arg(short, long, value_name = "MODEL")]
    pub model: PathBuf,
    /// The config file, with the evaluator and its data.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// Evaluator of the config [default: the engine's, else the only one]
    #[arg(long, value_name = "NAME")]
    pub evaluator: Option<String>,
    /// How many threads.
    #[command(flatten)]
    pub threads: ThreadArgs,
    /// Where plugins are and how to talk.
    #[command(flatten)]
    pub common: CommonArgs,
}

/// `olive import`.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// Format of the file, such as `gguf`
    pub format: String,
    /// The model file
    pub file: PathBuf,
    /// Folder for the model
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,
    /// Setting of the pass that imports the format; may be given several times
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Same as `--set layout=LAYOUT`
    #[arg(long, value_name = "LAYOUT")]
    pub layout: Option<String>,
    /// How many threads.
    #[command(flatten)]
    pub threads: ThreadArgs,
    /// Where plugins are and how to talk.
    #[command(flatten)]
    pub common: CommonArgs,
}

/// `olive lsp`.
#[derive(Debug, Args)]
pub struct LspArgs {
    /// Folder with further plugin libraries; may be given several times
    #[arg(long, value_name = "DIR")]
    pub plugin_dir: Vec<PathBuf>,
    /// What many clients say; it is the only way to talk
    #[arg(long, hide = true)]
    pub stdio: bool,
}

/// `olive cache`.
#[derive(Debug, Subcommand)]
pub enum CacheCommand {
    /// List what steps have made
    List(CacheArgs),
    /// Remove what steps have made
    Clean(CleanArgs),
}

/// `olive cache clean`.
#[derive(Debug, Args)]
pub struct CleanArgs {
    /// Remove only the checkpoints of unfinished steps
    #[arg(long)]
    pub checkpoints: bool,
    /// Which cache.
    #[command(flatten)]
    pub cache: CacheArgs,
}

/// Which cache.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("where").required(true).args(["config", "cache_dir"]))]
pub struct CacheArgs {
    /// Config file that names the cache
    #[arg(short, long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The cache folder
    #[arg(long, value_name = "DIR")]
    pub cache_dir: Option<PathBuf>,
    /// Write JSON for programs
    #[arg(long)]
    pub json: bool,
}
