//! Azure Machine Learning, by a small cloud on this machine that runs the jobs it is given.
//!
//! The service itself is not tried: tests have no network.

mod cloud;
mod service;
mod assertion;
mod computes;
mod contract;
mod storage;
mod sources;
mod azurite;
mod blobs;
mod jobs;
mod resources;
mod parity;
mod credentials;
mod secrets;
mod server;
mod recipe;
mod live;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use crate::playground::{PATIENCE, Playground, Running, Said, signal, wait_for, wait_for_end_of};
use cloud::{Cloud, Fault};

/// How a job is put.
const PUT_JOB: &str = "PUT /subscriptions/sub/resourceGroups/rg/providers/\
    Microsoft.MachineLearningServices/workspaces/ws/jobs/";

fn playground() -> Playground {
    let playground = Playground::new();
    playground.install("olive_plugin_azureml", "olive_plugin_azureml");
    playground
}

fn client() -> Value {
    json!({
        "subscription_id": "sub", "resource_group": "rg", "workspace_name": "ws",
        "operation_retry_interval": 0
    })
}

/// A workflow whose pass runs on the compute of a system with these `settings`.
fn on_cloud(settings: Value, pass: Value) -> Value {
    let mut system = json!({
        "type": "AzureML",
        "config": {"aml_compute": "gpus", "aml_docker_config": {"base_image": "image"}}
    });
    system["config"].as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    json!({
        "systems": {"aml": system},
        "azureml_client": client(),
        "engine": {"host": "aml"},
        "passes": {"first": pass}
    })
}

fn command(playground: &Playground, cloud: &Cloud, args: &[&str]) -> Command {
    let mut command = playground.command(args);
    command.envs(cloud.variables());
    command
}

fn run(playground: &Playground, cloud: &Cloud) -> Said {
    Said::from(command(playground, cloud, &["run", "--config", "@/olive.json"]).output().unwrap())
}

/// Checks that no file below `folder`, but for programs, and nothing that was said tells a secret.
fn check_secrets(folder: &Path, said: &Said) {
    let mut folders = vec![folder.to_owned()];
    let mut texts = vec![said.out.clone().into_bytes(), said.err.clone().into_bytes()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.extend((!path.ends_with("bin")).then_some(path));
            } else {
                texts.extend(fs::read(path).ok());
            }
        }
    }
    assert!(texts.len() > 2);
    for secret in secrets::SECRETS {
        let is_told =
            |text: &Vec<u8>| text.windows(secret.len()).any(|part| part == secret.as_bytes());
        assert!(!texts.iter().any(is_told), "`{secret}` is told");
    }
}

#[test]
fn a_step_runs_as_a_job_of_the_workspace() {
    let (cloud, playground) = (Cloud::new(), playground());
    cloud.state.keeps_alive.store(true, Ordering::Relaxed);
    playground.workflow(on_cloud(json!({}), json!({"type": "Toy"})));
    let said = run(&playground, &cloud);
    let parts = ["signed in to Azure by the client secret", "job `olive-", "on `aml`"];
    said.check(0, &parts);
    said.check(0, &["`: https://ml.azure.com/runs/olive-"]);
    assert_eq!(playground.read("out/weights"), "some weights");
    // What the worker tells comes through, with paths of this machine.
    let key = playground.names("cache/v1/steps").remove(0);
    let record = playground.read(&format!("cache/v1/steps/{key}/step.json"));
    assert!(record.contains("\"loss\"") && !record.contains("/tmp/olive-"), "{record}");
    // Nothing of the job is left, and what it read stays for the next one.
    assert_eq!(cloud.blobs("olive/"), [""; 0]);
    assert!(!cloud.blobs("LocalUpload/").is_empty());
    // Connections serve several requests.
    assert!(cloud.state.num_connections.load(Ordering::Relaxed) < cloud.requests().len());
    assert_eq!(playground.names("cache/v1/work"), Vec::<String>::new());
    for folder in ["cache", "out", "home"] {
        check_secrets(&playground.path(folder), &said);
    }
}

