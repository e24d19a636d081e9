//! Models and data sets of the Hugging Face hub, from a server that speaks as it does.
//!
//! The hub itself is not tried: tests have no network.

mod server;
mod refusals;
mod kept;
mod python;
mod contract;

use std::fs;

use serde_json::{Value, json};

use crate::packs::servers::https::Manner;
use crate::playground::{PATIENCE, Playground, Said, signal, wait_for};
use crate::real;
use server::{COMMIT, Hub};

/// A workflow that builds a graph of the model at `path`.
fn building(path: &Value) -> Value {
    json!({
        "input_model": {"type": "HfModel", "model_path": path},
        "passes": {"builder": {"type": "ModelBuilder", "precision": "int4"}},
        "output_dir": "out",
        "cache_dir": "cache"
    })
}

/// Runs `olive.json` with `hub` as its hub.
fn run(playground: &Playground, hub: &Hub, variables: &[(&str, &str)]) -> Said {
    let mut command = playground.command(&["run", "--config", "@/olive.json"]);
    command.env_remove("HF_HUB_OFFLINE").env("HF_ENDPOINT", hub.url());
    Said::from(command.envs(variables.iter().copied()).output().unwrap())
}

fn origin(playground: &Playground) -> Value {
    let run: Value = serde_json::from_str(&playground.read("out/run.json")).unwrap();
    run["origin"].clone()
}

#[test]
fn a_model_is_fetched_once_by_its_id() {
    let hub = Hub::new();
    hub.publish_model("acme/phi", "main");
    let playground = real::installed();
    real::write(&playground, building(&json!("acme/phi")));
    playground.olive(&["check", "@/olive.json"]).check(0, &[]);
    run(&playground, &hub, &[]).check(0, &["fetch input model (HuggingFaceModel)", COMMIT]);
    assert!(playground.exists("out/model.onnx"));
    // Only what is needed: no second copy of the weights, no code.
    let asked = hub.requests().join("\n");
    for name in ["config.json", "model.safetensors", "tokenizer.json"] {
        assert!(asked.contains(&format!("/acme/phi/resolve/{COMMIT}/{name}")), "{name}: {asked}");
    }
    for name in ["pytorch_model.bin", "modeling.py", "README.md", "onnx/model.onnx"] {
        assert!(!asked.contains(name), "{asked}");
    }
    let input = origin(&playground)["inputs"][0]["provenance"].clone();
    assert_eq!(input["revision"], COMMIT);
    assert_eq!(input["reference"], json!({"type": "HuggingFaceModel", "repo_id": "acme/phi"}));
    // The second time nothing is asked at all.
    let count = hub.requests().len();
    run(&playground, &hub, &[]).check(0, &["nothing to do"]);
    assert_eq!(hub.requests().len(), count);
    // The weights are there once, in the cache that Python knows.
    let snapshot = format!("hf/hub/models--acme--phi/snapshots/{COMMIT}");
    assert!(playground.path(&snapshot).join("model.safetensors").is_symlink());
    assert_eq!(playground.read("hf/hub/models--acme--phi/refs/main"), COMMIT);
}

#[test]
fn a_local_folder_goes_before_the_hub() {
    let hub = Hub::new();
    let playground = real::installed();
    real::copy_files(&real::fixture("tiny-phi3"), &playground.path("acme/phi"));
    real::write(&playground, building(&json!("acme/phi")));
    run(&playground, &hub, &[]).check(0, &[]);
    assert_eq!(hub.requests(), [""; 0]);
}

#[test]
fn a_path_that_is_meant_for_a_folder_here_is_no_id() {
    let hub = Hub::new();
    let playground = real::installed();
    real::copy_files(&real::fixture("tiny-phi3"), &playground.path("models/phi-3"));
    for (path, parts) in [
        ("models/phi3", ["model `", "did you mean `models/phi-3`?"]),
        ("modles/phi-3", ["model `", "did you mean `models/phi-3`?"]),
        ("models/llama", ["the folder `models` has no model `llama`", "`{\"type\": …"]),
    ] {
        real::write(&playground, building(&json!(path)));
        run(&playground, &hub, &[]).check(13, &parts);
    }
    assert_eq!(hub.requests(), [""; 0]);
}

#[test]
fn a_model_that_another_replaces_is_not_fetched() {
    let hub = Hub::new();
    let playground = real::installed();
    real::copy_files(&real::fixture("tiny-phi3"), &playground.path("model"));
    let mut workflow = building(&json!("acme/phi"));
    workflow["input_model"]["adapter_path"] = "acme/tones".into();
    real::write(&playground, workflow);
    let mut command = playground.command(&["run", "--config", "@/olive.json", "-m", "@/model"]);
    command.env_remove("HF_HUB_OFFLINE").env("HF_ENDPOINT", hub.url());
    Said::from(command.output().unwrap()).check(0, &[]);
    assert_eq!(hub.requests(), [""; 0]);
}

