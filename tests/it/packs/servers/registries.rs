//! `olive plugin push` and `olive plugin install oci://…`, with a real registry.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use olive_packs::archive;
use serde_json::{Value, json};

use super::https::dead_port;
use super::registry::Registry;
use crate::packs::install::{active, lines, prune, text, tree};
use crate::packs::keys::Key;
use crate::playground::{Playground, Said};

/// A signed pack in the folder `made`, whose key is trusted.
fn pack(playground: &Playground, version: &str) -> PathBuf {
    let key = Key::new();
    let path = prune(version).write(&playground.path("made"));
    key.sign(&path);
    playground.olive(&["plugin", "trust", "add", "acme", &key.public]).check(0, &[]);
    path
}

fn push(playground: &Playground, pack: &Path, reference: &str) -> Said {
    playground.olive(&["plugin", "push", &pack.display().to_string(), reference, "--json"])
}

/// Pushes, and gives the reference by digest.
fn pushed(playground: &Playground, pack: &Path, reference: &str) -> String {
    let said = push(playground, pack, reference);
    said.check(0, &[]);
    text(&lines(&said).last().unwrap()["pinned"]).to_owned()
}

fn install(playground: &Playground, reference: &str) -> Said {
    playground.olive(&["plugin", "install", reference])
}

fn sha256(path: &Path) -> String {
    archive::digest(fs::File::open(path).unwrap()).unwrap().0
}

/// The manifest behind a reference by digest.
fn manifest(registry: &Registry, pinned: &str) -> Value {
    let (_, digest) = pinned.split_once("@sha256:").unwrap();
    serde_json::from_slice(&fs::read(registry.blob(digest)).unwrap()).unwrap()
}

#[test]
fn a_pack_goes_to_a_registry_and_comes_back() {
    let Some(registry) = Registry::open() else { return };
    let playground = Playground::bare();
    let path = pack(&playground, "1.0.0+cpu");
    let repository = registry.reference("acme/prune");
    let said = push(&playground, &path, &repository);
    said.check(0, &[]);
    let told = lines(&said).pop().unwrap();
    assert_eq!(told["event"], "pushed");
    assert_eq!(told["reference"], format!("{repository}:1.0.0_cpu"));
    let pinned = text(&told["pinned"]).to_owned();
    assert!(pinned.starts_with(&format!("{repository}@sha256:")), "{pinned}");
    let manifest = manifest(&registry, &pinned);
    assert_eq!(manifest["annotations"]["org.opencontainers.image.version"], "1.0.0+cpu");
    assert_eq!(manifest["layers"][0]["digest"], format!("sha256:{}", sha256(&path)));

    for reference in [format!("{repository}:1.0.0_cpu"), pinned.clone()] {
        let playground = Playground::bare();
        let key = told["key_id"].as_str().unwrap();
        let said = install(&playground, &reference);
        said.check(12, &["error[pack-untrusted]", key]);
        let first_use = ["plugin", "install", &reference, "--trust-on-first-use"];
        playground.olive(&first_use).check(0, &["installed acme/prune 1.0.0+cpu", key]);
        assert_eq!(active(&playground), ["acme/prune 1.0.0+cpu"]);
        assert!(playground.names("home/downloads").is_empty());
    }
    // The same again gives the same, and sends nothing twice.
    assert_eq!(pushed(&playground, &path, &repository), pinned);
    // Later the tag is another pack; the digest stays.
    pushed(
        &playground,
        &prune("2.0.0").write(&playground.path("made")),
        &format!("{repository}:1.0.0_cpu"),
    );
    install(&playground, &pinned).check(0, &["installed acme/prune 1.0.0+cpu"]);
}

#[test]
fn a_pack_that_is_not_signed_goes_without_signature() {
    let Some(registry) = Registry::open() else { return };
    let playground = Playground::bare();
    let path = prune("1.0.0").write(&playground.path("made"));
    let reference = registry.reference("prune:edge");
    let args = ["plugin", "push", &path.display().to_string(), &reference];
    playground.olive(&args).check(0, &["pushed acme/prune 1.0.0 to ", &reference, "not signed"]);
    install(&playground, &reference).check(12, &["error[pack-unsigned]"]);
    let args = ["plugin", "install", &reference, "--allow-unsigned"];
    playground.olive(&args).check(0, &["installed acme/prune 1.0.0"]);
}

