//! Jobs: their command, in folders with what they read, as a compute runs it.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;

use serde_json::{Value, json};

use super::blobs::{blob_of, fold, unfold};
use super::cloud::{Asked, State};
use crate::playground::signal;

/// What an image has to say.
const LINE: &str = "the image says \"hello\" at length\n";

/// Jobs that were there before, with what they say of their outputs.
pub(super) fn written(name: &str) -> Option<Value> {
    let uri = |uri: &str| json!({"jobOutputType": "uri_folder", "uri": uri});
    let (status, outputs) = match name {
        "trained" => {
            let told = uri("azureml://datastores/workspaceblobstore/paths/runs/${{name}}/told");
            let nothing = json!({"jobOutputType": "uri_folder", "uri": null});
            ("Completed", json!({"told": told, "resolved": nothing, "usual": nothing}))
        }
        "training" => ("Running", json!({})),
        _ => return None,
    };
    Some(json!({"properties": {"status": status, "outputs": outputs}}))
}

/// What the run of such a job says of its outputs.
pub(super) fn outputs_of_run(asked: &Asked) -> Value {
    let body: Value = serde_json::from_slice(&asked.content).unwrap();
    assert_eq!(body["runId"], "trained");
    json!({"runMetadata": {"outputs": {"resolved": {"assetId": ASSET, "type": "UriFolder"}}}})
}

/// Where such outputs lie.
pub(super) fn resolved(asked: &Asked) -> Value {
    let body: Value = serde_json::from_slice(&asked.content).unwrap();
    assert_eq!(body["values"], json!([ASSET]));
    let uri = "azureml://subscriptions/sub/resourcegroups/rg/workspaces/ws/datastores/\
               workspaceblobstore/paths/runs/asset/";
    json!({"values": {ASSET: {"uri": uri, "type": "UriFolder"}}})
}

/// Id of an output that the service knows as an asset.
const ASSET: &str = "azureml://locations/westeurope/workspaces/w/data/resolved/versions/1";

/// Starts the job with these `properties`.
pub(super) fn start(name: &str, properties: &Value, state: &Arc<State>) {
    state.jobs.lock().unwrap().insert(name.to_owned(), "Queued");
    let (name, properties, state) = (name.to_owned(), properties.clone(), Arc::clone(state));
    thread::spawn(move || {
        let is_well = run(&name, &properties, &state);
        let mut jobs = state.jobs.lock().unwrap();
        let status = match (jobs[&name], is_well) {
            ("CancelRequested", _) => "Canceled",
            (_, true) => "Completed",
            (_, false) => "Failed",
        };
        jobs.insert(name, status);
    });
}

/// Asks the processes of a job to end.
pub(super) fn cancel(name: &str, state: &State) {
    state.jobs.lock().unwrap().insert(name.to_owned(), "CancelRequested");
    let pid = fs::read_to_string(state.job_folder(name).join("pid")).unwrap();
    signal("TERM", &pid);
}

fn run(name: &str, properties: &Value, state: &State) -> bool {
    let folder = state.job_folder(name);
    let text = |pointer: &str| properties.pointer(pointer).unwrap().as_str().unwrap().to_owned();
    let code = text("/codeId");
    let path = &code[code.find("/codes/").unwrap()..];
    let code = state.documents.lock().unwrap()[path].clone();
    let uri = code["properties"]["codeUri"].as_str().unwrap().to_owned();
    let place = uri.split_once("/store/").unwrap().1.to_owned();
    unfold(state, &format!("{place}/"), &folder.join("code"));
    let mut command = text("/command");
    for (input, what) in properties["inputs"].as_object().unwrap() {
        let blob = blob_of(what["uri"].as_str().unwrap());
        let to = folder.join("in").join(input);
        unfold(state, &format!("data/{blob}/"), &to);
        command = command.replace(&format!("${{{{inputs.{input}}}}}"), to.to_str().unwrap());
    }
    let result = folder.join("result");
    fs::create_dir_all(&result).unwrap();
    command = command.replace("${{outputs.result}}", result.to_str().unwrap());
    let mut log = File::create(folder.join("log")).unwrap();
    let num_lines = state.num_log_bytes.load(Ordering::Relaxed) / LINE.len();
    log.write_all(LINE.repeat(num_lines).as_bytes()).unwrap();
    state.jobs.lock().unwrap().insert(name.to_owned(), "Running");
    let mut child = Command::new("sh")
        .args(["-c", &format!("exec {command}")])
        .current_dir(folder.join("code"))
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .stdin(Stdio::null())
        .stderr(log.try_clone().unwrap())
        .stdout(log)
        .process_group(0)
        .spawn()
        .unwrap();
    fs::write(folder.join("pid"), child.id().to_string()).unwrap();
    let status = child.wait().unwrap();
    let place = blob_of(properties["outputs"]["result"]["uri"].as_str().unwrap()).to_owned();
    fold(state, &result, &format!("data/{place}"));
    status.success()
}
