//! What the services answer.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use super::cloud::{ASSERTION, Answer, Asked, IDENTITY, Opening, SECRET, State, TOKEN, decoded};
use super::{assertion, azurite, computes, contract, jobs, storage};

/// Subscription, group and name of the workspaces that there are; the second is that of the recipe.
const WORKSPACES: [[&str; 3]; 2] = [
    ["sub", "rg", "ws"],
    ["Your Azure Subscrition ID", "Your Azure Resource Group", "Your Azure ML Workspaces name"],
];
/// The compute of the recipe.
const COMPUTE: &str = "Your Azure AI Studio / Azure Machine Learning Service Compute Name";
/// Registries and the models that they have, each with its version; the second are those of the
/// recipe, whose model has a name that a real registry refuses.
const MODELS: [[&str; 3]; 2] =
    [["shelf", "phi", "3"], ["azureml-msr", "microsoft/Phi-3-mini-4k-instruct", "11"]];

/// The answer to a request.
pub(super) fn answer(asked: &Asked, state: &Arc<State>) -> Answer {
    let path = asked.path.as_str();
    if path.starts_with("/store/") {
        return storage::answer(asked, state);
    }
    if path == "/tenant/oauth2/v2.0/token" {
        return login(asked, state);
    }
    if path == "/identity" {
        return identity(asked);
    }
    let shown = asked.headers.get("authorization").cloned().unwrap_or_default();
    if !shown.starts_with(&format!("Bearer {TOKEN}{}", state.url())) {
        return refused(401, "InvalidAuthenticationToken", "who are you?");
    }
    if let Some(workspace) = Workspace::of(asked.target.split('?').next().unwrap_or_default()) {
        return workspace.answer(asked, state);
    }
    if let Some((registry, below)) = in_registry(&asked.target) {
        return model(&registry, &below, state);
    }
    if let Some(name) = path.strip_prefix(computes::OPERATIONS) {
        return computes::operation(name, state);
    }
    let url = state.url();
    if path.ends_with("/rundata") {
        return Answer::json(200, &jobs::outputs_of_run(asked));
    }
    if path.ends_with("/dataversion/batchGetResolvedUris") {
        return Answer::json(200, &jobs::resolved(asked));
    }
    if let Some(run) = path.strip_prefix("/history/v1.0").and_then(Workspace::of) {
        return Answer::json(200, &details(&run.below[1], state));
    }
    match path {
        "/discovery" => Answer::json(200, &json!({"history": url, "api": url})),
        "/registrymanagement/v1.0/registries/shelf/discovery"
        | "/registrymanagement/v1.0/registries/azureml-msr/discovery" => Answer::json(
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

fn login(asked: &Asked, state: &State) -> Answer {
    let form = String::from_utf8_lossy(&asked.content).into_owned();
    let proofs = [format!("client_secret={SECRET}"), format!("client_assertion={ASSERTION}")];
    let is_known = proofs.iter().any(|proof| form.split('&').any(|pair| pair == proof));
    if !is_known && !assertion::proves(&form, &state.url()) {
        let said = "AADSTS7000215: Invalid client secret provided.\nTrace ID: x";
        return Answer::json(401, &json!({"error": "invalid_client", "error_description": said}));
    }
    let scope = form.split('&').find_map(|pair| pair.strip_prefix("scope=")).unwrap();
    let token = format!("{TOKEN}{}", decoded(scope));
    Answer::json(200, &json!({"token_type": "Bearer", "access_token": token}))
}

/// The service on a machine of the cloud that knows its identity.
fn identity(asked: &Asked) -> Answer {
    if asked.headers.get("x-identity-header").map(String::as_str) != Some(IDENTITY) {
        return refused(401, "unauthorized", "who are you?");
    }
    let token = format!("{TOKEN}{}/.default", asked.query["resource"]);
    Answer::json(200, &json!({"token_type": "Bearer", "access_token": token}))
}

/// A workspace that is asked for something.
struct Workspace {
    /// Its id, as it was written.
    id: String,
    /// Parts of the path below it.
    below: Vec<String>,
}

impl Workspace {
    /// The workspace that a path leads into, when there is one.
    fn of(path: &str) -> Option<Self> {
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let named = [1, 3, 7].map(|place| decoded(parts.get(place).copied().unwrap_or_default()));
        let is_known = parts.get(6) == Some(&"workspaces")
            && WORKSPACES.iter().any(|known| known.iter().eq(named.iter()));
        is_known.then(|| Self {
            id: format!("/{}", parts[..8].join("/")),
            below: parts[8..].iter().map(|part| decoded(part)).collect(),
        })
    }

    fn answer(&self, asked: &Asked, state: &Arc<State>) -> Answer {
        let below = format!("/{}", self.below.join("/"));
        let parts: Vec<&str> = self.below.iter().map(String::as_str).collect();
        match (asked.method.as_str(), parts.as_slice()) {
            ("GET", []) => {
                let url = format!("{}/discovery", state.url());
                let properties = json!({"discoveryUrl": url});
                Answer::json(200, &json!({"location": "westeurope", "properties": properties}))
            }
            ("GET", ["codes", code, "versions"]) => codes(asked, &self.id, code, state),
            ("POST", ["codes", .., "startPendingUpload"]) => {
                contract::checked("PendingUploadRequestDto", asked, |_| upload(state))
            }
            ("GET", ["datastores", "workspaceblobstore"]) => datastore(state),
            ("POST", ["datastores", _, "listSecrets"]) => secrets(state),
            (_, ["computes", name]) => compute(asked, name, state),
            ("POST", ["jobs", name, "cancel"]) => {
                jobs::cancel(name, state);
                Answer::plain(202)
            }
            ("PUT", ["jobs", name]) => {
                contract::checked("JobBase", asked, |body| self.put_job(asked, body, name, state))
            }
            ("GET", ["jobs", name]) if jobs::written(name).is_some() => {
                Answer::json(200, &jobs::written(name).unwrap())
            }
            ("GET", ["jobs", name]) => match state.jobs.lock().unwrap().get(*name) {
                Some(status) => Answer::json(200, &json!({"properties": {"status": status}})),
                None => refused(404, "NotFound", &below),
            },
            ("PUT", [kind @ ("codes" | "environments"), ..]) => {
                let name = if *kind == "codes" { "CodeVersion" } else { "EnvironmentVersion" };
                contract::checked(name, asked, |body| {
                    state.documents.lock().unwrap().insert(below.clone(), body.clone());
                    Answer::json(201, &body)
                })
            }
            ("GET", _) => match state.documents.lock().unwrap().get(&below) {
                Some(document) => Answer::json(200, document),
                None => refused(404, "NotFound", &below),
            },
            _ => refused(405, "MethodNotAllowed", &below),
        }
    }

    fn put_job(&self, asked: &Asked, body: Value, name: &str, state: &Arc<State>) -> Answer {
        let token = asked.headers.get("x-azureml-token").cloned().unwrap_or_default();
        let is_users = body["properties"]["identity"]["identityType"] == "UserIdentity";
        if is_users && token != format!("{TOKEN}https://ml.azure.com/.default") {
            return refused(400, "UserError", "no token of the user");
        }
        if state.jobs.lock().unwrap().contains_key(name) {
            return refused(409, "Conflict", "the job is there");
        }
        for part in ["codeId", "environmentId"] {
            let id = body["properties"][part].as_str().unwrap();
            let path = id.strip_prefix(&self.id).map(decoded).unwrap_or_default();
            if !state.documents.lock().unwrap().contains_key(&path) {
                return refused(400, "UserError", &format!("no such {part}: {id}"));
            }
        }
        let path = format!("/jobs/{name}");
        state.documents.lock().unwrap().insert(path, body.clone());
        if state.has_no_images.load(Ordering::Relaxed) {
            state.jobs.lock().unwrap().insert(name.to_owned(), "Failed");
        } else {
            jobs::start(name, &body["properties"], state);
        }
        let mut put = body;
        let page = format!("https://ml.azure.com/runs/{name}");
        put["properties"]["services"] = json!({"Studio": {"endpoint": page}});
        Answer::json(201, &put)
    }
}

fn datastore(state: &State) -> Answer {
    // The server itself is asked where it has the key, and through the cloud otherwise.
    let (protocol, endpoint) = match (&state.azurite, *state.opening.lock().unwrap()) {
        (Some(azurite), Opening::Key) => ("http", azurite.endpoint()),
        _ => ("https", format!("localhost:{}", state.port)),
    };
    Answer::json(
        200,
        &json!({"properties": {
            "datastoreType": "AzureBlob", "accountName": "store", "containerName": "data",
            "protocol": protocol, "endpoint": endpoint, "credentials": {"credentialsType": "Sas"}
        }}),
    )
}

fn secrets(state: &State) -> Answer {
    let secrets = match *state.opening.lock().unwrap() {
        Opening::Key => json!({"secretsType": "AccountKey", "key": azurite::KEY}),
        Opening::Signature => {
            json!({"secretsType": "Sas", "sasToken": format!("?{}", state.given())})
        }
    };
    Answer::json(200, &secrets)
}

fn compute(asked: &Asked, name: &str, state: &State) -> Answer {
    let built_in = match name {
        "gpus" | "gpu-cluster" | COMPUTE => json!({"computeType": "AmlCompute"}),
        "arc" => json!({"computeType": "Kubernetes", "properties": {
            "namespace": "default", "defaultInstanceType": "small",
            "instanceTypes": {"small": {}, "big": {}}
        }}),
        _ => return computes::answer(asked, name, state),
    };
    match asked.method.as_str() {
        "GET" => Answer::json(200, &json!({"properties": built_in})),
        _ => refused(403, "AuthorizationFailed", "This compute is for everyone to stay."),
    }
}

fn codes(asked: &Asked, workspace: &str, code: &str, state: &State) -> Answer {
    let path = format!("/codes/{code}/versions/1");
    let known = state.documents.lock().unwrap().get(&path).cloned();
    let known = known.filter(|known| {
        known.pointer("/properties/properties/hash_sha256").and_then(Value::as_str)
            == asked.query.get("hash").map(String::as_str)
    });
    let found = known.map(|_| json!({"id": format!("{workspace}{path}")}));
    Answer::json(200, &json!({"value": found.into_iter().collect::<Vec<_>>()}))
}

fn upload(state: &State) -> Answer {
    let uri = format!("{}/store/code?{}", state.url(), state.given());
    let credential = json!({"credentialType": "SAS", "sasUri": uri});
    Answer::json(200, &json!({"blobReferenceForConsumption": {"credential": credential}}))
}

fn details(name: &str, state: &State) -> Value {
    let mut details = json!({"runId": name, "logFiles": {}});
    if state.has_no_images.load(Ordering::Relaxed) {
        details["error"] = json!({"error": {"message": "the image cannot be made\nmore"}});
    }
    if let Ok(log) = fs::read(state.job_folder(name).join("log")) {
        if let Some(azurite) = &state.azurite {
            azurite.write(&format!("logs/{name}"), &log);
        }
        let log = format!("{}/store/logs/{name}?{}", state.url(), state.signature());
        details["logFiles"]["user_logs/std_log.txt"] = log.into();
    }
    details
}

/// Name of the registry that a target leads into, and the parts of its path below that.
fn in_registry(target: &str) -> Option<(String, Vec<String>)> {
    let path =
        target.split('?').next()?.strip_prefix("/subscriptions/public/resourceGroups/models")?;
    let (_, path) = path.split_once("/registries/")?;
    let mut parts = path.split('/').map(decoded);
    Some((parts.next()?, parts.collect()))
}

fn model(registry: &str, below: &[String], state: &State) -> Answer {
    let [kind, name, _, version] = below else { return refused(404, "NotFound", registry) };
    if !MODELS.contains(&[registry, name, version]) {
        return refused(404, "NotFound", name);
    }
    let url = format!("{}/store/data", state.url());
    if kind == "models" {
        let uri = format!("{url}/models/phi");
        return Answer::json(200, &json!({"properties": {"modelUri": uri}}));
    }
    let uri = format!("{url}?{}", state.given());
    let credential = json!({"credentialType": "SAS", "sasUri": uri});
    Answer::json(200, &json!({"blobReferenceForConsumption": {"credential": credential}}))
}
