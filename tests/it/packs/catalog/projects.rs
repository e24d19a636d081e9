//! Packs of projects: only where the config lies, and only for the user who installed them.

use std::fs;

use serde_json::json;

use super::{list, named, prune, unsigned};
use crate::lsp::editor::Editor;
use crate::playground::{Playground, copy_folder};

fn config(pass: &str) -> String {
    json!({
        "input_model": {"type": "HfModel", "model_path": "../base"},
        "passes": {"a": {"type": pass}},
    })
    .to_string()
}

/// Projects `one` with the pass `Prune` and `two` with `Tune`.
fn projects() -> Playground {
    let playground = Playground::new();
    let project = |name: &str| format!("--project={}", playground.path(name).display());
    playground.write("one/olive.json", &config("Prune"));
    playground.write("two/olive.json", &config("Tune"));
    unsigned(&playground, &[&prune("1.0.0")], &[&project("one")]);
    unsigned(&playground, &[&named("acme/tune", "Tune", "1.0.0")], &[&project("two")]);
    playground
}

#[test]
fn each_config_is_checked_with_the_packs_of_its_folder() {
    let playground = projects();
    playground.olive(&["check", "@/one/olive.json", "@/two/olive.json"]).check(0, &["2 files"]);
    playground.write("two/olive.json", &config("Prune"));
    let said = playground.olive(&["check", "@/one/olive.json", "@/two/olive.json"]);
    said.check(11, &["no installed plugin has a pass `Prune`", "two/olive.json"]);
    assert!(!said.err.contains("one/olive.json"), "{}", said.err);
    // A command without a config works in the project of the working directory.
    assert!(!list(&playground, &[]).contains("acme/"));
    let output = playground
        .command(&["plugin", "list"])
        .current_dir(playground.path("one"))
        .output()
        .unwrap();
    let listed = String::from_utf8(output.stdout).unwrap();
    assert!(listed.contains("acme/prune 1.0.0  unsigned  (project)"), "{listed}");
}

#[test]
fn a_pack_of_the_project_goes_before_one_of_the_user() {
    let playground = projects();
    unsigned(&playground, &[&prune("2.0.0")], &[]);
    let listed = |folder: &str| {
        let mut command = playground.command(&["plugin", "list"]);
        let output = command.current_dir(playground.path(folder)).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(listed("one").contains("acme/prune 1.0.0  unsigned  (project)"), "{}", listed("one"));
    assert!(!listed("one").contains("acme/prune 2.0.0"), "{}", listed("one"));
    assert!(listed("two").contains("acme/prune 2.0.0  unsigned  (user)"), "{}", listed("two"));
}

#[test]
fn packs_that_came_with_a_copied_project_are_not_used() {
    let playground = projects();
    copy_folder(&playground.path("one"), &playground.path("copy"));
    fs::remove_dir_all(playground.path("data")).unwrap();
    let said = playground.olive(&["check", "@/copy/olive.json"]);
    said.check(11, &["no installed plugin has a pass `Prune`"]);
    let output = playground
        .command(&["plugin", "list"])
        .current_dir(playground.path("copy"))
        .output()
        .unwrap();
    let listed = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(listed.lines().last().unwrap().starts_with("not usable: "), "{listed}");
    assert!(!listed.contains("acme/prune 1.0.0  unsigned"), "{listed}");
}

#[test]
fn editors_check_a_document_with_the_packs_of_its_folder() {
    for (folder, is_known) in [("one", true), ("two", false)] {
        let playground = projects();
        let name = format!("{folder}/olive.json");
        let mut editor = Editor::open_in(playground, &name, &config("Prune"));
        let found = editor.diagnostics();
        let is_missing = found
            .iter()
            .any(|told| told["code"] == "plugin-missing" || told["code"] == "unknown-type");
        assert_eq!(is_missing, !is_known, "{folder}: {found:?}");
    }
}
