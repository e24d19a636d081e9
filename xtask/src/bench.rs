//! Time and memory of the built program, as medians of several runs on the demo's model.
//!
//! What a step costs is read from the footprint that ends a run: wall time, processor time and peak
//! memory of its worker. With `--python`, the same work is done by the Python stack, in turns with
//! ours on the same machine, and the ratio printed.

mod build;
mod calibrate;
mod quantize;
mod onnx;
mod latency;
mod check;
mod figures;
mod packs;
mod quality;
mod search;
mod trials;
mod tuned;
mod peer;
mod program;
mod disk;
mod shapes;
mod train;
mod venv;
mod watch;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use clap::{Args, ValueEnum};
use serde_json::json;

use crate::command;
use crate::demo;
use crate::error::ChoreError;
use crate::fetch;
use crate::recipe::Recipe;
use crate::release;
use crate::workspace::{Profile, target};
use figures::{Cost, median};

/// Starts of the program that are timed.
const STARTS: usize = 20;

/// Optimizer steps of the training that is timed.
const TRAIN_STEPS: i32 = 4;

/// What to measure, and how often.
#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    /// What to measure.
    #[arg(value_enum, default_value_t = What::All)]
    what: What,
    /// Runs a median is taken of.
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// Python interpreter with torch, transformers, peft and onnxruntime-genai, to compare with.
    #[arg(long, value_name = "PATH")]
    python: Option<PathBuf>,
    /// Folder with `train.json` and `test.json` for `search` and `quality`, instead of the example's
    /// own.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    #[command(flatten)]
    extent: Extent,
    #[command(flatten)]
    train: train::TrainArgs,
}

/// How far `train`, `build`, `calibrate` and `quantize` go.
#[derive(Debug, Clone, Args)]
struct Extent {
    /// What sizes cost: train with doubled length, batch, rank and layers instead; build models of 0.1
    /// to 7 billion parameters too (up to 15 GB are written).
    #[arg(long)]
    scaling: bool,
    /// Phi-3-mini's shape (8 GB of random weights are written): train it by `QLoRA` instead; build it
    /// too; walk through a few layers of it too, or quantize them.
    #[arg(long)]
    phi3: bool,
    /// Leave the peer out.
    #[arg(long)]
    alone: bool,
}

/// What to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    /// `olive --help` and the answer to a wrong config.
    Startup,
    /// `olive check` of a recipe and of a large config, against its limits.
    Check,
    /// Installing packs, and starting with fifty of them.
    Packs,
    /// LoRA training.
    Lora,
    /// Training by precision and length, in turns with PEFT, which is installed for it.
    Train,
    /// Merging the adapter.
    Merge,
    /// Building int4 models, in turns with ONNX Runtime GenAI's builder, which is installed for it.
    Build,
    /// Walking through models with calibration data: memory, against what is estimated.
    Calibrate,
    /// Quantizing on calibration data: GPTQ beside AWQ and RTN, against its limits.
    Quantize,
    /// Passes on ONNX graphs on a model of 2 GB, in turns with Olive's where Python has them.
    Onnx,
    /// Figures of speed of ONNX models, in turns with ONNX Runtime's own interface where Python has it.
    Latency,
    /// `olive optimize` on the tuned model of the recipe: finding the best, and in which time.
    Search,
    /// What quantizers leave of the tuned model of the recipe: size, exact match and perplexity.
    Quality,
    /// Generating text with each model of the recipe.
    Generate,
    /// All of these but `train`, `build`, `calibrate`, `quantize`, `onnx`, `latency`, `search` and
    /// `quality`; of building, the step of the recipe.
    All,
}

/// Steps of the recipe: what measures them, the type of the pass, the peer's name for it.
const STEPS: [(What, &str, &str); 3] = [
    (What::Lora, "LoRA", "lora"),
    (What::Merge, "MergeAdapterWeights", "merge"),
    (What::Build, "ModelBuilder", "build"),
];

