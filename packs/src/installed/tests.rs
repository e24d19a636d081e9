//! Which packs are usable, and why others are not.

use std::collections::BTreeMap;
use std::fs;

use olive_schemas::pack::{PackManifest, PluginKind, Signer};

use super::{Installed, fits, load};
use crate::samples;
use crate::shelf::{Sample, Shelf, descriptor, machine, write};
use crate::signature::SecretKey;
use crate::store::Store;
use crate::trust::{Trust, TrustedBy};

/// A pack with a library for two targets.
fn native(name: &str, version: &str) -> PackManifest {
    let mut manifest = samples::manifest(name, version);
    let plugin = &mut manifest.plugins[0];
    plugin.kind = PluginKind::Native;
    plugin.entry = BTreeMap::from(
        ["x86_64-unknown-linux-gnu", "aarch64-apple-darwin"]
            .map(|target| (target.to_owned(), format!("{target}/lib"))),
    );
    manifest
}

fn sample(shelf: &Shelf, name: &str, version: &str) -> Sample {
    let files = [
        ("aarch64-apple-darwin/lib", "for a Mac"),
        ("x86_64-unknown-linux-gnu/lib", "for Linux"),
        ("any/more", "for all"),
        ("docs/README.md", "read me"),
    ];
    shelf.sample_of(native(name, version), &files)
}

fn load_one(shelf: &Shelf) -> Installed {
    load(std::slice::from_ref(&shelf.store), &Trust::default(), &machine())
}

/// Why the only pack is broken.
fn only_problem(shelf: &Shelf) -> String {
    let installed = load_one(shelf);
    assert!(installed.packs.is_empty() && installed.problems.is_empty());
    let [broken] = &installed.broken[..] else { panic!("{installed:?}") };
    format!("{}: {}", broken.error.code(), broken.error)
}

#[test]
fn a_sound_pack_comes_with_what_its_plugins_say() {
    let shelf = Shelf::of_user();
    let sample = sample(&shelf, "acme/prune", "1.2.0");
    shelf.install(&[&sample]);
    let installed = load_one(&shelf);
    assert!(installed.broken.is_empty() && installed.problems.is_empty());
    let [pack] = &installed.packs[..] else { panic!("{installed:?}") };
    assert_eq!(pack.active, sample.active);
    assert_eq!(pack.descriptors["prune"], descriptor("prune").as_bytes());
    assert_eq!(pack.folder, shelf.store.folder(&sample.active.sha256));
}

