//! A run from its config to its report, one function a stage.

use std::path::Path;
use std::sync::Arc;

use olive_schemas::footprint::Footprint;

use crate::config::{self, CheckedWorkflow, Finding, Scope, Source};
use crate::engine::{self, RunContext};
use crate::error::Error;
use crate::examine::examine;
use crate::fetch::fetch;
use crate::forecast;
use crate::host::{Host, refused, unplanned};
use crate::origin;
use crate::output;
use crate::packaging::{self, Made};
use crate::plan::{self, Choices, Plan};
use crate::prepare::{self, Prepared};
use crate::report;
use crate::samples;
use crate::search::{self, Searched};
use crate::store::{StepKey, Store};
use crate::validate::estimates;

/// Runs the workflow of the config at `path`, from its text to its report; of a config with
/// builds, one after the other.
///
/// # Errors
/// Whatever stopped it, and [`Error::Goals`] when a model misses a goal, although the result is in
/// its place; what finished steps made is kept for the next run. A build that fails
/// does not keep the others from running.
pub fn run(host: &Host, path: &Path, choices: &Choices) -> Result<Vec<Footprint>, Error> {
    run_text(host, config::read(path)?, choices)
}

/// The same for the config of the text `source`.
///
/// # Errors
/// As [`run`].
pub fn run_text(host: &Host, source: Source, choices: &Choices) -> Result<Vec<Footprint>, Error> {
    let scope = Scope::run(choices.model.as_ref().map(|model| model.kind));
    let accepted = accept_text(host, source, scope)?;
    let (mut footprints, mut errors) = (Vec::new(), Vec::new());
    for (build, choices) in builds(&accepted.checked, choices) {
        match run_build(host, &accepted, &build, &choices) {
            Ok(footprint) => footprints.push(footprint),
            Err(error) if host.cancel.is_cancelled() => return Err(error),
            Err(error) => errors.push(error),
        }
    }
    let last = errors.pop();
    for error in &errors {
        host.tell(error);
    }
    last.map_or(Ok(footprints), Err)
}

/// A config without errors, with everything it refers to on this machine.
pub struct Accepted {
    /// Its text.
    pub source: Source,
    /// What it says.
    pub checked: CheckedWorkflow,
    /// What has been told about it.
    pub findings: Vec<Finding>,
}

/// Reads, parses, upgrades and checks the config at `path`, and fetches what it refers to; shows
/// what it finds.
///
/// # Errors
/// [`Error::Config`] with every finding when one of them is an error; else when the file cannot be
/// read or something cannot be fetched.
pub fn accept(host: &Host, path: &Path, scope: Scope) -> Result<Accepted, Error> {
    accept_text(host, config::read(path)?, scope)
}

/// The same for the config of the text `source`.
///
/// # Errors
/// As [`accept`], but for the reading.
pub fn accept_text(host: &Host, source: Source, scope: Scope) -> Result<Accepted, Error> {
    let (checked, findings) = examine(&source, &host.catalog, scope);
    let Some(checked) = checked else { return Err(refused(&source)(findings)) };
    host.show(&source, &findings);
    let checked = fetch(host, &source, checked, scope)?;
    Ok(Accepted { source, checked, findings })
}

/// The builds of a config, each with the folder for its result when the command line names one.
pub fn builds(checked: &CheckedWorkflow, choices: &Choices) -> Vec<(CheckedWorkflow, Choices)> {
    let builds = checked.builds();
    let is_one = builds.len() == 1;
    let with_choices = builds.into_iter().map(|build| {
        let id = &build.workflow().workflow_id;
        let name = id.rsplit('/').next().unwrap_or_default();
        let folder = choices.output_dir.as_ref();
        let output_dir = folder.map(|dir| if is_one { dir.clone() } else { dir.join(name) });
        let choices = Choices { output_dir, ..choices.clone() };
        (build, choices)
    });
    with_choices.collect()
}

/// The search that `build` of `accepted` asks for.
pub fn searched<'a>(accepted: &'a Accepted, build: &'a CheckedWorkflow) -> Option<Searched<'a>> {
    let (strategy, variants) = build.search()?;
    let Accepted { source, findings, .. } = accepted;
    Some(Searched { source, build, findings, strategy, variants: Arc::clone(variants) })
}

