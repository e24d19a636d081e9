//! What the services answer.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use super::cloud::{Answer, Asked, SECRET, State, TOKEN};
use super::{jobs, storage};

/// The workspace that there is.
const WORKSPACE: &str = "/subscriptions/sub/resourceGroups/rg/providers/\
                                    Microsoft.MachineLearningServices/workspaces/ws";
/// The registry that there is.
const REGISTRY: &str = "/subscriptions/public/resourceGroups/models/providers/\
                        Microsoft.MachineLearningServices/registries/shelf";

/// The answer to a request.
pub(super) fn answer(asked: &Asked, state: &Arc<State>) -> Answer {
    let path = asked.path.as_str();
    if path.starts_with("/store/") {
        return storage::answer(asked, state);
    }
    if path == "/tenant/oauth2/v2.0/token" {
        return login(asked);
    }
    let shown = asked.headers.get("authorization").cloned().unwrap_or_default();
    if !shown.starts_with(&format!("Bearer {TOKEN}{}", state.url())) {
        return refused(401, "InvalidAuthenticationToken", "who are you?");
    }
    if let Some(below) = path.strip_prefix(WORKSPACE) {
        return workspace(asked, below, state);
    }
    if let Some(below) = path.strip_prefix(REGISTRY) {
        return registry(below, state);
    }
    let url = state.url();
    let run = path.strip_prefix("/history/v1.0").and_then(|path| path.strip_prefix(WORKSPACE));
    if let Some(run) = run {
        let name = run.trim_start_matches("/runs/").trim_end_matches("/details");
        return Answer::json(200, &details(name, state));
    }
    match path {
        "/discovery" => Answer::json(200, &json!({"history": url, "api": url})),
        "/registrymanagement/v1.0/registries/shelf/discovery" => Answer::json(
            200,
            &json!({
                "primaryRegionResourceProviderUri": format!("{url}/"),
                "subscriptionId": "public",
                "resourceGroup": "models"
            }),
        ),
        _ => refused(404, "NotFound", path),
    }
}

pub(super) fn refused(status: u16, code: &str, message: &str) -> Answer {
    Answer::json(status, &json!({"error": {"code": code, "message": message}}))
}

fn login(asked: &Asked) -> Answer {
    let form = String::from_utf8_lossy(&asked.content).into_owned();
    if !form.contains(&format!("client_secret={SECRET}")) {
        let said = "AADSTS7000215: Invalid client secret provided.\nTrace ID: x";
        return Answer::json(401, &json!({"error": "invalid_client", "error_description": said}));
    }
    let scope = form.split('&').find_map(|pair| pair.strip_prefix("scope=")).unwrap();
    let token = format!("{TOKEN}{}", super::cloud::decoded(scope));
    Answer::json(200, &json!({"token_type": "Bearer", "access_token": token}))
}

fn workspace(asked: &Asked, below: &str, state: &Arc<State>) -> Answer {
    let parts: Vec<&str> = below.trim_matches('/').split('/').collect();
    match (asked.method.as_str(), parts.as_slice()) {
        ("GET", [""]) => {
            let url = format!("{}/discovery", state.url());
            Answer::json(200, &json!({"properties": {"discoveryUrl": url}}))
        }
        ("GET", ["codes", code, "versions"]) => codes(asked, code, state),
        ("POST", ["codes", .., "startPendingUpload"]) => upload(state),
        ("GET", ["datastores", "workspaceblobstore"]) => Answer::json(
            200,
            &json!({"properties": {
                "datastoreType": "AzureBlob", "accountName": "store", "containerName": "data",
                "protocol": "https", "endpoint": format!("localhost:{}", state.port),
                "credentials": {"credentialsType": "Sas"}
            }}),
        ),
        ("POST", ["datastores", _, "listSecrets"]) => {
            let token = format!("?{}", state.signature());
            Answer::json(200, &json!({"secretsType": "Sas", "sasToken": token}))
        }
        ("GET", ["computes", "gpus"]) => {
            Answer::json(200, &json!({"properties": {"computeType": "AmlCompute"}}))
        }
        ("GET", ["computes", "arc"]) => Answer::json(
            200,
            &json!({"properties": {"computeType": "Kubernetes", "properties": {
                "namespace": "default", "defaultInstanceType": "small",
                "instanceTypes": {"small": {}, "big": {}}
            }}}),
        ),
        ("POST", ["jobs", name, "cancel"]) => {
            jobs::cancel(name, state);
            Answer::plain(202)
        }
        ("PUT", ["jobs", name]) => put_job(asked, name, state),
        ("GET", ["jobs", name]) => match state.jobs.lock().unwrap().get(*name) {
            Some(status) => Answer::json(200, &json!({"properties": {"status": status}})),
            None => refused(404, "NotFound", below),
        },
        ("PUT", _) => {
            let body: Value = serde_json::from_slice(&asked.content).unwrap();
            state.documents.lock().unwrap().insert(below.to_owned(), body.clone());
            Answer::json(201, &body)
        }
        ("GET", _) => match state.documents.lock().unwrap().get(below) {
            Some(document) => Answer::json(200, document),
            None => refused(404, "NotFound", below),
        },
        _ => refused(405, "MethodNotAllowed", below),
    }
}

