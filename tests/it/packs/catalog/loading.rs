//! What is loaded of a pack is what was installed.

use std::fs;

use serde_json::json;

use super::{described, file, list, replace, toy, unsigned};
use crate::graph_passes::{self, RENAME};
use crate::packs::install::prune;
use crate::packs::maker::Maker;
use crate::playground::Playground;
use crate::validators::guests;

/// A program with the toy plugin in a pack, and a config that uses it.
fn with_toy(pack: impl FnOnce(Maker) -> Maker) -> Playground {
    let playground = Playground::bare();
    let toy = pack(toy(&playground, "acme/toy", "1.0.0"));
    unsigned(&playground, &[&toy], &[]);
    playground.passes(&json!({"first": {"type": "Toy"}}));
    playground
}

#[test]
fn a_library_runs_as_long_as_it_is_the_one_that_was_installed() {
    let playground = with_toy(|pack| pack);
    playground.run().check(0, &["first (Toy): done"]);
    let library = file(&playground.path("data"), std::env::consts::DLL_SUFFIX);
    let mut bytes = fs::read(&library).unwrap();
    // One more byte would be told by its size.
    *bytes.last_mut().unwrap() ^= 1;
    replace(&library, &bytes);
    // Nothing is loaded to check, list or plan.
    playground.olive(&["check", "@/olive.json"]).check(0, &["nothing is wrong"]);
    assert!(list(&playground, &[]).contains("Toy"));
    playground.passes(&json!({"first": {"type": "Toy", "score": 0.25}}));
    let said = playground.run();
    said.check(
        13,
        &[
            "error[plugin-changed]: ",
            "of the installed pack acme/toy 1.0.0 has changed",
            "olive plugin verify",
        ],
    );
    assert_eq!(said.err.matches("error").count(), 1, "{}", said.err);
}

#[test]
fn what_lies_beside_a_library_must_be_of_the_pack_too() {
    let target = crate::packs::maker::TARGET;
    let beside = format!("{target}/olive-toy-plugin/more/data.bin");
    let playground = with_toy(|pack| pack.file(&beside, "data"));
    playground.run().check(0, &["first (Toy): done"]);
    playground.passes(&json!({"first": {"type": "Toy", "score": 0.25}}));
    let data = file(&playground.path("data"), "data.bin");
    replace(&data.with_file_name("libc.so.6"), b"mine");
    let told = "file `more/libc.so.6` of the installed pack acme/toy 1.0.0 does not belong to it";
    playground.run().check(13, &[told]);
    fs::remove_file(data.with_file_name("libc.so.6")).unwrap();
    replace(&data, b"DATA");
    playground.run().check(13, &["file `more/data.bin` of the installed pack", "has changed"]);
}

#[test]
fn a_process_plugin_is_started_only_as_it_was_installed() {
    let playground = Playground::bare();
    unsigned(&playground, &[&prune("1.0.0").file("any/prune/main.py", "first")], &[]);
    playground.passes(&json!({"first": {"type": "Prune"}}));
    playground.run().check(13, &["cannot start `no-such-program`"]);
    replace(&file(&playground.path("data"), "main.py"), b"FIRST");
    playground.run().check(13, &["error[plugin-changed]: ", "`main.py`", "has changed"]);
}

#[test]
fn a_component_is_compiled_only_as_it_was_installed() {
    let playground = Playground::new();
    playground.write("described/acme.wasm", "");
    fs::write(playground.path("described/acme.wasm"), guests::good()).unwrap();
    let descriptor = described(&playground, "described");
    let pack = Maker::new("acme/rules", "1.0.0").component(&descriptor, guests::good());
    unsigned(&playground, &[&pack], &[]);
    playground.passes(&json!({"first": {"type": "Toy", "score": 0.5}}));
    playground.write("olive.json", &playground.read("olive.json").replace(": 0.5", ":0.5"));
    playground.olive(&["check", "@/olive.json"]).check(11, &["error[acme-rules/too-low]"]);
    let component = file(&playground.path("data"), ".wasm");
    let mut bytes = fs::read(&component).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    replace(&component, &bytes);
    let said = playground.olive(&["check", "@/olive.json"]);
    said.check(11, &["is not the file that was installed with the pack acme/rules 1.0.0"]);
}

#[test]
fn a_graph_pass_runs_only_as_it_was_installed() {
    let playground = graph_passes::with_model();
    playground.install("olive_plugin_onnx", "olive_plugin_onnx");
    let settings = json!({"type": "object"});
    let descriptor = json!({
        "id": "acme-rules",
        "version": "1.2.3",
        "summary": "Passes of Acme.",
        "api_version": "0.1.1",
        "validates": false,
        "interfaces": ["graph-pass"],
        "schema": settings,
        "passes": [{"name": "RenameInputs", "summary": "Rename inputs.", "schema": settings}],
    });
    let component = graph_passes::answering(RENAME).build();
    let pack = Maker::new("acme/graphs", "1.0.0").component(&descriptor, component);
    unsigned(&playground, &[&pack], &[]);
    assert!(list(&playground, &[]).contains("RenameInputs"));
    playground.run().check(0, &["rename (RenameInputs): done"]);
    let component = file(&playground.path("data"), ".wasm");
    let mut bytes = fs::read(&component).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    replace(&component, &bytes);
    graph_passes::workflow(&playground, json!({"prefix": "a"}));
    let words = "is not the file that was installed with the pack acme/graphs 1.0.0";
    playground.run().check(13, &[words]);
}