#[test]
fn a_later_step_finds_what_an_earlier_one_has_sent() {
    let (cloud, playground) = (Cloud::new(), playground());
    playground.workflow(on_cloud(json!({}), json!({"type": "Toy"})));
    run(&playground, &cloud).check(0, &["job `olive-"]);
    let before = cloud.requests().len();
    playground.workflow(on_cloud(json!({}), json!({"type": "Toy", "score": 0.5})));
    run(&playground, &cloud).check(0, &["job `olive-"]);
    let again = cloud.requests()[before..].join("\n");
    assert!(!again.contains("startPendingUpload"), "{again}");
    assert!(!again.contains("PUT /store/data/LocalUpload/"), "{again}");
}

#[test]
fn a_cloud_that_stumbles_is_asked_again() {
    let (cloud, playground) = (Cloud::new(), playground());
    for (part, fault) in [
        ("GET /subscriptions/sub/resourceGroups/rg", Fault::Status(429, "retry-after: 0")),
        ("/startPendingUpload", Fault::Status(500, "")),
        ("PUT /store/code/", Fault::Expires),
        ("/environments/", Fault::Status(409, "")),
        ("PUT /store/data/LocalUpload/", Fault::Drops),
        ("HEAD /store/data/", Fault::Status(503, "")),
        (PUT_JOB, Fault::Forgets),
        ("/details", Fault::Drops),
        ("GET /store/logs/", Fault::Status(500, "")),
        ("GET /store/data/olive/", Fault::Trickles),
        ("GET /store/data/olive/", Fault::Expires),
        ("DELETE /store/data/olive/", Fault::Status(429, "retry-after: 0")),
    ] {
        cloud.stumble(part, fault);
    }
    playground.workflow(on_cloud(json!({}), json!({"type": "Toy"})));
    let said = run(&playground, &cloud);
    said.check(0, &["asked again in 0 s"]);
    assert_eq!(playground.read("out/weights"), "some weights");
    assert_eq!(cloud.unmet(), [""; 0]);
    check_secrets(&playground.path("cache"), &said);
}

#[test]
fn what_stays_refused_ends_the_step() {
    let row = |settings: Value, part: &'static str| (settings, part);
    for (settings, part) in [
        row(json!({"aml_compute": "none"}), "the workspace has no compute `none`"),
        row(
            json!({"aml_compute": "arc", "resources": {"instance_type": "huge"}}),
            "compute `arc` has no instance type `huge`",
        ),
        row(json!({"hf_token": true}), "`hf_token` asks for a token, but no key vault is named"),
        row(json!({"aml_docker_config": null}), "no image is named for the jobs"),
        row(
            json!({"aml_docker_config": {"base_image": "image", "version": "1"}}),
            "`version` has no effect without `name`",
        ),
        row(
            json!({"aml_docker_config": null, "aml_environment_config": {"name": "none"}}),
            "environment `none` does not exist",
        ),
        row(json!({"azureml_client_config": {"workspace_name": "other"}}), "no workspace is named"),
    ] {
        let (cloud, playground) = (Cloud::new(), playground());
        playground.workflow(on_cloud(settings, json!({"type": "Toy"})));
        run(&playground, &cloud).check(20, &["`first (Toy)`", part]);
        assert!(!cloud.requests().iter().any(|told| told.contains("/jobs/")));
    }
}

#[test]
fn a_job_that_is_refused_leaves_no_files() {
    let (cloud, playground) = (Cloud::new(), playground());
    cloud.stumble("/jobs/", Fault::Status(400, ""));
    playground.workflow(on_cloud(json!({}), json!({"type": "Toy"})));
    run(&playground, &cloud).check(20, &["the service answers 400"]);
    assert!(cloud.requests().iter().any(|told| told.starts_with("PUT /store/data/olive/")));
    assert_eq!(cloud.blobs("olive/"), [""; 0]);
}

#[test]
fn a_call_that_does_not_go_whole_leaves_no_files() {
    let (cloud, playground) = (Cloud::new(), playground());
    for fault in [Fault::Passes, Fault::Status(400, "")] {
        cloud.stumble("PUT /store/data/olive/", fault);
    }
    playground.workflow(on_cloud(json!({}), json!({"type": "Toy"})));
    run(&playground, &cloud).check(20, &["the service answers 400"]);
    assert_eq!(cloud.unmet(), [""; 0]);
    assert_eq!(cloud.blobs("olive/"), [""; 0]);
}

