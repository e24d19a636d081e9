//! Graph passes of components, run through the plugin for ONNX graphs.

#[path = "../../host/src/conformance/specimen/onnx.rs"]
mod specimen;

use std::fs;

use serde_json::{Value, json};

use crate::playground::{Playground, Said};
use crate::validators::guest::{Finding, Guest, PASS};
use crate::validators::guests::{self, TOO_LOW};

/// Gives the input of the specimen, `y = Identity(x)`, another name.
pub(crate) const RENAME: &str = r#"[{"edit": "rename_value", "from": "x", "to": "renamed_input"}]"#;

/// The component `acme-rules`, whose pass `RenameInputs` answers these edits.
pub(crate) fn answering(edits: &str) -> Guest {
    let mut guest = Guest::of_passes();
    guest.edits(edits);
    guest
}

/// The same with this body of `transform`.
fn doing(body: &str) -> Guest {
    Guest { transform: body.into(), ..Guest::of_passes() }
}

/// A program with the component and the plugin for graphs, a model in `model`, and a workflow.
fn with(guest: &Guest) -> Playground {
    let playground = with_model();
    playground.install("olive_plugin_onnx", "olive_plugin_onnx");
    place(&playground, "bin/plugins/olive_plugin_acme.wasm", guest);
    playground
}

/// A program with a model in `model`, and a workflow for what is still to be installed.
pub(crate) fn with_model() -> Playground {
    let playground = Playground::new();
    fs::create_dir(playground.path("model")).unwrap();
    specimen::write(&playground.path("model")).unwrap();
    workflow(&playground, json!({}));
    playground
}

fn place(playground: &Playground, name: &str, guest: &Guest) {
    playground.write(name, "");
    fs::write(playground.path(name), guest.build()).unwrap();
}

/// Writes a workflow of the pass with these settings.
pub(crate) fn workflow(playground: &Playground, settings: Value) {
    let mut pass = json!({"type": "RenameInputs"});
    pass.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    playground.workflow(json!({
        "input_model": {"type": "ONNXModel", "model_path": "model"},
        "passes": {"rename": pass}
    }));
}

/// Whether the model in `out` has a value called `name`.
fn has_value(playground: &Playground, name: &str) -> bool {
    let model = fs::read(playground.path("out/model.onnx")).unwrap();
    model.windows(name.len()).any(|window| window == name.as_bytes())
}

#[test]
fn a_pass_edits_the_graph_once() {
    let mut guest = answering(RENAME);
    let [at, length] = guest.image.text("two \u{1b}[1minputs");
    let log = format!("(call $log (i32.const 1) (i32.const {at}) (i32.const {length}))");
    guest.transform.insert_str(0, &log);
    let playground = with(&guest);
    playground.run().check(0, &["rename (RenameInputs): done", "two [1minputs"]);
    assert!(has_value(&playground, "renamed_input"));
    playground.run().check(0, &["nothing to do"]);
    // Another build of the component is another pass.
    let other = RENAME.replace("renamed", "other");
    place(&playground, "bin/plugins/olive_plugin_acme.wasm", &answering(&other));
    playground.run().check(0, &["rename (RenameInputs): done"]);
    assert!(has_value(&playground, "other_input"));
}

#[test]
fn a_pass_without_edits_keeps_the_model() {
    let playground = with(&answering("[]"));
    playground.run().check(0, &["rename (RenameInputs): done"]);
    assert!(has_value(&playground, "x"));
}

#[test]
fn a_pass_runs_elsewhere() {
    let playground = with(&answering(RENAME));
    let mut workflow: Value = serde_json::from_str(&playground.read("olive.json")).unwrap();
    workflow["systems"] = json!({"shell": {"type": "ToyShell"}});
    workflow["host"] = json!("shell");
    playground.write("olive.json", &workflow.to_string());
    playground.run().check(0, &["on `shell`", "rename (RenameInputs): done"]);
    assert!(has_value(&playground, "renamed_input"));
}

#[test]
fn passes_of_components_are_listed_like_others() {
    let playground = with(&answering(RENAME));
    let itself = "  pass       RenameInputs: Rename inputs of the graph.";
    let said = playground.olive(&["plugin", "list"]);
    said.check(0, &["acme-rules@1.2.3  ", itself]);
    assert!(!said.out.contains("validator  acme-rules"), "{}", said.out);
    playground.olive(&["config", "list-options", "RenameInputs"]).check(0, &["prefix"]);
}

