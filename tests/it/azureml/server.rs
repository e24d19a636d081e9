//! Blobs on a real server: what is signed, listed, sent in blocks and read in parts.

use std::fs;

use serde_json::{Value, json};

use super::azurite::Azurite;
use super::cloud::{Cloud, Fault, Opening};
use super::{check_secrets, client, on_cloud, playground, run};

/// Bytes of a file that comes in three parts.
const LARGE: usize = 40 << 20;

/// Bytes of which no part is like the one before it.
fn bytes(length: usize) -> Vec<u8> {
    let mut bytes = (0..251).collect::<Vec<u8>>().repeat(length / 251 + 1);
    bytes.truncate(length);
    bytes
}

/// A workflow on the folder `model` of the default datastore.
fn on_folder() -> Value {
    json!({
        "input_model": {"type": "HfModel", "model_path": {
            "type": "azureml_datastore",
            "datastore_name": "workspaceblobstore",
            "relative_path": "model"
        }},
        "azureml_client": client(),
        "passes": {"first": {"type": "Toy"}}
    })
}

#[test]
fn a_step_runs_with_the_key_of_a_real_storage_account() {
    let Some(azurite) = Azurite::find() else { return };
    let (cloud, playground) = (Cloud::on(azurite), playground());
    // Whoever has the key signs: the server takes no other signature than its own.
    *cloud.state.opening.lock().unwrap() = Opening::Key;
    playground.workflow(on_cloud(json!({}), json!({"type": "Toy"})));
    let said = run(&playground, &cloud);
    said.check(0, &["job `olive-", "on `aml`"]);
    assert_eq!(playground.read("out/weights"), "some weights");
    assert_eq!(cloud.blobs("olive/"), [""; 0]);
    assert!(!cloud.blobs("LocalUpload/").is_empty());
    check_secrets(&playground.path(""), &said);
    // The program is larger than a block.
    let program = cloud.state.paths("code/").into_iter().find(|path| path.ends_with("/olive"));
    let sent = cloud.state.read(&program.unwrap()).unwrap();
    assert!(sent == fs::read(playground.path("bin/olive")).unwrap(), "the program differs");
    let puts = cloud
        .requests()
        .into_iter()
        .filter(|told| told.starts_with("PUT /store/code/olive-") && told.ends_with("/olive"));
    assert!(puts.count() > 2);
}

#[test]
fn a_signature_that_has_run_out_is_asked_for_again() {
    let Some(azurite) = Azurite::find() else { return };
    let (cloud, playground) = (Cloud::on(azurite), playground());
    *cloud.state.num_stale.lock().unwrap() = 2;
    playground.workflow(on_cloud(json!({}), json!({"type": "Toy"})));
    let said = run(&playground, &cloud);
    said.check(0, &["job `olive-"]);
    assert_eq!(playground.read("out/weights"), "some weights");
    let asked = |part: &str| cloud.requests().iter().filter(|told| told.contains(part)).count();
    assert!(asked("/listSecrets") >= 2 && asked("/startPendingUpload") == 2);
    check_secrets(&playground.path(""), &said);
}

#[test]
fn a_registry_is_asked_again_for_a_way_to_its_model() {
    let Some(azurite) = Azurite::find() else { return };
    let (cloud, playground) = (Cloud::on(azurite), playground());
    cloud.put("models/phi/config.json", b"{}");
    cloud.put("models/phi/weights", b"of the registry");
    *cloud.state.num_stale.lock().unwrap() = 1;
    let mut workflow = on_folder();
    workflow["input_model"]["model_path"] = json!({
        "type": "azureml_registry_model", "registry_name": "shelf", "name": "phi", "version": "3"
    });
    playground.workflow(workflow);
    run(&playground, &cloud).check(0, &["fetch input model (azureml_registry_model)"]);
    assert_eq!(playground.read("out/weights"), "of the registry");
    let requests = cloud.requests();
    assert_eq!(requests.iter().filter(|told| told.contains("/datareferences/")).count(), 2);
}

#[test]
fn a_folder_comes_whole_from_a_real_server() {
    let Some(azurite) = Azurite::find() else { return };
    let (cloud, playground) = (Cloud::on(azurite), playground());
    let large = bytes(LARGE);
    cloud.put("model/weights", &large);
    cloud.put("model/config.json", b"{}");
    cloud.put("model-2/other", b"of another folder");
    cloud.put("model/empty", b"");
    let names = ["a b & c.json", "\u{fc} 50%+1.json", "q?=#.json"];
    for name in names {
        cloud.put(&format!("model/{name}"), name.as_bytes());
    }
    // A part is asked for again, not the file.
    cloud.stumble("GET /store/data/model/weights", Fault::Passes);
    cloud.stumble("GET /store/data/model/weights", Fault::Drops);
    playground.workflow(on_folder());
    let said = run(&playground, &cloud);
    said.check(0, &["fetch input model (azureml_datastore)", "asked again in 0 s"]);
    assert_eq!(cloud.unmet(), [""; 0]);
    let requests = cloud.requests();
    let count = |told: &str| requests.iter().filter(|line| *line == told).count();
    assert_eq!(count("GET /store/data/model/weights"), 4);
    // Six blobs, two a page.
    assert_eq!(count("GET /store/data"), 3);
    assert!(fs::read(playground.path("out/weights")).unwrap() == large, "the weights differ");
    for name in names {
        assert_eq!(playground.read(&format!("out/{name}")), name);
    }
    assert!(playground.exists("out/empty") && !playground.exists("out/other"));
}

#[test]
fn a_file_that_changes_on_the_way_is_not_mixed() {
    check_change(&Cloud::new());
}

#[test]
fn a_file_that_changes_on_a_real_server_is_not_mixed() {
    let Some(azurite) = Azurite::find() else { return };
    check_change(&Cloud::on(azurite));
}

fn check_change(cloud: &Cloud) {
    let playground = playground();
    cloud.put("model/config.json", b"{}");
    cloud.put("model/weights", &bytes(LARGE));
    cloud.stumble("GET /store/data/model/weights", Fault::Passes);
    cloud.stumble("GET /store/data/model/weights", Fault::Changes);
    playground.workflow(on_folder());
    let part = "blob `model/weights`: it has changed since it was listed";
    run(&playground, cloud).check(20, &[part]);
    assert_eq!(cloud.unmet(), [""; 0]);
}

#[test]
fn a_fetch_goes_on_where_an_earlier_one_ended() {
    check_resume(&Cloud::new());
}

#[test]
fn a_fetch_from_a_real_server_goes_on_too() {
    let Some(azurite) = Azurite::find() else { return };
    check_resume(&Cloud::on(azurite));
}

fn check_resume(cloud: &Cloud) {
    let playground = playground();
    let large = bytes(LARGE);
    cloud.put("model/config.json", b"{}");
    cloud.put("model/weights", &large);
    cloud.stumble("GET /store/data/model/weights", Fault::Passes);
    cloud.stumble("GET /store/data/model/weights", Fault::Status(400, ""));
    playground.workflow(on_folder());
    run(&playground, cloud).check(20, &["blob `model/weights`"]);
    let before = cloud.requests().len();
    run(&playground, cloud).check(0, &[]);
    assert!(fs::read(playground.path("out/weights")).unwrap() == large, "the weights differ");
    assert_eq!(playground.names("cache/v1/checkpoints"), [""; 0]);
    let again = cloud.requests().split_off(before);
    let count = |told: &str| again.iter().filter(|line| *line == told).count();
    assert_eq!(count("GET /store/data/model/weights"), 2);
    assert_eq!(count("GET /store/data/model/config.json"), 0);
}
