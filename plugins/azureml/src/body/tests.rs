//! Bodies beside the contract of the service, and beside those of its official client.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use jsonschema::Validator;
use serde_json::{Value, json};

use super::{Parts, code, job, pending_upload};
use crate::compute::{self, ComputeSettings};
use crate::config::{AzureMlConfig, DockerConfig};
use crate::environment;

/// Where the official job and ours differ, and why.
const DIFFERENCES: [(&str, &str); 9] = [
    ("/environmentVariables/HF_TOKEN", "no secret is in the body of a job"),
    ("/experimentName", "all steps are runs of one experiment"),
    ("/inputs/data/mode", "weights are read in no order, which a mount answers slowly"),
    ("/inputs/lit", "a call is a file, not an argument"),
    ("/inputs/model", "models are brought here first, where their files decide what is done"),
    ("/isArchived", "the service's default"),
    ("/outputs/out", "the name of an output is ours"),
    ("/properties", "the service's default"),
    ("/resources", "one machine, said outright"),
];

fn fixture(name: &str) -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/azureml");
    serde_json::from_str(&fs::read_to_string(folder.join(name)).unwrap()).unwrap()
}

fn contract(name: &str) -> Validator {
    let definitions = fixture("contract.json")["definitions"].clone();
    let schema = json!({"$ref": format!("#/definitions/{name}"), "definitions": definitions});
    jsonschema::validator_for(&schema).unwrap()
}

#[track_caller]
fn check_fits(name: &str, body: &Value) {
    let problems: Vec<String> =
        contract(name).iter_errors(body).map(|error| error.to_string()).collect();
    assert!(problems.is_empty(), "{problems:#?}\n{body:#}");
}

fn config(settings: Value) -> AzureMlConfig {
    serde_json::from_value(settings).unwrap()
}

fn full_config() -> AzureMlConfig {
    config(json!({
        "aml_compute": "gpus",
        "hf_token": true,
        "identity": "Managed",
        "tags": {"team": "tone"},
        "resources": {"instance_type": "big", "shm_size": "2g", "docker_args": "--ipc=host"}
    }))
}

fn parts() -> Parts<'static> {
    Parts {
        title: "d",
        command: "sh launch.sh".into(),
        code: "/codes/c/versions/1".into(),
        environment: "/environments/e/versions/1".into(),
        compute: "/computes/gpus".into(),
        inputs: BTreeMap::from([(
            "in_0000".to_owned(),
            "azureml://datastores/d/paths/p".to_owned(),
        )]),
        result: "azureml://datastores/d/paths/r".into(),
        vault: Some("vault"),
    }
}

fn cluster() -> ComputeSettings {
    serde_json::from_value(json!({"compute_name": "gpus"})).unwrap()
}

/// The body of the official request whose path has this part.
fn official(part: &str) -> Value {
    let calls = fixture("official.json");
    let has_part =
        |call: &&Value| call["path"].as_str().unwrap().contains(part) && call["body"].is_object();
    calls.as_array().unwrap().iter().find(has_part).unwrap()["body"].clone()
}

#[test]
fn every_body_fits_the_contract() {
    check_fits("JobBase", &job(&full_config(), &parts()));
    check_fits("JobBase", &job(&config(json!({"aml_compute": "c"})), &parts()));
    check_fits("CodeVersion", &code("https://x/olive", "00ff"));
    check_fits("PendingUploadRequestDto", &pending_upload());
    check_fits("ComputeResource", &compute::body(&cluster(), "westeurope"));
    let image = DockerConfig { base_image: Some("image".into()), ..DockerConfig::default() };
    let folder = DockerConfig::default();
    for (docker, conda, context) in
        [(&image, None, None), (&image, Some("name: x"), None), (&folder, None, Some("https://x/"))]
    {
        let body = environment::body(docker, conda, context).unwrap();
        check_fits("EnvironmentVersion", &body);
    }
    assert!(environment::body(&folder, Some("name: x"), None).is_err());
}

#[test]
fn the_contract_refuses_what_is_wrong() {
    let whole = job(&full_config(), &parts());
    let base = contract("JobBase");
    assert!(base.is_valid(&whole));
    for (pointer, wrong) in [
        ("/properties/environmentId", json!(1)),
        ("/properties/jobType", json!("Kommando")),
        ("/properties/identity", json!({"identityType": "Nobody"})),
        ("/properties/inputs/in_0000/mode", json!("Fetch")),
        ("/properties/inputs/in_0000", json!({"jobInputType": "uri_folder"})),
        ("/properties/outputs/result/jobOutputType", json!("folder")),
        ("/properties/resources/instanceCount", json!("1")),
        ("/properties", json!({})),
    ] {
        let mut body = whole.clone();
        *body.pointer_mut(pointer).unwrap() = wrong;
        assert!(!base.is_valid(&body), "{pointer}");
    }
    let compute = contract("ComputeResource");
    for (pointer, wrong) in [
        ("/properties/computeType", json!("Kluster")),
        ("/properties/properties/vmPriority", json!("Low")),
        ("/properties/properties/scaleSettings", json!({"minNodeCount": 0})),
        ("/properties/properties/vmsize", json!("STANDARD_D2_V2")),
    ] {
        let mut body = compute::body(&cluster(), "westeurope");
        let (place, key) = pointer.rsplit_once('/').unwrap();
        body.pointer_mut(place).unwrap()[key] = wrong;
        assert!(!compute.is_valid(&body), "{pointer}");
    }
    let mut body = whole.clone();
    body["properties"]["commmand"] = json!("x");
    assert!(!base.is_valid(&body));
    let mut body = whole;
    body["properties"].as_object_mut().unwrap().remove("environmentId");
    assert!(!base.is_valid(&body));
}

