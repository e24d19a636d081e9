//! Old forms that installed migrators know: read as today's, and written so by an upgrade.

use olive_sandbox::Failure;
use olive_schemas::diagnostic::{Applicability, Diagnostic, Severity};
use olive_schemas::validation::OnFailure;
use serde_json::Value;

use super::patch::Patch;
use super::text::{changes, normal, patched};
use super::{answer, context, failed, named};
use crate::config::locate::located;
use crate::config::{Finding, Fix, Scope, Source, Upgraded};
use crate::plugin::{Catalog, InstalledValidator};

/// An old form, and what is to be done about it.
struct Migration {
    note: Diagnostic,
    patch: Option<(String, Patch)>,
}

/// Reads the old forms in `upgraded`, which is not checked yet; gives a note for each.
pub fn migrate(
    upgraded: &mut Upgraded,
    source: &Source,
    catalog: &Catalog,
    scope: Scope,
) -> Vec<Finding> {
    let before = upgraded.tree.to_value();
    let migrations = ask(&before, catalog, scope);
    let mut findings = Vec::new();
    for Migration { note, patch } in &migrations {
        let mut finding = upgraded.finding(note.clone(), source);
        finding.fix = patch.as_ref().and_then(|(title, patch)| {
            let after = patch.apply(&before)?;
            let new = patched(source, patch, &before, &after, catalog)?;
            Some(Fix { title: title.clone(), edits: changes(&source.text, &new.text) })
        });
        findings.push(finding);
    }
    let mut value = before;
    for (migration, finding) in migrations.iter().zip(&findings) {
        let patched = migration.patch.as_ref().and_then(|(_, patch)| patch.apply(&value));
        if let Some(patched) = patched {
            upgraded.tree = upgraded.tree.with_value(&patched, &finding.range);
            value = patched;
        }
    }
    findings
}

/// `text`, which says what `source` does in today's spelling, without the old forms that migrators
/// know; and a note for each of them in `source`.
///
/// A form that the text cannot be rid of stays.
pub fn upgrade(source: &Source, text: String, catalog: &Catalog) -> (String, Vec<Finding>) {
    let Some(before) = normal(source, catalog).filter(|_| has_migrators(catalog)) else {
        return (text, Vec::new());
    };
    let mut value = before.to_value();
    let migrations = ask(&value, catalog, Scope::WHOLE);
    let mut new = Source { path: source.path.clone(), text };
    let mut findings = Vec::new();
    for Migration { note, patch } in migrations {
        findings.push(located(note, &before, source));
        let Some((_, patch)) = patch else { continue };
        let Some(after) = patch.apply(&value) else { continue };
        if let Some(done) = patched(&new, &patch, &value, &after, catalog) {
            (new, value) = (done, after);
        }
    }
    (new.text, findings)
}

/// Whether some installed validator knows old forms.
pub fn has_migrators(catalog: &Catalog) -> bool {
    migrators(catalog).next().is_some()
}

fn migrators(catalog: &Catalog) -> impl Iterator<Item = &InstalledValidator> {
    catalog.validators().iter().filter(|validator| validator.provides("migrator"))
}

/// The old forms in the normalized `workflow`, and the failures of migrators.
fn ask(workflow: &Value, catalog: &Catalog, scope: Scope) -> Vec<Migration> {
    let mut found = Vec::new();
    for migrator in migrators(catalog) {
        match notes(migrator, workflow, scope) {
            Ok(notes) => found.extend(notes.into_iter().map(|note| migration(note, migrator))),
            Err(failure) => {
                let note = failed(migrator, &failure, policy(workflow));
                found.push(Migration { note, patch: None });
            }
        }
    }
    found
}

fn notes(
    migrator: &InstalledValidator,
    workflow: &Value,
    scope: Scope,
) -> Result<Vec<Diagnostic>, Failure> {
    let found = migrator.component()?.migrate(&workflow.to_string(), &context(scope))?;
    answer::accept(found, workflow)
}

/// An old form is worth a note, whatever the component thinks of it.
fn migration(note: Diagnostic, migrator: &InstalledValidator) -> Migration {
    let is_sure = |how: Applicability| how == Applicability::MachineApplicable;
    let fix = note.fixes.iter().find(|fix| is_sure(fix.applicability));
    let patch = fix.and_then(|fix| Some((fix.title.clone(), Patch::read(&fix.patch)?)));
    let note = Diagnostic { severity: Severity::Note, ..named(note, migrator) };
    Migration { note, patch }
}

/// What failures mean in a `workflow` that is not checked yet.
fn policy(workflow: &Value) -> OnFailure {
    let written = workflow.pointer("/validators/on_failure").cloned();
    written.and_then(|written| serde_json::from_value(written).ok()).unwrap_or_default()
}
