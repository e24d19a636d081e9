//! What nobody but its receiver may ever read: no file, no log, no event and no request tells it.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::azurite::{self, Azurite};
use super::cloud::{ASSERTION, Cloud, Fault, IDENTITY, Opening, SECRET, SIGNATURE, TOKEN};
use super::{client, command, on_cloud, playground};
use crate::playground::{Playground, Said};

/// A token of the Hugging Face hub, which models that steps need are brought with.
const HUB_TOKEN: &str = "hf_n0body-may-see-this-token";
/// What the key vault of the workspace holds, and a variable of this machine that no job is told.
const VAULT_SECRET: &str = "s3cret-in-the-vault";
/// Everything that is a secret.
pub(super) const SECRETS: [&str; 8] =
    [SECRET, TOKEN, SIGNATURE, ASSERTION, IDENTITY, azurite::KEY, HUB_TOKEN, VAULT_SECRET];

/// Texts with their names, in which no secret may be.
struct Texts(Vec<(String, Vec<u8>)>);

impl Texts {
    /// What the program said and wrote, and what the cloud was sent and holds.
    fn of(playground: &Playground, cloud: &Cloud, said: &Said) -> Self {
        let mut texts = Self(vec![
            ("standard output".into(), said.out.clone().into_bytes()),
            ("standard error".into(), said.err.clone().into_bytes()),
        ]);
        texts.add_files(&playground.path(""));
        texts.add_files(cloud.state.folder.path());
        texts.add_requests(cloud);
        for container in ["code/", "data/", "logs/"] {
            for path in cloud.state.paths(container) {
                if !is_program(Path::new(&path)) {
                    let content = cloud.state.read(&path).unwrap();
                    texts.0.push((format!("blob {path}"), content));
                }
            }
        }
        texts
    }

    fn add_files(&mut self, folder: &Path) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.is_symlink() && !path.ends_with("bin") {
                self.add_files(&path);
            } else if !is_program(&path)
                && let Ok(content) = fs::read(&path)
            {
                self.0.push((path.display().to_string(), content));
            }
        }
    }

    /// Addresses and bodies, and all headers but that whose receiver is to know who asks; of the
    /// login, which is told the secret, none.
    fn add_requests(&mut self, cloud: &Cloud) {
        for asked in cloud.state.sent.lock().unwrap().iter() {
            if asked.path.contains("/oauth2/") {
                continue;
            }
            let mut headers = asked.headers.clone();
            headers.remove("authorization");
            headers.remove("x-azureml-token");
            let name = format!("{} {}", asked.method, asked.target);
            self.0.push((name.clone(), asked.content.clone()));
            self.0.push((name.clone(), format!("{name}\n{headers:?}").into_bytes()));
        }
    }

    fn check(&self) {
        for (name, text) in &self.0 {
            for secret in SECRETS {
                assert!(!has(text, secret.as_bytes()), "`{secret}` is told in {name}");
            }
        }
    }
}

/// Whether a file is large and was built before anyone had a secret.
fn is_program(path: &Path) -> bool {
    path.ends_with("olive") || path.extension().is_some_and(|extension| extension == "so")
}

fn has(text: &[u8], part: &[u8]) -> bool {
    let mut rest = text;
    while let Some(place) = rest.iter().position(|byte| *byte == part[0]) {
        if rest[place..].starts_with(part) {
            return true;
        }
        rest = &rest[place + 1..];
    }
    false
}

/// A `pass` in a job that is told of the key vault.
fn with_vault(pass: Value) -> Value {
    let mut workflow = on_cloud(json!({"hf_token": true}), pass);
    let mut named = client();
    named["keyvault_name"] = "vault".into();
    workflow["azureml_client"] = named;
    workflow
}

/// A model of a registry and data of a datastore in such a job.
fn workflow() -> Value {
    let mut workflow = with_vault(json!({"type": "Toy", "train_data_config": "tones"}));
    workflow["input_model"] = json!({"type": "HfModel", "model_path": {
        "type": "azureml_registry_model", "registry_name": "shelf", "name": "phi", "version": "3"
    }});
    workflow["data_configs"] = json!([{
        "name": "tones",
        "type": "HuggingfaceContainer",
        "load_dataset_config": {
            "data_name": "json",
            "data_files": {
                "type": "azureml_datastore",
                "datastore_name": "workspaceblobstore",
                "relative_path": "tones.json"
            }
        }
    }]);
    workflow
}

