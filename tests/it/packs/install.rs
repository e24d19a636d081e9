//! `olive plugin install` and its family, with packs made here.

mod locking;
mod trusting;
mod upgrading;
mod using;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::keys::Key;
use super::maker::{Maker, with_pass};
use crate::playground::{Playground, Said};

/// A pack of one process plugin with the pass `Prune`, in `version`.
pub(super) fn prune(version: &str) -> Maker {
    named("acme/prune", "Prune", version)
}

/// A pack `name` of one process plugin with `pass`, which no test runs.
pub(super) fn named(name: &str, pass: &str, version: &str) -> Maker {
    let (_, short) = name.split_once('/').unwrap();
    let manifest = json!({"protocol": "^1.0", "command": ["no-such-program"]}).to_string();
    let file = format!("{short}.plugin.json");
    Maker::new(name, version).process(&with_pass(short, pass), &[(&file, &manifest)])
}

/// Every file and folder below `folder`, sorted; none when it is not there.
pub(super) fn tree(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(folder) else { return found };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(tree(&path));
        }
        found.push(path);
    }
    found.sort();
    found
}

/// The packs that are active for the user, as `NAME VERSION`.
pub(super) fn active(playground: &Playground) -> Vec<String> {
    active_in(&playground.path("data/plugins"))
}

/// The packs that are active in the store at `root`.
pub(super) fn active_in(root: &Path) -> Vec<String> {
    let Ok(number) = fs::read_to_string(root.join("active.json")) else { return Vec::new() };
    let number: Value = serde_json::from_str(&number).unwrap();
    let number = number.as_u64().or_else(|| number["generation"].as_u64()).unwrap();
    let generation = fs::read(root.join(format!("generations/{number}.json"))).unwrap();
    let generation: Value = serde_json::from_slice(&generation).unwrap();
    let packs = generation["packs"].as_array().unwrap().iter();
    let title = |pack: &Value| format!("{} {}", text(&pack["name"]), text(&pack["version"]));
    packs.map(title).collect()
}

