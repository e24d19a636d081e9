//! What the program makes of installed packs: which plugins it takes, loads and names.

mod loading;
mod locked;
mod missing;
mod projects;

use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::install::{install, lines, named, prune};
use super::keys::Key;
use super::maker::{Maker, described, with_pass};
use crate::playground::{Playground, built};

/// Installs packs that nobody has signed, with more arguments.
fn unsigned(playground: &Playground, packs: &[&Maker], more: &[&str]) {
    let paths = packs.iter().map(|pack| pack.write(&playground.path("packs")));
    let paths: Vec<String> = paths.map(|path| path.display().to_string()).collect();
    let mut args = vec!["plugin", "install", "--allow-unsigned"];
    args.extend(more);
    args.extend(paths.iter().map(String::as_str));
    playground.olive(&args).check(0, &["installed"]);
}

/// The toy plugin as a pack.
fn toy(playground: &Playground, name: &str, version: &str) -> Maker {
    playground.install_in("described", "olive_toy_plugin", "toy");
    let descriptor = described(playground, "described");
    let library = format!("{DLL_PREFIX}olive_toy_plugin{DLL_SUFFIX}");
    Maker::new(name, version).native(&descriptor, fs::read(built(&library)).unwrap())
}

/// The only file below `folder` whose name ends with `ending`.
fn file(folder: &Path, ending: &str) -> PathBuf {
    let found = super::install::tree(folder).into_iter();
    let mut found = found.filter(|path| path.to_string_lossy().ends_with(ending));
    let path = found.next().unwrap_or_else(|| panic!("no {ending} in {}", folder.display()));
    assert_eq!(found.next(), None);
    path
}

/// Puts another content in place of a file of a store.
fn replace(path: &Path, content: &[u8]) {
    make_writable(path.parent().unwrap());
    let _ = fs::remove_file(path);
    fs::write(path, content).unwrap();
}

#[cfg(unix)]
fn make_writable(folder: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
}

#[cfg(not(unix))]
fn make_writable(_folder: &Path) {}

fn list(playground: &Playground, more: &[&str]) -> String {
    let said = playground.olive(&[&["plugin", "list"], more].concat());
    said.check(0, &[]);
    said.out
}

#[test]
fn packs_are_listed_with_what_they_bring_and_who_signed_them() {
    let (playground, key) = (Playground::bare(), Key::new());
    let signed = prune("1.2.0").write(&playground.path("packs"));
    key.sign(&signed);
    playground.olive(&["plugin", "trust", "add", "acme", &key.public]).check(0, &[]);
    install(&playground, &signed, &[]).check(0, &[]);
    let project = playground.path("bin").display().to_string();
    let project = format!("--project={project}");
    unsigned(&playground, &[&named("other/tune", "Tune", "0.1.0")], &[&project]);
    let listed = list(&playground, &[]);
    let titles: Vec<&str> = listed.lines().filter(|line| !line.starts_with(' ')).collect();
    let signed = format!("acme/prune 1.2.0  signed by {}  (user)", key.id);
    assert_eq!(titles, [&signed, "other/tune 0.1.0  unsigned  (project)"]);
    for line in
        ["\n  prune@1.0.0  ", "\n    pass       Prune: Prune for tests.\n", "Tune for tests"]
    {
        assert!(listed.contains(line), "{line}: {listed}");
    }

    let told = playground.olive(&["plugin", "list", "--json"]);
    let told = lines(&told);
    let plugins: Vec<&Value> =
        told.iter().filter(|line| line.get("descriptor").is_some()).collect();
    let from = json!({"pack": "acme/prune", "version": "1.2.0", "scope": "user"});
    assert_eq!(plugins[0]["origin"], from);
    let packs: Vec<&Value> = told.iter().filter_map(|line| line.get("pack")).collect();
    assert_eq!(packs[0]["signer"], key.id);
    assert_eq!(packs[1]["signer"], Value::Null);
    assert_eq!(packs[1]["provides"], json!({"passes": ["Tune"]}));
}

#[test]
fn broken_packs_are_listed_at_the_end_and_stop_nothing() {
    let playground = Playground::new();
    unsigned(&playground, &[&prune("1.0.0"), &named("acme/tune", "Tune", "1.0.0")], &[]);
    replace(&file(&playground.path("data"), "prune.plugin.json"), b"{}");
    let listed = list(&playground, &[]);
    let last = listed.lines().last().unwrap();
    assert!(last.starts_with("not usable: pack acme/prune 1.0.0 (user): "), "{listed}");
    assert!(last.contains("prune.plugin.json") && last.contains("has changed"), "{listed}");
    assert!(listed.contains("acme/tune 1.0.0  unsigned  (user)\n  tune@1.0.0"), "{listed}");
    let told = lines(&playground.olive(&["plugin", "list", "--json"]));
    let broken = told.iter().find(|line| line.get("problem").is_some()).unwrap();
    assert_eq!(broken["pack"]["name"], "acme/prune");
    playground.passes(&json!({"first": {"type": "Toy"}}));
    playground.run().check(0, &["first (Toy): done"]);
}

#[test]
fn a_plugin_of_a_higher_place_takes_the_place_of_one_of_its_name() {
    let playground = Playground::new();
    let pack = toy(&playground, "acme/toy", "2.0.0");
    playground.passes(&json!({"first": {"type": "Toy"}}));
    let first = playground.run();
    first.check(0, &["first (Toy): done"]);
    // What lies beside the library is another plugin to the keys of steps.
    unsigned(&playground, &[&pack.clone().file("any/data.txt", "more")], &[]);
    let listed = list(&playground, &[]);
    let shadows = "    shadows    olive-toy-plugin@0.1.0 beside the program\n";
    assert!(listed.starts_with("acme/toy 2.0.0  unsigned  (user)\n"), "{listed}");
    assert!(listed.contains(shadows), "{listed}");
    playground.run().check(0, &["first (Toy): done"]);
    playground.run().check(0, &["first (Toy): reused"]);

    let folder = playground.path("described").display().to_string();
    let listed = list(&playground, &["--plugin-dir", &folder]);
    assert!(listed.starts_with("acme/toy 2.0.0  unsigned  (user)\n  nothing: "), "{listed}");
    for other in ["of acme/toy 2.0.0", "beside the program"] {
        let line = format!("\n  shadows    olive-toy-plugin@0.1.0 {other}\n");
        assert!(listed.contains(&line), "{listed}");
    }
}

#[test]
fn two_packs_with_one_pass_do_not_both_work() {
    let playground = Playground::new();
    let (own, other) = (prune("1.0.0"), Maker::new("other/cut", "1.0.0"));
    let manifest = json!({"protocol": "^1.0", "command": ["no-such-program"]}).to_string();
    let files = [("cut.plugin.json", manifest.as_str())];
    let other = other.process(&with_pass("cut", "PRUNE"), &files);
    let third = Maker::new("third/toys", "1.0.0").process(&with_pass("toys", "Toy"), &files);
    unsigned(&playground, &[&own, &other, &third], &[]);
    let listed = list(&playground, &[]);
    for (name, told) in [
        ("other/cut", "pass `PRUNE` is in `other/cut` and in `acme/prune` ("),
        ("third/toys", "pass `Toy` is in `third/toys` and in `"),
    ] {
        let line = format!("\nnot usable: pack {name} 1.0.0 (user): {told}");
        assert!(listed.contains(&line), "{listed}");
        assert!(listed.contains(&format!("olive plugin remove {name}")), "{listed}");
    }
    playground.passes(&json!({"first": {"type": "Toy"}}));
    playground.run().check(0, &["first (Toy): done"]);
}
