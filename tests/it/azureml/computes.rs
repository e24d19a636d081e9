//! Computes of the small cloud: made and removed, neither at once.

use serde_json::{Value, json};

use super::cloud::{Answer, Asked, State};
use super::service::refused;

/// A compute that was made.
pub(super) struct Made {
    /// What it was told to be.
    pub(super) body: Value,
    /// How often it has been looked at since it was made or told to go.
    looks: usize,
    is_going: bool,
}

/// The answer to a request for `/computes/NAME`.
pub(super) fn answer(asked: &Asked, name: &str, state: &State) -> Answer {
    let mut computes = state.computes.lock().unwrap();
    match asked.method.as_str() {
        "PUT" => {
            let body: Value = serde_json::from_slice(&asked.content).unwrap();
            if body["location"] == "nowhere" {
                let said = "The specified location 'nowhere' is invalid.";
                return refused(400, "InvalidLocation", said);
            }
            let made = Made { body: body.clone(), looks: 0, is_going: false };
            computes.insert(name.to_owned(), made);
            Answer::json(201, &body)
        }
        "DELETE" if !asked.query.contains_key("underlyingResourceAction") => {
            refused(400, "MissingParameter", "underlyingResourceAction")
        }
        "DELETE" => {
            let Some(made) = computes.get_mut(name) else { return Answer::plain(204) };
            (made.looks, made.is_going) = (0, true);
            Answer::plain(202)
        }
        _ => {
            let Some(made) = computes.get_mut(name) else {
                return refused(404, "ResourceNotFound", name);
            };
            made.looks += 1;
            match (made.is_going, made.looks) {
                (false, 1) => Answer::json(200, &shown(&made.body, "Creating")),
                (true, 1) => Answer::json(200, &shown(&made.body, "Deleting")),
                (true, _) => {
                    computes.remove(name);
                    refused(404, "ResourceNotFound", name)
                }
                (false, _) => {
                    let has_quota = made.body["properties"]["properties"]["vmSize"] != "HUGE";
                    let state = if has_quota { "Succeeded" } else { "Failed" };
                    Answer::json(200, &shown(&made.body, state))
                }
            }
        }
    }
}

fn shown(body: &Value, state: &str) -> Value {
    let mut shown = body.clone();
    shown["properties"]["provisioningState"] = state.into();
    if state == "Failed" {
        let message = "The cores of size HUGE exceed the quota of 24.\nmore";
        let error = json!({"code": "ClusterCoreQuotaReached", "message": message});
        shown["properties"]["provisioningErrors"] = json!([{"error": error}]);
    }
    shown
}
