//! The conformance kit: whether a plugin keeps the contract, tried from outside.
//!
//! [`Subject::find`] finds built plugins and their cases, [`check`] tries them and tells one
//! [`Check`] after the other. Plugins are called through the same processes as in a run; those take
//! their home, temporary and working directories from this program, which `olive plugin test`
//! therefore starts once more inside a watched folder.
//!
//! | check | asks |
//! | --- | --- |
//! | `described` | does it say what it provides, in time, the same each time |
//! | `names`, `summaries` | are names, versions and summaries well formed |
//! | `schema` | is it a schema of draft-07 for an object |
//! | `documented`, `closed`, `defaults`, `marks`, `examples` | does the schema say all, truly |
//! | `prepared`, `runs` | does the case run, or is it refused as expected |
//! | `answer`, `paths` | is the answer of the right form, with paths where they may be |
//! | `progress`, `volume`, `text` | do its events make sense, in sane amounts |
//! | `same-twice`, `same-with-one-thread`, `same-with-defaults` | is it a function of its request |
//! | `unknown-setting`, `wrong-kind`, `missing-model`, `missing-data` | does it refuse what is wrong |
//! | `missing-files`, `cut-files` | does it survive models that are not whole |
//! | `cancel-at-once`, `cancel-midway` | does it stop within a second |
//! | `resumes-after-stop`, `resumes-after-kill` | does a source that was broken off make the same |
//! | `input-untouched`, `stays-inside` | does it write nowhere but to output and scratch |
//!
//! Systems are tried with jobs of a toy, which is a process plugin that Olive's own worker starts:
//!
//! | check | asks |
//! | --- | --- |
//! | `probed` | can steps run there, as far as it knows |
//! | `runs` | does a job run, with its input and its variables, to a last message |
//! | `logs` | are messages given byte for byte, from any byte on, in whole lines |
//! | `files` | is what the job wrote here, and what it read unchanged |
//! | `cancels` | does a job that waits end when it is cancelled, and leave its checkpoint |
//! | `rehearses` | does it say what it would send, where it says that it can |
//! | `batches`, `chains` | do jobs that are handed over together all end, where it takes such |
//!
//! Validators have `loaded`, a check for each document, `rules-tried`, `interfaces` and `limits`
//! instead of those about steps; passes of components have both kinds, and a graph editor at hand.

mod report;
mod subject;
mod world;
mod specimen;
mod cases;
mod form;
mod schema;
mod trial;
mod steps;
mod systems;
mod outcome;
mod events;
mod component;
mod apart;

pub use apart::{Apart, apart};
pub use report::{Check, Tally, Verdict};
pub use subject::{Subject, SubjectError};

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::time::Duration;

use olive_schemas::descriptor::PluginDescriptor;
use olive_schemas::protocol::Callee;
use olive_schemas::step::StepKind;
use serde::Deserialize;
use serde_json::Value;

use report::{Report, failed, skipped};
use schema::Whose;
use steps::Bench;
use trial::describe;
use world::World;

use crate::plugin::component::as_plugin;

/// Time in which a plugin says what it provides.
const DESCRIBE_LIMIT: Duration = Duration::from_secs(5);

/// Tries every plugin of `subject` in folders below `root`, and tells each check.
///
/// # Errors
/// When the folders cannot be set up or looked at.
pub fn check(subject: &Subject, root: &Path, tell: &mut dyn FnMut(&Check)) -> io::Result<Tally> {
    // A process plugin lies beside files that it could change; a library may lie anywhere.
    let manifests = subject.plugins.iter().filter(|plugin| subject::is_manifest(plugin));
    let watched = manifests.filter_map(|manifest| Some(manifest.parent()?.to_owned()));
    let world = World::new(root, watched.collect())?;
    let mut report = Report::new(tell);
    let (mut known, mut has_silent) = (Vec::new(), false);
    for plugin in &subject.plugins {
        let tried = if subject::is_component(plugin) {
            check_component(plugin, subject, &world, &mut report)?
        } else {
            check_plugin(plugin, subject, &world, &mut report)?
        };
        if let Some(descriptor) = tried {
            let systems = descriptor.systems.iter().map(|one| (StepKind::System, &*one.name));
            let entries = cases::entries(&descriptor).into_iter().chain(systems);
            known.extend(entries.map(|(kind, name)| (kind, name.to_owned())));
        } else {
            has_silent = true;
        }
    }
    // A case may be about a plugin that could not say what it has.
    let written = if has_silent { &[] } else { &*subject.cases.cases };
    for name in cases::strays(written, &known) {
        report.add(format!("{name}/runs"), failed("no plugin that is tried has it"));
    }
    Ok(report.tally())
}

