//! `olive plan`.

mod rehearsal;

use serde_json::{Value, json};

use super::run::{check_lock, choices};
use super::{host_of, say};
use crate::cli::RunArgs;
use crate::config::Scope;
use crate::config::schema::plain;
use crate::error::Error;
use crate::flow::{self, Accepted};
use crate::forecast::{self, Forecast};
use crate::host::{Host, unplanned};
use crate::plan::{self, Choices, Plan, PlannedGoal, PlannedPackage, PlannedSamples, Step};
use crate::search::{self, Outlook, Prospect, Searched};
use crate::steps::StepTitle;
use crate::store::Store;
use crate::units::duration;
use crate::validate::estimates;

pub(super) fn run(args: &RunArgs) -> Result<(), Error> {
    let choices = choices(args)?;
    let host = host_of(&args.common, args.config.path())?;
    check_lock(args, &host)?;
    let scope = Scope::run(choices.model.as_ref().map(|model| model.kind));
    let accepted = flow::accept(&host, args.config.path(), scope)?;
    show(&host, &accepted, &choices, &say)?;
    if args.dry_run {
        rehearsal::show(&host, &accepted, &choices)?;
    }
    Ok(())
}

/// Shows the plan of each build of `accepted` by `tell`, as text or JSON.
///
/// # Errors
/// When a build cannot be planned, or what it needs is not there.
pub(super) fn show(
    host: &Host,
    accepted: &Accepted,
    choices: &Choices,
    tell: &dyn Fn(&str),
) -> Result<(), Error> {
    let Accepted { source, checked, .. } = accepted;
    let scope = Scope::run(choices.model.as_ref().map(|model| model.kind));
    for (build, choices) in flow::builds(checked, choices) {
        if let Some(searched) = flow::searched(accepted, &build) {
            let outlook = search::outlook(host, &searched, &choices);
            let told = if host.is_json { search_json } else { search_text };
            tell(&told(&searched, &outlook));
            continue;
        }
        let plan = plan::resolve(&build, &source.folder(), &host.catalog, &choices)
            .map_err(|error| unplanned(error, source, &build))?;
        let store = Store::new(&plan.cache_dir);
        let costs = estimates(&build, source, &host.catalog, scope);
        let forecasts = forecast::forecasts(&plan, &costs, &store);
        let told = if host.is_json { json } else { text };
        tell(&told(&plan, &forecasts, &store));
        forecast::check(&plan, &costs, &store, choices.is_forced).map_err(Error::Short)?;
    }
    Ok(())
}

/// A search in lines: each variant with the steps that are left to do, and what all will take.
fn search_text(searched: &Searched<'_>, outlook: &Outlook) -> String {
    let total = match outlook.count {
        Some(count) => format!("{count} variants"),
        None => "variants without number".to_owned(),
    };
    let sampler = plain(&json!(searched.strategy.sampler));
    let mut lines = vec![format!("a search among {total}, sampler `{sampler}`")];
    for (number, Prospect { label, plan }) in (1..).zip(&outlook.variants) {
        let state = match plan {
            Ok((_, forecasts)) => {
                let left = forecasts.iter().filter(|forecast| !forecast.is_done).count();
                format!("{left} of {} steps to do", forecasts.len())
            }
            Err(reason) => format!("skipped: {reason}"),
        };
        lines.push(format!("{number:>3}  {label}  {state}"));
    }
    let max_time = searched.strategy.max_time;
    let whole = outlook.whole.as_ref().and_then(|whole| forecast::whole_words(whole, max_time));
    lines.extend(whole.map(|words| format!("the whole search: {words}")));
    lines.push(String::new());
    lines.join("\n")
}

fn search_json(searched: &Searched<'_>, outlook: &Outlook) -> String {
    let step = |(step, forecast): (&Step, &Forecast)| {
        let mut told = json!({
            "title": step.title(),
            "key": step.key.to_string(),
            "is_cached": forecast.is_done,
        });
        if let Some(seconds) = forecast.seconds {
            told["seconds"] = json!(seconds);
        }
        told
    };
    let variants = outlook.variants.iter().map(|Prospect { label, plan }| match plan {
        Ok((plan, forecasts)) => {
            let steps: Vec<_> = plan.steps.iter().zip(forecasts).map(step).collect();
            json!({"variant": label, "steps": steps})
        }
        Err(reason) => json!({"variant": label, "skipped": reason}),
    });
    let variants: Vec<_> = variants.collect();
    let mut told =
        json!({"search": searched.strategy, "count": outlook.count, "variants": variants});
    if let Some(whole) = &outlook.whole {
        told["whole"] = json!({
            "num_variants": whole.num_variants,
            "num_steps": whole.num_steps,
            "seconds": whole.seconds,
            "unknown": whole.unknown,
            "memory_bytes": whole.memory_bytes,
            "disk_bytes": whole.disk_bytes,
        });
    }
    format!("{told}\n")
}

