use std::collections::BTreeMap;
use std::fs;

use olive_schemas::pack::{LockFile, PackFile, Signer};

use super::{FILE_NAME, drift, locked, read, write};
use crate::PackError;
use crate::installed::{BrokenPack, Installed, InstalledPack};
use crate::samples::{active, manifest};
use crate::store::{ActivePack, Scope, Store};

fn pack(name: &str, version: &str) -> InstalledPack {
    let mut manifest = manifest(name, version);
    manifest.files = [
        "any/x.plugin.json",
        "docs/README.md",
        "schemas/a.json",
        "x86_64-unknown-linux-gnu/libx.so",
    ]
    .iter()
    .map(|path| PackFile { path: (*path).into(), sha256: digest(path), size: 1, executable: false })
    .collect();
    InstalledPack {
        active: active(name, version),
        scope: Scope::User,
        folder: "x".into(),
        descriptors: BTreeMap::new(),
        manifest,
    }
}

fn lock_of(packs: &[InstalledPack]) -> LockFile {
    LockFile { format: 1, packs: packs.iter().map(locked).collect() }
}

#[test]
fn a_lock_file_is_the_same_for_the_same_packs() {
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = (pack("a/a", "1.0.0"), pack("b/b", "2.0.0"));
    let text = |packs: &[InstalledPack]| {
        write(folder.path(), &lock_of(packs)).unwrap();
        fs::read_to_string(folder.path().join(FILE_NAME)).unwrap()
    };
    let first = text(&[a.clone(), b.clone()]);
    assert_eq!(text(&[b.clone(), a.clone()]), first);
    assert!(first.ends_with("}\n"), "{first}");
    assert_eq!(read(folder.path()).unwrap().unwrap(), lock_of(&[a, b]));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn files_of_all_targets_are_locked() {
    let pack = locked(&pack("a/a", "1.0.0"));
    let folders: Vec<&String> = pack.files.keys().collect();
    assert_eq!(folders, ["any", "docs", "schemas", "x86_64-unknown-linux-gnu"]);
    assert!(pack.files["any"].contains_key("any/x.plugin.json"));
}

#[test]
fn a_file_that_is_none_is_refused_with_its_name() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(read(folder.path()).unwrap(), None);
    write(folder.path(), &lock_of(&[pack("a/a", "1.0.0")])).unwrap();
    let good = fs::read_to_string(folder.path().join(FILE_NAME)).unwrap();
    let twice = {
        let mut lock = lock_of(&[pack("a/a", "1.0.0")]);
        lock.packs.push(lock.packs[0].clone());
        serde_json::to_string(&lock).unwrap()
    };
    for (text, reason) in [
        (good.replace("\"format\": 1", "\"format\": 2"), "is of format 2"),
        (good.replace("\"format\": 1", "\"format\": 1, \"x\": 1"), "unknown field `x`"),
        (good.replacen("sha256\": \"", "sha256\": \"..", 1), "has a digest of `a/a` that is none"),
        (good.replace("1.0.0\"", "1.0\""), "has a version of `a/a` that is none"),
        (good.replace("a/a\"", "A/a\""), "is no name of a pack"),
        (twice, "has `a/a` twice"),
        (String::new(), "cannot be understood"),
    ] {
        fs::write(folder.path().join(FILE_NAME), text).unwrap();
        let error = read(folder.path()).unwrap_err().to_string();
        assert!(error.contains(FILE_NAME) && error.contains(reason), "{error}");
    }
}

#[test]
fn every_difference_is_told() {
    let change = |change: &dyn Fn(&mut InstalledPack)| {
        let mut pack = pack("a/a", "1.0.0");
        change(&mut pack);
        vec![pack]
    };
    let sha256 = active("a/a", "1.0.0").sha256;
    for (installed, said) in [
        (vec![], "`a/a` 1.0.0 is locked, and not installed".to_owned()),
        (
            vec![pack("a/a", "1.1.0")],
            "the version of `a/a` is 1.1.0, and 1.0.0 is locked".to_owned(),
        ),
        (
            change(&|pack| pack.active.sha256 = "0".repeat(64)),
            format!("the SHA-256 of `a/a` is {}, and {sha256} is locked", "0".repeat(64)),
        ),
        (
            change(&|pack| pack.active.signer = Signer::Unsigned),
            "the signer of `a/a` is nobody, and key 0123456789ABCDEF is locked".to_owned(),
        ),
        (
            change(&|pack| pack.manifest.files.truncate(1)),
            "`olive.lock` says other things of `a/a` than its manifest does".to_owned(),
        ),
        (
            change(&|pack| pack.manifest.api = "*".into()),
            "`olive.lock` says other things of `a/a` than its manifest does".to_owned(),
        ),
    ] {
        let installed = Installed { packs: installed, ..Installed::default() };
        let lock = lock_of(&[pack("a/a", "1.0.0")]);
        assert_eq!(sentences(&drift(&lock, &installed, &[])), [said]);
    }
}

#[test]
fn packs_too_many_and_broken_ones_are_told() {
    let lock = lock_of(&[pack("a/a", "1.0.0")]);
    let installed = Installed {
        packs: vec![pack("b/b", "2.0.0")],
        broken: vec![BrokenPack {
            active: active("a/a", "1.0.0"),
            scope: Scope::User,
            error: PackError::refused("pack-damaged", "its manifest has changed"),
        }],
        problems: Vec::new(),
    };
    assert_eq!(
        sentences(&drift(&lock, &installed, &[])),
        [
            "`a/a` 1.0.0 is locked, and broken: its manifest has changed",
            "`b/b` 2.0.0 is installed, and not locked",
        ]
    );
}

#[test]
fn files_on_the_disk_are_read() {
    use crate::archive::{self, Limits};
    let home = tempfile::tempdir().unwrap();
    let path = |name: &str| home.path().join(name);
    let mut manifest = pack("a/a", "1.0.0").manifest;
    for file in &mut manifest.files {
        let path = path("root").join(&file.path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "1").unwrap();
        file.sha256 = digest("1");
    }
    let archive = path("a.pack");
    archive::write(&manifest, &path("root"), fs::File::create(&archive).unwrap()).unwrap();
    let (sha256, size) = archive::digest(fs::File::open(&archive).unwrap()).unwrap();

    let store = Store::user(home.path());
    let guard = store.lock(std::time::Duration::ZERO, &|| {}).unwrap();
    let staged = store.stage(&guard, &archive, &sha256, &Limits::default(), &|_| {}).unwrap();
    let manifest_sha256 = staged.described.sha256;
    let active = ActivePack { sha256, size, manifest_sha256, ..active("a/a", "1.0.0") };
    let pack = InstalledPack { active, manifest, ..pack("a/a", "1.0.0") };

    let lock = lock_of(std::slice::from_ref(&pack));
    let installed = Installed { packs: vec![pack], ..Installed::default() };
    let said = || sentences(&drift(&lock, &installed, std::slice::from_ref(&store)));
    assert_eq!(said(), [] as [&str; 0]);
    let changed = staged.folder.join("docs/README.md");
    fs::remove_file(&changed).unwrap();
    assert_eq!(said(), ["`docs/README.md` of `a/a` is missing"]);
    fs::write(&changed, "2").unwrap();
    assert_eq!(said(), ["`docs/README.md` of `a/a` has changed"]);
}

fn digest(text: &str) -> String {
    crate::data::hex(&<sha2::Sha256 as sha2::Digest>::digest(text))
}

fn sentences(drift: &[PackError]) -> Vec<String> {
    drift.iter().map(ToString::to_string).collect()
}
