//! The command line of `olive plugin`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::CommonArgs;
use super::packs::{
    CleanArgs, HistoryArgs, IndexCommand, InfoArgs, InstallArgs, KeyCommand, LockArgs, PackArgs,
    PushArgs, RemoveArgs, RollbackArgs, SearchArgs, SignArgs, TrustCommand, UpgradeArgs,
    VerifyArgs,
};

/// `olive plugin`.
#[derive(Debug, Subcommand)]
pub enum PluginCommand {
    /// List plugins and what they provide
    List(CommonArgs),
    /// Make a folder with a new plugin that builds, is tested and runs
    New(NewArgs),
    /// Build the plugin of a folder
    Build(BuildArgs),
    /// Try whether a plugin keeps the contract
    Test(TestArgs),
    /// Install packs: from a file, a folder, an https URL, a registry, or by name
    Install(InstallArgs),
    /// Tell what a pack holds and where it is from
    Info(InfoArgs),
    /// Compare the files of installed packs with their manifests
    Verify(VerifyArgs),
    /// Install the newest versions of packs
    Upgrade(UpgradeArgs),
    /// Remove packs
    Remove(RemoveArgs),
    /// Go back to the packs of before the last change
    Rollback(RollbackArgs),
    /// List the changes of the installed packs
    History(HistoryArgs),
    /// Remove from the disk what is not in use any more
    Clean(CleanArgs),
    /// Write down exactly which packs a project works with
    Lock(LockArgs),
    /// Find packs in the indexes
    Search(SearchArgs),
    /// Publishers whose packs are installed
    #[command(subcommand)]
    Trust(TrustCommand),
    /// Lists of packs to find them by name
    #[command(subcommand)]
    Index(IndexCommand),
    /// Make a pack of a plugin
    Pack(PackArgs),
    /// Sign packs and indexes
    Sign(SignArgs),
    /// Keys to sign with
    #[command(subcommand)]
    Key(KeyCommand),
    /// Put a pack into a registry
    Push(PushArgs),
}

/// `olive plugin new`.
#[derive(Debug, Args)]
pub struct NewArgs {
    /// Name of the plugin and its folder: lower case, digits and `-`
    #[arg(value_name = "NAME")]
    pub name: String,
    /// What it provides
    #[arg(long, value_enum)]
    pub kind: Kind,
    /// Language it is written in
    #[arg(long, value_enum, default_value_t = Language::Rust)]
    pub lang: Language,
    /// Folder in which the plugin's folder is made
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub dir: PathBuf,
}

/// What a new plugin provides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// Model in, model out
    Pass,
    /// Model in, metrics out
    Evaluator,
    /// Runs steps elsewhere
    System,
    /// Turns a reference into a local model
    Source,
    /// Rules for configs, sandboxed
    Validator,
    /// ONNX graph in, edits out, sandboxed
    GraphPass,
}

/// Language of a new plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Language {
    /// Rust, for every kind
    Rust,
    /// C, for what is sandboxed
    C,
    /// JavaScript, for what is sandboxed
    Js,
    /// Python, for validators, and for passes as processes
    Python,
}

/// `olive plugin build`.
#[derive(Debug, Args)]
pub struct BuildArgs {
    /// The plugin's folder
    #[arg(value_name = "DIR", default_value = ".")]
    pub dir: PathBuf,
    /// Folder for what is built; `dist` in the plugin's folder when left out
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// `olive plugin test`.
#[derive(Debug, Args)]
pub struct TestArgs {
    /// Built plugins: a library, a component or a process plugin's manifest, or a plugin's folder
    #[arg(value_name = "PATH", required = true)]
    pub paths: Vec<PathBuf>,
    /// What they are tried with; `conformance.json` in the folder of the first when left out
    #[arg(long, value_name = "FILE")]
    pub cases: Option<PathBuf>,
    /// Write JSON for programs, one object a line
    #[arg(long)]
    pub json: bool,
    /// Folder to try it in, given by the program to itself
    #[arg(long, value_name = "DIR", hide = true)]
    pub inside: Option<PathBuf>,
}
