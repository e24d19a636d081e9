//! The command line of `olive plugin`, as far as it is about packs.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Whose packs a command is about.
#[derive(Debug, Clone, Args)]
pub struct ScopeArgs {
    /// The packs of the project in DIR (`.olive/plugins` there) instead of this user's [default
    /// DIR: the working directory]
    #[arg(long, value_name = "DIR", num_args = 0..=1, default_missing_value = ".", require_equals = true)]
    pub project: Option<PathBuf>,
}

/// `olive plugin install`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct InstallArgs {
    /// A pack: a file, a plugin's folder, `https://…[#sha256=…]`, `oci://…`, or `[PUBLISHER/]NAME[@VERSION]`
    #[arg(value_name = "SOURCE", required_unless_present = "locked")]
    pub sources: Vec<String>,
    /// Install exactly what `olive.lock` says, from the store where it is there already
    #[arg(long, conflicts_with = "sources")]
    pub locked: bool,
    /// Whose.
    #[command(flatten)]
    pub scope: ScopeArgs,
    /// What is allowed.
    #[command(flatten)]
    pub policy: PolicyArgs,
    /// Install an older version than the one that is there
    #[arg(long)]
    pub allow_downgrade: bool,
    /// Say what would be done, and do nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Write JSON for programs, one object a line
    #[arg(long)]
    pub json: bool,
}

/// What is allowed about signatures.
#[derive(Debug, Clone, Args)]
pub struct PolicyArgs {
    /// Trust the key of a publisher without one yet; asks when a person is there, otherwise takes
    /// this as consent
    #[arg(long)]
    pub trust_on_first_use: bool,
    /// Install packs that nobody has signed; the store and `olive.lock` say so
    #[arg(long)]
    pub allow_unsigned: bool,
}

/// `olive plugin info`.
#[derive(Debug, Args)]
pub struct InfoArgs {
    /// An installed pack's name, or what `install` takes
    #[arg(value_name = "PACK")]
    pub pack: String,
    /// Whose.
    #[command(flatten)]
    pub scope: ScopeArgs,
    /// Write JSON for programs
    #[arg(long)]
    pub json: bool,
}

/// `olive plugin verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// Names of packs [default: all that are installed]
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// Whose.
    #[command(flatten)]
    pub scope: ScopeArgs,
    /// Write JSON for programs, one object a line
    #[arg(long)]
    pub json: bool,
}

/// `olive plugin upgrade`.
#[derive(Debug, Args)]
pub struct UpgradeArgs {
    /// Names of packs [default: all that came from an index]
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// Whose.
    #[command(flatten)]
    pub scope: ScopeArgs,
    /// What is allowed.
    #[command(flatten)]
    pub policy: PolicyArgs,
    /// Say what would be done, and do nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Write JSON for programs, one object a line
    #[arg(long)]
    pub json: bool,
}

/// `olive plugin remove`.
#[derive(Debug, Args)]
pub struct RemoveArgs {
    /// Names of packs
    #[arg(value_name = "NAME", required = true)]
    pub names: Vec<String>,
    /// Whose.
    #[command(flatten)]
    pub scope: ScopeArgs,
    /// Say what would be done, and do nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Write JSON for programs, one object a line
    #[arg(long)]
    pub json: bool,
}

/// `olive plugin rollback`.
#[derive(Debug, Args)]
pub struct RollbackArgs {
    /// Number of a generation, as `history` lists them [default: the one before]
    #[arg(value_name = "GENERATION")]
    pub to: Option<u64>,
    /// Whose.
    #[command(flatten)]
    pub scope: ScopeArgs,
    /// Say what would be done, and do nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Write JSON for programs, one object a line
    #[arg(long)]
    pub json: bool,
}

/// `olive plugin history`.
#[derive(Debug, Args)]
pub struct HistoryArgs {
    /// Whose.
    #[command(flatten)]
    pub scope: ScopeArgs,
    /// Write JSON for programs, one object a line
    #[arg(long)]
    pub json: bool,
}

/// `olive plugin clean`.
#[derive(Debug, Args)]
pub struct CleanArgs {
    /// Whose.
    #[command(flatten)]
    pub scope: ScopeArgs,
    /// Write JSON for programs
    #[arg(long)]
    pub json: bool,
}

/// `olive plugin lock`.
#[derive(Debug, Args)]
pub struct LockArgs {
    /// The project's folder, in which `olive.lock` is written
    #[arg(value_name = "DIR", default_value = ".")]
    pub dir: PathBuf,
    /// Write nothing; say what differs, and fail when something does
    #[arg(long)]
    pub check: bool,
    /// Write JSON for programs, one object a line
    #[arg(long)]
    pub json: bool,
}

/// `olive plugin search`.
#[derive(Debug, Args)]
pub struct SearchArgs {
    /// Part of a name, a description, or of what a pack provides [default: everything]
    #[arg(value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub text: String,
    /// Take fresh copies of the indexes first
    #[arg(long)]
    pub refresh: bool,
    /// Write JSON for programs, one object a line
    #[arg(long)]
    pub json: bool,
}

