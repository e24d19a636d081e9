//! What quantizers leave of the recipe's tuned model.

use std::path::Path;

use serde_json::Value;

use super::figures::Footprint;
use super::trials::Found;
use super::tuned;
use crate::command;
use crate::demo;
use crate::error::ChoreError;
use crate::fetch;
use crate::recipe::Recipe;
use crate::release;
use crate::workspace::target;

/// Bytes of a MiB.
const MIB: f64 = 1_048_576.0;

/// Prints a table with a row for each variant of `examples/phrase-tone/quantizers.json`; `data` holds
/// other rows than the example's.
pub(super) fn run(data: Option<&Path>) -> Result<(), ChoreError> {
    release::build()?;
    fetch::onnxruntime()?;
    let checkpoint = demo::import(&fetch::model()?)?;
    let tuned = tuned::tune(&tuned::recipe(data)?, &checkpoint)?;
    let mut recipe = Recipe::quantizers()?;
    if let Some(data) = data {
        recipe.set_data(&data.canonicalize().map_err(ChoreError::file("find", data))?)?;
    }
    recipe.remove("/passes", "lora")?;
    recipe.remove("/passes", "merge_adapter_weights")?;
    recipe.set("/engine/evaluate_input_model", true)?;
    let folder = target().join("bench/quality");
    let config = recipe.write(&folder)?;
    let mut olive = demo::olive(&["run", "--json", "--config"]);
    olive.arg(&config).arg("-m").arg(&tuned).arg("-o").arg(folder.join("output"));
    let said = command::output(&mut olive)?;
    let found = Found(Footprint::of_run(&said, config)?.into_value());
    println!("| quantizer | size | exact match | perplexity |");
    println!("| --- | --- | --- | --- |");
    println!("{}", row("none: tuned checkpoint", |name| found.input_figure(name)));
    for trial in found.trials() {
        println!("{}", row(&name(&recipe, trial), |name| found.figure(trial, name)));
    }
    Ok(())
}

/// Which quantizer with which settings a trial had, less what all have.
fn name(recipe: &Recipe, trial: &Value) -> String {
    // The sampler takes the alternatives in their order.
    let index = trial["number"].as_u64().unwrap_or_default().saturating_sub(1);
    let Some(pass) = recipe.value(&format!("/passes/quantize/{index}")) else {
        return super::trials::choices(trial);
    };
    let usual = ["type", "group_size", "embeds", "data_config"];
    let settings = pass.as_object().into_iter().flatten();
    let settings = settings.filter(|(key, _)| !usual.contains(&key.as_str()));
    let settings = settings.map(|(key, value)| format!(", `{key}`: `{value}`"));
    format!("`{}`{}", pass["type"].as_str().unwrap_or_default(), settings.collect::<String>())
}

fn row(name: &str, figure: impl Fn(&str) -> Option<f64>) -> String {
    let or_none = |text: Option<String>| text.unwrap_or_else(|| "not measured".to_owned());
    let size = or_none(figure("bytes").map(|bytes| format!("{:.1} MiB", bytes / MIB)));
    let exact = or_none(figure("exact_match").map(|share| format!("{:.1} %", share * 100.0)));
    let perplexity = or_none(figure("perplexity").map(|value| format!("{value:.2}")));
    format!("| {name} | {size} | {exact} | {perplexity} |")
}
