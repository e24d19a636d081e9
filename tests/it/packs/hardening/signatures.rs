//! Signatures that do not fit, by real keys.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Site, check_refusal, install, small, words};
use crate::playground::Playground;

/// What no flag makes good.
const FLAGS: [&str; 2] = ["--allow-unsigned", "--trust-on-first-use"];

/// A publisher's key file, made by the program.
fn new_key(playground: &Playground, name: &str) -> String {
    let file = playground.path(&format!("{name}.key"));
    let path = file.display().to_string();
    playground.olive(&["plugin", "key", "new", "--no-password", &path]).check(0, &[]);
    path
}

fn sign(playground: &Playground, key: &str, pack: &Path) {
    let pack = pack.display().to_string();
    playground.olive(&["plugin", "sign", &pack, "--key", key]).check(0, &[]);
}

fn trust(playground: &Playground, publisher: &str, key: &str) {
    let public = key.replace(".key", ".pub");
    playground.olive(&["plugin", "trust", "add", publisher, &public]).check(0, &[]);
}

fn signature_of(pack: &Path) -> PathBuf {
    PathBuf::from(format!("{}.minisig", pack.display()))
}

/// A site whose `acme/words` 1.0.0 is signed by `acme.key`, which is trusted; `other.key` is not.
fn signed_site() -> Site {
    let playground = Playground::bare();
    let (acme, _) = (new_key(&playground, "acme"), new_key(&playground, "other"));
    trust(&playground, "acme", &acme);
    let pack = words(&playground, "1.0.0").write(&playground.path("packs"));
    sign(&playground, &acme, &pack);
    install(&playground, &pack, &[]).check(0, &["installed acme/words 1.0.0 (signed by key "]);
    Site::of(playground)
}

/// The pack `name` of that version, signed by `key`.
fn signed(site: &Site, name: &str, version: &str, key: &str) -> PathBuf {
    let playground = &site.playground;
    let pack = small(name, version).write(&playground.path("packs"));
    sign(playground, &playground.path(key).display().to_string(), &pack);
    pack
}

#[test]
fn keys_and_versions_that_do_not_fit_are_refused_with_every_flag() {
    let site = signed_site();
    let rows = [
        ("acme/words", "0.9.0", "acme.key", "pack-downgrade"),
        ("acme/words", "1.2.0", "other.key", "pack-key-changed"),
        ("else/words", "1.0.0", "acme.key", "pack-key-of-another"),
    ];
    for (name, version, key, code) in rows {
        site.refuses(&signed(&site, name, version, key), &FLAGS, code);
    }
    site.check_usable();
}

#[test]
fn signatures_of_something_else_are_refused_with_every_flag() {
    let site = signed_site();
    let newer = signed(&site, "acme/words", "1.1.0", "acme.key");
    let signature = fs::read(signature_of(&newer)).unwrap();
    for (name, version) in [("acme/words", "0.9.0"), ("acme/more", "1.1.0")] {
        println!("signature of {name} {version}");
        let other = signed(&site, name, version, "acme.key");
        fs::copy(signature_of(&other), signature_of(&newer)).unwrap();
        site.refuses(&newer, &FLAGS, "pack-signature-swapped");
    }
    let half = signature[..signature.len() / 2].to_vec();
    for text in [Vec::new(), b"no signature".to_vec(), half, vec![b'A'; 1 << 20], vec![0xff; 200]] {
        fs::write(signature_of(&newer), text).unwrap();
        site.refuses(&newer, &FLAGS, "pack-signature");
    }
    fs::remove_file(signature_of(&newer)).unwrap();
    site.refuses(&newer, &[], "pack-unsigned");
    site.check_usable();
}

#[test]
fn packs_that_were_changed_are_refused_with_every_flag() {
    let site = signed_site();
    let pack = signed(&site, "acme/words", "1.1.0", "acme.key");
    // The last byte is of zstd's checksum, which nobody looks at before the signature.
    let mut tampered = fs::read(&pack).unwrap();
    *tampered.last_mut().unwrap() ^= 1;
    fs::write(&pack, tampered).unwrap();
    site.refuses(&pack, &FLAGS, "pack-tampered");
    let changed = small("acme/words", "1.1.0").file("docs/more.md", "more");
    assert_eq!(changed.write(&site.playground.path("packs")), pack);
    site.refuses(&pack, &FLAGS, "pack-tampered");
    site.check_usable();
}

#[test]
fn signatures_whose_words_were_changed_are_refused_with_every_flag() {
    let site = signed_site();
    let newer = signed(&site, "acme/words", "1.1.0", "acme.key");
    let older = signed(&site, "acme/words", "0.9.0", "acme.key");
    let text = fs::read_to_string(signature_of(&newer)).unwrap();
    fs::write(signature_of(&older), text.replace("version=1.1.0", "version=0.9.0")).unwrap();
    fs::copy(&newer, &older).unwrap();
    site.refuses(&older, &FLAGS, "pack-signature-swapped");
    fs::write(signature_of(&newer), text.replace("publisher=acme", "publisher=olive")).unwrap();
    let said = install(&site.playground, &newer, &FLAGS);
    check_refusal(&said, 12, "error[pack-");
    site.check_unchanged(&said);
    site.check_usable();
}

#[test]
fn packs_of_a_revoked_key_are_neither_installed_nor_used() {
    let playground = Playground::bare();
    let key = new_key(&playground, "acme");
    trust(&playground, "acme", &key);
    let packs = playground.path("packs");
    let (old, new) = (words(&playground, "1.0.0"), small("acme/words", "1.1.0"));
    let [old, new] = [old.write(&packs), new.write(&packs)];
    for pack in [&old, &new] {
        sign(&playground, &key, pack);
    }
    install(&playground, &old, &[]).check(0, &[]);
    let site = Site::of(playground);
    site.check_usable();

    site.playground.olive(&["plugin", "trust", "remove", "acme"]).check(0, &[]);
    let site = Site::of(site.playground);
    site.refuses(&new, &FLAGS, "pack-key-revoked");
    site.playground.olive(&["plugin", "list"]).check(0, &["acme/words 1.0.0", "trusted no longer"]);
    site.playground.run().check(11, &["Toy"]);

    trust(&site.playground, "acme", &key);
    Site::of(site.playground).check_usable();
}
