//! Rules about the source tree, kept by machine.

mod sizes;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn cargo(args: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .args(args)
        .args(["--offline", "--locked"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Names of packages that `package` is built of.
fn built_of(package: &str) -> BTreeSet<String> {
    let tree = cargo(&["tree", "-p", package, "-e", "normal", "--prefix", "none", "-f", "{p}"]);
    let name = |line: &str| line.split(' ').next().map(str::to_owned);
    tree.lines().filter_map(name).filter(|name| !name.is_empty()).collect()
}

/// Our packages: name, folder below the root, and which of ours each needs to be built.
fn packages() -> BTreeMap<String, (PathBuf, BTreeSet<String>)> {
    let metadata = cargo(&["metadata", "--no-deps", "--format-version", "1"]);
    let metadata: Value = serde_json::from_str(&metadata).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let ours: BTreeSet<&str> = packages.iter().map(|p| p["name"].as_str().unwrap()).collect();
    let parse = |package: &Value| {
        let manifest = Path::new(package["manifest_path"].as_str().unwrap());
        let folder = manifest.parent().unwrap().strip_prefix(root()).unwrap().to_owned();
        let needs = package["dependencies"].as_array().unwrap().iter();
        let needs = needs.filter(|needed| needed["kind"].is_null());
        let needs = needs.map(|needed| needed["name"].as_str().unwrap());
        let needs = needs.filter(|name| ours.contains(name)).map(str::to_owned).collect();
        (package["name"].as_str().unwrap().to_owned(), (folder, needs))
    };
    packages.iter().map(parse).collect()
}

/// Rust sources below `folder`.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|suffix| suffix == "rs") {
            found.push(path);
        }
    }
    found
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
fn the_host_names_no_pass() {
    let mut names = Vec::new();
    for source in sources(&root().join("plugins")) {
        let text = fs::read_to_string(source).unwrap();
        let name = |line: &str| {
            let name = line.trim().strip_prefix("const NAME: &'static str = \"")?;
            Some(name.trim_end_matches("\";").to_owned())
        };
        names.extend(text.lines().filter_map(name));
    }
    assert!(!names.is_empty());
    for source in sources(&root().join("host/src")) {
        let text = fs::read_to_string(&source).unwrap();
        // Tests may tell of real passes.
        let code = text.split("#[cfg(test)]").next().unwrap();
        for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
            for name in &names {
                let literal = format!("\"{name}\"");
                assert!(!line.contains(&literal), "{}: {line}", source.display());
            }
        }
    }
}

#[test]
fn packages_depend_only_on_what_they_may() {
    let packages = packages();
    let is_kit = |name: &str| name.starts_with("olive-kit-");
    for (name, (folder, needs)) in &packages {
        let may_need: &dyn Fn(&str) -> bool = match folder.to_str().unwrap() {
            "schemas" | "workshop" | "transport" => &|_| false,
            "packs" | "plugin-api" | "sandbox" | "validator-api" => {
                &|needed| needed == "olive-schemas"
            }
            "plugins/rules" => &|needed| needed == "olive-validator-api",
            "host" => &|needed| {
                let parts = ["schemas", "plugin-api", "packs", "sandbox", "transport", "workshop"];
                needed.strip_prefix("olive-").is_some_and(|needed| parts.contains(&needed))
            },
            kit if kit.starts_with("plugins/kit/") => {
                &|needed| needed == "olive-schemas" || is_kit(needed)
            }
            plugin if plugin.starts_with("plugins/") || plugin.starts_with("tests/plugins/") => {
                &|needed| ["olive-schemas", "olive-plugin-api"].contains(&needed) || is_kit(needed)
            }
            _ => continue,
        };
        for needed in needs {
            assert!(may_need(needed), "`{name}` may not depend on `{needed}`");
        }
    }
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
    let others = packages.values().filter(|(place, _)| place != Path::new(folder));
    let path = format!("{library}::");
    let uses = |source: &PathBuf| {
        let text = fs::read_to_string(source).unwrap();
        let mut uses = text.match_indices(&path).map(|(at, _)| text[..at].chars().next_back());
        uses.any(|before| before.is_none_or(|before| !before.is_alphanumeric() && before != '_'))
    };
    let sources = others.flat_map(|(place, _)| {
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

#[test]
fn every_family_is_documented_and_known_to_the_rules() {
    let read = |file: &str| fs::read_to_string(root().join(file)).unwrap();
    let (rules, page) = (read("plugins/rules/src/model.rs"), read("docs/families.md"));
    let mut families = 0;
    for source in sources(&root().join("plugins/kit/checkpoint/src/family")) {
        let text = fs::read_to_string(source).unwrap();
        let field = |name: &str| {
            let value = text.lines().find_map(|line| line.trim().strip_prefix(name));
            value.map(|value| value.trim_matches([' ', '"', ',']).to_owned())
        };
        let Some(model_type) = field("model_type:") else { continue };
        assert!(rules.contains(&format!("(\"{model_type}\", &")), "rules: {model_type}");
        let architecture = field("architecture:").unwrap();
        assert!(page.contains(&format!("| `{architecture}` |")), "docs: {architecture}");
        families += 1;
    }
    assert!(families > 5, "{families}");
}

#[test]
fn every_package_is_on_the_map_and_every_plugin_tried() {
    let read = |file: &str| fs::read_to_string(root().join(file)).unwrap();
    let (map, trials) = (read("ARCHITECTURE.md"), read("tests/it/conformance.rs"));
    for (name, (folder, _)) in packages() {
        let folder = folder.to_str().unwrap();
        if folder.starts_with("tests/plugins/") {
            continue;
        }
        let on_map = [format!("| `{folder}` | `{name}` |"), format!("| `{folder}/` | `{name}` |")];
        assert!(on_map.iter().any(|row| map.contains(row)), "{folder}");
        let plugin = folder.strip_prefix("plugins/").filter(|name| !name.starts_with("kit/"));
        let tried = |plugin: &str| {
            trials.contains(&format!("check_built_in(\"{plugin}\", "))
                || trials.contains(&format!("\"{folder}/conformance.json\""))
        };
        assert!(plugin.is_none_or(tried), "tests/it/conformance.rs does not try {folder}");
    }
}

#[test]
fn every_refusal_of_packs_is_on_their_page() {
    let page = fs::read_to_string(root().join("docs/packs.md")).unwrap();
    let mut codes = BTreeSet::new();
    for source in ["packs/src", "host/src"].iter().flat_map(|folder| sources(&root().join(folder)))
    {
        let text = fs::read_to_string(&source).unwrap();
        for rest in text.split("\"pack-").skip(1) {
            let word = rest.split('"').next().unwrap();
            if word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-') {
                codes.insert(format!("pack-{word}"));
            }
        }
    }
    // The name of a schema.
    codes.remove("pack-index");
    assert!(codes.len() > 50, "{codes:?}");
    let missing: Vec<_> =
        codes.iter().filter(|code| !page.contains(&format!("`{code}`"))).collect();
    assert!(missing.is_empty(), "not in docs/packs.md: {missing:?}");
}