/// Measures and prints.
pub(crate) fn run(args: &BenchArgs) -> Result<(), ChoreError> {
    if args.data.is_some() && !matches!(args.what, What::Search | What::Quality) {
        let user = "bench search` and `bench quality";
        return Err(ChoreError::Unused { option: "--data", user });
    }
    if args.what == What::Train {
        return train::run(&args.train, &args.extent, args.runs, args.python.clone());
    }
    if args.what == What::Build {
        return build::run(&args.extent, args.runs, args.python.clone());
    }
    if args.what == What::Calibrate {
        return calibrate::run(&args.extent);
    }
    if args.what == What::Quantize {
        return quantize::run(&args.extent, args.runs, args.train.threads);
    }
    if args.what == What::Onnx {
        return onnx::run(args.python.as_deref());
    }
    if args.what == What::Latency {
        return latency::run(args.runs, args.python.as_deref());
    }
    if args.what == What::Search {
        return search::run(args.data.as_deref());
    }
    if args.what == What::Quality {
        return quality::run(args.data.as_deref());
    }
    release::build()?;
    let is_wanted = |what| args.what == what || args.what == What::All;
    if is_wanted(What::Startup) {
        startup()?;
    }
    if is_wanted(What::Check) {
        check::run()?;
    }
    if is_wanted(What::Packs) {
        packs::run()?;
    }
    if !matches!(args.what, What::Startup | What::Check | What::Packs) {
        steps(args, is_wanted)?;
    }
    Ok(())
}

fn startup() -> Result<(), ChoreError> {
    let folder = target().join("bench");
    let mut recipe = Recipe::read()?;
    recipe.set("/passes/lora/type", "LoRRA")?;
    let config = recipe.write(&folder.join("wrong"))?;
    let config = config.to_string_lossy();
    for (name, words) in
        [("olive --help", vec!["--help"]), ("a wrong config", vec!["check", &config])]
    {
        // The first start fills the file cache and describes the plugins.
        start(&words)?;
        let times: Result<Vec<_>, _> = (0..STARTS).map(|_| start(&words)).collect();
        println!("{name}: {:.1} ms (median of {STARTS})", median(&times?));
    }
    Ok(())
}

/// Milliseconds from starting the program to its end, whatever it answers.
fn start(words: &[&str]) -> Result<f64, ChoreError> {
    let program = Profile::Release.program();
    let mut command = Command::new(&program);
    command.args(words).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let start = Instant::now();
    command.status().map_err(|source| ChoreError::Start {
        program: program.to_string_lossy().into_owned(),
        source,
    })?;
    Ok(start.elapsed().as_secs_f64() * 1e3)
}

fn steps(args: &BenchArgs, is_wanted: impl Fn(What) -> bool) -> Result<(), ChoreError> {
    fetch::onnxruntime()?;
    let model = demo::import(&fetch::model()?)?;
    let mut runs = Vec::new();
    for _ in 0..args.runs {
        runs.push(recipe(&model, is_wanted(What::Generate))?);
    }
    for (_, pass, peer) in STEPS.into_iter().filter(|(what, ..)| is_wanted(*what)) {
        let costs: Result<Vec<_>, _> = runs.iter().map(|run| figures::cost(run, pass)).collect();
        let ours = Cost::median(&costs?);
        println!("{pass}: {ours} (median of {})", args.runs);
        peer::compare(args.python.as_deref(), peer, &ours, &model, args.runs)?;
    }
    if is_wanted(What::Generate) {
        for (title, speed) in figures::speeds(&runs)? {
            println!("generate, {title}: {speed:.1} tokens/s (median of {})", args.runs);
        }
    }
    Ok(())
}

/// Runs a short recipe from nothing; gives its footprint.
fn recipe(model: &Path, generates: bool) -> Result<figures::Footprint, ChoreError> {
    let folder = target().join("bench");
    let cache = folder.join("cache");
    if cache.exists() {
        fs::remove_dir_all(&cache).map_err(ChoreError::file("remove", &cache))?;
    }
    let mut recipe = Recipe::read()?;
    recipe.set("/passes/lora/training_args/max_steps", TRAIN_STEPS)?;
    recipe.set(
        "/evaluators/tone/metrics/0/user_config",
        json!({ "max_new_tokens": 5, "limit": 1 }),
    )?;
    if !generates {
        recipe.set("/evaluators", json!({}))?;
        recipe.set("/engine/evaluator", json!(null))?;
    }
    let config = recipe.write(&folder)?;
    let mut olive = demo::olive(&["run", "--json", "--config"]);
    olive.arg(&config).arg("-m").arg(model).arg("-o").arg(folder.join("output"));
    figures::Footprint::of_run(&command::output(&mut olive)?, config)
}
