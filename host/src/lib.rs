//! Takes a model from checkpoint, data and config file to a deployable model.
//!
//! The program is a host that loads plugins; it knows no pass by name and links no tensor library.
//! A run goes through stages, one type each:
//!
//! ```text
//! path ─read→ Source ─parse→ Node ─check→ CheckedWorkflow ─fetch, resolve→ Plan ─execute→ Footprint ─place→ files
//! ```
//!
//! [`run()`] is all of it. Plugins do their work in worker processes ([`plugin::process`],
//! [`worker`]); what they make is kept in a [`store`] under the key of the step.

pub mod cli;
pub mod commands;
pub mod host;
pub mod config;
pub mod edit;
pub mod plugin;
pub mod pack;
pub mod validate;
pub mod fetch;
pub mod install;
pub mod plan;
pub mod engine;
pub mod store;
pub mod output;
pub mod report;
pub mod view;
pub mod render;
pub mod lsp;
pub mod conformance;
pub mod model;
pub mod cancel;
pub mod worker;
pub mod error;

pub use error::Error;
pub use host::Host;

use std::path::Path;

use olive_schemas::footprint::Footprint;

use config::CheckedWorkflow;
use engine::Surroundings;
use plan::{Choices, Plan};
use store::Store;

/// Runs the workflow of the config at `path`, from its text to its report; of a config with
/// builds, one after the other.
///
/// # Errors
/// Whatever stopped it; what finished steps made is kept for the next run. A build that fails
/// does not keep the others from running.
pub fn run(host: &Host, path: &Path, choices: &Choices) -> Result<Vec<Footprint>, Error> {
    let source = config::read(path)?;
    let scope = config::Scope::run(choices.model.as_ref().map(|model| model.kind));
    let examined = config::examine_for(&source, &host.catalog, scope);
    let (checked, findings) = host.accept(&source, examined)?;
    let checked = fetch::fetch(host, &source, checked)?;
    let (mut footprints, mut errors) = (Vec::new(), Vec::new());
    for (build, choices) in builds(&checked, choices) {
        match run_one(host, &source, &build, findings.clone(), &choices) {
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

/// Runs one build of a config.
fn run_one(
    host: &Host,
    source: &config::Source,
    checked: &CheckedWorkflow,
    findings: Vec<config::Finding>,
    choices: &Choices,
) -> Result<Footprint, Error> {
    let plan = plan::resolve(checked, &source.folder(), &host.catalog, choices)
        .map_err(|error| error.at(source, checked))?;
    let store = Store::new(&plan.cache_dir);
    let findings = prepare(host, &plan, &store, (source, checked), findings)?;
    if let Some(folder) = &plan.output_dir {
        output::check_writable(folder)?;
    }
    let view = host.view(checked.workflow().engine.log_severity_level);
    let surroundings = Surroundings {
        store: &store,
        view: &view,
        is_cancelled: &|| host.cancel.is_cancelled(),
        told: warnings(&findings),
    };
    let mut footprint = engine::execute(&plan, &surroundings);
    finish(host, &plan, &surroundings, &mut footprint)?;
    Ok(footprint)
}

/// Lets the passes look at the model; adds what they find to `findings`.
fn prepare(
    host: &Host,
    plan: &Plan,
    store: &Store,
    (source, checked): (&config::Source, &CheckedWorkflow),
    mut findings: Vec<config::Finding>,
) -> Result<Vec<config::Finding>, Error> {
    let found = plan::prepare(plan, store, &|| host.cancel.is_cancelled())?;
    let found: Vec<_> = found.into_iter().map(|problem| checked.finding(problem, source)).collect();
    if found.iter().any(config::Finding::is_error) {
        return Err(host::refused(source)(found));
    }
    host.show(source, &found);
    findings.extend(found);
    Ok(findings)
}

/// Puts the result of a run where it is wanted, and tells how the run went.
fn finish(
    host: &Host,
    plan: &Plan,
    surroundings: &Surroundings<'_>,
    footprint: &mut Footprint,
) -> Result<(), Error> {
    let store = surroundings.store;
    let losses = report::quality::losses(footprint, &|name| host.catalog.quality_help(name));
    footprint.diagnostics.extend(losses);
    if let Some((title, error)) = engine::failure(footprint) {
        // The step's own error matters more than a report that cannot be kept.
        let _ = output::keep_failed(footprint, store);
        surroundings.view.run_ended(footprint);
        return Err(Error::Step { title, error });
    }
    if let Some(folder) = &plan.output_dir {
        output::place(footprint, store, folder)?;
    }
    surroundings.view.run_ended(footprint);
    Ok(())
}

fn warnings(findings: &[config::Finding]) -> Vec<olive_schemas::diagnostic::Diagnostic> {
    use olive_schemas::diagnostic::Severity;
    let told = findings.iter().map(|finding| &finding.diagnostic);
    told.filter(|told| told.severity == Severity::Warning).cloned().collect()
}