#[test]
fn a_job_that_was_taken_without_an_answer_is_followed() {
    let (cloud, playground) = (Cloud::new(), playground());
    for fault in [Fault::Forgets, Fault::Status(408, ""), Fault::Drops, Fault::Status(429, "")] {
        cloud.stumble(PUT_JOB, fault);
    }
    playground.workflow(on_cloud(json!({}), json!({"type": "Toy"})));
    run(&playground, &cloud).check(0, &["job `olive-", "it answers 408; asked again"]);
    assert_eq!(playground.read("out/weights"), "some weights");
    assert_eq!(cloud.unmet(), [""; 0]);
}

#[test]
fn a_job_that_may_run_all_the_same_keeps_its_files() {
    let (cloud, playground) = (Cloud::new(), playground());
    (0..4).for_each(|_| cloud.stumble(PUT_JOB, Fault::Status(408, "")));
    playground.workflow(on_cloud(json!({}), json!({"type": "Toy"})));
    run(&playground, &cloud).check(20, &["the service answers 408"]);
    assert!(!cloud.blobs("olive/").is_empty());
}

#[test]
fn a_job_without_an_image_fails_with_the_words_of_the_workspace() {
    let (cloud, playground) = (Cloud::new(), playground());
    cloud.state.has_no_images.store(true, Ordering::Relaxed);
    playground.workflow(on_cloud(json!({}), json!({"type": "Toy"})));
    let said = run(&playground, &cloud);
    said.check(20, &["was lost: it failed in the workspace: the image cannot be made"]);
    assert_eq!(cloud.blobs("olive/"), [""; 0]);
}

#[test]
fn who_is_not_let_in_is_told_so_without_the_secret() {
    let (cloud, playground) = (Cloud::new(), playground());
    playground.workflow(on_cloud(json!({}), json!({"type": "Toy"})));
    let mut command = command(&playground, &cloud, &["run", "--config", "@/olive.json"]);
    let said = Said::from(command.env("AZURE_CLIENT_SECRET", "wr0ng").output().unwrap());
    let parts = ["Azure does not accept the client secret of the environment", "AADSTS7000215"];
    said.check(20, &parts);
    assert!(!said.err.contains("wr0ng") && !said.out.contains("wr0ng"));
}

#[test]
fn failures_of_a_pass_come_through() {
    let (cloud, playground) = (Cloud::new(), playground());
    playground.workflow(on_cloud(json!({}), json!({"type": "Toy", "behavior": "fail"})));
    run(&playground, &cloud).check(20, &["`first (Toy)`", "failed: the toy failed"]);
    assert_eq!(cloud.blobs("olive/"), [""; 0]);
}

#[test]
fn a_job_of_the_workspace_is_cancelled() {
    let (cloud, playground) = (Cloud::new(), playground());
    let wait = json!({"type": "Toy", "behavior": "wait", "wait_for": "go"});
    playground.workflow(on_cloud(json!({}), wait));
    let variables = cloud.variables();
    let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let running = playground.start_with(&variables);
    let worker = running.worker.clone();
    signal("INT", &running.host());
    running.end().check(30, &[]);
    wait_for_end_of(&worker);
    assert!(cloud.requests().iter().any(|told| told.ends_with("/cancel")));
    assert_eq!(cloud.blobs("olive/"), [""; 0]);
}

#[test]
fn a_job_that_was_taken_without_an_answer_is_cancelled_by_who_stops() {
    let (cloud, playground) = (Cloud::new(), playground());
    cloud.stumble(PUT_JOB, Fault::Forgets);
    let wait = json!({"type": "Toy", "behavior": "wait", "wait_for": "go"});
    let mut workflow = on_cloud(json!({}), wait);
    workflow["azureml_client"]["operation_retry_interval"] = 600.into();
    playground.workflow(workflow);
    let args = ["run", "--config", "@/olive.json"];
    let mut running = Running::of(&mut command(&playground, &cloud, &args));
    running.line_with("asked again in 600 s");
    let name = cloud.state.jobs.lock().unwrap().keys().next().unwrap().clone();
    let pid = cloud.state.job_folder(&name).join("pid");
    let has_begun = || fs::read_to_string(&pid).is_ok_and(|pid| !pid.is_empty());
    wait_for("the process of the job", PATIENCE, has_begun);
    signal("INT", &running.host());
    running.end().check(30, &[]);
    assert!(cloud.requests().iter().any(|told| told.ends_with("/cancel")));
    assert_eq!(cloud.blobs("olive/"), [""; 0]);
}

