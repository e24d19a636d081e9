//! Jobs: their command, in folders with what they read, as a compute runs it.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;

use serde_json::Value;

use super::cloud::{State, blob_of, unfold};
use crate::playground::signal;

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
    let log = File::create(folder.join("log")).unwrap();
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

/// Puts the files of `folder` into blobs below `place`.
fn fold(state: &State, folder: &Path, place: &str) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let place = format!("{place}/{}", path.file_name().unwrap().to_str().unwrap());
        if path.is_dir() {
            fold(state, &path, &place);
        } else {
            let content = fs::read(&path).unwrap();
            state.blobs.lock().unwrap().insert(place, content);
        }
    }
}
