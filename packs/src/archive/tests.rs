//! What is written is the same each time and read back; what is evil is refused.

use std::cell::RefCell;
use std::fs::{self, File};
use std::path::Path;

use olive_schemas::pack::PackManifest;

use super::{Limits, Unpacked, describe, digest, evil, unpack, write};
use crate::PackError;
use crate::manifest;

#[test]
fn evil_archives_are_refused_and_nothing_is_written_elsewhere() {
    for evil in evil::archives() {
        let place = tempfile::tempdir().unwrap();
        let error = unpack_bytes(&evil.bytes, place.path(), &Limits::default()).err();
        let error = error.unwrap_or_else(|| panic!("{} was accepted", evil.name));
        assert_eq!(error.code(), evil.code, "{}: {error}", evil.name);
        let said = error.to_string();
        assert!(!said.chars().any(char::is_control), "{}: {said:?}", evil.name);
        assert!(said.len() < 600 && !said.ends_with('.'), "{}: {said}", evil.name);
        assert_eq!(names(place.path()), ["archive", "pack"], "{}", evil.name);
        assert!(!Path::new(evil::OUTSIDE).exists(), "{}", evil.name);
    }
}

#[test]
fn a_beginning_of_a_pack_is_no_pack() {
    let sound = evil::sound();
    let place = tempfile::tempdir().unwrap();
    for length in (0..sound.len()).step_by(3) {
        let error = unpack_bytes(&sound[..length], place.path(), &Limits::default()).unwrap_err();
        let code = if length < 4 { "pack-format" } else { "pack-truncated" };
        assert_eq!(error.code(), code, "{length} bytes: {error}");
    }
}

#[test]
fn no_bit_of_a_pack_can_flip_unnoticed() {
    let sound = evil::sound();
    let place = tempfile::tempdir().unwrap();
    let unpacked = unpack_bytes(&sound, place.path(), &Limits::default()).unwrap();
    // Every bit would take minutes: each try is synced to the disk.
    for bit in (0..sound.len() * 8).step_by(37) {
        let mut bytes = sound.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        if let Ok(other) = unpack_bytes(&bytes, place.path(), &Limits::default()) {
            assert_eq!(other.described, unpacked.described, "bit {bit}");
            assert_ne!(other.sha256, unpacked.sha256, "bit {bit}");
        }
    }
}

#[test]
fn limits_hold_while_an_archive_is_read() {
    let sound = evil::sound();
    let place = tempfile::tempdir().unwrap();
    let all = Limits::default();
    for (limits, part) in [
        (Limits { archive: 100, ..all.clone() }, "larger than 100 bytes"),
        (Limits { manifest: 100, ..all.clone() }, "manifest has"),
        (Limits { file: 7, ..all.clone() }, "`docs/README.md` in the pack has 8 bytes"),
        (Limits { total: 11, ..all.clone() }, "the unpacked pack has 12 bytes"),
        (Limits { entries: 2, ..all.clone() }, "has 3 files, and 2 are allowed"),
    ] {
        let error = unpack_bytes(&sound, place.path(), &limits).unwrap_err();
        assert_eq!(error.code(), "pack-limit");
        assert!(error.to_string().contains(part), "{error}");
    }
}

#[test]
fn modes_come_from_the_manifest_alone() {
    let place = tempfile::tempdir().unwrap();
    unpack_bytes(&evil::sound(), place.path(), &Limits::default()).unwrap();
    #[cfg(unix)]
    for path in ["pack.json", "any/words.plugin.json", "docs/README.md"] {
        assert_eq!(mode(&place.path().join("pack").join(path)), 0o444, "{path}");
    }
}

