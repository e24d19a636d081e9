//! A real workspace, of whoever names one. It has never been tried: no workspace was at hand. What is
//! asked of it is asked of the small cloud too.

use std::fs;

use serde_json::{Value, json};

use super::cloud::Cloud;
use super::{client, on_cloud, playground};
use crate::playground::{Playground, Said};

type Variables = [(&'static str, String)];

/// The settings in the file that `OLIVE_TEST_AZUREML` names; says so when it names none.
fn settings() -> Option<Value> {
    let Ok(path) = std::env::var("OLIVE_TEST_AZUREML") else {
        println!("skipped: OLIVE_TEST_AZUREML names no file with a workspace");
        return None;
    };
    Some(serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap())
}

fn olive(playground: &Playground, variables: &Variables, command: &[&str]) -> Said {
    let args = [command, &["--config", "@/olive.json"]].concat();
    let variables = variables.iter().map(|(name, value)| (name, value));
    Said::from(playground.command(&args).envs(variables).output().unwrap())
}

/// A step on the system of `live`, once it is found to be fit for it.
fn check_step(live: &Value, variables: &Variables) {
    let playground = playground();
    let mut workflow = on_cloud(json!({}), json!({"type": "Toy"}));
    workflow["azureml_client"] = live["azureml_client"].clone();
    workflow["systems"]["aml"] = live["system"].clone();
    playground.workflow(workflow);
    olive(&playground, variables, &["systems", "probe"]).check(0, &["aml"]);
    let said = olive(&playground, variables, &["run"]);
    said.check(0, &["signed in to Azure by", "job `olive-", "on `aml`"]);
    assert_eq!(playground.read("out/weights"), "some weights");
    olive(&playground, variables, &["run"]).check(0, &["nothing to do"]);
}

/// Brings what each of the `references` of `live` names.
fn check_files(live: &Value, variables: &Variables) {
    for reference in live["references"].as_array().unwrap() {
        let playground = playground();
        playground.workflow(json!({
            "input_model": {"type": "HfModel", "model_path": reference},
            "azureml_client": live["azureml_client"],
            "passes": {"first": {"type": "Toy"}}
        }));
        // Whether the toy can do anything with it says nothing.
        let said = olive(&playground, variables, &["run"]);
        let kind = reference["type"].as_str().unwrap();
        let is_done = said.err.contains(&format!("fetch input model ({kind}): done"));
        assert!(is_done, "out:\n{}\nerr:\n{}", said.out, said.err);
    }
}

#[test]
fn a_step_runs_in_a_live_workspace() {
    if let Some(live) = settings() {
        check_step(&live, &[]);
    }
}

#[test]
fn files_come_from_a_live_workspace() {
    let Some(live) = settings() else { return };
    if live["references"].is_array() {
        check_files(&live, &[]);
    } else {
        println!("skipped: the file of OLIVE_TEST_AZUREML names no `references`");
    }
}

#[test]
fn what_is_asked_of_a_live_workspace_holds_in_the_small_cloud() {
    let cloud = Cloud::new();
    cloud.put("models/phi/config.json", b"{}");
    cloud.put("models/phi/weights", b"some weights");
    let live = json!({
        "azureml_client": client(),
        "system": {
            "type": "AzureML",
            "aml_compute": "gpus",
            "aml_docker_config": {"base_image": "image"}
        },
        "references": [
            {"type": "azureml_datastore", "datastore_name": "workspaceblobstore",
             "relative_path": "models/phi"},
            {"type": "azureml_registry_model", "registry_name": "shelf", "name": "phi",
             "version": "3"}
        ]
    });
    let variables = cloud.variables();
    check_step(&live, &variables);
    check_files(&live, &variables);
}