/// Runs the workflow as talkative as can be, and looks for secrets everywhere.
fn check(cloud: &Cloud, code: i32, parts: &[&str]) {
    cloud.put("models/phi/config.json", b"{}");
    cloud.put("models/phi/weights", b"some weights");
    cloud.put("tones.json", br#"[{"phrase": "hello", "tone": "joy"}]"#);
    for format in [&[][..], &["--json"]] {
        let playground = playground();
        playground.workflow(workflow());
        let args = [&["run", "--config", "@/olive.json", "--log-level", "debug"], format].concat();
        let said = said(&playground, cloud, &args);
        said.check(code, if format.is_empty() { parts } else { &[] });
        check_all(&playground, cloud, &said);
    }
}

/// What a command says on a machine with all secrets.
fn said(playground: &Playground, cloud: &Cloud, args: &[&str]) -> Said {
    let mut command = command(playground, cloud, args);
    command.env("HF_TOKEN", HUB_TOKEN).env("VAULT_SECRET", VAULT_SECRET);
    Said::from(command.output().unwrap())
}

/// Checks that nothing that was said, written, sent or kept tells a secret.
pub(super) fn check_all(playground: &Playground, cloud: &Cloud, said: &Said) {
    Texts::of(playground, cloud, said).check();
}

#[test]
fn no_secret_is_told_by_a_whole_flow() {
    let cloud = Cloud::new();
    check(&cloud, 0, &["fetch input model", "fetch data `tones`", "job `olive-"]);
    // The texts are there, and the secrets where they belong.
    let mut texts = Texts(Vec::new());
    texts.add_requests(&cloud);
    let is_job =
        |(name, _): &(String, Vec<u8>)| name.starts_with("PUT ") && name.contains("/jobs/");
    let job = texts.0.iter().find(|text| is_job(text)).unwrap();
    assert!(has(&job.1, b"KEYVAULT_NAME") && has(&job.1, b"vault"));
    let sent = cloud.state.sent.lock().unwrap();
    let is_shown = |header: &str| {
        sent.iter().any(|asked| asked.headers.get(header).is_some_and(|it| it.contains(TOKEN)))
    };
    assert!(is_shown("authorization") && is_shown("x-azureml-token"));
    assert!(sent.iter().any(|asked| has(&asked.content, SECRET.as_bytes())));
}

#[test]
fn no_secret_is_told_by_a_flow_that_fails() {
    for (part, fault) in [
        ("GET /store/data", Fault::Status(400, "")),
        ("PUT /store/data/", Fault::Status(400, "")),
        ("PUT /store/code/", Fault::Drops),
        ("/listSecrets", Fault::Status(400, "")),
        ("/datareferences/", Fault::Drops),
        ("PUT /subscriptions/", Fault::Drops),
        ("POST /tenant/oauth2", Fault::Drops),
    ] {
        let cloud = Cloud::new();
        // More often than it is asked again, in both runs.
        (0..8).for_each(|_| cloud.stumble(part, fault));
        check(&cloud, 20, &[]);
    }
}

#[test]
fn no_secret_is_told_by_what_would_be_sent() {
    let (cloud, playground) = (Cloud::new(), playground());
    playground.workflow(with_vault(json!({"type": "Toy"})));
    let args = ["run", "--dry-run", "--config", "@/olive.json", "--log-level", "debug"];
    let said = said(&playground, &cloud, &args);
    said.check(0, &["KEYVAULT_NAME", "\"jobType\": \"Command\""]);
    check_all(&playground, &cloud, &said);
}

#[test]
fn no_key_of_an_account_is_told() {
    let Some(azurite) = Azurite::find() else { return };
    let cloud = Cloud::on(azurite);
    *cloud.state.opening.lock().unwrap() = Opening::Key;
    check(&cloud, 0, &["job `olive-"]);
    let signature = azurite::signature(azurite::LATE);
    let (_, signature) = signature.rsplit_once("sig=").unwrap();
    let requests = cloud.requests().join("\n");
    assert!(requests.contains("/listSecrets") && !requests.contains(signature));
}
