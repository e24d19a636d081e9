//! What `olive check` costs from start to end: on a recipe, and on a config of 5,000 lines.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use serde_json::{Value, json};

use super::figures::median;
use crate::command;
use crate::error::ChoreError;
use crate::recipe::Recipe;
use crate::workspace::{Profile, root, target};

/// Starts of the program that are timed.
const STARTS: usize = 20;
/// Lines of the config that is made.
const NUM_LINES: usize = 5000;
/// Bytes a check may take.
const LIMIT_BYTES: f64 = 40e6;
/// Ticks of a second in `/proc`, the same on every Linux.
const TICKS: f64 = 100.0;
/// GNU time, which tells the peak memory of what it runs.
const TIME: &str = "/usr/bin/time";

/// Measures and prints.
pub(super) fn run() -> Result<(), ChoreError> {
    let folder = target().join("bench/check");
    let large = large(&folder)?;
    for (title, config, limit_ms) in
        [("the recipe", recipe(), 30.0), ("a config of 5,000 lines", large, 100.0)]
    {
        let first_ms = first(&config, &folder.join("home"))?;
        measure(title, &config, limit_ms)?;
        println!("  the very first start, which describes the plugins: {first_ms:.0} ms");
    }
    Ok(())
}

fn measure(title: &str, config: &Path, limit_ms: f64) -> Result<(), ChoreError> {
    start(config)?;
    let before = children_sec();
    let times: Result<Vec<f64>, _> = (0..STARTS).map(|_| start(config)).collect();
    let wall_ms = median(&times?);
    let cpu = before.zip(children_sec()).map(|(before, after)| after - before);
    let cpu = cpu.map(|sec| format!(", {:.1} CPU-ms", sec * 1e3 / STARTS as f64));
    println!(
        "olive check of {title}: {wall_ms:.1} ms{} (median of {STARTS})",
        cpu.unwrap_or_default()
    );
    println!("  limit / ours: wall {:.2} of {limit_ms:.0} ms", limit_ms / wall_ms);
    match peak_bytes(config)? {
        Some(peak) => {
            let ratio = LIMIT_BYTES / peak;
            println!("  limit / ours: memory {ratio:.2} of 40 MB, peak {:.1} MB", peak / 1e6);
        }
        None => println!("  skipped: peak memory, as there is no GNU time at `{TIME}`"),
    }
    Ok(())
}

/// Milliseconds from starting the check to its end, whatever it finds.
fn start(config: &Path) -> Result<f64, ChoreError> {
    timed(olive(&Profile::Release.program()).arg("check").arg(config))
}

/// The same without descriptions of plugins, which are kept in `home`.
fn first(config: &Path, home: &Path) -> Result<f64, ChoreError> {
    if home.exists() {
        fs::remove_dir_all(home).map_err(ChoreError::file("remove", home))?;
    }
    let mut olive = olive(&Profile::Release.program());
    timed(olive.arg("check").arg(config).env("OLIVE_CACHE_HOME", home))
}

/// Largest resident memory of a check; nothing where GNU time is missing.
fn peak_bytes(config: &Path) -> Result<Option<f64>, ChoreError> {
    if !Path::new(TIME).exists() {
        return Ok(None);
    }
    let report = target().join("bench/check/peak");
    timed(
        olive(Path::new(TIME))
            .args(["--quiet", "--format=%M", "--output"])
            .arg(&report)
            .arg(Profile::Release.program())
            .arg("check")
            .arg(config),
    )?;
    let said = fs::read_to_string(&report).map_err(ChoreError::file("read", &report))?;
    let kib = said
        .trim()
        .parse::<f64>()
        .map_err(|error| ChoreError::Content { path: report, problem: error.to_string() })?;
    Ok(Some(kib * 1024.0))
}

fn timed(command: &mut Command) -> Result<f64, ChoreError> {
    let start = Instant::now();
    command.status().map_err(|source| ChoreError::Start {
        program: command.get_program().to_string_lossy().into_owned(),
        source,
    })?;
    Ok(start.elapsed().as_secs_f64() * 1e3)
}

fn olive(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// Processor seconds of all children that have ended, where `/proc` tells.
fn children_sec() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The name of the program, in parentheses, may hold spaces.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(13).map(str::parse::<f64>);
    Some((fields.next()?.ok()? + fields.next()?.ok()?) / TICKS)
}

/// The recipe as it is used beside this repository, else its example.
fn recipe() -> PathBuf {
    let used = root().join("../shared/recipes/local.json");
    if used.is_file() { used } else { Recipe::example() }
}

/// Writes a right config of [`NUM_LINES`] lines or little more.
fn large(folder: &Path) -> Result<PathBuf, ChoreError> {
    let mut num_parts = 0;
    let mut text = String::new();
    while text.lines().count() < NUM_LINES {
        num_parts += 25;
        text = format!("{:#}\n", workflow(num_parts));
    }
    let model = folder.join("model");
    fs::create_dir_all(&model).map_err(ChoreError::file("create", &model))?;
    let data = folder.join("train.json");
    fs::write(&data, "[]").map_err(ChoreError::file("write", &data))?;
    let path = folder.join("large.json");
    fs::write(&path, text).map_err(ChoreError::file("write", &path))?;
    let mut check = Command::new(Profile::Release.program());
    command::output(check.args(["check", "--strict"]).arg(&path))?;
    Ok(path)
}

/// A workflow with so many passes, data configs and evaluators.
fn workflow(num_parts: usize) -> Value {
    let data = |index: usize| {
        json!({
            "name": format!("data_{index}"),
            "load_dataset_config": { "data_name": "json", "data_files": "train.json" },
            "pre_process_data_config": {
                "max_seq_len": 128, "text_template": "{phrase}\n{tone}"
            }
        })
    };
    let pass = |index: usize| {
        let settings = json!({
            "type": "LoRA", "r": 64, "alpha": 64, "train_data_config": format!("data_{index}"),
            "training_args": { "max_steps": 10, "learning_rate": 0.0002 }
        });
        let merge = json!({ "type": "MergeAdapterWeights" });
        [(format!("tune_{index}"), settings), (format!("merge_{index}"), merge)]
    };
    let evaluator = |index: usize| {
        let metric = json!({
            "name": "tone", "type": "accuracy", "data_config": format!("data_{index}"),
            "sub_types": [{ "name": "exact_match" }]
        });
        (format!("evaluator_{index}"), json!({ "metrics": [metric] }))
    };
    json!({
        "input_model": { "type": "HfModel", "model_path": "model" },
        "data_configs": (0..num_parts).map(data).collect::<Vec<_>>(),
        "passes": Value::Object((0..num_parts).flat_map(pass).collect()),
        "evaluators": Value::Object((0..num_parts).map(evaluator).collect()),
        "engine": { "evaluator": "evaluator_0", "output_dir": "output" }
    })
}

#[cfg(test)]
mod tests {
    use super::{children_sec, workflow};

    #[test]
    fn every_pass_has_its_data() {
        let workflow = workflow(2);
        assert_eq!(workflow["passes"]["tune_1"]["train_data_config"], "data_1");
        assert_eq!(workflow["data_configs"][1]["name"], "data_1");
        assert_eq!(workflow["passes"].as_object().unwrap().len(), 4);
    }

    #[test]
    fn the_time_of_children_is_told_where_there_is_proc() {
        assert_eq!(children_sec().is_some(), std::path::Path::new("/proc/self/stat").exists());
    }
}