fn text(plan: &Plan, forecasts: &[Forecast], store: &Store) -> String {
    let titles = plan.titles(store);
    let width = titles.iter().map(|title| title.title.chars().count()).max().unwrap_or(0);
    let steps = titles.iter().zip(&plan.steps).zip(forecasts).map(|((title, step), forecast)| {
        let StepTitle { index, title, is_cached, .. } = title;
        let state = if *is_cached {
            "done before"
        } else if store.is_begun(&step.key) {
            "begun"
        } else {
            "to do"
        };
        let (key, plugin) = (step.key.short(), &step.plugin);
        let place = step.system.as_ref().map(|system| format!("  on `{}`", system.label));
        let place = place.unwrap_or_default();
        let words = forecast::words(forecast).map(|words| format!("  {words}")).unwrap_or_default();
        format!("{index:>3}  {title:width$}  {key}  {state:11}  {plugin}{place}{words}\n")
    });
    let goals = plan.goals.iter().map(|planned| {
        let PlannedGoal { of, figure, goal, .. } = planned;
        format!("goal: `{}` {} for `{figure}` of `{of}`\n", goal.kind.name(), goal.value)
    });
    let samples = plan.samples.iter().map(|wanted| {
        let PlannedSamples { metric, of, count, folder, .. } = wanted;
        format!("samples: {count} of `{metric}` of `{of}` in {}\n", folder.display())
    });
    let packages = plan
        .packages
        .iter()
        .map(|package| format!("package: `{}` as {}\n", package.name, package.packager));
    let result = plan.output_dir.iter().map(|folder| format!("result: {}\n", folder.display()));
    let wanted = goals.chain(samples).chain(packages).chain(result);
    steps.chain(time_left(forecasts)).chain(wanted).collect()
}

/// Time that what is left will take, when it is known of every step.
fn time_left(forecasts: &[Forecast]) -> Option<String> {
    let left = forecasts.iter().filter(|forecast| !forecast.is_done);
    let seconds: Option<f64> = left.map(|forecast| forecast.seconds).sum();
    let seconds = seconds.filter(|seconds| *seconds > 0.0)?;
    Some(format!("time: about {} for what is left to do\n", duration(seconds)))
}

fn json(plan: &Plan, forecasts: &[Forecast], store: &Store) -> String {
    let titles = plan.titles(store);
    let steps: Vec<_> = titles
        .iter()
        .zip(&plan.steps)
        .zip(forecasts)
        .map(|((title, step), forecast)| {
            let mut told = json!({
                "index": title.index,
                "title": title.title,
                "kind": step.kind(),
                "name": step.name,
                "key": title.key,
                "is_cached": title.is_cached,
                "plugin": step.plugin,
                "config": step.full_config,
            });
            if let Some(system) = &step.system {
                told["system"] = json!(system.label);
            }
            if let Some(cost) = &forecast.cost {
                told["estimate"] = json!(cost);
            }
            if let Some(seconds) = forecast.seconds {
                told["seconds"] = json!(seconds);
            }
            told
        })
        .collect();
    let goals = plan.goals.iter().map(
        |planned| json!({"model": planned.of, "figure": planned.figure, "goal": planned.goal}),
    );
    let goals: Vec<_> = goals.collect();
    let samples = plan.samples.iter().map(|wanted| {
        let PlannedSamples { metric, of, count, folder, .. } = wanted;
        json!({"metric": metric, "model": of, "count": count, "folder": folder})
    });
    let samples: Vec<_> = samples.collect();
    let plan = json!({
        "workflow_id": plan.workflow_id,
        "input_model": plan.input.model,
        "accelerator": plan.accelerator,
        "threads": plan.threads,
        "steps": steps,
        "goals": goals,
        "samples": samples,
        "packages": plan.packages.iter().map(package_json).collect::<Vec<_>>(),
        "cache_dir": plan.cache_dir,
        "output_dir": plan.output_dir,
    });
    format!("{plan}\n")
}

fn package_json(package: &PlannedPackage) -> Value {
    json!({
        "name": package.name,
        "packager": package.packager,
        "plugin": package.plugin,
        "config": package.full_config,
    })
}