fn check_plugin(
    plugin: &Path,
    subject: &Subject,
    world: &World,
    report: &mut Report<'_>,
) -> io::Result<Option<PluginDescriptor>> {
    let Some(descriptor) = described(plugin, report) else { return Ok(None) };
    let name = &descriptor.name;
    report.add(format!("{name}/names"), form::names(&descriptor));
    report.add(format!("{name}/summaries"), form::summaries(&descriptor));
    let callee = Callee::from(plugin.to_owned());
    let bench = Bench { world, plugin: &callee, descriptor: &descriptor };
    check_parts(&bench, subject, report)?;
    systems::check(&bench, &subject.cases.cases, &subject.folder, report)?;
    Ok(Some(descriptor))
}

/// Tries a component: what it says of documents, and its passes on models.
fn check_component(
    plugin: &Path,
    subject: &Subject,
    world: &World,
    report: &mut Report<'_>,
) -> io::Result<Option<PluginDescriptor>> {
    let Subject { cases, folder, graph_editor, .. } = subject;
    let Some(said) = component::check(plugin, &cases.cases, folder, report) else {
        return Ok(None);
    };
    let descriptor = as_plugin(&said);
    if descriptor.passes.is_empty() {
        return Ok(Some(descriptor));
    }
    report.add(format!("{}/summaries", descriptor.name), form::summaries(&descriptor));
    let graph_editor = graph_editor.clone().map(Box::new);
    let callee = Callee { graph_editor, ..plugin.to_owned().into() };
    check_parts(&Bench { world, plugin: &callee, descriptor: &descriptor }, subject, report)?;
    Ok(Some(descriptor))
}

/// Tries all that a plugin has a schema for, or can run.
fn check_parts(bench: &Bench<'_>, subject: &Subject, report: &mut Report<'_>) -> io::Result<()> {
    for (whose, name, schema) in schemas(bench.descriptor) {
        schema::check(name, whose, schema, report);
    }
    let mut thorough = BTreeSet::new();
    for case in cases::all(bench.descriptor, &subject.cases.cases, &subject.folder, bench.world) {
        match case {
            Ok(case) => {
                let is_thorough = !thorough.contains(&case.task.entry);
                if steps::check(bench, &case, is_thorough, report)? {
                    thorough.insert(case.task.entry.clone());
                }
            }
            Err(unready) => {
                let finding =
                    if unready.is_guess { skipped(unready.why) } else { failed(unready.why) };
                report.add(format!("{}/runs", unready.name), finding);
            }
        }
    }
    Ok(())
}

/// Every schema of settings that a plugin has, with whose it is.
fn schemas(descriptor: &PluginDescriptor) -> Vec<(Whose, &str, &Value)> {
    let PluginDescriptor { passes, evaluators, sources, systems, packagers, .. } = descriptor;
    let mut others: Vec<(&str, &Value)> = Vec::new();
    others.extend(passes.iter().map(|one| (&*one.name, &one.schema)));
    let customs = evaluators.iter().filter_map(|one| Some((&*one.name, one.custom.as_ref()?)));
    others.extend(customs.map(|(name, custom)| (name, &custom.schema)));
    others.extend(sources.iter().map(|one| (&*one.name, &one.schema)));
    others.extend(systems.iter().map(|one| (&*one.name, &one.schema)));
    let resources = systems.iter().flat_map(|system| &system.resources);
    others.extend(resources.clone().map(|one| (&*one.name, &one.create)));
    others.extend(resources.map(|one| (&*one.name, &one.delete)));
    let others = others.into_iter().map(|(name, schema)| (Whose::Others, name, schema));
    let packagers = packagers.iter().map(|one| (Whose::Packagers, &*one.name, &one.schema));
    others.chain(packagers).collect()
}

/// What the plugin says about itself, asked twice.
fn described(plugin: &Path, report: &mut Report<'_>) -> Option<PluginDescriptor> {
    let name = plugin.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let (answer, time) = describe(plugin);
    let descriptor = match answer {
        Ok(answer) => PluginDescriptor::deserialize(answer)
            .map_err(|error| format!("the answer is no plugin descriptor: {error}")),
        Err(ending) => Err(ending.tell()),
    };
    let descriptor = match descriptor {
        Ok(descriptor) => descriptor,
        Err(why) => {
            report.add(format!("{name}/described"), failed(why));
            return None;
        }
    };
    let again = describe(plugin).0.ok().map(PluginDescriptor::deserialize);
    let is_stable = matches!(again, Some(Ok(again)) if again == descriptor);
    let finding = match time {
        _ if !is_stable => failed("it says something else each time"),
        time if time > DESCRIBE_LIMIT => {
            let limit = DESCRIBE_LIMIT.as_secs();
            failed(format!("it took {:.1} s; {limit} s is allowed", time.as_secs_f64()))
        }
        time => Ok(format!("in {} ms", time.as_millis())),
    };
    report.add(format!("{}/described", descriptor.name), finding);
    Some(descriptor)
}
