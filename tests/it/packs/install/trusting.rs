//! Whose packs are installed: consent, and packs that nobody has signed.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use super::super::keys::Key;
use super::{active, install, lines, named, prune, tree};
use crate::playground::{Playground, Said};

#[test]
fn a_pack_without_signature_is_installed_by_flag_and_marked() {
    let playground = Playground::bare();
    let path = prune("1.0.0").write(&playground.path("packs"));
    install(&playground, &path, &[]).check(12, &["error[pack-unsigned]", "--allow-unsigned"]);
    install(&playground, &path, &["--trust-on-first-use"]).check(12, &["error[pack-unsigned]"]);
    assert!(tree(&playground.path("data")).is_empty());

    let project = format!("--project={}", playground.path("tone").display());
    fs::create_dir(playground.path("tone")).unwrap();
    install(&playground, &path, &["--allow-unsigned", &project])
        .check(0, &["installed acme/prune 1.0.0 (not signed)", "tone/olive.lock"]);
    assert!(playground.read("tone/olive.lock").contains(r#""signer": "unsigned""#));
    assert!(active(&playground).is_empty());

    install(&playground, &path, &["--allow-unsigned"]).check(0, &["not signed"]);
    playground.olive(&["plugin", "list"]).check(0, &["acme/prune 1.0.0  unsigned  (user)"]);
    playground.olive(&["plugin", "info", "prune"]).check(0, &["--allow-unsigned"]);
}

#[test]
fn a_flag_is_consent_to_the_first_key_of_a_publisher_and_no_other() {
    let (playground, key, other) = (Playground::bare(), Key::new(), Key::new());
    let packs = playground.path("packs");
    let path = prune("1.0.0").write(&packs);
    key.sign(&path);
    install(&playground, &path, &["--trust-on-first-use", "--dry-run"])
        .check(0, &[&format!("would trust key {} of acme", key.id)]);
    assert!(tree(&playground.path("data")).is_empty());
    install(&playground, &path, &["--trust-on-first-use"])
        .check(0, &[&format!("trusts from now on key {} of acme", key.id)]);
    playground.olive(&["plugin", "trust", "list"]).check(0, &["acme", &key.id]);

    let newer = prune("1.1.0").write(&packs);
    key.sign(&newer);
    let said = install(&playground, &newer, &[]);
    said.check(0, &["installed acme/prune 1.1.0, was 1.0.0"]);

    let forged = prune("1.2.0").write(&packs);
    other.sign(&forged);
    install(&playground, &forged, &["--trust-on-first-use"])
        .check(12, &["error[pack-key-changed]", &key.id, &other.id]);
    assert_eq!(active(&playground), ["acme/prune 1.1.0"]);
}

#[test]
fn two_keys_of_one_publisher_are_not_both_taken_at_first_sight() {
    let (playground, key, other) = (Playground::bare(), Key::new(), Key::new());
    let packs = playground.path("packs");
    let (one, two) = (prune("1.0.0").write(&packs), named("acme/tune", "Tune", "1.0.0"));
    let two = two.write(&packs);
    key.sign(&one);
    other.sign(&two);
    let two_file = two.display().to_string();
    install(&playground, &one, &["--trust-on-first-use", &two_file])
        .check(12, &["error[pack-key-changed]", &key.id, &other.id]);
    assert!(tree(&playground.path("data")).is_empty());
    key.sign(&two);
    install(&playground, &one, &["--trust-on-first-use", &two_file]).check(0, &[]);
    assert_eq!(active(&playground), ["acme/prune 1.0.0", "acme/tune 1.0.0"]);
}

#[test]
fn a_person_is_asked() {
    let (playground, key) = (Playground::bare(), Key::new());
    let path = prune("1.0.0").write(&playground.path("packs"));
    key.sign(&path);
    let question = format!("trust key {} of publisher acme (acme)? [y/N]", key.id);
    let Some(said) = at_terminal(&playground, &path, "n\n") else { return };
    said.check(12, &[&question, "pack-untrusted"]);
    assert!(tree(&playground.path("data")).is_empty());
    let said = at_terminal(&playground, &path, "y\n").unwrap();
    said.check(0, &[&question, "installed acme/prune 1.0.0"]);
    assert_eq!(active(&playground), ["acme/prune 1.0.0"]);
}

/// Installs the pack at `path` with first use allowed, at a terminal on which `answer` is typed;
/// none when this machine has no way to make one.
fn at_terminal(playground: &Playground, path: &Path, answer: &str) -> Option<Said> {
    let program = playground.path("bin/olive");
    let line =
        format!("{} plugin install --trust-on-first-use {}", program.display(), path.display());
    let mut command = Command::new("script");
    command.args(["-q", "-e", "-c", &line, "/dev/null"]);
    playground.surround(&mut command);
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let Ok(mut child) = child else {
        println!("skipped: there is no `script`, which makes a terminal");
        return None;
    };
    child.stdin.take().unwrap().write_all(answer.as_bytes()).unwrap();
    Some(Said::from(child.wait_with_output().unwrap()))
}

#[test]
fn a_pack_of_a_key_that_is_trusted_no_longer_is_not_used() {
    let (playground, key) = (Playground::bare(), Key::new());
    let path = prune("1.0.0").write(&playground.path("packs"));
    key.sign(&path);
    install(&playground, &path, &["--trust-on-first-use"]).check(0, &[]);
    playground.olive(&["plugin", "trust", "remove", "acme"]).check(0, &[&key.id]);
    playground.olive(&["plugin", "list"]).check(0, &["acme/prune 1.0.0", "no longer"]);
    install(&playground, &path, &["--trust-on-first-use"])
        .check(12, &["error[pack-key-revoked]", &key.id]);
    let said = playground.olive(&["plugin", "info", "prune", "--json"]);
    said.check(0, &[]);
    assert!(lines(&said)[0]["state"].as_str().unwrap().contains("not usable"));
}
