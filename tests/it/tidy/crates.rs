//! Who may depend on whom: the table of ARCHITECTURE.md is the graph of our crates.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::{chapter, literals, root, table};

/// One of our packages.
pub(super) struct Package {
    /// Folder below the root.
    pub(super) folder: PathBuf,
    /// Packages of ours that it is built with.
    needs: BTreeSet<String>,
    /// Packages of others that it is built with, on whatever machine.
    others: BTreeSet<String>,
}

pub(super) fn cargo(args: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .args(args)
        .args(["--offline", "--locked"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Our packages by name.
pub(super) fn packages() -> BTreeMap<String, Package> {
    let metadata = cargo(&["metadata", "--no-deps", "--format-version", "1"]);
    let metadata: Value = serde_json::from_str(&metadata).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let ours: BTreeSet<&str> = packages.iter().map(|p| p["name"].as_str().unwrap()).collect();
    let parse = |package: &Value| {
        let manifest = Path::new(package["manifest_path"].as_str().unwrap());
        let folder = manifest.parent().unwrap().strip_prefix(root()).unwrap().to_owned();
        let needs = package["dependencies"].as_array().unwrap().iter();
        let needs = needs.filter(|needed| needed["kind"].is_null());
        let needs = needs.map(|needed| needed["name"].as_str().unwrap().to_owned());
        let (needs, others) = needs.partition(|name| ours.contains(name.as_str()));
        (package["name"].as_str().unwrap().to_owned(), Package { folder, needs, others })
    };
    packages.iter().map(parse).collect()
}

/// A row of the table: a crate, which of ours it needs, and what of others it is known for.
struct Row {
    name: String,
    needs: BTreeSet<String>,
    others: Vec<String>,
}

fn rows() -> Vec<Row> {
    let rows = table(&chapter("ARCHITECTURE.md", "Who may depend on whom"));
    let words = |cell: &str| literals(cell).into_iter().map(str::to_owned).collect::<Vec<_>>();
    let row = |cells: &Vec<String>| Row {
        name: words(&cells[0]).remove(0),
        needs: words(&cells[1]).into_iter().collect(),
        others: words(&cells[2]),
    };
    rows.iter().map(row).collect()
}

#[test]
fn crates_depend_on_what_the_table_says() {
    let packages = packages();
    let rows = rows();
    let told: BTreeSet<&str> = rows.iter().map(|row| row.name.as_str()).collect();
    let is_product = |package: &Package| !package.folder.starts_with("tests");
    let built: BTreeSet<&str> = packages
        .iter()
        .filter_map(|(name, package)| is_product(package).then_some(name.as_str()))
        .collect();
    assert_eq!(told, built, "crates of the table, crates of the workspace");
    for Row { name, needs, others } in &rows {
        let package = &packages[name];
        assert_eq!(*needs, package.needs, "`{name}`: the table, its manifest");
        for other in others {
            assert!(package.others.contains(other), "`{name}` is not built with `{other}`");
        }
    }
}

#[test]
fn crates_need_only_what_stands_above_them_in_the_table() {
    let mut above = BTreeSet::new();
    for Row { name, needs, .. } in rows() {
        let below: Vec<_> = needs.difference(&above).collect();
        assert!(below.is_empty(), "`{name}` needs {below:?}, further down");
        above.insert(name);
    }
}

#[test]
fn layers_keep_apart() {
    let layer = |name: &str| match name {
        "olive-plugin-api" | "olive-validator-api" => "contract",
        name if name.starts_with("olive-plugin-") => "plugin",
        name if name.starts_with("olive-kit-") => "kit",
        "olive-schemas" => "schemas",
        "olive-transport" => "transport",
        _ => "host",
    };
    for (name, package) in packages() {
        let may_need: &[&str] = match package.folder.to_str().unwrap() {
            "schemas" | "transport" | "workshop" | "xtask" => &[],
            "plugin-api" | "validator-api" | "packs" | "sandbox" => &["schemas"],
            "host" => &["schemas", "contract", "transport", "host"],
            "fuzz" => &["schemas", "contract", "host", "kit", "plugin"],
            folder if folder.starts_with("plugins/kit/") => &["schemas", "kit"],
            _ => &["schemas", "contract", "transport", "kit"],
        };
        for needed in &package.needs {
            assert!(may_need.contains(&layer(needed)), "`{name}` may not depend on `{needed}`");
        }
    }
}