/// `olive plugin trust`.
#[derive(Debug, Subcommand)]
pub enum TrustCommand {
    /// Trust a publisher's key
    Add(TrustAddArgs),
    /// List the keys that are trusted, and those no longer
    List(TrustListArgs),
    /// Trust a publisher or a key no longer; its packs stop being used
    Remove(TrustRemoveArgs),
}

/// `olive plugin trust add`.
#[derive(Debug, Args)]
pub struct TrustAddArgs {
    /// Id of the publisher, the first part of the names of its packs
    pub publisher: String,
    /// The public key: a minisign key file, or its line of base64
    #[arg(value_name = "KEY")]
    pub key: String,
}

/// `olive plugin trust list`.
#[derive(Debug, Args)]
pub struct TrustListArgs {
    /// Write JSON for programs, one object a line
    #[arg(long)]
    pub json: bool,
}

/// `olive plugin trust remove`.
#[derive(Debug, Args)]
pub struct TrustRemoveArgs {
    /// Id of a publisher or of a key
    #[arg(value_name = "PUBLISHER|KEY")]
    pub publisher_or_key: String,
}

/// `olive plugin index`.
#[derive(Debug, Subcommand)]
pub enum IndexCommand {
    /// Add an index to look packs up in
    Add(IndexAddArgs),
    /// List the indexes
    List(IndexListArgs),
    /// Forget an index
    Remove(IndexRemoveArgs),
    /// Take fresh copies of the indexes
    Update(IndexListArgs),
    /// Write an index of packs, for others
    Build(IndexBuildArgs),
}

/// `olive plugin index add`.
#[derive(Debug, Args)]
pub struct IndexAddArgs {
    /// Where the index is: an https URL, or a file
    pub url: String,
    /// The public key that signs it: a minisign key file, or its line of base64
    #[arg(long, value_name = "KEY")]
    pub key: String,
}

/// `olive plugin index list` and `update`.
#[derive(Debug, Args)]
pub struct IndexListArgs {
    /// Write JSON for programs, one object a line
    #[arg(long)]
    pub json: bool,
}

/// `olive plugin index remove`.
#[derive(Debug, Args)]
pub struct IndexRemoveArgs {
    /// Name of the index
    pub name: String,
}

/// `olive plugin index build`.
#[derive(Debug, Args)]
pub struct IndexBuildArgs {
    /// The packs
    #[arg(value_name = "PACK", required = true)]
    pub packs: Vec<PathBuf>,
    /// The index; what is listed there already stays
    #[arg(short, long, value_name = "FILE", default_value = "index.json")]
    pub output: PathBuf,
    /// Name of the index [default: that of the index that is there]
    #[arg(long)]
    pub name: Option<String>,
    /// Address in front of the packs' file names [default: the folder of the index]
    #[arg(long, value_name = "URL")]
    pub base_url: Option<String>,
    /// Secret key to sign the index with
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// Mark a version as taken back: `NAME@VERSION=REASON`
    #[arg(long = "yank", value_name = "NAME@VERSION=REASON")]
    pub yanked: Vec<String>,
}

/// `olive plugin pack`.
#[derive(Debug, Args)]
pub struct PackArgs {
    /// Folder with `olive-pack.json`, which says what the pack is called and what goes into it
    #[arg(value_name = "DIR", default_value = ".")]
    pub dir: PathBuf,
    /// Folder for the pack [default: the working directory]
    #[arg(short, long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Secret key to sign the pack with
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// Leave out trying the plugins of this machine against the contract
    #[arg(long)]
    pub no_test: bool,
    /// Write JSON for programs, one object a line
    #[arg(long)]
    pub json: bool,
}

/// `olive plugin sign`.
#[derive(Debug, Args)]
pub struct SignArgs {
    /// Packs and indexes
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// Secret key
    #[arg(long, value_name = "FILE")]
    pub key: PathBuf,
}

/// `olive plugin key`.
#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Make a secret key and its public key
    New(KeyNewArgs),
    /// Show the id of a key
    Show(KeyShowArgs),
}

/// `olive plugin key new`.
#[derive(Debug, Args)]
pub struct KeyNewArgs {
    /// The secret key; the public key comes beside it with the ending `.pub`
    #[arg(value_name = "FILE", default_value = "olive.key")]
    pub file: PathBuf,
    /// Do not lock it with a password
    #[arg(long)]
    pub no_password: bool,
}

/// `olive plugin key show`.
#[derive(Debug, Args)]
pub struct KeyShowArgs {
    /// A public or secret key file
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}

/// `olive plugin push`.
#[derive(Debug, Args)]
pub struct PushArgs {
    /// The pack; its signature lies beside it
    #[arg(value_name = "PACK")]
    pub pack: PathBuf,
    /// Where to: `oci://HOST[:PORT]/REPOSITORY[:TAG]` [default TAG: the version]
    #[arg(value_name = "REFERENCE")]
    pub reference: String,
    /// Write JSON for programs
    #[arg(long)]
    pub json: bool,
}
