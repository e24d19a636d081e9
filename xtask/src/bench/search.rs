//! `olive optimize` on the recipe's tuned model, against measuring everything.
//!
//! The model is trained and merged once. Then every variant is measured to its end, and the
//! smallest that is good enough is what a search must find. Searches that leave work out look for
//! it from nothing: one stops what is worse than what it has, one is led by an estimator to less than
//! half of the variants, twice with the same seed. Other seeds are tried on what was measured
//! already, which says how often the estimator finds the best.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::figures::Footprint;
use super::trials::{Found, choices};
use super::tuned;
use crate::command;
use crate::demo;
use crate::error::ChoreError;
use crate::fetch;
use crate::recipe::{self, Recipe};
use crate::release;
use crate::workspace::target;

/// What the result must reach, measured from the tuned model.
const GOAL: &str = "accuracy >= -3points";

/// Seeds that are tried on what was measured.
const SEEDS: u64 = 10;

/// Exit code of a search whose models all miss the goal.
const MISSED: i32 = 21;

/// Prints a line for each search; `data` holds other rows than the example's.
pub(super) fn run(data: Option<&Path>) -> Result<(), ChoreError> {
    release::build()?;
    fetch::onnxruntime()?;
    let checkpoint = demo::import(&fetch::model()?)?;
    let bench = Bench::new(data)?;
    let tuned = tuned::tune(&bench.recipe, &checkpoint)?;
    let all = bench.search("all", &bench.config(&tuned)?, &json!({"stop_worse": false}))?;
    let variants = all.trials();
    let single: f64 = variants.iter().filter_map(|trial| trial["duration_sec"].as_f64()).sum();
    let best = all.smallest();
    println!("{} variants, {single:.0} s one by one; best: {best}", variants.len());
    let config = bench.config(&tuned)?;
    let half = variants.len().saturating_sub(1) / 2;
    let estimated = |seed: u64| json!({"sampler": "tpe", "seed": seed, "max_samples": half});
    let mut tried = Vec::new();
    for (name, strategy) in [
        ("stop worse", json!({"stop_worse": true})),
        ("tpe", estimated(1)),
        ("tpe again", estimated(1)),
    ] {
        bench.forget(name)?;
        let found = bench.search(name, &config, &strategy)?;
        let same = if found.result() == best { "the best" } else { "not the best" };
        let (took, num_tried) = (found.duration(), found.trials().len());
        let share = took / single;
        println!("{name}: {same}, {num_tried} tried, {took:.0} s, {share:.2} of one by one");
        tried.push(found.trials().iter().map(choices).collect::<Vec<_>>());
    }
    let [.., one, again] = &tried[..] else { return Ok(()) };
    let same = if one == again { "the same variants" } else { "not the same variants" };
    println!("tpe by one seed, twice: {same}");
    let finds = |seed| bench.search("all", &config, &estimated(seed)).map(|f| f.result() == best);
    let found: Result<Vec<bool>, _> = (1..=SEEDS).map(finds).collect();
    let found = found?.into_iter().filter(|found| *found).count();
    println!(
        "tpe with {half} of {} variants: the best by {found} of {SEEDS} seeds",
        variants.len()
    );
    Ok(())
}

/// Where searches are run, and on what.
struct Bench {
    folder: PathBuf,
    recipe: Recipe,
}

impl Bench {
    fn new(data: Option<&Path>) -> Result<Self, ChoreError> {
        let recipe = tuned::recipe(data)?;
        let bench = Self { folder: target().join("bench/search"), recipe };
        bench.forget("all")?;
        Ok(bench)
    }

    /// What `olive optimize` writes for `model`, reading rows as the recipe does.
    fn config(&self, model: &Path) -> Result<Value, ChoreError> {
        let rows = self.recipe.text("/data_configs/1/load_dataset_config/data_files")?;
        let text = |key: &str| {
            let pointer = format!("/data_configs/1/pre_process_data_config/{key}");
            self.recipe.text(&pointer)
        };
        let path = self.folder.join("optimize.json");
        let mut olive = demo::olive(&["optimize", "--dry-run", "--goal", GOAL]);
        olive.args(["--minimize", "size", "--max_new_tokens", "5", "--data", rows]);
        for key in ["text_template", "prompt_template", "answer_template"] {
            olive.arg(format!("--{key}")).arg(text(key)?);
        }
        command::output(olive.arg("-m").arg(model).arg("--save-config").arg(&path))?;
        recipe::read_json(&path)
    }

    /// Removes what searches under `name` made.
    fn forget(&self, name: &str) -> Result<(), ChoreError> {
        let folder = self.folder.join(name);
        if folder.exists() {
            fs::remove_dir_all(&folder).map_err(ChoreError::file("remove", &folder))?;
        }
        Ok(())
    }

    /// Runs `config` by `strategy`, with what earlier searches under `name` have made.
    fn search(&self, name: &str, config: &Value, strategy: &Value) -> Result<Found, ChoreError> {
        let folder = self.folder.join(name);
        fs::create_dir_all(&folder).map_err(ChoreError::file("create", &folder))?;
        let mut config = config.clone();
        config["engine"]["search_strategy"] = strategy.clone();
        config["engine"]["cache_dir"] = "cache".into();
        config["engine"]["output_dir"] = "output".into();
        let path = folder.join("olive-config.json");
        fs::write(&path, format!("{config:#}\n")).map_err(ChoreError::file("write", &path))?;
        let mut olive = demo::olive(&["run", "--json", "--config"]);
        let said = olive.arg(&path).output().map_err(command::start(&olive))?;
        if said.status.code() != Some(MISSED) {
            let errors = String::from_utf8_lossy(&said.stderr).into_owned();
            command::check(&olive, said.status, errors)?;
        }
        let lines = String::from_utf8_lossy(&said.stdout);
        Ok(Found(Footprint::of_run(&lines, path)?.into_value()))
    }
}
