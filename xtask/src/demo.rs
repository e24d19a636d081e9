//! The recipe on a real model: from nothing to an int4 ONNX model that answers a phrase.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use clap::Args;

use crate::command;
use crate::error::ChoreError;
use crate::fetch;
use crate::recipe::Recipe;
use crate::release;
use crate::workspace::{Profile, root, target};

/// A phrase of neither data set, in the words of the example's `prompt_template`.
const PROMPT: &str = "<|im_start|>### Text: We finally won, and everyone on the team is dancing.\n### The tone is:\n";

/// Learning rate on other data, which is expected to be larger than the example's.
pub(crate) const OTHER_DATA_RATE: f64 = 1e-4;

/// What the demo works on.
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Folder with `train.json` and `test.json` (rows of `phrase` and `tone`) instead of the
    /// example's own; trains three epochs.
    #[arg(long, value_name = "DIR", conflicts_with = "public")]
    data: Option<PathBuf>,
    /// Use the public data set at `../shared/data/phrase-tone`, if it is there.
    #[arg(long)]
    public: bool,
}

/// Runs the demo; the table of figures is the program's own.
pub(crate) fn run(args: &DemoArgs) -> Result<(), ChoreError> {
    let public = root().join("../shared/data/phrase-tone");
    if args.public && !public.is_dir() {
        println!("skipped: there is no public data set at `{}`", public.display());
        return Ok(());
    }
    let data = if args.public { Some(public) } else { args.data.clone() };
    let mut parts = Parts::default();
    // First what may be missing on this machine, then what takes minutes.
    let gguf = parts.time("fetch", fetched)?;
    parts.time("build", release::build)?;
    let model = parts.time("import", || import(&gguf))?;
    let (config, output) = workflow(data.as_deref())?;
    parts.time("run", || recipe(&config, &model, &output))?;
    parts.time("answer", || answer(&output))?;
    parts.print();
    Ok(())
}

/// Fetches ONNX Runtime and the small model, and says where they are.
fn fetched() -> Result<PathBuf, ChoreError> {
    println!("onnxruntime: {}", fetch::onnxruntime()?.display());
    let gguf = fetch::model()?;
    println!("model: {}", gguf.display());
    Ok(gguf)
}

/// The small model in the layout of Phi-3, imported from GGUF if that was not done yet.
pub(crate) fn import(gguf: &Path) -> Result<PathBuf, ChoreError> {
    let model = target().join("demo/model");
    if model.join("config.json").is_file() {
        println!("imported before: {}", model.display());
        return Ok(model);
    }
    fs::create_dir_all(target().join("demo")).map_err(ChoreError::file("create", &model))?;
    let mut olive = olive(&["import", "gguf"]);
    command::run(olive.arg(gguf).arg("-o").arg(&model).args(["--layout", "phi3"]))?;
    Ok(model)
}

/// The built program, run from the repository's root.
pub(crate) fn olive(args: &[&str]) -> Command {
    let mut command = Command::new(Profile::Release.program());
    command.args(args).current_dir(root());
    command
}

/// The config to run and where its result goes: the example as it is, or with other data.
fn workflow(data: Option<&Path>) -> Result<(PathBuf, PathBuf), ChoreError> {
    let folder = target().join("demo");
    let Some(data) = data else {
        return Ok((Recipe::example(), folder.join("output")));
    };
    let data = data.canonicalize().map_err(ChoreError::file("find", data))?;
    let name = data.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let folder = folder.join(name);
    let mut recipe = Recipe::read()?;
    recipe.set_data(&data)?;
    recipe.set("/passes/lora/training_args/learning_rate", OTHER_DATA_RATE)?;
    let config = recipe.write(&folder)?;
    Ok((config, folder.join("output")))
}

fn recipe(config: &Path, model: &Path, output: &Path) -> Result<(), ChoreError> {
    let mut olive = olive(&["run", "--config"]);
    command::run(olive.arg(config).arg("-m").arg(model).arg("-o").arg(output))
}

fn answer(output: &Path) -> Result<(), ChoreError> {
    print!("\n{PROMPT}");
    let mut olive = olive(&["generate", "--model"]);
    command::run(olive.arg(output).args(["--max-new-tokens", "5", "--prompt", PROMPT]))
}

/// Parts of the demo and how long each took.
#[derive(Debug, Default)]
struct Parts(Vec<(&'static str, Duration)>);

impl Parts {
    fn time<T>(
        &mut self,
        name: &'static str,
        work: impl FnOnce() -> Result<T, ChoreError>,
    ) -> Result<T, ChoreError> {
        println!("\n== {name}");
        let start = Instant::now();
        let made = work()?;
        self.0.push((name, start.elapsed()));
        Ok(made)
    }

    fn print(&self) {
        println!();
        for (name, time) in &self.0 {
            println!("{name:<8}{:>8.1} s", time.as_secs_f64());
        }
    }
}