#[test]
fn an_adapter_is_fetched_by_its_id_for_whom_the_model_is() {
    let hub = Hub::new();
    let files = ["adapter_config.json", "adapter_model.safetensors"].map(|name| {
        (name, fs::read(real::fixture("tiny-llama").join("adapter").join(name)).unwrap())
    });
    hub.publish("models", "acme/tones", "main", &files, &Value::Null);
    hub.guard(&format!("/acme/tones/resolve/{COMMIT}/adapter_config.json"), "hf_mine");
    let playground = real::installed();
    real::copy_files(&real::fixture("tiny-llama"), &playground.path("model"));
    let mut workflow = building(&json!("model"));
    workflow["input_model"]["adapter_path"] = "acme/tones".into();
    workflow["input_model"]["load_kwargs"] = json!({"token": "MY_TOKEN"});
    real::write(&playground, workflow);
    let said = run(&playground, &hub, &[("MY_TOKEN", "hf_mine")]);
    said.check(0, &["fetch adapter (HuggingFaceModel)"]);
    assert!(!said.err.contains("has no effect"), "{}", said.err);
    let inputs = origin(&playground)["inputs"].clone();
    assert_eq!(
        (&inputs[0]["role"], &inputs[1]["role"]),
        (&json!("input model"), &json!("adapter"))
    );
    assert_eq!(inputs[1]["provenance"]["revision"], COMMIT);
}

#[test]
fn the_cache_of_steps_is_listed_without_what_links_lead_to() {
    let hub = Hub::new();
    hub.publish_model("acme/phi", "main");
    let playground = real::installed();
    let path = json!({"type": "HuggingFaceModel", "repo_id": "acme/phi"});
    real::write(&playground, building(&path));
    run(&playground, &hub, &[]).check(0, &[]);
    let list = || playground.olive(&["cache", "list", "-c", "@/olive.json", "--json"]);
    let fetched = |said: &Said| -> Value {
        let lines = said.out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let mut lines = lines.filter(|line| line["name"] == "HuggingFaceModel");
        lines.next().unwrap()
    };
    let listed = fetched(&list());
    let size = listed["size_bytes"].as_u64().unwrap();
    let weights = fs::metadata(real::fixture("tiny-phi3").join("model.safetensors")).unwrap();
    assert!(size < weights.len(), "{listed}");
    fs::remove_dir_all(playground.path("hf")).unwrap();
    let said = list();
    said.check(0, &[]);
    assert_eq!(fetched(&said)["is_damaged"], true);
}

#[test]
fn what_the_cache_has_is_not_fetched_again() {
    let hub = Hub::new();
    hub.publish_model("acme/phi", "main");
    let playground = real::installed();
    real::write(&playground, building(&json!("acme/phi")));
    run(&playground, &hub, &[]).check(0, &[]);
    // Another project: the branch is asked for, the files are there.
    let count = hub.requests().len();
    let mut workflow = building(&json!("acme/phi"));
    workflow["cache_dir"] = "elsewhere".into();
    real::write(&playground, workflow);
    run(&playground, &hub, &[]).check(0, &[]);
    assert_eq!(hub.requests()[count..], ["/api/models/acme/phi/revision/main?blobs=true"]);
    // A commit that was asked for before is not asked for again, nor is what may not be asked.
    let count = hub.requests().len();
    let mut workflow = building(&json!("acme/phi"));
    workflow["input_model"]["load_kwargs"] = json!({"revision": COMMIT});
    workflow["cache_dir"] = "third".into();
    real::write(&playground, workflow.clone());
    run(&playground, &hub, &[]).check(0, &[COMMIT]);
    workflow["input_model"]["load_kwargs"] = json!({"revision": "main"});
    workflow["cache_dir"] = "fourth".into();
    real::write(&playground, workflow);
    run(&playground, &hub, &[("HF_HUB_OFFLINE", "1")]).check(0, &[COMMIT]);
    assert_eq!(hub.requests().len(), count);
    // What is removed from the cache is fetched again.
    fs::remove_dir_all(playground.path("hf")).unwrap();
    real::write(&playground, building(&json!("acme/phi")));
    run(&playground, &hub, &[]).check(0, &["fetch input model"]);
    assert!(playground.exists("hf/hub/models--acme--phi"));
}

#[test]
fn shards_come_by_their_index() {
    let hub = Hub::new();
    hub.publish_shards("acme/phi", "main");
    let playground = real::installed();
    real::write(&playground, building(&json!({"type": "HuggingFaceModel", "repo_id": "acme/phi"})));
    run(&playground, &hub, &[]).check(0, &["builder (ModelBuilder)"]);
    let asked = hub.requests().join("\n");
    assert!(asked.contains("/model-00001-of-00001.safetensors"), "{asked}");
    assert!(!asked.contains("/consolidated.safetensors"), "{asked}");
}

