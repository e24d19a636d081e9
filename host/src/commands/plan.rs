//! `olive plan`.

use serde_json::json;

use super::run::choices;
use super::{host, say};
use crate::cli::RunArgs;
use crate::config;
use crate::error::Error;
use crate::host::refused;
use crate::plan::{self, Plan};
use crate::store::Store;

pub(super) fn run(args: &RunArgs) -> Result<(), Error> {
    let choices = choices(args)?;
    let host = host(&args.common)?;
    let source = config::read(&args.config)?;
    let written = config::parse(&source).map_err(refused(&source))?;
    let (checked, _) = host.accept(&source, config::check(&written, &host.catalog))?;
    let plan = plan::resolve(&checked, &source.folder(), &host.catalog, &choices)
        .map_err(|error| error.at(&source, &checked))?;
    let store = Store::new(&plan.cache_dir);
    say(&if host.is_json { json(&plan, &store) } else { text(&plan, &store) });
    Ok(())
}

fn text(plan: &Plan, store: &Store) -> String {
    let titles = plan.titles(store);
    let width = titles.iter().map(|title| title.title.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for (title, step) in titles.iter().zip(&plan.steps) {
        let state = if title.is_cached { "done before" } else { "to do" };
        let padding = " ".repeat(width - title.title.chars().count());
        text.push_str(&format!(
            "{:>3}  {}{padding}  {}  {state:11}  {}\n",
            title.index,
            title.title,
            step.key.short(),
            step.plugin
        ));
    }
    if let Some(folder) = &plan.output_dir {
        text.push_str(&format!("result: {}\n", folder.display()));
    }
    text
}

fn json(plan: &Plan, store: &Store) -> String {
    let titles = plan.titles(store);
    let steps: Vec<_> = titles
        .iter()
        .zip(&plan.steps)
        .map(|(title, step)| {
            json!({
                "index": title.index,
                "title": title.title,
                "kind": step.kind(),
                "name": step.name,
                "key": title.key,
                "is_cached": title.is_cached,
                "plugin": step.plugin,
                "config": step.full_config,
            })
        })
        .collect();
    let plan = json!({
        "workflow_id": plan.workflow_id,
        "input_model": plan.input.model,
        "accelerator": plan.accelerator,
        "threads": plan.threads,
        "steps": steps,
        "cache_dir": plan.cache_dir,
        "output_dir": plan.output_dir,
    });
    format!("{plan}\n")
}