pub(super) fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// What the program said in JSON, a line each.
pub(super) fn lines(said: &Said) -> Vec<Value> {
    said.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Installs the file at `path`, with more arguments.
pub(super) fn install(playground: &Playground, path: &Path, more: &[&str]) -> Said {
    let path = path.display().to_string();
    let mut args = vec!["plugin", "install", path.as_str()];
    args.extend(more);
    playground.olive(&args)
}

#[test]
fn a_signed_pack_is_installed_once_its_key_is_trusted() {
    let (playground, key) = (Playground::bare(), Key::new());
    let path = prune("1.2.0").write(&playground.path("packs"));
    key.sign(&path);
    let said = install(&playground, &path, &[]);
    said.check(12, &["error[pack-untrusted]", &key.id, "olive plugin trust add acme"]);
    assert!(tree(&playground.path("data")).is_empty(), "{:?}", tree(&playground.path("data")));

    playground.olive(&["plugin", "trust", "add", "acme", &key.public]).check(0, &[&key.id]);
    let said = install(&playground, &path, &[]);
    let title = format!("installed acme/prune 1.2.0 (signed by key {}) in ", key.id);
    said.check(0, &[&title, "  pass       Prune: Prune for tests."]);
    assert_eq!(active(&playground), ["acme/prune 1.2.0"]);
    assert!(playground.names("data/plugins/tmp").is_empty());
    playground.olive(&["plugin", "list"]).check(0, &["acme/prune 1.2.0", "Prune", &key.id]);

    let said = install(&playground, &path, &[]);
    said.check(0, &["acme/prune 1.2.0 is there already"]);
    assert_eq!(playground.names("data/plugins/generations"), ["1.json"]);
}

#[test]
fn a_dry_run_says_what_would_be_done_and_does_nothing() {
    let playground = Playground::bare();
    let path = prune("1.0.0").write(&playground.path("packs"));
    let said = install(&playground, &path, &["--allow-unsigned", "--dry-run"]);
    said.check(0, &["would install acme/prune 1.0.0 (not signed)", "pass       Prune"]);
    assert!(tree(&playground.path("data")).is_empty());

    install(&playground, &path, &["--allow-unsigned"]).check(0, &["installed acme/prune 1.0.0"]);
    let before = tree(&playground.path("data"));
    let newer = prune("1.1.0").write(&playground.path("packs"));
    let said = install(&playground, &newer, &["--allow-unsigned", "--dry-run", "--json"]);
    said.check(0, &[]);
    let told = lines(&said);
    let installed = told.iter().find(|line| line["event"] == "installed").unwrap();
    assert_eq!(
        (&installed["version"], &installed["was"], &installed["dry_run"]),
        (&json!("1.1.0"), &json!("1.0.0"), &json!(true))
    );
    assert_eq!(tree(&playground.path("data")), before);
}

#[test]
fn programs_are_told_line_by_line() {
    let playground = Playground::bare();
    let path = prune("1.0.0").write(&playground.path("packs"));
    let said = install(&playground, &path, &["--allow-unsigned", "--json"]);
    said.check(0, &[]);
    assert_eq!(said.err, "");
    let told = lines(&said);
    let progress = told.iter().find(|line| line["event"] == "progress").unwrap();
    assert_eq!(
        (&progress["stage"], &progress["subject"]),
        (&json!("unpack"), &json!("acme/prune 1.0.0"))
    );
    let last = told.last().unwrap();
    assert_eq!(last["event"], "installed");
    assert_eq!(last["signer"], "unsigned");
    assert_eq!(last["provides"][0]["name"], "Prune");
    assert!(last["seconds"].as_f64().unwrap() > 0.0);
    assert_eq!(text(&last["sha256"]).len(), 64);

    let said = install(&playground, Path::new("/no/such.pack"), &["--json"]);
    said.check(10, &[]);
    assert_eq!(lines(&said)[0]["event"], "error");
}

#[test]
fn an_older_version_needs_a_word_and_other_content_is_refused() {
    let playground = Playground::bare();
    let packs = playground.path("packs");
    let new = prune("2.0.0").write(&packs);
    let old = prune("1.0.0").write(&packs);
    install(&playground, &new, &["--allow-unsigned"]).check(0, &[]);
    let said = install(&playground, &old, &["--allow-unsigned"]);
    said.check(12, &["1.0.0", "2.0.0", "--allow-downgrade"]);
    assert_eq!(active(&playground), ["acme/prune 2.0.0"]);
    install(&playground, &old, &["--allow-unsigned", "--allow-downgrade"])
        .check(0, &["installed acme/prune 1.0.0, was 2.0.0"]);
    assert_eq!(active(&playground), ["acme/prune 1.0.0"]);

    let other = prune("1.0.0").file("docs/more.md", "more").write(&playground.path("other"));
    install(&playground, &other, &["--allow-unsigned"]).check(12, &["1.0.0"]);
    assert_eq!(active(&playground), ["acme/prune 1.0.0"]);
    assert_eq!(playground.names("data/plugins/packs").len(), 2);
}

#[test]
fn packs_of_one_command_become_active_together_or_not_at_all() {
    let playground = Playground::bare();
    let packs = playground.path("packs");
    let good = prune("1.0.0").write(&packs).display().to_string();
    let bad = packs.join("bad.pack");
    fs::write(&bad, "no pack").unwrap();
    let other = named("acme/tune", "Tune", "1.0.0").write(&packs).display().to_string();
    let args = ["plugin", "install", "--allow-unsigned", &good];
    let with = |more: &[&str]| playground.olive(&[&args[..], more].concat());

    with(&[&bad.display().to_string()]).check(12, &["bad.pack"]);
    assert!(active(&playground).is_empty());
    let older = prune("0.9.0").write(&packs).display().to_string();
    with(&[&older]).check(12, &["asked for twice, 1.0.0 and 0.9.0"]);

    with(&[&other]).check(0, &["installed acme/prune 1.0.0", "installed acme/tune 1.0.0"]);
    assert_eq!(active(&playground), ["acme/prune 1.0.0", "acme/tune 1.0.0"]);
    assert_eq!(playground.names("data/plugins/generations"), ["1.json"]);
    playground
        .olive(&["plugin", "history"])
        .check(0, &["install acme/prune 1.0.0, acme/tune 1.0.0"]);
}

#[test]
fn a_pack_takes_the_place_of_those_it_replaces_and_not_of_those_it_conflicts_with() {
    let playground = Playground::bare();
    let packs = playground.path("packs");
    let unsigned = ["--allow-unsigned"];
    install(&playground, &prune("1.0.0").write(&packs), &unsigned).check(0, &[]);
    let rival = named("other/prune", "PruneToo", "1.0.0").set("conflicts", json!(["acme/prune"]));
    let said = install(&playground, &rival.write(&packs), &unsigned);
    said.check(12, &["other/prune", "acme/prune"]);
    assert_eq!(active(&playground), ["acme/prune 1.0.0"]);
    assert_eq!(playground.names("data/plugins/packs").len(), 1);

    let heir = named("acme/trim", "Trim", "1.0.0").set("replaces", json!(["acme/prune"]));
    install(&playground, &heir.write(&packs), &unsigned)
        .check(0, &["installed acme/trim 1.0.0", "  replaces   acme/prune 1.0.0"]);
    assert_eq!(active(&playground), ["acme/trim 1.0.0"]);
}

#[test]
fn a_damaged_pack_is_mended_by_installing_it_again() {
    let playground = Playground::bare();
    let path = prune("1.0.0").write(&playground.path("packs"));
    install(&playground, &path, &["--allow-unsigned"]).check(0, &[]);
    let packs = playground.path("data/plugins/packs");
    let folder = fs::read_dir(&packs).unwrap().next().unwrap().unwrap().path();
    let victim = tree(&folder).into_iter().find(|path| path.ends_with("README.md")).unwrap();
    make_writable(&victim);
    fs::write(&victim, "something of another length").unwrap();
    playground.olive(&["plugin", "verify"]).check(12, &["docs/README.md"]);
    install(&playground, &path, &["--allow-unsigned"]).check(0, &["is there already"]);
    playground.olive(&["plugin", "verify"]).check(0, &[]);
}

#[test]
fn info_tells_what_a_pack_holds_before_and_after_it_is_installed() {
    let (playground, key) = (Playground::bare(), Key::new());
    let path = prune("1.2.0").write(&playground.path("packs"));
    key.sign(&path);
    let file = path.display().to_string();
    let common = [
        "acme/prune 1.2.0",
        "acme/prune for tests.",
        "license      MIT",
        "pass       Prune: Prune for tests.",
        "any/prune/prune.plugin.json",
        &key.id,
    ];
    let said = playground.olive(&["plugin", "info", &file]);
    said.check(0, &common);
    said.check(0, &["not trusted yet", "state        not installed"]);
    assert!(tree(&playground.path("data")).is_empty());

    playground.olive(&["plugin", "trust", "add", "acme", &key.public]).check(0, &[]);
    install(&playground, &path, &[]).check(0, &[]);
    let said = playground.olive(&["plugin", "info", "prune"]);
    said.check(0, &common);
    said.check(0, &["trusted for acme", "state        installed for this user"]);
    let said = playground.olive(&["plugin", "info", "acme/prune", "--json"]);
    said.check(0, &[]);
    let told = &lines(&said)[0];
    assert_eq!(told["manifest"]["version"], "1.2.0");
    assert_eq!(told["is_installed"], true);

    playground.olive(&["plugin", "info", "trim"]).check(12, &["no pack `trim` is installed"]);
}

/// Lets the file at `path`, which the store keeps read-only, be written.
#[cfg(unix)]
pub(super) fn make_writable(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let set = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    set(path.parent().unwrap(), 0o755);
    set(path, 0o644);
}

#[cfg(not(unix))]
pub(super) fn make_writable(path: &Path) {
    let mut permissions = fs::metadata(path).unwrap().permissions();
    permissions.set_readonly(false);
    fs::set_permissions(path, permissions).unwrap();
}
