//! `olive.lock`: written, checked, and installed exactly.

use std::fs;

use serde_json::Value;

use super::super::keys::Key;
use super::{active, active_in, install, named, prune, tree};
use crate::playground::Playground;

/// A project `tone` with a lock file of acme/prune 1.0.0 from a file of the project.
fn project(playground: &Playground, key: &Key) {
    let path = prune("1.0.0").write(&playground.path("tone/vendor"));
    key.sign(&path);
    let project = format!("--project={}", playground.path("tone").display());
    install(playground, &path, &["--trust-on-first-use", &project])
        .check(0, &["installed acme/prune 1.0.0", "tone/olive.lock"]);
}

#[test]
fn a_project_has_its_own_packs_and_says_so_in_its_lock_file() {
    let (playground, key) = (Playground::bare(), Key::new());
    project(&playground, &key);
    assert!(active(&playground).is_empty());
    assert_eq!(active_in(&playground.path("tone/.olive/plugins")), ["acme/prune 1.0.0"]);
    let lock: Value = serde_json::from_str(&playground.read("tone/olive.lock")).unwrap();
    let pack = &lock["packs"][0];
    assert_eq!(pack["source"], "./vendor/acme-prune-1.0.0.pack");
    assert_eq!(pack["signer"]["key"], key.id.as_str());
    assert!(pack["files"]["any"]["any/prune/prune.plugin.json"].is_string(), "{pack:#}");

    let said = playground.olive(&["plugin", "lock", "@/tone", "--check"]);
    said.check(0, &["fits: 1 pack"]);
    let before = playground.read("tone/olive.lock");
    playground.olive(&["plugin", "lock", "@/tone"]).check(0, &["wrote", "1 pack"]);
    assert_eq!(playground.read("tone/olive.lock"), before);

    let more = named("acme/tune", "Tune", "1.0.0").write(&playground.path("packs"));
    install(&playground, &more, &["--allow-unsigned"]).check(0, &[]);
    playground.olive(&["plugin", "lock", "@/tone", "--check"]).check(12, &["acme/tune"]);
}

#[test]
fn a_locked_install_needs_no_archive_that_the_store_has() {
    let (playground, key) = (Playground::bare(), Key::new());
    project(&playground, &key);
    let project = format!("--project={}", playground.path("tone").display());
    let more = named("acme/tune", "Tune", "1.0.0").write(&playground.path("packs"));
    install(&playground, &more, &["--allow-unsigned", &project]).check(0, &[]);
    let with_both = playground.read("tone/olive.lock");
    playground.olive(&["plugin", "remove", "tune", &project]).check(0, &[]);
    playground.olive(&["plugin", "lock", "@/tone"]).check(0, &["1 pack"]);
    let newer = prune("1.1.0").write(&playground.path("packs"));
    key.sign(&newer);
    let with_one = playground.read("tone/olive.lock");
    install(&playground, &newer, &[&project]).check(0, &[]);
    playground.write("tone/olive.lock", &with_one);

    // The archives are gone; the store has what they held.
    fs::remove_dir_all(playground.path("tone/vendor")).unwrap();
    fs::remove_dir_all(playground.path("packs")).unwrap();
    let locked = ["plugin", "install", "--locked", &project];
    playground.olive(&locked).check(0, &["installed acme/prune 1.0.0, was 1.1.0"]);
    assert_eq!(active_in(&playground.path("tone/.olive/plugins")), ["acme/prune 1.0.0"]);
    playground.olive(&["plugin", "lock", "@/tone", "--check"]).check(0, &["fits"]);
    assert_eq!(playground.read("tone/olive.lock"), with_one);

    // What nobody has signed needs a word again.
    playground.write("tone/olive.lock", &with_both);
    playground.olive(&locked).check(10, &["acme-tune-1.0.0.pack"]);
    let said = playground.olive(&[&locked[..], &["--allow-unsigned"]].concat());
    said.check(0, &["installed acme/tune 1.0.0 (not signed)"]);
}

#[test]
fn a_locked_install_on_another_machine_takes_exactly_what_is_locked() {
    let (playground, key) = (Playground::bare(), Key::new());
    project(&playground, &key);
    // A fresh clone at another user's.
    fs::remove_dir_all(playground.path("tone/.olive")).unwrap();
    fs::remove_dir_all(playground.path("data")).unwrap();
    let here = ["plugin", "install", "--locked"];
    let in_project = |more: &[&str]| {
        let mut command = playground.command(&[&here[..], more].concat());
        command.current_dir(playground.path("tone"));
        crate::playground::Said::from(command.output().unwrap())
    };
    in_project(&[]).check(12, &["error[pack-untrusted]", &key.id]);
    assert!(tree(&playground.path("data")).is_empty());
    playground.olive(&["plugin", "trust", "add", "acme", &key.public]).check(0, &[]);
    in_project(&["--dry-run"]).check(0, &["would install acme/prune 1.0.0"]);
    assert!(active(&playground).is_empty());
    in_project(&[]).check(0, &["installed acme/prune 1.0.0"]);
    assert_eq!(active(&playground), ["acme/prune 1.0.0"]);
    in_project(&["--project"]).check(0, &["installed acme/prune 1.0.0"]);
    assert_eq!(active_in(&playground.path("tone/.olive/plugins")), ["acme/prune 1.0.0"]);

    // Packs that are not in the lock file go.
    let more = named("acme/tune", "Tune", "1.0.0").write(&playground.path("packs"));
    install(&playground, &more, &["--allow-unsigned"]).check(0, &[]);
    in_project(&[]).check(0, &["acme/prune 1.0.0 is there already", "removed acme/tune 1.0.0"]);
    assert_eq!(active(&playground), ["acme/prune 1.0.0"]);
}

#[test]
fn a_locked_install_refuses_other_content_and_other_signers() {
    let (playground, key, other) = (Playground::bare(), Key::new(), Key::new());
    project(&playground, &key);
    let project = format!("--project={}", playground.path("tone").display());
    fs::remove_dir_all(playground.path("tone/.olive")).unwrap();
    let locked = ["plugin", "install", "--locked", &project];

    let vendor = playground.path("tone/vendor");
    let path = prune("1.0.0").file("docs/more.md", "more").write(&vendor);
    key.sign(&path);
    playground.olive(&locked).check(12, &["error[pack-other-content]", "`olive.lock`"]);

    let path = prune("1.0.0").write(&vendor);
    playground.olive(&["plugin", "trust", "add", "acme", &other.public]).check(0, &[]);
    other.sign(&path);
    playground.olive(&locked).check(12, &["error[lock-signer]", &key.id, &other.id]);
    assert!(active_in(&playground.path("tone/.olive/plugins")).is_empty());

    fs::remove_file(playground.path("tone/olive.lock")).unwrap();
    playground.olive(&locked).check(12, &["error[lock-missing]", "olive plugin lock"]);
}
