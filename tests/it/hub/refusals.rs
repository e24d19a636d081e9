//! What the hub does not give: each is one sentence with a way out, and nothing stays behind.

use serde_json::{Value, json};

use super::server::{COMMIT, Hub};
use super::{building, run};
use crate::packs::servers::https::{Manner, dead_port};
use crate::playground::Playground;
use crate::real;

/// A playground whose model is at `path`, and a hub with `acme/phi`.
fn scene(path: &Value) -> (Hub, Playground) {
    let hub = Hub::new();
    hub.publish_model("acme/phi", "main");
    let playground = real::installed();
    real::write(&playground, building(path));
    (hub, playground)
}

#[test]
fn what_is_not_there_is_told_apart() {
    let reference = |settings: Value| {
        let mut reference = json!({"type": "HuggingFaceModel", "repo_id": "acme/phi"});
        reference.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
        reference
    };
    for (path, parts) in [
        (json!("acme/phy"), ["the hub has no repository `acme/phy`", "check the spelling"]),
        (
            reference(json!({"revision": "v2"})),
            ["`acme/phi` has no revision `v2`", "a branch, a tag or a commit"],
        ),
        (
            reference(json!({"file": "phi.gguf"})),
            ["has no file `phi.gguf` at `0123456789", "files that its page on the hub lists"],
        ),
        (
            reference(json!({"token": "NOT_SET"})),
            ["`NOT_SET`, which `token` names, is not set", "take `token` out"],
        ),
    ] {
        let (hub, playground) = scene(&path);
        run(&playground, &hub, &[]).check(20, &parts);
        assert_eq!(playground.names("cache/v1/steps"), Vec::<String>::new());
    }
}

#[test]
fn what_is_not_allowed_says_what_to_do() {
    let file = format!("/acme/phi/resolve/{COMMIT}/config.json");
    for (status, token, part) in [
        ("401 Unauthorized", None, "accept its licence at "),
        ("403 Forbidden", Some("hf_x"), "with the account of the token"),
    ] {
        let (hub, playground) = scene(&json!("acme/phi"));
        hub.slow(&file, Manner::Refuses(100, status, "X: y"));
        let variables: Vec<_> = token.map(|token| ("HF_TOKEN", token)).into_iter().collect();
        let parts = ["`acme/phi` may not be fetched", status, part, "/acme/phi"];
        run(&playground, &hub, &variables).check(20, &parts);
    }
    let (hub, playground) = scene(&json!("acme/phi"));
    hub.slow(&file, Manner::Refuses(100, "403 Forbidden", "X: y"));
    let endpoint = hub.url().replace("http://", "http://me:secret@");
    let said = run(&playground, &hub, &[("HF_ENDPOINT", &endpoint)]);
    said.check(20, &["accept its licence at http://me@"]);
    assert!(!said.err.contains("secret") && !said.out.contains("secret"), "{}", said.err);
    let (hub, playground) = scene(&json!("acme/phi"));
    hub.slow(
        "/api/models/acme/phi/revision/main",
        Manner::Refuses(100, "401 Unauthorized", "X: y"),
    );
    run(&playground, &hub, &[]).check(20, &["no repository `acme/phi`", "when it is private"]);
}

#[test]
fn what_is_not_what_the_hub_says_is_not_kept() {
    let (hub, playground) = scene(&json!("acme/phi"));
    let size =
        std::fs::metadata(real::fixture("tiny-phi3").join("model.safetensors")).unwrap().len();
    hub.forge_blob("model.safetensors", &vec![7; usize::try_from(size).unwrap()]);
    run(&playground, &hub, &[]).check(20, &["its SHA-256 is `", "run again"]);
    let blobs = playground.names("hf/hub/models--acme--phi/blobs");
    assert!(!blobs.iter().any(|name| name.len() == 64), "{blobs:?}");
    hub.slow_blob("model.safetensors", Manner::Honest);
    run(&playground, &hub, &[]).check(0, &[]);
}

#[test]
fn without_a_network_the_cache_is_all_there_is() {
    let (hub, playground) = scene(&json!("acme/phi"));
    let offline = [("HF_HUB_OFFLINE", "1")];
    let parts = ["`acme/phi` at `main` is not in the cache", "run once without `HF_HUB_OFFLINE`"];
    run(&playground, &hub, &offline).check(20, &parts);
    run(&playground, &hub, &[]).check(0, &[]);
    // A hub that is not reached is told, and its last answer is taken.
    let mut workflow = building(&json!("acme/phi"));
    workflow["cache_dir"] = "elsewhere".into();
    real::write(&playground, workflow);
    let dead = format!("http://localhost:{}", dead_port());
    let said = run(&playground, &hub, &[("HF_ENDPOINT", &dead)]);
    said.check(0, &["cannot reach", "the commit in the cache is taken"]);
}

#[test]
fn settings_that_cannot_be_are_found_before_a_run() {
    for (settings, part) in [
        (json!({"token": "hf_abcdef"}), "the name of an environment variable"),
        (json!({"revision": "../../x"}), "a branch, a tag or a commit"),
        (json!({"repo_id": "a/b/c"}), "an id as `owner/name`"),
        (json!({"revison": "main"}), "`revision`"),
    ] {
        let mut reference = json!({"type": "HuggingFaceModel", "repo_id": "acme/phi"});
        reference.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
        let (hub, playground) = scene(&reference);
        run(&playground, &hub, &[]).check(11, &[part]);
        assert_eq!(hub.requests(), [""; 0]);
    }
}

#[test]
fn data_sets_say_what_they_have() {
    let read = |load: Value, files: &[(&str, &str)], parts: &[&str]| {
        let hub = Hub::new();
        hub.publish("datasets", "acme/tones", "main", files, &Value::Null);
        let playground = real::playground();
        let mut workflow = real::unmeasured();
        workflow["data_configs"][0]["load_dataset_config"] = load;
        real::write(&playground, workflow);
        run(&playground, &hub, &[]).check(20, parts);
    };
    let script = [("tones.py", "")];
    let parts = ["`tones.py`, which is never run", "refs/convert/parquet"];
    read(json!({"data_name": "acme/tones"}), &script, &parts);
    let rows = [("train.json", "[]"), ("test.json", "[]")];
    let parts = ["has no split `dev`", "one of `test`, `train`"];
    read(json!({"data_name": "acme/tones", "split": "dev"}), &rows, &parts);
    let parts = ["has no file `x/*.json`", "it has `test.json`, `train.json`"];
    read(json!({"data_name": "acme/tones", "data_files": "x/*.json"}), &rows, &parts);
}
