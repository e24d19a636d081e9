//! What the hub has said once is known without it; what a cache merely holds is not taken for all.

use std::fs;

use serde_json::{Value, json};

use super::server::{COMMIT, Hub};
use super::{building, run};
use crate::packs::servers::https::dead_port;
use crate::playground::Playground;
use crate::real;

/// A workflow that trains on the data set `acme/tones`, read as `load` says, with its own cache of
/// steps.
fn training(playground: &Playground, load: &Value, cache_dir: &str) {
    let mut workflow = real::unmeasured();
    workflow["data_configs"][0]["load_dataset_config"] = json!({"data_name": "acme/tones"});
    let section = workflow["data_configs"][0]["load_dataset_config"].as_object_mut().unwrap();
    section.extend(load.as_object().unwrap().clone());
    workflow["data_configs"].as_array_mut().unwrap().truncate(1);
    workflow["evaluators"] = json!({});
    workflow["passes"] = json!({"lora": workflow["passes"]["lora"]});
    workflow["engine"]["cache_dir"] = cache_dir.into();
    real::write(playground, workflow);
}

fn publish_rows(hub: &Hub) {
    let rows = (0..8).map(|number| json!({"phrase": format!("row {number}"), "tone": "joy"}));
    let rows: Vec<String> = rows.map(|row| row.to_string()).collect();
    let files = [("one.json", rows[..2].join("\n")), ("two.json", rows[2..].join("\n"))];
    let card = json!({"configs": [{"config_name": "default", "data_files": [
        {"split": "train", "path": "one.json"}, {"split": "test", "path": "two.json"}
    ]}]});
    hub.publish("datasets", "acme/tones", "main", &files, &card);
}

#[test]
fn a_data_set_is_what_its_card_said_when_it_was_asked() {
    let hub = Hub::new();
    publish_rows(&hub);
    let playground = real::playground();
    training(&playground, &json!({"split": "test"}), "first");
    let fetching = "fetch data `train` (HuggingFaceDataset)";
    run(&playground, &hub, &[]).check(0, &[fetching]);
    // Rows of the other split are no substitute.
    let count = hub.requests().len();
    let offline = [("HF_HUB_OFFLINE", "1")];
    training(&playground, &json!({}), "second");
    let parts = ["`acme/tones` at `main` is not in the cache", "`one.json` is not there"];
    run(&playground, &hub, &offline).check(20, &parts);
    training(&playground, &json!({"split": "test"}), "second");
    run(&playground, &hub, &offline).check(0, &[fetching, COMMIT]);
    training(&playground, &json!({"split": "test"}), "third");
    let dead = format!("http://localhost:{}", dead_port());
    let parts = [fetching, "the commit in the cache is taken"];
    run(&playground, &hub, &[("HF_ENDPOINT", &dead)]).check(0, &parts);
    assert_eq!(hub.requests().len(), count);
}

#[test]
fn rows_that_another_program_has_fetched_are_read_by_their_names() {
    let hub = Hub::new();
    publish_rows(&hub);
    let playground = real::playground();
    training(&playground, &json!({"split": "test"}), "first");
    run(&playground, &hub, &[]).check(0, &[]);
    fs::remove_dir_all(playground.path("hf/hub/datasets--acme--tones/.olive")).unwrap();
    let offline = [("HF_HUB_OFFLINE", "1")];
    for load in [json!({}), json!({"split": "test"}), json!({"data_files": "t*.json"})] {
        training(&playground, &load, "second");
        let parts = ["which files of data set `acme/tones` at `main`", "name each of its files in"];
        run(&playground, &hub, &offline).check(20, &parts);
    }
    training(&playground, &json!({"data_files": ["two.json", "one.json"]}), "second");
    run(&playground, &hub, &offline).check(20, &["`one.json` is not there"]);
    training(&playground, &json!({"data_files": "two.json"}), "second");
    run(&playground, &hub, &offline).check(0, &[COMMIT]);
}

#[test]
fn a_commit_of_which_another_program_has_a_part_is_asked_for() {
    let hub = Hub::new();
    hub.publish_model("acme/phi", "main");
    let playground = real::installed();
    real::write(&playground, building(&json!("acme/phi")));
    run(&playground, &hub, &[]).check(0, &[]);
    let repository = "hf/hub/models--acme--phi";
    fs::remove_dir_all(playground.path(repository).join(".olive")).unwrap();
    let config = playground.path(repository).join("snapshots").join(COMMIT);
    let config = config.join("tokenizer_config.json");
    fs::remove_file(config.canonicalize().unwrap()).unwrap();
    fs::remove_file(&config).unwrap();
    let mut workflow = building(&json!("acme/phi"));
    workflow["input_model"]["load_kwargs"] = json!({"revision": COMMIT});
    workflow["cache_dir"] = "elsewhere".into();
    real::write(&playground, workflow.clone());
    run(&playground, &hub, &[]).check(0, &[]);
    assert!(config.exists());
    // From here on nothing needs to be asked.
    let count = hub.requests().len();
    workflow["cache_dir"] = "third".into();
    real::write(&playground, workflow);
    run(&playground, &hub, &[]).check(0, &["fetch input model", COMMIT]);
    assert_eq!(hub.requests().len(), count);
}
