//! What is missing, and the pack that has it.

use std::fs::File;

use olive_packs::archive;
use olive_packs::index::{self, Indexes};
use olive_packs::signature::{SecretKey, Signature, Subject};
use olive_schemas::pack::{IndexEntry, PackIndex};
use serde_json::{Value, json};

use super::{file, named, prune, replace, unsigned};
use crate::lsp::editor::Editor;
use crate::packs::maker::Maker;
use crate::playground::Playground;

/// Configures an index of `packs`, as `olive plugin index add` does.
fn index(playground: &Playground, packs: &[Maker]) {
    let list = packs.iter().map(|pack| {
        let path = pack.write(&playground.path("listed"));
        let (sha256, size) = archive::digest(File::open(&path).unwrap()).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        index::entry(&pack.manifest(), name, &sha256, size)
    });
    let mut list: Vec<IndexEntry> = list.collect();
    list.sort_by(|a, b| a.name.cmp(&b.name).then_with(|| b.version.cmp(&a.version)));
    let index = PackIndex { format: 1, name: "tests".into(), serial: 1, packs: list };
    let content = serde_json::to_vec(&index).unwrap();
    let key = SecretKey::generate().unwrap();
    let subject = Subject::Index { name: "tests".into(), serial: 1 };
    let (sha256, _) = archive::digest(&content[..]).unwrap();
    let signature = key.sign(&content[..], &sha256, &subject).unwrap();
    let mut indexes = Indexes::load(&playground.path("data"), None).unwrap();
    let url = playground.path("listed/index.json").display().to_string();
    let signature = Signature::parse(&signature).unwrap();
    indexes.add(&url, &key.public().unwrap(), &content, &signature).unwrap();
}

fn check(playground: &Playground, workflow: Value, parts: &[&str]) {
    playground.workflow(workflow);
    playground.olive(&["check", "@/olive.json"]).check(11, parts);
}

#[test]
fn a_missing_pass_is_told_with_the_pack_that_has_it() {
    let playground = Playground::new();
    let other = named("other/prune", "Trim", "0.3.0");
    let both = named("other/both", "TRIM", "0.1.0");
    index(&playground, &[prune("1.0.0"), prune("1.2.0"), other, both]);
    check(
        &playground,
        json!({"passes": {"a": {"type": "prune"}}}),
        &[
            "error[plugin-missing]: no installed plugin has a pass `prune`; it is in pack \
             `acme/prune` 1.2.0",
            "help: olive plugin install acme/prune",
        ],
    );
    let workflow = json!({"passes": {"a": {"type": "Trim"}}});
    check(&playground, workflow, &["it is in packs `other/both` 0.1.0 and `other/prune` 0.3.0"]);
    // Those who run it are told the same, and so are programs.
    playground.run().check(11, &["it is in packs `other/both` 0.1.0"]);
    let said = playground.olive(&["check", "--json", "@/olive.json"]);
    let told: Value = serde_json::from_str(&said.out).unwrap();
    let found = &told["files"][0]["diagnostics"][0];
    assert_eq!(found["code"], "plugin-missing");
    assert_eq!(found["help"], "olive plugin install other/both");
}

#[test]
fn what_no_index_has_is_told_as_far_as_it_is_known() {
    let playground = Playground::new();
    let workflow = json!({"passes": {"a": {"type": "OpenVINOConversion"}}});
    check(&playground, workflow.clone(), &["it belongs to the pack `", "olive plugin index add"]);
    index(&playground, &[prune("1.0.0")]);
    playground.workflow(workflow);
    let said = playground.olive(&["check", "@/olive.json"]);
    said.check(11, &["it belongs to the pack `"]);
    assert!(!said.err.contains("index add"), "{}", said.err);
}

#[test]
fn what_comes_with_the_program_belongs_to_its_base_pack() {
    let playground = Playground::new();
    let reference = json!({"type": "azureml_model", "name": "phi", "version": "1"});
    let data = json!({"name": "tones", "load_dataset_config": {"data_name": "acme/tones"}});
    check(
        &playground,
        json!({
            "input_model": {"type": "HfModel", "model_path": reference},
            "systems": {"aml": {"type": "AzureML"}, "cluster": {"type": "Slurm"}},
            "data_configs": [data],
            "passes": {"a": {"type": "Toy", "train_data_config": "tones"}},
        }),
        &[
            "no installed plugin has a system of type `AzureML`, a system of type `Slurm`, a source \
             of type `azureml_model` and a source of type `HuggingFaceDataset`",
            "they belong to the pack `base` (",
        ],
    );
}

#[test]
fn sources_and_systems_are_looked_up_too() {
    let playground = Playground::new();
    let part = |name| json!([{"name": name, "summary": "A.", "schema": {"type": "object"}}]);
    let descriptor = json!({
        "name": "places", "version": "1.0.0", "api_version": "0.2.0",
        "sources": part("AcmeShelf"), "systems": part("AcmeCluster"),
    });
    let pack = Maker::new("acme/places", "1.0.0").native(&descriptor, "no library");
    index(&playground, &[pack]);
    check(
        &playground,
        json!({
            "input_model": {"type": "HfModel", "model_path": {"type": "AcmeShelf"}},
            "systems": {"there": {"type": "AcmeCluster"}},
            "passes": {"a": {"type": "Toy"}},
        }),
        &["no installed plugin has a system of type `AcmeCluster` and a source of type \
             `AcmeShelf`; they are in pack `acme/places` 1.0.0"],
    );
}

#[test]
fn an_installed_pack_that_is_broken_is_told_before_any_other() {
    let playground = Playground::new();
    index(&playground, &[prune("1.0.0")]);
    unsigned(&playground, &[&prune("1.0.0")], &[]);
    playground.passes(&json!({"a": {"type": "Prune"}}));
    playground.olive(&["check", "@/olive.json"]).check(0, &[]);
    replace(&file(&playground.path("data"), "prune.plugin.json"), b"{}");
    let said = playground.olive(&["check", "@/olive.json"]);
    said.check(11, &["it is in pack `acme/prune` 1.0.0, which is installed and broken: "]);
}

#[test]
fn a_pack_for_other_machines_only_is_told_as_such() {
    let playground = Playground::new();
    let descriptor = super::with_pass("far", "Far");
    let entry = "s390x-unknown-linux-gnu/far/libfar.so";
    let pack = Maker::new("acme/far", "1.0.0")
        .plugin(json!({
            "id": "far", "kind": "native", "provides": {"passes": ["Far"]},
            "descriptor": "schemas/far.json", "entry": {"s390x-unknown-linux-gnu": entry},
        }))
        .file("schemas/far.json", descriptor.to_string())
        .file(entry, "library");
    index(&playground, &[pack]);
    check(
        &playground,
        json!({"passes": {"a": {"type": "Far"}}}),
        &[
            "it is in pack `acme/far` 1.0.0, for other machines only",
            "it has plugins for s390x-unknown-linux-gnu",
        ],
    );
}

#[test]
fn editors_are_told_the_pack() {
    let playground = Playground::new();
    index(&playground, &[prune("1.0.0")]);
    let text = r#"{"input_model": {"type": "HfModel"}, "passes": {"a": {"type": "Prune"}}}"#;
    let mut editor = Editor::open_in(playground, "olive.json", text);
    let found = editor.diagnostics();
    let told: Vec<&str> = found.iter().map(|told| told["message"].as_str().unwrap()).collect();
    assert!(told.iter().any(|told| told.contains("it is in pack `acme/prune` 1.0.0")), "{told:?}");
}
