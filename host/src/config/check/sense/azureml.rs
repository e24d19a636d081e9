//! Azure Machine Learning: what its service needs beside what Olive's configs say.

use olive_schemas::pointer::escape;
use serde_json::Value;

use crate::config::check::{Problem, Problems};
use crate::config::references::takes_workspace;
use crate::plugin::Catalog;

/// How the types of references to its files start.
const RESOURCES: &str = "azureml_";
/// How those of models end.
const MODEL: &str = "model";

pub(super) fn check(value: &Value, catalog: &Catalog, problems: &mut Problems) {
    let has_place = |system: &Value| {
        let kind = system.get("type").and_then(Value::as_str).unwrap_or_default();
        catalog.system(kind).is_some_and(|(_, known)| takes_workspace(&known.schema))
    };
    let systems = value.get("systems").and_then(Value::as_object);
    let own: Vec<(&String, &Value)> =
        systems.into_iter().flatten().filter(|(_, system)| has_place(system)).collect();
    let has_client = client(value).is_some();
    let without = own.iter().filter(|(_, system)| client(system).is_none());
    let without: Vec<&String> = without.map(|(name, _)| *name).collect();
    if let Some(first) = without.first().filter(|_| !has_client) {
        let message =
            format!("system `{first}` has no workspace: the config has no `azureml_client`");
        let help = "add `azureml_client` with `subscription_id`, `resource_group` and \
                    `workspace_name` at the root";
        let pointer = format!("/systems/{}", escape(first));
        let mut problem = Problem::warning("no-workspace", &pointer, message, help);
        for name in &without[1..] {
            let pointer = format!("/systems/{}", escape(name));
            problem.diagnostic = problem.diagnostic.with_related(pointer, "nor has this one");
        }
        problems.push(problem);
    }
    if has_client && own.is_empty() && !has_resources(value) {
        let message =
            "`azureml_client` has no effect: nothing here runs or lies in a workspace".to_owned();
        let problem = Problem::warning("no-effect", "/azureml_client", message, "remove it");
        problems.push(problem.about_key());
    }
    for (name, system) in own {
        check_token(value, name, system, problems);
    }
    check_names(value, "", problems);
}

/// The workspace that the workflow or a system names; null is none.
fn client(value: &Value) -> Option<&Value> {
    value.get("azureml_client").filter(|client| !client.is_null())
}

/// Whether files are named by where they lie in Azure Machine Learning.
fn has_resources(value: &Value) -> bool {
    match value {
        Value::Object(map) => {
            let kind = map.get("type").and_then(Value::as_str);
            kind.is_some_and(|kind| kind.starts_with(RESOURCES)) || map.values().any(has_resources)
        }
        Value::Array(items) => items.iter().any(has_resources),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// The token is read from a key vault, which must have a name.
fn check_token(value: &Value, name: &str, system: &Value, problems: &mut Problems) {
    let client = client(system).or(client(value));
    let has_vault =
        client.and_then(|client| client.get("keyvault_name")).is_some_and(|name| !name.is_null());
    if system.get("hf_token") == Some(&Value::Bool(true)) && !has_vault {
        let message = "`hf_token` asks for a token, but no key vault is named".to_owned();
        let help = "add `keyvault_name` to `azureml_client`, with the secret `hf-token` in it";
        let pointer = format!("/systems/{}/hf_token", escape(name));
        problems.push(Problem::warning("no-key-vault", &pointer, message, help));
    }
}

/// Names of registries and of registered models are letters, digits, `-`, `_` and `.`, wherever below
/// `pointer` a reference has them.
fn check_names(value: &Value, pointer: &str, problems: &mut Problems) {
    match value {
        Value::Object(map) => {
            let kind = map.get("type").and_then(Value::as_str).unwrap_or_default();
            if kind.starts_with(RESOURCES) && kind.ends_with(MODEL) {
                check_name(value, pointer, "registry_name", "registry", problems);
                check_name(value, pointer, "name", "registered model", problems);
            }
            for (key, below) in map {
                check_names(below, &format!("{pointer}/{}", escape(key)), problems);
            }
        }
        Value::Array(items) => {
            for (number, below) in items.iter().enumerate() {
                check_names(below, &format!("{pointer}/{number}"), problems);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn check_name(reference: &Value, pointer: &str, key: &str, what: &str, problems: &mut Problems) {
    let name = reference.get(key).and_then(Value::as_str).unwrap_or_default();
    let Some((_, short)) = name.rsplit_once('/') else { return };
    let message = format!("`{name}` is no name of a {what}: it has a `/`");
    let help = format!("write the name that its page has, probably `{short}`");
    let pointer = format!("{pointer}/{key}");
    problems.push(Problem::warning("registry-name", &pointer, message, &help));
}