#[test]
fn settings_are_checked_where_they_are_written() {
    let playground = with(&answering(RENAME));
    workflow(&playground, json!({"prefix": 3}));
    let text = playground.read("olive.json");
    let line = 1 + text.lines().position(|line| line.contains("\"prefix\"")).unwrap();
    let said = playground.olive(&["check", "@/olive.json"]);
    said.check(11, &[&format!("olive.json:{line}:17"), "3 is not a string"]);
    playground.run().check(11, &["3 is not a string"]);
    assert!(!playground.exists("cache/v1/steps"));
}

#[test]
fn a_pass_that_fails_is_told_with_its_component() {
    let pass = "pass `RenameInputs` of component `acme-rules` 1.2.3";
    let mut refusing = Guest::of_passes();
    let refusal = refusing.image.refusal(1, "no input is called `q`");
    refusing.transform = format!("i32.const {refusal}");
    for (guest, part) in [
        (doing("unreachable"), format!("{pass}: the component crashed")),
        (doing("(loop $l (br $l)) unreachable"), format!("{pass}: the call was stopped after")),
        (
            answering("[{\"edit\": \"delete_disk\"}]"),
            format!("{pass}: the component's answer is not valid: the list of edits"),
        ),
        (refusing, format!("{pass} refuses the model: no input is called `q`")),
        (
            answering(r#"[{"edit": "remove_node", "node": 77}]"#),
            format!("edits of {pass} cannot be made: "),
        ),
        (
            answering(r#"[{"edit": "rename_value", "from": "q", "to": "r"}]"#),
            format!("edits of {pass} cannot be made: "),
        ),
    ] {
        let playground = with(&guest);
        check_nothing_kept(&playground, &playground.run(), &part);
    }
}

#[track_caller]
fn check_nothing_kept(playground: &Playground, said: &Said, part: &str) {
    said.check(20, &[part]);
    assert!(!playground.exists("out/model.onnx"));
    assert_eq!(playground.names("cache/v1/work"), Vec::<String>::new());
}

#[test]
fn a_pass_needs_a_graph_editor() {
    let playground = with_model();
    place(&playground, "bin/plugins/olive_plugin_acme.wasm", &answering(RENAME));
    playground.olive(&["check", "@/olive.json"]).check(0, &[]);
    let parts = ["no-graph-editor", "acme-rules@1.2.3", "beside the program"];
    playground.run().check(13, &parts);
}

#[test]
fn two_passes_of_one_name_are_refused() {
    let mut guest = Guest::of_passes();
    let [_, summary, schema] = PASS;
    guest.has_passes(&[["toy", summary, schema]]);
    let playground = with(&guest);
    playground
        .olive(&["plugin", "list"])
        .check(12, &["pass `toy` is in `", "olive_plugin_acme.wasm"]);
}

#[test]
fn a_component_may_have_passes_and_rules() {
    let finding = Finding { pointer: "/passes/rename/type", patch: None, related: None, ..TOO_LOW };
    let mut guest = guests::telling(finding, "\"prefix\":\"bad\"").with_passes();
    guest.edits(RENAME);
    let playground = with(&guest);
    let said = playground.olive(&["plugin", "list"]);
    said.check(0, &["  validator  acme-rules: ", "  pass       RenameInputs: "]);
    workflow(&playground, json!({"prefix": "bad"}));
    playground.run().check(11, &["acme-rules/too-low"]);
    workflow(&playground, json!({"prefix": "good"}));
    playground.run().check(0, &["rename (RenameInputs): done"]);
}

/// What `olive plugin test` says of the component, and its exit code.
fn tried(guest: &Guest) -> Said {
    let playground = with(&answering("[]"));
    place(&playground, "dist/acme.wasm", guest);
    playground.olive(&["plugin", "test", "@/dist/acme.wasm"])
}

#[test]
fn the_contract_is_tried_on_passes_of_components() {
    let schema = r#"{"type": "object", "additionalProperties": false, "properties": {
        "prefix": {"type": "string", "default": "in_", "description": "Text before each name."}
    }}"#;
    let [name, summary, _] = PASS;
    let mut guest = answering(RENAME);
    guest.has_passes(&[[name, summary, schema]]);
    let said = tried(&guest);
    let passed = [
        "ok       acme/described: ",
        "ok       RenameInputs/limits: ",
        "ok       RenameInputs/closed: ",
        "ok       RenameInputs/specimen/runs: made 1 file",
        "ok       RenameInputs/specimen/same-with-defaults: ",
        "ok       RenameInputs/specimen/unknown-setting: `config`",
        "ok       RenameInputs/specimen/wrong-kind: ",
        "ok       RenameInputs/specimen/cut-files: ",
        "ok       RenameInputs/specimen/input-untouched: ",
    ];
    said.check(0, &passed);
    let looping = doing("(loop $l (br $l)) unreachable");
    tried(&looping).check(12, &["failed   RenameInputs/limits: ", "`validator-timeout`"]);
}
