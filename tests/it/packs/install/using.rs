//! Runs with what was installed, and how much can be told without running any of it.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::json;

use super::super::maker::{Maker, described, with_pass};
use super::{install, make_writable, tree};
use crate::playground::{Playground, built};

/// A playground whose toy plugin comes from an installed pack.
fn with_toy() -> Playground {
    use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
    let playground = Playground::bare();
    playground.install_in("loose", "olive_toy_plugin", "olive_plugin_toy");
    let descriptor = described(&playground, "loose");
    let library = built(&format!("{DLL_PREFIX}olive_toy_plugin{DLL_SUFFIX}"));
    let pack = Maker::new("acme/toy", "1.0.0").native(&descriptor, fs::read(library).unwrap());
    let path = pack.write(&playground.path("packs"));
    install(&playground, &path, &["--allow-unsigned"])
        .check(0, &["installed acme/toy 1.0.0", "pass       Toy: "]);
    playground.passes(&json!({"only": {"type": "Toy"}}));
    playground
}

#[test]
fn a_run_uses_what_was_installed() {
    let playground = with_toy();
    playground.run().check(0, &["only (Toy): done"]);
    assert_eq!(playground.read("out/weights"), "some weights");

    playground.olive(&["plugin", "remove", "toy"]).check(0, &["removed acme/toy 1.0.0"]);
    playground.run().check(11, &["no installed plugin has a pass `Toy`"]);
    playground.olive(&["plugin", "rollback"]).check(0, &[]);
    playground.run().check(0, &["only (Toy): reused"]);
}

#[test]
fn a_library_that_is_not_what_was_installed_is_not_loaded() {
    let playground = with_toy();
    let libraries = tree(&playground.path("data/plugins/packs"));
    let is_library = |path: &&Path| path.extension().is_some_and(|ending| ending == "so");
    let library = libraries.iter().map(std::path::PathBuf::as_path).find(is_library);
    let Some(library) = library else {
        println!("skipped: libraries are not called `*.so` here");
        return;
    };
    let mut bytes = fs::read(library).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    make_writable(library);
    fs::write(library, bytes).unwrap();
    playground.olive(&["check", "@/olive.json"]).check(0, &[]);
    playground.run().check(13, &["error[plugin-changed]"]);
    assert!(!playground.exists("out/weights"));
}

#[test]
fn checking_and_completing_run_nothing_of_a_pack() {
    let playground = Playground::bare();
    let mut descriptor = with_pass("prune", "Prune");
    descriptor["passes"][0]["schema"] = json!({
        "type": "object",
        "properties": {"share": {"type": "number", "maximum": 1, "description": "How much."}},
        "additionalProperties": false,
    });
    let pack = Maker::new("acme/prune", "1.0.0").native(&descriptor, "garbage, and no library");
    let path = pack.write(&playground.path("packs"));
    install(&playground, &path, &["--allow-unsigned"]).check(0, &["pass       Prune"]);

    playground.passes(&json!({"only": {"type": "Prune", "share": 2}}));
    playground.olive(&["check", "@/olive.json"]).check(11, &["2", "1", "share"]);
    playground.passes(&json!({"only": {"type": "Prune", "share": 0.5}}));
    playground.olive(&["check", "@/olive.json"]).check(0, &[]);
    playground.olive(&["schema", "--of", "Prune"]).check(0, &["How much."]);
    playground.olive(&["plugin", "list"]).check(0, &["Prune for tests."]);
    let said = playground.run();
    assert_ne!(said.code, Some(0), "{}", said.err);
    assert!(said.err.contains("error"), "{}", said.err);
    assert!(!playground.exists("out/weights"));
}

#[test]
fn a_folder_is_packed_installed_and_run() {
    let python = Command::new("python3").arg("--version").output();
    if !python.is_ok_and(|output| output.status.success()) {
        println!("skipped: there is no `python3` on the search path");
        return;
    }
    let playground = Playground::bare();
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/process-plugin");
    for entry in fs::read_dir(example).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let name = path.file_name().unwrap().to_str().unwrap();
            playground.write(&format!("plugin/{name}"), &fs::read_to_string(&path).unwrap());
        }
    }
    let folder = playground.path("plugin");
    install(&playground, &folder, &[]).check(12, &["error[pack-unsigned]", "olive plugin pack"]);
    install(&playground, &folder, &["--allow-unsigned"]).check(
        0,
        &["installed example/cast-weights 0.1.0 (not signed)", "pass       CastWeights: "],
    );
    playground.write("base/model.safetensors", "no tensors");
    playground.passes(&json!({"cast": {"type": "CastWeights"}}));
    playground.run().check(13, &["error[safetensors]: `cast (CastWeights)` cannot run"]);
    playground
        .olive(&["plugin", "upgrade"])
        .check(0, &["example/cast-weights 0.1.0 stays: it came from `"]);
}
