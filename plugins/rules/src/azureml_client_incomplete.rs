//! A system of Azure Machine Learning runs steps, and its workspace is named only in part.

use olive_validator_api::{Diagnostic, Document, Severity, escaped};
use serde_json::{Map, Value};

use crate::rule::{BuiltIn, listed};

/// A system of Azure Machine Learning runs steps, and its workspace is named only in part.
pub(crate) const RULE: BuiltIn = BuiltIn {
    code: "azureml-client-incomplete",
    severity: Severity::Error,
    summary: "steps run in Azure Machine Learning, and `azureml_client` names half a workspace",
    explanation: "\
A workspace is found by its subscription, its resource group and its name, or by a file with all three.
A system of type `AzureML` that is `host` or `target` cannot be reached with less.
That a system has no `azureml_client` at all is told without this rule.",
    check,
};

/// What names a workspace.
const NEEDED: [&str; 3] = ["subscription_id", "resource_group", "workspace_name"];

fn check(document: &Document) -> Vec<Diagnostic> {
    let workflow = &document.workflow;
    let shared = client(workflow).map(|client| (client, "/azureml_client".to_owned()));
    let systems = workflow.get("systems").and_then(Value::as_object);
    let systems = systems.into_iter().flatten().filter(|(name, system)| {
        system.get("type").and_then(Value::as_str) == Some("AzureML") && runs(workflow, name)
    });
    let mut found: Vec<Diagnostic> = Vec::new();
    for (name, system) in systems {
        let own = client(system);
        let own = own.map(|client| (client, format!("/systems/{}/azureml_client", escaped(name))));
        let Some((client, pointer)) = own.or_else(|| shared.clone()) else { continue };
        let missing = missing(client);
        if missing.is_empty() || found.iter().any(|told| told.pointer == pointer) {
            continue;
        }
        let message = format!(
            "system `{name}` runs steps, but its `azureml_client` lacks {}",
            listed(&missing)
        );
        let help =
            format!("add {}, or name a file with all three in `aml_config_path`", listed(&missing));
        found.push(RULE.finding(pointer, message).with_help(help));
    }
    found
}

/// The workspace that the workflow or a system names; null is none.
fn client(value: &Value) -> Option<&Value> {
    value.get("azureml_client").filter(|client| !client.is_null())
}

/// What a client does not say of its workspace.
fn missing(client: &Value) -> Vec<&'static str> {
    let has =
        |key: &str| client.get(key).and_then(Value::as_str).is_some_and(|text| !text.is_empty());
    if has("aml_config_path") {
        return Vec::new();
    }
    NEEDED.into_iter().filter(|key| !has(key)).collect()
}

/// Whether the engine, a build or a pass names the system.
fn runs(workflow: &Value, system: &str) -> bool {
    let names = |owner: &Value| {
        ["host", "target"].iter().any(|key| owner.get(key).and_then(Value::as_str) == Some(system))
    };
    let owners = ["passes", "builds"].into_iter().filter_map(|key| workflow.get(key)?.as_object());
    workflow.get("engine").is_some_and(names) || owners.flat_map(Map::values).any(names)
}
