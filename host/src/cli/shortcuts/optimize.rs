//! `olive optimize` and `olive auto`: searches.

use std::time::Duration;

use clap::{Args, ValueEnum};

use super::common::{AcceleratorArgs, DataArgs, MeasureArgs, ModelArgs, ShortcutArgs};
use crate::shortcut::figures::Figure;
use crate::shortcut::goal::{self, Wanted};
use crate::units::parse_duration;

const HELP: &str = "\
Examples:
  olive optimize -m model --precision int4
  olive optimize -m model --data test.json --text_template '{phrase}: {tone}' \\
      --goal 'perplexity <= +5%' --minimize size
  olive optimize -m model --data test.json --prompt_template '{phrase}:' \\
      --answer_template '{tone}' --goal 'accuracy >= -2%' --minimize size --minimize latency

Goals and figures:
  accuracy    share of answers that the model gives exactly, 0 to 1; needs data with answers
  perplexity  of the text of the data
  latency     milliseconds of one pass over a prompt; `latency-p90` is its 90th percentile
  throughput  generated tokens a second
  size        bytes of the files

  'accuracy >= 0.8'       at least that; also `80%`
  'accuracy >= -2%'       at most 2 percent below the input model: 0.90 may become 0.882
  'accuracy >= -2points'  at most 2 hundredths below the input model: 0.90 may become 0.88
  'perplexity <= +5%'     at most 5 percent above the input model
  'latency <= 20ms'       at most that; also `s`
  'size <= 100MB'         at most that; also `kB`, `GB`, `MiB`
  'size <= -60%'          at least 60 percent below the input model
A number with a sign is measured from the input model, `%` is percent of its figure.";

/// `olive optimize`.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct OptimizeArgs {
    /// The model.
    #[command(flatten)]
    pub model: ModelArgs,
    /// Rows to measure quality on.
    #[command(flatten)]
    pub data: DataArgs,
    /// What counts.
    #[command(flatten)]
    pub aim: AimArgs,
    /// Type of the weights; without it every type is tried that suits the device
    #[arg(long, value_name = "TYPE")]
    pub precision: Option<String>,
    /// Neighboring weights that share a scale; without it several are tried
    #[arg(long = "block_size", value_name = "N")]
    pub block_size: Option<usize>,
    /// Which variants are tried: `sequential` (all), `random` or `tpe` [default: sequential]
    #[arg(long = "enable_search", value_enum, value_name = "SAMPLER")]
    pub enable_search: Option<SamplerName>,
    /// Variants tried at most
    #[arg(long = "num_trials", value_name = "N")]
    pub num_trials: Option<usize>,
    /// Time after which no further variant is begun, such as `10m`
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub time: Option<Duration>,
    /// Start of the random numbers of `random` and `tpe` [default: 1]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Where the result runs.
    #[command(flatten)]
    pub accelerator: AcceleratorArgs,
    /// What becomes of the config.
    #[command(flatten)]
    pub shortcut: ShortcutArgs,
}

/// `olive auto`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  olive auto -m model
  olive auto -m model --data test.json --text_template '{phrase}: {tone}' --time 10m \\
      --memory 8GB --yes

Looks at the machine, says which passes suit it and why, and searches among them. With data the
result is at most 5 percent more perplexed than the model, unless a goal says otherwise; `olive optimize -h` tells what goals
and figures there are.")]
pub struct AutoArgs {
    /// The model.
    #[command(flatten)]
    pub model: ModelArgs,
    /// Rows to measure quality on.
    #[command(flatten)]
    pub data: DataArgs,
    /// What counts.
    #[command(flatten)]
    pub aim: AimArgs,
    /// Time after which no further variant is begun, such as `90s` or `1h`
    #[arg(long, value_name = "TIME", value_parser = parse_duration, default_value = "10m")]
    pub time: Duration,
    /// Do not ask before the search begins
    #[arg(short, long)]
    pub yes: bool,
    /// Where the result runs.
    #[command(flatten)]
    pub accelerator: AcceleratorArgs,
    /// What becomes of the config.
    #[command(flatten)]
    pub shortcut: ShortcutArgs,
}

/// What counts.
#[derive(Debug, Args)]
pub struct AimArgs {
    /// What the result must reach, such as 'accuracy >= -2%'; may be given several times
    #[arg(long, value_name = "GOAL", value_parser = goal::parse)]
    pub goal: Vec<Wanted>,
    /// Figure that should be small; the first of these and of `--maximize` counts most
    /// [default: size]
    #[arg(long, value_name = "FIGURE", value_parser = Figure::small)]
    pub minimize: Vec<Figure>,
    /// Figure that should be large
    #[arg(long, value_name = "FIGURE", value_parser = Figure::large)]
    pub maximize: Vec<Figure>,
    /// How much is measured.
    #[command(flatten)]
    pub measure: MeasureArgs,
}

/// Which variants are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SamplerName {
    /// All, in order
    Sequential,
    /// Random ones
    Random,
    /// Those that a tree-structured Parzen estimator proposes
    Tpe,
}

impl SamplerName {
    /// The name a config uses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sequential => "sequential",
            Self::Random => "random",
            Self::Tpe => "tpe",
        }
    }
}