#[test]
fn what_is_written_is_read_back_and_the_same_each_time() {
    let place = tempfile::tempdir().unwrap();
    let deep = format!("any/{}file", "folder-with-a-name/".repeat(20));
    let longest = format!("any/{}/{}", "a".repeat(200), "b".repeat(255));
    let mut files = [
        ("any/empty", vec![], false),
        ("any/run", b"#!/bin/sh\n".to_vec(), true),
        ("any/block", vec![7; 512], false),
        ("any/large", (0..3_000_000_u32).map(|at| (at % 251) as u8).collect(), false),
        (deep.as_str(), b"deep".to_vec(), false),
        (longest.as_str(), b"long".to_vec(), true),
    ];
    files.sort();
    let manifest = put(place.path(), &files);
    let bytes = written(&manifest, place.path());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let path = place.path().join("any/empty");
        fs::set_permissions(path, fs::Permissions::from_mode(0o6755)).unwrap();
    }
    let large = File::options().append(true).open(place.path().join("any/large")).unwrap();
    large.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    assert!(bytes == written(&manifest, place.path()), "the same input gave other bytes");

    let other = tempfile::tempdir().unwrap();
    let unpacked = unpack_bytes(&bytes, other.path(), &Limits::default()).unwrap();
    assert_eq!(unpacked.described.manifest, manifest);
    assert_eq!((unpacked.sha256, unpacked.size), digest(&bytes[..]).unwrap());
    assert_eq!(describe(&bytes[..], &Limits::default()).unwrap(), unpacked.described);
    for (path, content, executable) in &files {
        let path = other.path().join("pack").join(path);
        assert!(fs::read(&path).unwrap() == *content, "{}", path.display());
        #[cfg(unix)]
        assert_eq!(mode(&path), if *executable { 0o555 } else { 0o444 });
    }
}

#[test]
fn a_file_that_differs_from_the_manifest_is_not_packed() {
    let place = tempfile::tempdir().unwrap();
    let manifest = put(place.path(), &[("any/a", b"as it was".to_vec(), false)]);
    for content in ["as it i", "as it isn", "as it was, and more"] {
        fs::write(place.path().join("any/a"), content).unwrap();
        let error = write(&manifest, place.path(), Vec::new()).unwrap_err();
        assert_eq!(error.code(), "pack-digest", "{error}");
    }
    fs::remove_file(place.path().join("any/a")).unwrap();
    assert_eq!(write(&manifest, place.path(), Vec::new()).unwrap_err().code(), "pack-io");
}

#[test]
fn progress_counts_up_to_all_bytes() {
    let place = tempfile::tempdir().unwrap();
    let manifest = put(place.path(), &[("any/a", vec![1; 1_000_000], false)]);
    let archive = place.path().join("archive");
    fs::write(&archive, written(&manifest, place.path())).unwrap();
    let folder = place.path().join("pack");
    fs::create_dir(&folder).unwrap();
    let seen = RefCell::new(Vec::new());
    let see = |bytes| seen.borrow_mut().push(bytes);
    unpack(&File::open(archive).unwrap(), &folder, &Limits::default(), &see).unwrap();
    assert!(seen.borrow().is_sorted() && seen.borrow().len() > 2);
    assert_eq!(seen.borrow().last(), Some(&1_000_000));
}

/// Unpacks into `pack` in `place`, anew each time.
fn unpack_bytes(bytes: &[u8], place: &Path, limits: &Limits) -> Result<Unpacked, PackError> {
    let (archive, folder) = (place.join("archive"), place.join("pack"));
    fs::write(&archive, bytes).unwrap();
    if folder.exists() {
        fs::remove_dir_all(&folder).unwrap();
    }
    fs::create_dir(&folder).unwrap();
    unpack(&File::open(archive).unwrap(), &folder, limits, &|_| ())
}

/// Puts `files` into `folder`; gives a manifest that lists them.
fn put(folder: &Path, files: &[(&str, Vec<u8>, bool)]) -> PackManifest {
    let file = |(path, content, executable): &(&str, Vec<u8>, bool)| {
        let target = folder.join(path);
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::write(target, content).unwrap();
        let (sha256, size) = digest(&content[..]).unwrap();
        serde_json::json!({"path": path, "sha256": sha256, "size": size, "executable": executable})
    };
    let manifest = serde_json::json!({
        "format": 1,
        "name": "acme/words",
        "version": "1.0.0",
        "publisher": {"id": "acme", "name": "Acme"},
        "license": "MIT",
        "description": "Words.",
        "api": ">=0.1.0",
        "plugins": [],
        "files": files.iter().map(file).collect::<Vec<_>>(),
    });
    manifest::parse(manifest.to_string().as_bytes()).unwrap()
}

fn written(manifest: &PackManifest, root: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(manifest, root, &mut bytes).unwrap();
    bytes
}

fn names(folder: &Path) -> Vec<String> {
    let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name();
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| name(entry).into_string().unwrap()).collect();
    names.sort();
    names
}

#[cfg(unix)]
fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}