fn put_job(asked: &Asked, name: &str, state: &Arc<State>) -> Answer {
    let token = asked.headers.get("x-azureml-token").cloned().unwrap_or_default();
    let body: Value = serde_json::from_slice(&asked.content).unwrap();
    let is_users = body["properties"]["identity"]["identityType"] == "UserIdentity";
    if is_users && token != format!("{TOKEN}https://ml.azure.com/.default") {
        return refused(400, "UserError", "no token of the user");
    }
    if state.jobs.lock().unwrap().contains_key(name) {
        return refused(409, "Conflict", "the job is there");
    }
    let path = format!("/jobs/{name}");
    state.documents.lock().unwrap().insert(path, body.clone());
    if state.has_no_images.load(Ordering::Relaxed) {
        state.jobs.lock().unwrap().insert(name.to_owned(), "Failed");
    } else {
        jobs::start(name, &body["properties"], state);
    }
    Answer::json(201, &body)
}

fn codes(asked: &Asked, code: &str, state: &State) -> Answer {
    let path = format!("/codes/{code}/versions/1");
    let known = state.documents.lock().unwrap().get(&path).cloned();
    let known = known.filter(|known| {
        known.pointer("/properties/properties/hash_sha256").and_then(Value::as_str)
            == asked.query.get("hash").map(String::as_str)
    });
    let found = known.map(|_| json!({"id": format!("{WORKSPACE}{path}")}));
    Answer::json(200, &json!({"value": found.into_iter().collect::<Vec<_>>()}))
}

fn upload(state: &State) -> Answer {
    let uri = format!("{}/store/code?{}", state.url(), state.signature());
    let credential = json!({"credentialType": "SAS", "sasUri": uri});
    Answer::json(200, &json!({"blobReferenceForConsumption": {"credential": credential}}))
}

fn details(name: &str, state: &State) -> Value {
    let mut details = json!({"runId": name, "logFiles": {}});
    if state.has_no_images.load(Ordering::Relaxed) {
        details["error"] = json!({"error": {"message": "the image cannot be made\nmore"}});
    }
    if state.job_folder(name).join("log").exists() {
        let log = format!("{}/store/logs/{name}?{}", state.url(), state.signature());
        details["logFiles"]["user_logs/std_log.txt"] = log.into();
    }
    details
}

fn registry(below: &str, state: &State) -> Answer {
    let url = format!("{}/store/data", state.url());
    match below {
        "/models/phi/versions/3" => {
            Answer::json(200, &json!({"properties": {"modelUri": format!("{url}/models/phi")}}))
        }
        "/datareferences/phi/versions/3" => {
            let uri = format!("{url}?{}", state.signature());
            let credential = json!({"credentialType": "SAS", "sasUri": uri});
            Answer::json(200, &json!({"blobReferenceForConsumption": {"credential": credential}}))
        }
        _ => refused(404, "NotFound", below),
    }
}