/// Runs one build of a config.
fn run_build(
    host: &Host,
    accepted: &Accepted,
    build: &CheckedWorkflow,
    choices: &Choices,
) -> Result<Footprint, Error> {
    let source = &accepted.source;
    if let Some(searched) = searched(accepted, build) {
        return search::run(host, &searched, choices);
    }
    let plan = plan::resolve(build, &source.folder(), &host.catalog, choices)
        .map_err(|error| unplanned(error, source, build))?;
    let store = Store::new(&plan.cache_dir);
    let (found, settled) = prepare(host, &plan, &store, source, build)?;
    if let Some(folder) = &plan.output_dir {
        output::check_writable(folder)?;
    }
    let scope = Scope::run(choices.model.as_ref().map(|model| model.kind));
    let costs = estimates(build, source, &host.catalog, scope);
    forecast::check(&plan, &costs, &store, choices.is_forced).map_err(Error::Short)?;
    let view = host.view(build.workflow().engine.log_severity_level);
    let context = RunContext {
        store: &store,
        view: &view,
        is_cancelled: &|| host.cancel.is_cancelled(),
        told: config::warnings(accepted.findings.iter().chain(&found)),
        settled,
        batches: None,
    };
    for samples in &plan.samples {
        output::check_writable(&samples.folder)?;
    }
    let mut footprint = engine::execute(&plan, &context);
    forecast::learn(&plan, &costs, &footprint.models);
    place_samples(&plan, &context)?;
    footprint.origin = Some(origin::of(source, build, &plan));
    report(host, &plan, &context, &mut footprint)?;
    Ok(footprint)
}

/// Puts samples of evaluations where they are wanted, those of each build apart; tells who has none.
///
/// # Errors
/// When they cannot be written.
pub fn place_samples(plan: &Plan, context: &RunContext<'_>) -> Result<(), Error> {
    for metric in samples::place(plan, context.store, None)? {
        context.view.note(&samples::none_of(&metric));
    }
    Ok(())
}

/// Lets the passes look at the model; shows what they find, and gives the steps that need no second
/// look.
fn prepare(
    host: &Host,
    plan: &Plan,
    store: &Store,
    source: &Source,
    build: &CheckedWorkflow,
) -> Result<(Vec<Finding>, Vec<StepKey>), Error> {
    let Prepared { found, settled } =
        prepare::prepare(plan, store, &|| host.cancel.is_cancelled())?;
    let found: Vec<_> = found.into_iter().map(|problem| build.finding(problem, source)).collect();
    if found.iter().any(Finding::is_error) {
        return Err(refused(source)(found));
    }
    host.show(source, &found);
    Ok((found, settled))
}

/// Puts the result of a run where it is wanted, and tells how the run went.
fn report(
    host: &Host,
    plan: &Plan,
    context: &RunContext<'_>,
    footprint: &mut Footprint,
) -> Result<(), Error> {
    let store = context.store;
    let losses = report::quality::losses(footprint, &|name| host.quality_help(name));
    footprint.diagnostics.extend(losses);
    if let Some((title, error)) = engine::failure(footprint) {
        // The step's own error matters more than a report that cannot be kept.
        let _ = output::keep_failed(footprint, store);
        context.view.run_ended(footprint);
        return Err(Error::Step { title, error });
    }
    let mut packed = Ok(());
    if let Some(folder) = &plan.output_dir {
        let made = Made::of(footprint, &host.catalog);
        output::place(footprint, store, folder)?;
        let RunContext { store, view, is_cancelled, .. } = *context;
        packed = packaging::Ground { plan, store, view, is_cancelled }.place(&made, folder);
    }
    // The result is in its place, whatever became of its packages.
    context.view.run_ended(footprint);
    packed?;
    let missed: Vec<_> =
        report::goals::lines(footprint).into_iter().filter(|goal| !goal.is_met).collect();
    if missed.is_empty() { Ok(()) } else { Err(Error::Goals(missed)) }
}