#[test]
fn a_damaged_pack_is_broken_and_the_others_are_not() {
    let path = |shelf: &Shelf, sample: &Sample, name: &str| {
        shelf.store.folder(&sample.active.sha256).join(name)
    };
    for (name, text, why) in [
        ("pack.json", None, "`pack.json` of `acme/prune` 1.2.0 is missing"),
        ("pack.json", Some("{}"), "`pack.json` of `acme/prune` 1.2.0 has changed"),
        ("x86_64-unknown-linux-gnu/lib", None, "lib` of `acme/prune` 1.2.0 is missing"),
        ("x86_64-unknown-linux-gnu/lib", Some("longer now"), "has changed"),
        ("any/more", None, "is missing"),
        ("schemas/prune.json", None, "is missing"),
        // As long as before: only its digest differs.
        ("schemas/prune.json", Some(r#"{"name": "PRUNE"}"#), "has changed"),
    ] {
        let shelf = Shelf::of_user();
        let (damaged, sound) =
            (sample(&shelf, "acme/prune", "1.2.0"), sample(&shelf, "acme/trim", "1.0.0"));
        shelf.install(&[&damaged, &sound]);
        match text {
            Some(text) => write(&path(&shelf, &damaged, name), text),
            None => fs::remove_file(path(&shelf, &damaged, name)).unwrap(),
        }
        let installed = load_one(&shelf);
        let [pack] = &installed.packs[..] else { panic!("{installed:?}") };
        assert_eq!(pack.active, sound.active);
        let [broken] = &installed.broken[..] else { panic!("{installed:?}") };
        assert!(broken.error.to_string().ends_with(why), "{name}: {}", broken.error);
        assert!(broken.error.help().unwrap().contains("olive plugin install"));
    }
}

#[test]
fn files_of_other_targets_and_docs_are_not_looked_at() {
    let shelf = Shelf::of_user();
    let sample = sample(&shelf, "acme/prune", "1.2.0");
    shelf.install(&[&sample]);
    let folder = shelf.store.folder(&sample.active.sha256);
    fs::remove_dir_all(folder.join("aarch64-apple-darwin")).unwrap();
    fs::remove_dir_all(folder.join("docs")).unwrap();
    assert_eq!(load_one(&shelf).packs.len(), 1);
}

#[test]
fn a_manifest_of_another_pack_is_refused() {
    let shelf = Shelf::of_user();
    let mut sample = sample(&shelf, "acme/prune", "1.2.0");
    sample.active.version = "1.3.0".into();
    shelf.install(&[&sample]);
    assert!(only_problem(&shelf).ends_with("is of another pack"));
}

#[test]
fn packs_of_keys_that_are_not_trusted_are_broken() {
    let shelf = Shelf::of_user();
    let mut sample = sample(&shelf, "acme/prune", "1.2.0");
    sample.active.signer = Signer::Key("0123456789ABCDEF".into());
    shelf.install(&[&sample]);
    assert_eq!(
        only_problem(&shelf),
        "pack-untrusted: `acme/prune` 1.2.0 was signed with key 0123456789ABCDEF, which is not one \
         of its publisher that you trust"
    );
    let key = SecretKey::generate().unwrap().public().unwrap();
    let mut trust = Trust::load(&shelf.path("home"), None).unwrap();
    trust.add("acme", &key, TrustedBy::User).unwrap();
    sample.active.signer = Signer::Key(key.id());
    shelf.install(&[&sample]);
    let stores = std::slice::from_ref(&shelf.store);
    assert_eq!(load(stores, &trust, &machine()).packs.len(), 1);
    trust.remove("acme").unwrap();
    let installed = load(stores, &trust, &machine());
    assert_eq!(installed.broken[0].error.code(), "pack-revoked");
    assert!(installed.packs.is_empty());
}

#[test]
fn a_project_s_pack_stands_for_the_user_s_of_that_name() {
    let (user, project) = (Shelf::of_user(), Shelf::of_project());
    user.install(&[&sample(&user, "acme/prune", "1.0.0"), &sample(&user, "acme/trim", "1.0.0")]);
    let newer = sample(&project, "acme/prune", "2.0.0");
    project.install(&[&newer]);
    let stores = [user.store.clone(), project.store.clone()];
    let names = |installed: &Installed| {
        let name = |pack: &super::InstalledPack| {
            format!("{:?} {} {}", pack.scope, pack.active.name, pack.active.version)
        };
        installed.packs.iter().map(name).collect::<Vec<_>>()
    };
    let both = load(&stores, &Trust::default(), &machine());
    assert_eq!(names(&both), ["User acme/trim 1.0.0", "Project acme/prune 2.0.0"]);
    // Another version would be used without a word otherwise.
    fs::remove_dir_all(project.store.folder(&newer.active.sha256)).unwrap();
    let broken = load(&stores, &Trust::default(), &machine());
    assert_eq!(names(&broken), ["User acme/trim 1.0.0"]);
    assert_eq!(broken.broken.len(), 1);
}

#[test]
fn a_store_that_cannot_be_used_is_a_problem_and_the_others_are_used() {
    let (user, project) = (Shelf::of_user(), Shelf::of_project());
    user.install(&[&sample(&user, "acme/prune", "1.0.0")]);
    project.install(&[&sample(&project, "acme/prune", "2.0.0")]);
    let foreign = Store::project(&project.path("project"), &user.path("home"));
    let installed = load(&[user.store.clone(), foreign], &Trust::default(), &machine());
    assert_eq!(installed.problems[0].code(), "pack-foreign-store");
    assert_eq!(installed.packs[0].active.version, "1.0.0");
}

#[test]
fn what_does_not_fit_is_told_with_what_would() {
    let check = |change: &dyn Fn(&mut PackManifest), told: &str| {
        let mut manifest = native("acme/prune", "1.2.0");
        change(&mut manifest);
        let error = fits(&manifest, &machine()).unwrap_err();
        assert_eq!(format!("{}: {error}", error.code()), told);
        assert!(error.help().is_some());
    };
    fits(&native("acme/prune", "1.2.0"), &machine()).unwrap();
    fits(&samples::manifest("acme/prune", "1.2.0"), &machine()).unwrap();
    check(
        &|manifest| manifest.api = ">=0.4.0".into(),
        "pack-api: `acme/prune` 1.2.0 fits versions `>=0.4.0` of the plugin API, and this Olive \
         has 0.3.0",
    );
    check(
        &|manifest| manifest.min_host = Some("0.6.0".into()),
        "pack-host: `acme/prune` 1.2.0 needs Olive 0.6.0 or newer, and this is 0.5.0",
    );
    check(
        &|manifest| {
            manifest.plugins[0].entry.remove("x86_64-unknown-linux-gnu");
            manifest.plugins[0].entry.insert("x86_64-pc-windows-msvc".into(), "x/lib".into());
        },
        "pack-target: `acme/prune` 1.2.0 is for `aarch64-apple-darwin` and \
         `x86_64-pc-windows-msvc`, and not for `x86_64-unknown-linux-gnu`",
    );
    check(&|manifest| manifest.plugins.clear(), "pack-target: `acme/prune` 1.2.0 has no plugins");
}
