//! Bodies of requests beside the contract of the service, which refuses what does not fit.

use jsonschema::Validator;
use serde_json::{Value, json};

use super::cloud::{Answer, Asked};
use super::service::refused;

/// What `answer` says to the body of a request, when that is a `name` of the contract.
pub(super) fn checked(name: &str, asked: &Asked, answer: impl FnOnce(Value) -> Answer) -> Answer {
    let body: Value = serde_json::from_slice(&asked.content).unwrap_or_default();
    let problems: Vec<String> =
        validator(name).iter_errors(&body).map(|error| error.to_string()).collect();
    if problems.is_empty() {
        answer(body)
    } else {
        refused(400, "ValidationError", &problems.join("; "))
    }
}

fn validator(name: &str) -> Validator {
    let text = include_str!("../../fixtures/azureml/contract.json");
    let contract: Value = serde_json::from_str(text).unwrap();
    let schema = json!({
        "$ref": format!("#/definitions/{name}"),
        "definitions": contract["definitions"]
    });
    jsonschema::validator_for(&schema).unwrap()
}
