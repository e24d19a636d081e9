//! `olive systems`.

use std::io::{self, Write};

use olive_schemas::diagnostic::{Diagnostic, Severity};
use olive_schemas::error::PluginError;
use olive_schemas::pointer::escape;

use super::{check, host_of, say};
use crate::cli::systems::{ProbeArgs, SystemsCommand};
use crate::config::{self, CheckedWorkflow, Finding, Scope, Source};
use crate::engine;
use crate::error::Error;
use crate::examine::examine;
use crate::host::{Host, colors_errors, refused, unplanned};
use crate::plan::{self, SystemUse};
use crate::plugin::process::Supervision;
use crate::render::{self, CheckedFile};

/// Runs the command; tells whether output is for programs, and gives the exit code.
pub(super) fn run(command: &SystemsCommand) -> (bool, Result<u8, Error>) {
    match command {
        SystemsCommand::Probe(args) => (args.common.json, probe(args)),
    }
}

/// Asks every system of the config; the exit code is that of a check with the same findings.
fn probe(args: &ProbeArgs) -> Result<u8, Error> {
    let host = host_of(&args.common, args.config.path())?;
    let source = config::read(args.config.path())?;
    let (checked, findings) = examine(&source, &host.catalog, Scope::WHOLE);
    let Some(checked) = checked else { return Err(refused(&source)(findings)) };
    let (told, findings) = ask_all(&host, &source, &checked)?;
    let file = CheckedFile { source, findings, is_readable: true };
    if host.is_json {
        // A reader that is gone is no error.
        let _ = render::json::write(std::slice::from_ref(&file), &mut io::stdout());
    } else {
        let _ = render::files(std::slice::from_ref(&file), &mut io::stderr(), colors_errors());
        say(&told);
        let _ = io::stdout().flush();
    }
    Ok(check::exit_code(&[file], false))
}

/// A line for each system, and what they find.
fn ask_all(
    host: &Host,
    source: &Source,
    checked: &CheckedWorkflow,
) -> Result<(String, Vec<Finding>), Error> {
    let systems = plan::systems(checked, &source.folder(), &host.catalog)
        .map_err(|error| unplanned(error, source, checked))?;
    let mut findings = Vec::new();
    let mut lines = Vec::new();
    for (label, system) in &checked.workflow().systems {
        let Some(system) = systems.iter().find(|known| known.label == *label) else {
            lines.push(format!("`{label}` ({}): this machine\n", system.kind));
            continue;
        };
        let found = ask(system);
        let num_errors = found.iter().filter(|one| one.severity == Severity::Error).count();
        let state = match num_errors {
            0 => "nothing is in the way".to_owned(),
            1 => "no step can run there".to_owned(),
            _ => format!("no step can run there, for {num_errors} reasons"),
        };
        lines.push(format!("`{label}` ({}): {state}\n", system.name));
        findings.extend(found.into_iter().map(|one| checked.finding(one, source)));
    }
    if lines.is_empty() {
        lines.push("no system is named: every step runs on this machine\n".into());
    }
    Ok((lines.concat(), findings))
}

/// What a system finds; its pointers lead into the workflow.
fn ask(system: &SystemUse) -> Vec<Diagnostic> {
    let place = format!("/systems/{}", escape(&system.label));
    match engine::probe(system, &Supervision::unheard()) {
        Ok(found) => {
            let placed =
                |one: Diagnostic| Diagnostic { pointer: format!("{place}{}", one.pointer), ..one };
            found.into_iter().map(placed).collect()
        }
        Err(PluginError { code, message, causes, help }) => {
            let message = [vec![message], causes].concat().join(": ");
            vec![Diagnostic { help, ..Diagnostic::error(code, place, message) }]
        }
    }
}
