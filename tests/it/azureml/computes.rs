//! Computes of the small cloud: made and removed, neither at once, and first shown as they were.

use serde_json::{Value, json};

use super::cloud::{Answer, Asked, State};
use super::contract;
use super::service::refused;

/// Where it tells how the operation of a compute is.
pub(super) const OPERATIONS: &str = "/subscriptions/sub/providers/\
    Microsoft.MachineLearningServices/locations/westeurope/computeOperationsStatus/";
/// Computes whose changes are operations that can be followed; the second is never removed.
const FOLLOWED: [&str; 2] = ["followed", "held"];

/// A compute that was made.
pub(super) struct Made {
    /// What it was told to be.
    pub(super) body: Value,
    /// How often it has been looked at since it was made or told to go.
    looks: usize,
    /// How often its operation has been looked at since then.
    follows: usize,
    is_going: bool,
    is_held: bool,
}

impl Made {
    /// One with this `body`; somebody else has told it to go when `is_going`.
    pub(super) fn new(body: Value, is_going: bool) -> Self {
        Self { body, looks: usize::from(is_going), follows: 0, is_going, is_held: false }
    }
}

/// The answer to a request for `/computes/NAME`.
pub(super) fn answer(asked: &Asked, name: &str, state: &State) -> Answer {
    match asked.method.as_str() {
        "PUT" => contract::checked("ComputeResource", asked, |body| put(name, body, state)),
        "DELETE" if !asked.query.contains_key("underlyingResourceAction") => {
            refused(400, "MissingParameter", "underlyingResourceAction")
        }
        "DELETE" => delete(name, state),
        _ => look(name, state),
    }
}

/// How what was last asked of the compute `name` goes on.
pub(super) fn operation(name: &str, state: &State) -> Answer {
    let mut computes = state.computes.lock().unwrap();
    let Some(made) = computes.get_mut(name) else { return refused(404, "NotFound", name) };
    made.follows += 1;
    let error = json!({"code": "ComputeInUse", "message": "A job runs on it.\nmore"});
    let told = match (made.follows, made.is_held) {
        (1, _) => json!({"status": "InProgress"}),
        (_, true) => json!({"status": "Failed", "error": error}),
        (_, false) => json!({"status": "Succeeded"}),
    };
    Answer::json(200, &told)
}

fn put(name: &str, mut body: Value, state: &State) -> Answer {
    let mut computes = state.computes.lock().unwrap();
    if computes.get(name).is_some_and(|made| made.is_going) {
        return refused(409, "Conflict", "The compute is being deleted.");
    }
    if body["location"] == "nowhere" {
        let said = "The specified location 'nowhere' is invalid.";
        return refused(400, "InvalidLocation", said);
    }
    if name == "raced" {
        // Somebody else was faster, with other machines.
        body["properties"]["properties"]["vmSize"] = "STANDARD_NC6".into();
    }
    computes.insert(name.to_owned(), Made::new(body.clone(), false));
    followed(name, Answer::json(201, &body), state)
}

fn delete(name: &str, state: &State) -> Answer {
    let mut computes = state.computes.lock().unwrap();
    let Some(made) = computes.get_mut(name) else { return Answer::plain(204) };
    if made.is_going {
        return refused(409, "Conflict", "The compute is being deleted.");
    }
    (made.looks, made.follows) = (0, 0);
    made.is_held = name == "held";
    made.is_going = !made.is_held;
    followed(name, Answer::plain(202), state)
}

/// The answer with where to follow what it has begun, for those that are followed.
fn followed(name: &str, mut answer: Answer, state: &State) -> Answer {
    if FOLLOWED.contains(&name) {
        let address = format!("{}{OPERATIONS}{name}?api-version=2024-10-01", state.url());
        answer.headers.push(("azure-asyncoperation", address));
    }
    answer
}

fn look(name: &str, state: &State) -> Answer {
    let mut computes = state.computes.lock().unwrap();
    let Some(made) = computes.get_mut(name) else {
        return refused(404, "ResourceNotFound", name);
    };
    made.looks += 1;
    let has_quota = made.body["properties"]["properties"]["vmSize"] != "HUGE";
    let word = match (made.is_going, made.looks) {
        // As it was before.
        (false, 1) if !made.is_held => return refused(404, "ResourceNotFound", name),
        (true, 1) => "Succeeded",
        (false, 2) if !made.is_held => "Creating",
        (true, 2) => "Deleting",
        (true, _) => {
            computes.remove(name);
            return refused(404, "ResourceNotFound", name);
        }
        (false, _) if has_quota => "Succeeded",
        (false, _) => "Failed",
    };
    Answer::json(200, &shown(&made.body, word))
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
