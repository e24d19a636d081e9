//! `olive plugin trust`: whose packs are installed, and the real minisign.

use std::fs::{self, File};
use std::process::{Command, Stdio};

use olive_packs::archive;
use serde_json::json;

use super::install::{active, install, lines, prune};
use super::keys::Key;
use crate::playground::Playground;

#[test]
fn keys_are_trusted_listed_and_trusted_no_longer() {
    let (playground, second) = (Playground::bare(), Key::new());
    let said = playground.olive(&["plugin", "trust", "list"]);
    said.check(0, &["no key is trusted", "olive plugin trust add PUBLISHER KEY"]);

    playground.olive(&["plugin", "key", "new", "@/acme.key", "--no-password"]).check(0, &[]);
    let public = playground.read("acme.pub");
    let (_, line) = public.trim().split_once('\n').unwrap();
    let first = playground.olive(&["plugin", "trust", "add", "acme", "@/acme.pub"]);
    first.check(0, &["trusts from now on key ", "for packs of acme"]);
    let id = first.out.split(' ').nth(5).unwrap().to_owned();
    playground.olive(&["plugin", "trust", "add", "acme", line]).check(0, &["trusts already", &id]);
    playground
        .olive(&["plugin", "trust", "add", "acme", &second.public])
        .check(0, &[&second.id, &format!("`olive plugin trust remove {id}`")]);

    playground
        .olive(&["plugin", "trust", "list"])
        .check(0, &[&format!("acme  {id}  named by you"), &second.id]);
    playground
        .olive(&["plugin", "trust", "remove", &id])
        .check(0, &[&format!("key {id} is trusted no longer")]);
    let said = playground.olive(&["plugin", "trust", "list", "--json"]);
    said.check(0, &[]);
    let told = [
        json!({"event": "trusted", "publisher": "acme", "key": second.id,
               "public_key": second.public, "by": "user"}),
        json!({"event": "revoked", "publisher": "acme", "key": id}),
    ];
    assert_eq!(lines(&said), told);

    playground.olive(&["plugin", "trust", "add", "acme", line]).check(0, &["trusts from now on"]);
    let said = playground.olive(&["plugin", "trust", "remove", "acme"]);
    said.check(0, &[&id, &second.id]);
    assert_eq!(said.out.lines().count(), 2);
}

#[test]
fn what_cannot_be_trusted_is_refused_in_a_sentence() {
    let (playground, key) = (Playground::bare(), Key::new());
    playground.olive(&["plugin", "key", "new", "@/acme.key", "--no-password"]).check(0, &[]);
    playground.olive(&["plugin", "trust", "add", "acme", &key.public]).check(0, &[]);
    let written = playground.read("data/trust.json");
    for (args, said) in [
        (["add", "other", "@/acme.key"], "acme.key`: this is a secret key"),
        (["add", "other", "@/none.pub"], "is neither a file nor a public key"),
        (["add", "other", "@/data.json"], "data.json`: this is no public key of minisign"),
        (["add", "Other!", "@/acme.pub"], "`Other!` is no id of a publisher"),
        (["add", "other", &key.public], "is trusted for packs of `acme`, and not for `other`"),
        (["remove", "other", ""], "no publisher or key `other` is trusted"),
    ] {
        let args = args.into_iter().filter(|arg| !arg.is_empty());
        let args: Vec<&str> = ["plugin", "trust"].into_iter().chain(args).collect();
        playground.olive(&args).check(12, &[said]);
        assert_eq!(playground.read("data/trust.json"), written);
    }
}

#[test]
fn packs_of_a_key_that_is_trusted_no_longer_are_not_used() {
    let (playground, key) = (Playground::bare(), Key::new());
    let path = prune("1.0.0").write(&playground.path("packs"));
    key.sign(&path);
    playground.olive(&["plugin", "trust", "add", "acme", &key.public]).check(0, &[]);
    install(&playground, &path, &[]).check(0, &[]);
    playground
        .olive(&["plugin", "trust", "remove", &key.id.to_lowercase()])
        .check(0, &["acme/prune 1.0.0 is not used any more"]);
    playground.olive(&["plugin", "list"]).check(0, &["not usable", "acme/prune", &key.id]);
    install(&playground, &path, &["--trust-on-first-use"]).check(12, &["error[pack-key-revoked]"]);

    playground.olive(&["plugin", "trust", "add", "acme", &key.public]).check(0, &[]);
    let said = playground.olive(&["plugin", "list"]);
    said.check(0, &["acme/prune 1.0.0"]);
    assert!(!said.out.contains("not usable"), "{}", said.out);
}