#[test]
fn rows_come_by_the_id_of_a_data_set() {
    let hub = Hub::new();
    let rows = (0..8).map(|number| json!({"phrase": format!("row {number}"), "tone": "joy"}));
    let rows: Vec<String> = rows.map(|row| row.to_string()).collect();
    let files = [
        ("data/train-00000-of-00002.jsonl", rows[..4].join("\n")),
        ("data/train-00001-of-00002.jsonl", rows[4..].join("\n")),
        ("data/test-00000-of-00001.jsonl", rows[0].clone()),
        ("tones.py", String::new()),
    ];
    hub.publish("datasets", "acme/tones", "main", &files, &Value::Null);
    let playground = real::playground();
    let mut workflow = real::unmeasured();
    workflow["data_configs"][0]["load_dataset_config"] =
        json!({"data_name": "acme/tones", "split": "train", "trust_remote_code": true});
    workflow["data_configs"].as_array_mut().unwrap().truncate(1);
    workflow["evaluators"] = json!({});
    workflow["passes"] = json!({"lora": workflow["passes"]["lora"]});
    real::write(&playground, workflow);
    let said = run(&playground, &hub, &[]);
    let parts =
        ["fetch data `train` (HuggingFaceDataset)", "code of data sets is never run", COMMIT];
    said.check(0, &parts);
    let asked = hub.requests().join("\n");
    assert!(!asked.contains("test-00000") && !asked.contains("tones.py"), "{asked}");
    let inputs = origin(&playground)["inputs"].clone();
    let rows = inputs.as_array().unwrap().iter().filter(|input| input["role"] == "data train");
    let revisions: Vec<_> = rows.map(|input| &input["provenance"]["revision"]).collect();
    assert_eq!(revisions, [COMMIT, COMMIT]);
    let count = hub.requests().len();
    run(&playground, &hub, &[]).check(0, &["nothing to do"]);
    assert_eq!(hub.requests().len(), count);
}

#[test]
fn a_token_is_shown_to_the_hub_alone_and_kept_nowhere() {
    const SECRET: &str = "hf_thisIsNobodysToken";
    let hub = Hub::new();
    hub.publish_model("acme/phi", "main");
    hub.guard(&format!("/acme/phi/resolve/{COMMIT}/config.json"), SECRET);
    let playground = real::installed();
    let reference = json!({"type": "HuggingFaceModel", "repo_id": "acme/phi", "token": "MY_TOKEN"});
    for (path, variable) in [(json!("acme/phi"), "HF_TOKEN"), (reference, "MY_TOKEN")] {
        real::write(&playground, building(&path));
        let said = run(&playground, &hub, &[(variable, SECRET)]);
        said.check(0, &[]);
        assert!(!said.out.contains(SECRET) && !said.err.contains(SECRET));
        let _ = fs::remove_dir_all(playground.path("hf"));
    }
    let has_token = |told: &String| told.contains(SECRET);
    assert!(hub.requests().iter().all(has_token), "{:?}", hub.requests());
    assert!(!hub.elsewhere().is_empty() && !hub.elsewhere().iter().any(has_token));
    let found = std::process::Command::new("grep")
        .args(["-r", "--exclude-dir=bin", SECRET])
        .arg(playground.path(""))
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&found.stdout), "");
}

#[test]
fn what_breaks_off_or_is_refused_for_a_while_goes_on() {
    let hub = Hub::new();
    hub.publish_model("acme/phi", "main");
    hub.slow(
        "/api/models/acme/phi/revision/main",
        Manner::Refuses(2, "429 Too Many Requests", "Retry-After: 0"),
    );
    hub.slow(
        &format!("/acme/phi/resolve/{COMMIT}/tokenizer.json"),
        Manner::Refuses(1, "503 Service Unavailable", "X: y"),
    );
    hub.slow_blob("model.safetensors", Manner::Breaks(200_000));
    let playground = real::installed();
    real::write(&playground, building(&json!("acme/phi")));
    run(&playground, &hub, &[]).check(0, &[]);
    let parts = hub.elsewhere();
    assert!(parts.iter().any(|told| told.contains(" from 200000")), "{parts:?}");
}

#[cfg(unix)]
#[test]
fn a_fetch_that_is_stopped_goes_on_where_it_was() {
    let hub = Hub::new();
    hub.publish_model("acme/phi", "main");
    hub.slow_blob("model.safetensors", Manner::Stalls(20_000));
    let playground = real::installed();
    real::write(&playground, building(&json!("acme/phi")));
    let mut command = playground.command(&["run", "--config", "@/olive.json"]);
    command.env_remove("HF_HUB_OFFLINE").env("HF_ENDPOINT", hub.url());
    let running = command.stderr(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    let running = running.spawn().unwrap();
    let arrived = || {
        let names = playground.names("hf/hub/models--acme--phi/blobs").into_iter();
        let mut parts = names.filter(|name| name.ends_with(".incomplete"));
        let path = |name: String| playground.path("hf/hub/models--acme--phi/blobs").join(name);
        parts.any(|name| fs::metadata(path(name)).is_ok_and(|file| file.len() == 20_000))
    };
    wait_for("a part of the weights", PATIENCE, &arrived);
    signal("INT", &running.id().to_string());
    Said::from(running.wait_with_output().unwrap()).check(30, &[]);
    assert!(arrived());
    hub.slow_blob("model.safetensors", Manner::Honest);
    run(&playground, &hub, &[]).check(0, &[]);
    assert!(hub.elsewhere().last().unwrap().contains(" from 20000"), "{:?}", hub.elsewhere());
    assert!(!arrived());
}
