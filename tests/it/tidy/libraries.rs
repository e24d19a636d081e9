//! Who knows which library: what is heavy or dangerous stays behind one door.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::crates::{cargo, packages};
use super::{root, sources};

/// Names of packages that `package` is built of.
fn built_of(package: &str) -> BTreeSet<String> {
    let tree = cargo(&["tree", "-p", package, "-e", "normal", "--prefix", "none", "-f", "{p}"]);
    let name = |line: &str| line.split(' ').next().map(str::to_owned);
    tree.lines().filter_map(name).filter(|name| !name.is_empty()).collect()
}

#[test]
fn the_host_is_built_without_tensor_libraries_and_plugins() {
    let parts = built_of("olive");
    assert!(parts.contains("olive-schemas"), "{parts:?}");
    let is_heavy = |name: &&String| {
        ["candle", "ort", "tokenizers", "olive-plugin-", "olive-kit-"]
            .iter()
            .any(|heavy| name.starts_with(heavy) && *name != "olive-plugin-api")
    };
    let heavy: Vec<&String> = parts.iter().filter(is_heavy).collect();
    assert!(heavy.is_empty(), "{heavy:?}");
}

#[test]
fn plain_kits_know_no_tensor_library() {
    for kit in ["olive-kit-checkpoint", "olive-kit-adapters", "olive-kit-quant", "olive-kit-onnx"] {
        let parts = built_of(kit);
        let heavy: Vec<&String> = parts.iter().filter(|name| name.starts_with("candle")).collect();
        assert!(heavy.is_empty(), "{kit}: {heavy:?}");
    }
}

#[test]
fn only_the_sandbox_knows_wasmtime() {
    let folders = ["host/src", "workshop/src", "validator-api/src", "plugins", "schemas/src"];
    for source in folders.iter().flat_map(|folder| sources(&root().join(folder))) {
        let text = fs::read_to_string(&source).unwrap();
        assert!(!text.contains("wasmtime::"), "{} uses wasmtime", source.display());
    }
}

/// Sources of ours that use `library`, but those below `folder`.
fn users_elsewhere(library: &str, folder: &str) -> Vec<PathBuf> {
    let packages = packages();
    let others = packages.values().map(|package| &package.folder);
    let others = others.filter(|place| *place != Path::new(folder));
    let path = format!("{library}::");
    let uses = |source: &PathBuf| {
        let text = fs::read_to_string(source).unwrap();
        let mut uses = text.match_indices(&path).map(|(at, _)| text[..at].chars().next_back());
        uses.any(|before| before.is_none_or(|before| !before.is_alphanumeric() && before != '_'))
    };
    let sources = others.flat_map(|place| {
        let code = root().join(place).join("src");
        if code.is_dir() { sources(&code) } else { Vec::new() }
    });
    sources.filter(uses).collect()
}

#[test]
fn only_transfers_know_an_asynchronous_runtime() {
    for library in ["tokio", "reqwest", "rustls"] {
        let users = users_elsewhere(library, "transport");
        assert!(users.is_empty(), "{library}: {users:?}");
    }
    let parts = built_of("olive-packs");
    for library in ["tokio", "reqwest", "rustls", "hyper"] {
        assert!(!parts.contains(library), "olive-packs is built with {library}");
    }
    assert!(built_of("olive-transport").contains("tokio"));
}

#[test]
fn only_packs_know_archives_and_signatures() {
    for library in ["tar", "zstd", "minisign"] {
        let mut users = users_elsewhere(library, "packs");
        // Files of rows may be compressed.
        users.retain(|user| !user.ends_with("plugins/kit/text/src/rows/input.rs"));
        assert!(users.is_empty(), "{library}: {users:?}");
    }
}

#[test]
fn only_the_binary_interface_knows_how_plugins_are_loaded() {
    let known = [
        "plugin-api/src/abi.rs",
        "plugin-api/src/export.rs",
        "plugin-api/src/lib.rs",
        "host/src/plugin/native.rs",
        "host/src/worker.rs",
    ];
    for folder in ["host/src", "plugin-api/src", "plugins", "schemas/src"] {
        for source in sources(&root().join(folder)) {
            let path = source.strip_prefix(root()).unwrap().to_str().unwrap();
            let text = fs::read_to_string(&source).unwrap();
            let uses = text.lines().any(|line| line.contains("abi_stable::"));
            assert!(!uses || known.contains(&path), "{path} uses abi_stable");
        }
    }
}