#[test]
fn a_new_key_is_named_before_its_packs_are_taken() {
    let (playground, old, new) = (Playground::bare(), Key::new(), Key::new());
    let path = prune("1.0.0").write(&playground.path("packs"));
    playground.olive(&["plugin", "trust", "add", "acme", &old.public]).check(0, &[]);
    new.sign(&path);
    install(&playground, &path, &["--trust-on-first-use"])
        .check(12, &["error[pack-key-changed]", &old.id, &new.id, "olive plugin trust add acme"]);
    playground.olive(&["plugin", "trust", "add", "acme", &new.public]).check(0, &[]);
    install(&playground, &path, &[]).check(0, &[]);
    // The old one goes, and what the new one has signed stays.
    playground.olive(&["plugin", "trust", "remove", &old.id]).check(0, &[]);
    playground.olive(&["plugin", "verify"]).check(0, &[]);
    assert_eq!(active(&playground), ["acme/prune 1.0.0"]);
}

#[test]
fn keys_beside_the_program_are_trusted_until_the_user_says_otherwise() {
    let (playground, key) = (Playground::bare(), Key::new());
    playground.write("bin/packs/acme.pub", &key.public);
    playground
        .olive(&["plugin", "trust", "list"])
        .check(0, &[&format!("acme  {}  came with the program", key.id)]);
    let path = prune("1.0.0").write(&playground.path("packs"));
    key.sign(&path);
    install(&playground, &path, &[]).check(0, &["installed acme/prune 1.0.0"]);
    playground.olive(&["plugin", "trust", "remove", "acme"]).check(0, &["not used any more"]);
    install(&playground, &path, &[]).check(12, &["error[pack-key-revoked]"]);
    assert!(!playground.read("data/trust.json").contains(&key.public));
}

#[test]
fn a_trust_file_that_is_damaged_is_named() {
    let playground = Playground::bare();
    playground.write("data/trust.json", "{");
    playground
        .olive(&["plugin", "trust", "list"])
        .check(12, &["error[pack-data]", "trust.json` cannot be understood"]);
}

/// Runs the real tool; none when there is none.
fn minisign(playground: &Playground, args: &[&str]) -> Option<String> {
    match Command::new("minisign")
        .args(args)
        .current_dir(playground.path(""))
        .stdin(Stdio::null())
        .output()
    {
        Ok(done) => {
            let said = String::from_utf8_lossy(&[done.stdout, done.stderr].concat()).into_owned();
            assert!(done.status.success(), "{args:?}: {said}");
            Some(said)
        }
        Err(_) => {
            println!("skipped: there is no `minisign` on the search path");
            None
        }
    }
}

#[test]
fn the_tool_and_the_program_take_the_keys_and_signatures_of_each_other() {
    let playground = Playground::bare();
    let keys = ["-G", "-W", "-p", "tool.pub", "-s", "tool.key"];
    if minisign(&playground, &keys).is_none() {
        return;
    }
    let path = prune("1.0.0").write(&playground.path(""));
    let pack = path.file_name().unwrap().to_str().unwrap();
    let public = playground.read("tool.pub").trim().lines().last().unwrap().to_owned();
    let (sha256, _) = archive::digest(File::open(&path).unwrap()).unwrap();
    let comment = format!(
        "olive pack name=acme/prune version=1.0.0 publisher=acme sha256={sha256} key={public}"
    );
    minisign(&playground, &["-S", "-s", "tool.key", "-m", pack, "-t", &comment]).unwrap();
    playground.olive(&["plugin", "trust", "add", "acme", "@/tool.pub"]).check(0, &[]);
    install(&playground, &path, &[]).check(0, &["installed acme/prune 1.0.0"]);

    // With a comment of its own it is a signature that says nothing about the pack.
    minisign(&playground, &["-S", "-s", "tool.key", "-m", pack]).unwrap();
    install(&playground, &path, &[]).check(12, &["error[pack-signature]", "olive plugin sign"]);

    // The other way round: our key, locked and not, signs for the tool.
    playground
        .olive(&["plugin", "sign", "--key", "@/tool.key", &path.display().to_string()])
        .check(0, &[]);
    let said = minisign(&playground, &["-V", "-p", "tool.pub", "-m", pack]).unwrap();
    assert!(said.contains("olive pack name=acme/prune version=1.0.0"), "{said}");

    playground.olive(&["plugin", "key", "new", "@/own.key", "--no-password"]).check(0, &[]);
    fs::remove_file(playground.path(&format!("{pack}.minisig"))).unwrap();
    minisign(&playground, &["-S", "-s", "own.key", "-m", pack, "-t", "x"]).unwrap();
    minisign(&playground, &["-V", "-p", "own.pub", "-m", pack]).unwrap();
}