#[test]
fn what_is_not_to_be_published_is_not_pushed() {
    let Some(registry) = Registry::open() else { return };
    let (playground, reference) = (Playground::bare(), registry.reference("acme/prune"));
    let path = pack(&playground, "1.0.0");
    let other = prune("1.1.0").write(&playground.path("made"));
    let beside = |path: &Path| format!("{}.minisig", path.display());
    fs::copy(beside(&path), beside(&other)).unwrap();
    push(&playground, &other, &reference).check(12, &["pack-signature-swapped", "1.1.0"]);
    playground.write("made/x.pack", "no pack");
    push(&playground, &playground.path("made/x.pack"), &reference).check(12, &["x.pack"]);
    push(&playground, &playground.path("made/none.pack"), &reference).check(10, &["none.pack"]);
    push(&playground, &path, "https://example.org/x").check(10, &["`oci://HOST"]);
    let digest = format!("{reference}@sha256:{}", sha256(&path));
    push(&playground, &path, &digest).check(10, &["a pack is pushed to a tag"]);
    install(&playground, &reference).check(10, &["answers 404 Not Found"]);
}

#[test]
fn a_registry_that_has_been_tampered_with_is_not_believed() {
    let Some(registry) = Registry::open() else { return };
    let playground = Playground::bare();
    let path = pack(&playground, "1.0.0");
    let reference = registry.reference("acme/prune:1.0.0");
    let pinned = pushed(&playground, &path, &reference);
    let check = |said: &str| {
        for reference in [&reference, &pinned] {
            install(&playground, reference).check(10, &[said]);
            assert!(tree(&playground.path("data/plugins/packs")).is_empty());
            assert!(playground.names("home/downloads").is_empty());
        }
    };
    let blob = registry.blob(&sha256(&path));
    let content = fs::read(&blob).unwrap();
    let mut tampered = content.clone();
    tampered[content.len() / 2] ^= 1;
    fs::write(&blob, &tampered).unwrap();
    check("its SHA-256 is `");
    fs::write(&blob, &content[..content.len() / 2]).unwrap();
    check(&format!("{} bytes, not {}", content.len() / 2, content.len()));
    OpenOptions::new().append(true).open(&blob).unwrap().write_all(&content).unwrap();
    check("more than");
    fs::remove_file(&blob).unwrap();
    check("answers 404 Not Found (blob unknown to registry)");
    fs::write(&blob, &content).unwrap();
    install(&playground, &reference).check(0, &["installed acme/prune 1.0.0"]);
}

#[test]
fn an_artifact_that_is_no_pack_is_refused() {
    let Some(registry) = Registry::open() else { return };
    let playground = Playground::bare();
    let path = pack(&playground, "1.0.0");
    let reference = registry.reference("acme/prune:1.0.0");
    let pinned = pushed(&playground, &path, &reference);
    let honest = manifest(&registry, &pinned);
    for (place, value, said) in [
        ("/artifactType", json!("application/vnd.example.chart"), "application/vnd.example.chart"),
        ("/layers/0/mediaType", json!("application/x-tar"), "a layer of type `application/x-tar`"),
        ("/layers", json!([]), "it has no layer of type"),
        ("/layers/0/size", json!(1_u64 << 50), "sends more than the"),
        ("/layers/0/size", json!(5), "more than 5 bytes"),
    ] {
        let mut changed = honest.clone();
        *changed.pointer_mut(place).unwrap() = value;
        registry.put_manifest("acme/prune", "1.0.0", &changed);
        install(&playground, &reference).check(10, &["error[fetch]", said]);
        assert!(tree(&playground.path("data/plugins/packs")).is_empty());
    }
}

#[test]
fn a_closed_registry_takes_who_has_signed_in() {
    let Some(registry) = Registry::closed() else { return };
    let playground = Playground::bare();
    let path = pack(&playground, "1.0.0");
    let reference = registry.reference("acme/prune:1.0.0");
    let run = |args: &[&str], auths: Value| {
        playground.write("docker/config.json", &json!({"auths": auths}).to_string());
        let mut command = playground.command(args);
        Said::from(command.env("DOCKER_CONFIG", playground.path("docker")).output().unwrap())
    };
    let path = path.display().to_string();
    let (push, install) =
        (["plugin", "push", &path, &reference], ["plugin", "install", &reference]);
    // `me:secret` and `me:wrong`.
    let right = json!({registry.host(): {"auth": "bWU6c2VjcmV0"}});
    let wrong = json!({registry.host(): {"auth": "bWU6d3Jvbmc="}});
    for args in [&push[..], &install[..]] {
        run(args, json!({})).check(10, &["answers 401 Unauthorized", "`docker login HOST`"]);
        run(args, wrong.clone()).check(10, &["answers 401 Unauthorized"]);
        run(args, right.clone()).check(0, &["acme/prune 1.0.0"]);
    }
}

#[test]
fn a_registry_that_is_not_there_is_told() {
    let playground = Playground::bare();
    let path = pack(&playground, "1.0.0");
    let reference = format!("oci://localhost:{}/acme/prune:1.0.0", dead_port());
    install(&playground, &reference).check(10, &["cannot reach `oci://localhost:", "refused"]);
    push(&playground, &path, &reference).check(10, &["cannot reach `oci://localhost:"]);
    assert!(tree(&playground.path("data/plugins/packs")).is_empty());
}
