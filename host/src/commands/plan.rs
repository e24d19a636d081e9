//! `olive plan`.

use serde_json::json;

use super::run::choices;
use super::{host, say};
use crate::cli::RunArgs;
use crate::config;
use crate::error::Error;
use crate::plan::{self, Plan};
use crate::store::Store;
use crate::view::StepTitle;

pub(super) fn run(args: &RunArgs) -> Result<(), Error> {
    let choices = choices(args)?;
    let host = host(&args.common)?;
    let source = config::read(&args.config)?;
    let scope = config::Scope::run(choices.model.as_ref().map(|model| model.kind));
    let (checked, _) = host.accept(&source, config::examine_for(&source, &host.catalog, scope))?;
    let checked = crate::fetch::fetch(&host, &source, checked)?;
    for (build, choices) in crate::builds(&checked, &choices) {
        let plan = plan::resolve(&build, &source.folder(), &host.catalog, &choices)
            .map_err(|error| error.at(&source, &build))?;
        let store = Store::new(&plan.cache_dir);
        say(&if host.is_json { json(&plan, &store) } else { text(&plan, &store) });
    }
    Ok(())
}

fn text(plan: &Plan, store: &Store) -> String {
    let titles = plan.titles(store);
    let width = titles.iter().map(|title| title.title.chars().count()).max().unwrap_or(0);
    let steps = titles.iter().zip(&plan.steps).map(|(title, step)| {
        let StepTitle { index, title, is_cached, .. } = title;
        let state = if *is_cached { "done before" } else { "to do" };
        let (key, plugin) = (step.key.short(), &step.plugin);
        format!("{index:>3}  {title:width$}  {key}  {state:11}  {plugin}\n")
    });
    let result = plan.output_dir.iter().map(|folder| format!("result: {}\n", folder.display()));
    steps.chain(result).collect()
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
