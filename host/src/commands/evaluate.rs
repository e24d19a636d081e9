//! `olive evaluate`.

use olive_schemas::footprint::Footprint;
use olive_schemas::workflow::Workflow;
use serde_json::{Map, Value, json};

use super::{host_of, recognized, say, threads};
use crate::cli::EvaluateArgs;
use crate::config::Scope;
use crate::config::schema::quoted;
use crate::engine::{self, RunContext};
use crate::error::Error;
use crate::flow::{self, Accepted};
use crate::host::{Host, unplanned};
use crate::origin;
use crate::plan::{self, Choices, Purpose};
use crate::store::Store;
use crate::view::{Mode, View, summary};

pub(super) fn run(args: &EvaluateArgs) -> Result<(), Error> {
    let model = recognized(Some(&args.model))?;
    let host = host_of(&args.common, args.config.path())?;
    let scope = Scope::evaluation(model.as_ref().map(|model| model.kind));
    let accepted = flow::accept(&host, args.config.path(), scope)?;
    let choices = Choices {
        model,
        output_dir: None,
        threads: threads(&args.threads),
        threads_elsewhere: threads(&args.threads),
        purpose: Purpose::Run,
        is_forced: false,
    };
    let measured = measure(&host, &accepted, args.evaluator.as_deref(), &choices)?;
    say(&told(&host, &measured));
    Ok(())
}

/// What an evaluator of `accepted` measures about its model, or that of `choices`.
///
/// # Errors
/// When there is no such evaluator, or the model cannot be measured.
pub(super) fn measure(
    host: &Host,
    accepted: &Accepted,
    name: Option<&str>,
    choices: &Choices,
) -> Result<Footprint, Error> {
    let Accepted { source, checked, .. } = accepted;
    let evaluator = evaluator(name, checked.workflow())?;
    let choices = Choices { purpose: Purpose::Evaluate { evaluator }, ..choices.clone() };
    let plan = plan::resolve(checked, &source.folder(), &host.catalog, &choices)
        .map_err(|error| unplanned(error, source, checked))?;
    let view = match host.log_level {
        Some(level) if host.is_json => View::new(Mode::Lines, level),
        None if host.is_json => View::new(Mode::Lines, olive_schemas::step::LogLevel::Warning),
        _ => host.view(checked.workflow().engine.log_severity_level),
    };
    let context = RunContext {
        store: &Store::new(&plan.cache_dir),
        view: &view,
        is_cancelled: &|| host.cancel.is_cancelled(),
        told: Vec::new(),
        settled: Vec::new(),
        batches: None,
    };
    let mut footprint = engine::execute(&plan, &context);
    footprint.origin = Some(origin::of(source, checked, &plan));
    flow::place_samples(&plan, &context)?;
    match engine::failure(&footprint) {
        Some((title, error)) => Err(Error::Step { title, error }),
        None => Ok(footprint),
    }
}

/// What was measured: a table, or JSON.
pub(super) fn told(host: &Host, footprint: &Footprint) -> String {
    if host.is_json {
        let metrics = footprint.models.iter().flat_map(|model| &model.metrics);
        let metrics: Map<String, Value> = metrics
            .map(|metric| {
                let mut told = json!({
                    "value": metric.value,
                    "priority": metric.priority,
                    "higher_is_better": metric.higher_is_better,
                });
                if let Some(uncertainty) = metric.uncertainty {
                    told["uncertainty"] = json!(uncertainty);
                }
                (metric.key(), told)
            })
            .collect();
        return format!("{}\n", Value::Object(metrics));
    }
    summary::closing(footprint, false)
}

/// The evaluator that is asked for: by name, the engine's, or the only one.
fn evaluator(name: Option<&str>, workflow: &Workflow) -> Result<String, Error> {
    let known: Vec<&str> = workflow.evaluators.keys().map(String::as_str).collect();
    let wanted = name.or(workflow.engine.evaluator.as_deref());
    match (wanted, known.as_slice()) {
        (Some(name), _) if known.contains(&name) => Ok(name.to_owned()),
        (_, []) => {
            Err(Error::Usage("the config has no `evaluators`, which say what to measure".into()))
        }
        (Some(name), _) => Err(Error::Usage(format!(
            "the config has no evaluator `{name}`, only {}",
            quoted(&known)
        ))),
        (None, [only]) => Ok((*only).to_owned()),
        (None, _) => Err(Error::Usage(format!(
            "the config has several evaluators: choose one of {} with --evaluator",
            quoted(&known)
        ))),
    }
}
