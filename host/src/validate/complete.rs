//! Values that installed validators offer to editors.

use olive_schemas::validation::Completion;
use serde_json::Value;

use super::{ask, context};
use crate::config::Scope;
use crate::plugin::{Catalog, InstalledValidator};

/// Values for the JSON pointer `at` of `workflow`, which may be unfinished and is as it is written.
///
/// A component that gives no answer offers nothing; its failure is not the writer's business.
pub fn complete(workflow: &Value, at: &str, catalog: &Catalog) -> Vec<Completion> {
    let validators = catalog.validators().iter();
    let completers: Vec<&InstalledValidator> =
        validators.filter(|validator| validator.provides("completer")).collect();
    if completers.is_empty() {
        return Vec::new();
    }
    let (workflow, ctx) = (workflow.to_string(), context(Scope::WHOLE));
    let offered = ask::each(&completers, |completer| {
        completer.component().and_then(|component| component.complete(&workflow, at, &ctx))
    });
    offered.into_iter().filter_map(Result::ok).flatten().collect()
}
