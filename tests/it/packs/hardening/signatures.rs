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

#[test]
fn signatures_that_do_not_fit_are_refused_with_every_flag() {
    let playground = Playground::bare();
    let (acme, other) = (new_key(&playground, "acme"), new_key(&playground, "other"));
    trust(&playground, "acme", &acme);
    let packs = playground.path("packs");
    let make = |name: &str, version: &str, key: &str| {
        let pack = small(name, version).write(&packs);
        sign(&playground, key, &pack);
        pack
    };
    let old = words(&playground, "1.0.0").write(&packs);
    sign(&playground, &acme, &old);
    install(&playground, &old, &[]).check(0, &["installed acme/words 1.0.0 (signed by key "]);

    let older = make("acme/words", "0.9.0", &acme);
    let newer = make("acme/words", "1.1.0", &acme);
    let same = make("acme/more", "1.1.0", &acme);
    let foreign = make("else/words", "1.0.0", &acme);
    let forged = make("acme/words", "1.2.0", &other);
    let site = Site::of(playground);

    site.refuses(&older, &FLAGS, "pack-downgrade");
    site.refuses(&forged, &FLAGS, "pack-key-changed");
    site.refuses(&foreign, &FLAGS, "pack-key-of-another");

    let (pack, signature) = (fs::read(&newer).unwrap(), fs::read(signature_of(&newer)).unwrap());
    let rows: [(&str, PathBuf); 2] =
        [("of another version", signature_of(&older)), ("of another pack", signature_of(&same))];
    for (name, path) in rows {
        println!("signature {name}");
        fs::copy(path, signature_of(&newer)).unwrap();
        site.refuses(&newer, &FLAGS, "pack-signature-swapped");
    }
    let half = signature[..signature.len() / 2].to_vec();
    for text in [Vec::new(), b"no signature".to_vec(), half, vec![b'A'; 1 << 20], vec![0xff; 200]] {
        fs::write(signature_of(&newer), text).unwrap();
        site.refuses(&newer, &FLAGS, "pack-signature");
    }

    // The last byte is of zstd's checksum, which nobody looks at before the signature.
    fs::write(signature_of(&newer), &signature).unwrap();
    let mut tampered = pack.clone();
    *tampered.last_mut().unwrap() ^= 1;
    fs::write(&newer, tampered).unwrap();
    site.refuses(&newer, &FLAGS, "pack-tampered");
    let changed = small("acme/words", "1.1.0").file("docs/more.md", "more").write(&packs);
    assert_eq!(changed, newer);
    site.refuses(&newer, &FLAGS, "pack-tampered");

    // A signature whose words were changed: everything else of it fits.
    fs::write(&newer, &pack).unwrap();
    let text = String::from_utf8(signature.clone()).unwrap();
    fs::write(signature_of(&older), text.replace("version=1.1.0", "version=0.9.0")).unwrap();
    fs::copy(&newer, &older).unwrap();
    site.refuses(&older, &FLAGS, "pack-signature-swapped");
    fs::write(signature_of(&newer), text.replace("publisher=acme", "publisher=olive")).unwrap();
    let said = install(&site.playground, &newer, &FLAGS);
    check_refusal(&said, 12, "error[pack-");
    site.check_unchanged(&said);

    fs::remove_file(signature_of(&newer)).unwrap();
    site.refuses(&newer, &[], "pack-unsigned");
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