#[test]
fn a_job_of_a_host_that_was_killed_is_followed_to_its_end() {
    let (cloud, playground) = (Cloud::new(), playground());
    let wait = json!({"type": "Toy", "behavior": "wait", "wait_for": "go"});
    playground.workflow(on_cloud(json!({}), wait));
    let variables = cloud.variables();
    let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let running = playground.start_with(&variables);
    signal("KILL", &running.host());
    running.end();
    playground.go();
    run(&playground, &cloud).check(0, &["of an earlier run", "first (Toy): done"]);
    assert_eq!(cloud.state.jobs.lock().unwrap().len(), 1);
    assert_eq!(cloud.blobs("olive/"), [""; 0]);
}

#[test]
fn models_and_data_come_from_the_cloud() {
    let (cloud, playground) = (Cloud::new(), playground());
    cloud.put("models/phi/MLmodel", b"flavors:");
    cloud.put("models/phi/data/model/config.json", b"{}");
    cloud.put("models/phi/data/model/weights", b"of the cloud");
    cloud.put("models/phi/data/tokenizer/tokenizer.json", b"{}");
    cloud.put("data/tones.json", br#"[{"phrase": "hello", "tone": "joy"}]"#);
    let model = json!({"properties": {
        "modelUri": "azureml://subscriptions/sub/resourcegroups/rg/workspaces/ws/datastores/\
                     workspaceblobstore/paths/models/phi"
    }});
    cloud.state.documents.lock().unwrap().insert("/models/phi/versions/2".into(), model);
    let registry = json!({"name": "phi", "registry_name": "shelf", "version": "3"});
    for reference in [
        json!({"type": "azureml_registry_model", "config": registry}),
        json!({"type": "azureml_model", "config": {"name": "phi", "version": 2}}),
        json!({
            "type": "azureml_datastore",
            "datastore_name": "workspaceblobstore",
            "relative_path": "models/phi"
        }),
    ] {
        let playground = self::playground();
        let file = json!({
            "datastore_name": "workspaceblobstore", "relative_path": "data/tones.json"
        });
        playground.workflow(json!({
            "input_model": {"type": "HfModel", "model_path": reference},
            "azureml_client": client(),
            "data_configs": [{
                "name": "tones",
                "type": "HuggingfaceContainer",
                "load_dataset_config": {
                    "data_name": "json",
                    "data_files": {"type": "azureml_datastore", "config": file}
                }
            }],
            "passes": {"first": {"type": "Toy", "train_data_config": "tones"}}
        }));
        let said = run(&playground, &cloud);
        said.check(0, &["fetch input model (azureml_", "fetch data `tones`"]);
        assert_eq!(playground.read("out/weights"), "of the cloud");
        check_secrets(&playground.path("cache"), &said);
        // The second time nothing is asked.
        let before = cloud.requests().len();
        run(&playground, &cloud).check(0, &[]);
        assert_eq!(cloud.requests().len(), before);
    }
    playground.workflow(json!({
        "input_model": {"type": "HfModel", "model_path": {
            "type": "azureml_model", "name": "phi", "version": "9"
        }},
        "azureml_client": client(),
        "passes": {"first": {"type": "Toy"}}
    }));
    run(&playground, &cloud).check(20, &["model `phi` of version `9` does not exist"]);
}

#[test]
fn a_whole_datastore_is_a_model_too() {
    let (cloud, playground) = (Cloud::new(), playground());
    cloud.put("config.json", b"{}");
    cloud.put("weights", b"of the root");
    playground.workflow(json!({
        "input_model": {"type": "HfModel", "model_path": {
            "type": "azureml_datastore",
            "datastore_name": "workspaceblobstore",
            "relative_path": "/"
        }},
        "azureml_client": client(),
        "passes": {"first": {"type": "Toy"}}
    }));
    run(&playground, &cloud).check(0, &["fetch input model (azureml_datastore)"]);
    assert_eq!(playground.read("out/weights"), "of the root");
}
