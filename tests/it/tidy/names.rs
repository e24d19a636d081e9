//! Names that must stand somewhere, or must not.

use std::collections::BTreeSet;
use std::fs;

use super::code::code;
use super::crates::packages;
use super::{root, sources};

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
    for source in code(&root().join("host/src")) {
        for line in source.text.lines() {
            let mut words = line.split(|c: char| !c.is_alphanumeric() && c != '_');
            let named = words.find(|word| names.iter().any(|name| name == word));
            assert!(named.is_none(), "{}: {line}", source.path.display());
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
    for (name, package) in packages() {
        let folder = package.folder.to_str().unwrap();
        if folder.starts_with("tests/plugins/") {
            continue;
        }
        let on_map = [format!("| `{folder}` | `{name}` |"), format!("| `{folder}/` | `{name}` |")];
        assert!(on_map.iter().any(|row| map.contains(row)), "{folder}");
        let plugin = folder.strip_prefix("plugins/").filter(|name| !name.starts_with("kit/"));
        let tried = |plugin: &str| {
            trials.contains(&format!("check_built_in(\"{plugin}\", "))
                || trials.contains(&format!("check_component(\"{plugin}\", "))
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