#[test]
fn a_job_is_the_official_one_but_for_known_differences() {
    let mut theirs = official("/jobs/")["properties"].clone();
    // What the service has added.
    for key in ["status", "services"] {
        theirs.as_object_mut().unwrap().remove(key);
    }
    let text = |key: &str| theirs[key].as_str().unwrap().to_owned();
    let uri = theirs.pointer("/inputs/data/uri").unwrap().as_str().unwrap().to_owned();
    let parts = Parts {
        command: text("command"),
        code: text("codeId"),
        environment: text("environmentId"),
        compute: text("computeId"),
        inputs: BTreeMap::from([("data".to_owned(), uri)]),
        vault: None,
        ..parts()
    };
    let ours = job(&config(json!({"aml_compute": "gpu-cluster"})), &parts)["properties"].clone();
    let mut found = Vec::new();
    differences(&theirs, &ours, String::new(), &mut found);
    let expected: Vec<_> = DIFFERENCES.iter().map(|(pointer, _)| (*pointer).to_owned()).collect();
    found.retain(|pointer| pointer != "/outputs/result");
    assert_eq!(found, expected);
    // The output is the same under another name, but for the place, which the service would choose.
    let mut output = ours["outputs"]["result"].clone();
    output.as_object_mut().unwrap().remove("uri");
    assert_eq!(output, theirs["outputs"]["out"]);
}

#[test]
fn code_and_environment_are_the_official_ones_but_for_known_differences() {
    let theirs = official("/codes/0fafc3b4");
    let place = theirs.pointer("/properties/codeUri").unwrap().as_str().unwrap();
    let digest = theirs.pointer("/properties/properties/hash_sha256").unwrap().as_str().unwrap();
    let mut ours = code(place, digest);
    // The contract has only texts there.
    assert_eq!(ours["properties"]["properties"]["hash_version"], "202208");
    ours["properties"]["properties"]["hash_version"] = json!(202_208);
    assert_eq!(ours, theirs);
    assert_eq!(pending_upload(), official("/startPendingUpload"));

    let mut theirs = official("/environments/")["properties"].clone();
    let text = |key: &str| theirs[key].as_str().map(str::to_owned);
    let docker = DockerConfig { base_image: text("image"), ..DockerConfig::default() };
    let ours = environment::body(&docker, text("condaFile").as_deref(), None).unwrap();
    // The service's default.
    theirs.as_object_mut().unwrap().remove("isArchived");
    assert_eq!(ours["properties"], theirs);
    let path = environment::path(&docker, &ours);
    assert!(path.starts_with("/environments/CliV2AnonymousEnvironment/versions/"), "{path}");
}

#[test]
fn only_what_is_asked_for_is_in_a_job() {
    let body = job(&full_config(), &parts());
    let variables = json!({"HF_LOGIN": "True", "KEYVAULT_NAME": "vault"});
    assert_eq!(body["properties"]["environmentVariables"], variables);
    assert_eq!(body["properties"]["tags"], json!({"team": "tone"}));
    let resources = json!({
        "instanceCount": 1, "instanceType": "big", "shmSize": "2g", "dockerArgs": "--ipc=host"
    });
    assert_eq!(body["properties"]["resources"], resources);
    let plain = job(&config(json!({"aml_compute": "c"})), &parts());
    assert_eq!(plain["properties"]["environmentVariables"], json!({}));
    assert_eq!(plain["properties"]["identity"], json!({"identityType": "UserIdentity"}));
}

/// Pointers at which two values differ, in order.
fn differences(one: &Value, other: &Value, pointer: String, found: &mut Vec<String>) {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            let mut keys: Vec<&String> = one.keys().chain(other.keys()).collect();
            keys.sort();
            keys.dedup();
            for key in keys {
                let pointer = format!("{pointer}/{key}");
                match (one.get(key), other.get(key)) {
                    (Some(one), Some(other)) => differences(one, other, pointer, found),
                    _ => found.push(pointer),
                }
            }
        }
        _ if one != other => found.push(pointer),
        _ => {}
    }
}
