//! The sources, tried by `olive plugin test` with models and data that the hub has.

use serde_json::json;

use super::server::Hub;
use crate::packs::servers::https::Manner;
use crate::playground::{Playground, Said};

#[test]
fn the_sources_keep_the_contract() {
    let hub = Hub::new();
    hub.publish_model("acme/phi", "main");
    // What comes in parts is broken off in the middle of a file.
    hub.slow_blob("model.safetensors", Manner::Breaks(300_000));
    let rows = [("rows.json", json!({"phrase": "hello", "tone": "joy"}).to_string())];
    let card = json!({"configs": [{"config_name": "default", "data_files": [
        {"split": "train", "path": "rows.json"}
    ]}]});
    hub.publish("datasets", "acme/tones", "main", &rows, &card);
    let playground = Playground::bare();
    playground.install("olive_plugin_hub", "olive_plugin_hub");
    let model = |name: &str, id: &str, expect: &str| {
        let config = json!({"repo_id": id});
        json!({"name": name, "source": "HuggingFaceModel", "config": config, "expect": expect})
    };
    let data = json!({"name": "tones", "source": "HuggingFaceDataset", "config": {
        "repo_id": "acme/tones", "split": "train"
    }});
    let cases = [model("phi", "acme/phi", "ok"), model("nobody", "acme/phy", "hub-missing"), data];
    playground.write("cases.json", &json!({ "cases": cases }).to_string());
    let library = playground.library("olive_plugin_hub");
    let mut command = playground.command(&["plugin", "test", &library, "--cases", "@/cases.json"]);
    command.env_remove("HF_HUB_OFFLINE").env("HF_ENDPOINT", hub.url());
    let said = Said::from(command.output().unwrap());
    said.check(0, &[]);
    for check in [
        "HuggingFaceModel/phi/same-twice",
        "HuggingFaceModel/phi/cancel-midway",
        "HuggingFaceModel/phi/resumes-after-stop",
        "HuggingFaceModel/phi/resumes-after-kill",
        "HuggingFaceModel/nobody/runs",
        "HuggingFaceDataset/tones/resumes-after-kill",
    ] {
        let is_passed = |line: &str| line.starts_with("ok") && line.contains(check);
        assert!(said.out.lines().any(is_passed), "{check}: {}", said.out);
    }
}
