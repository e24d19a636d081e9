//! Asking the installed validators about a config that has passed the host's own check.
//!
//! Every validator gets the same `Document` and its own settings; what it finds becomes findings
//! of the config, its codes with its id before them. A validator that gives no answer, or one that
//! cannot be right, is told as what it is: the validator's fault, never the config's.

mod document;
mod model;
mod answer;
mod ask;
mod patch;
mod text;
mod mend;
mod estimate;
mod migrate;
mod complete;

pub use complete::complete;
pub use estimate::estimates;
pub use migrate::{has_migrators, migrate, upgrade};

use olive_sandbox::{Context, Failure};
use olive_schemas::diagnostic::{Diagnostic, Severity};
use olive_schemas::validation::OnFailure;
use serde_json::{Map, Value};

use crate::config::{CheckedWorkflow, Finding, Scope, Source};
use crate::plugin::component::{BrokenValidator, way_out};
use crate::plugin::{Catalog, InstalledValidator};
use document::{document, model, settings, spell};
use mend::{Mended, Trial};

/// What the validators of `catalog` find in `checked`, a config of `source`.
pub fn validate(
    checked: &CheckedWorkflow,
    source: &Source,
    catalog: &Catalog,
    scope: Scope,
) -> Vec<Finding> {
    let policy = checked.workflow().validators.on_failure;
    let broken = catalog.broken_validators().iter();
    let mut findings: Vec<Finding> =
        broken.map(|broken| checked.finding(unusable(broken, policy), source)).collect();
    if catalog.validators().is_empty() {
        return findings;
    }
    let folder = source.folder();
    let document = document(checked, model(checked, &folder, scope), catalog);
    let ctx = &context(scope);
    let trial = Trial { source, folder, catalog, scope, document: &document, ctx };
    let answers = ask::each(catalog.validators(), |validator| {
        let text = spell(&document, settings(checked.workflow(), validator))?;
        let found = validator.component()?.validate(&text, ctx)?;
        let mut found = answer::accept(found, &document.workflow)?;
        let mended = trial.mend(&mut found, validator);
        Ok(found.into_iter().zip(mended).collect::<Vec<_>>())
    });
    for (validator, answer) in catalog.validators().iter().zip(answers) {
        match answer {
            Ok(found) => findings.extend(found.into_iter().map(|(found, mended)| {
                let Mended { fix, choices } = mended;
                Finding { fix, choices, ..checked.finding(named(found, validator), source) }
            })),
            Err(failure) => {
                let told = failed(validator, &failure, policy);
                findings.push(checked.finding(told, source));
            }
        }
    }
    let short = estimate::check(checked, &document, catalog, scope);
    findings.extend(short.into_iter().map(|told| checked.finding(told, source)));
    findings
}

/// What every call is told.
fn context(scope: Scope) -> Context {
    let version = ("olive_version".to_owned(), Value::from(env!("CARGO_PKG_VERSION")));
    Context { locale: None, strict: scope.is_strict, facts: Map::from_iter([version]) }
}

/// A finding of `validator` under its full code.
fn named(mut found: Diagnostic, validator: &InstalledValidator) -> Diagnostic {
    found.code = format!("{}/{}", validator.descriptor.id, found.code);
    found
}

/// What is told of a validator that gave no answer.
fn failed(validator: &InstalledValidator, failure: &Failure, policy: OnFailure) -> Diagnostic {
    let (id, version) = (&validator.descriptor.id, &validator.descriptor.version);
    let file = validator.file_name();
    let message = format!("validator `{id}` {version} of `{file}` gave no answer: {failure}");
    fault(failure, message, policy)
}

/// What is told of a validator beside the program that cannot be used at all.
fn unusable(broken: &BrokenValidator, policy: OnFailure) -> Diagnostic {
    let BrokenValidator { failure, .. } = broken;
    let message = format!("validator `{}` cannot be used: {failure}", broken.file_name());
    fault(failure, message, policy)
}

fn fault(failure: &Failure, message: String, policy: OnFailure) -> Diagnostic {
    let (severity, rest) = match policy {
        OnFailure::Error => (
            Severity::Error,
            "; `\"validators\": {\"on_failure\": \"warn\"}` at the root goes on without it",
        ),
        OnFailure::Warn => (Severity::Warning, ""),
    };
    let help = format!("{}{rest}", way_out(failure));
    Diagnostic::new(severity, failure.code(), "", message).with_help(help)
}
