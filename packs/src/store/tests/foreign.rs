//! Stores of others: never used, never swept.

use std::fs;
use std::thread;
use std::time::Duration;

use super::two_versions;
use crate::shelf::{Shelf, write};
use crate::store::Store;

#[test]
fn a_projects_store_is_active_only_for_the_user_who_made_it() {
    let shelf = Shelf::of_project();
    let [sample, _] = two_versions(&shelf);
    let generation = shelf.install(&[&sample]);
    assert_eq!(shelf.versions(), ["1.0.0"]);
    assert_eq!(shelf.store.active().unwrap(), generation);

    let other = Store::project(&shelf.path("project"), &shelf.path("another home"));
    let check = || {
        let left = other.root().join("tmp/theirs");
        write(&left, "");
        assert_eq!(other.active().unwrap_err().code(), "pack-foreign-store");
        assert_eq!(other.history().unwrap_err().code(), "pack-foreign-store");
        let error = other.lock(Duration::ZERO, &|| {}).unwrap_err();
        assert_eq!(error.code(), "pack-foreign-store");
        assert!(left.exists() && other.has(&sample.active.sha256), "it was swept");
    };
    check();
    // Also when they have a key of their own.
    let project = shelf.path("another project");
    fs::create_dir(&project).unwrap();
    let own = Store::project(&project, &shelf.path("another home"));
    own.commit(&own.lock(Duration::ZERO, &|| {}).unwrap(), "install", Vec::new()).unwrap();
    check();
    assert_eq!(shelf.versions(), ["1.0.0"]);
}

#[test]
fn a_seal_is_about_everything_in_a_generation() {
    let shelf = Shelf::of_project();
    let [sample, _] = two_versions(&shelf);
    shelf.install(&[&sample]);
    let path = shelf.store.root().join("generations/1.json");
    let whole = fs::read_to_string(&path).unwrap();
    let sha256 = &sample.active.sha256;
    for (old, new) in [
        (sha256.as_str(), "0".repeat(64).as_str()),
        ("\"version\": \"1.0.0\"", "\"version\": \"2.0.0\""),
        ("\"reason\": \"install\"", "\"reason\": \"other\""),
        ("\"seal\": \"", "\"seal\": \"00"),
    ] {
        let changed = whole.replace(old, new);
        assert_ne!(changed, whole);
        write(&path, &changed);
        assert_eq!(shelf.store.active().unwrap_err().code(), "pack-foreign-store", "{old}");
    }
    let unsealed: String = whole.lines().filter(|line| !line.contains("\"seal\"")).collect();
    write(&path, &unsealed.replace("],}", "]}"));
    assert_eq!(shelf.store.active().unwrap_err().code(), "pack-foreign-store");
    write(&path, &whole);
    assert_eq!(shelf.versions(), ["1.0.0"]);
    fs::remove_file(shelf.path("home/seal.key")).unwrap();
    assert_eq!(shelf.store.active().unwrap_err().code(), "pack-foreign-store");
}

#[test]
fn two_projects_that_are_sealed_at_once_share_one_key() {
    for _ in 0..10 {
        let shelf = Shelf::of_project();
        let stores: Vec<Store> = (0..4)
            .map(|n| Store::project(&shelf.path(&format!("project {n}")), &shelf.path("home")))
            .collect();
        thread::scope(|scope| {
            for store in &stores {
                scope.spawn(|| {
                    let guard = store.lock(Duration::ZERO, &|| {}).unwrap();
                    store.commit(&guard, "install", Vec::new()).unwrap();
                });
            }
        });
        for store in &stores {
            assert_eq!(store.active().unwrap().number, 1);
        }
    }
}

#[cfg(unix)]
#[test]
fn links_in_a_store_are_refused_and_what_they_lead_to_stays() {
    use std::os::unix::fs::symlink;
    for name in ["tmp", "packs", "generations", "lock", "active.json", ""] {
        let shelf = Shelf::of_project();
        drop(shelf.lock());
        let precious = shelf.path("precious");
        write(&precious.join("file"), "precious");
        let link = shelf.store.root().join(name);
        let _ = fs::remove_dir_all(&link).or_else(|_| fs::remove_file(&link));
        symlink(&precious, link.to_str().unwrap().trim_end_matches('/')).unwrap();
        for refused in
            [shelf.store.active().map(|_| ()), shelf.store.lock(Duration::ZERO, &|| {}).map(|_| ())]
        {
            assert_eq!(refused.unwrap_err().code(), "pack-open-store", "{name}");
        }
        assert_eq!(fs::read_to_string(precious.join("file")).unwrap(), "precious");
    }
}

#[cfg(unix)]
#[test]
fn a_store_that_others_can_write_is_refused() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().mode() & 0o777;
    let shelf = Shelf::of_project();
    let [sample, _] = two_versions(&shelf);
    shelf.install(&[&sample]);
    let root = shelf.store.root();
    assert_eq!(mode(root), 0o700);
    assert_eq!(mode(&shelf.path("home/seal.key")), 0o600);
    assert_eq!(mode(&shelf.store.folder(&sample.active.sha256).join("docs/a")), 0o444);
    for folder in [root.to_owned(), root.join("packs"), root.join("generations")] {
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
        let error = shelf.store.active().unwrap_err();
        assert_eq!(error.code(), "pack-open-store");
        let help = error.help().unwrap();
        assert!(help.contains("chmod go-w") && help.contains(folder.to_str().unwrap()), "{help}");
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
    }
    fs::set_permissions(shelf.path("home/seal.key"), fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(shelf.store.active().unwrap_err().code(), "pack-seal-key");
}

#[cfg(unix)]
#[test]
fn a_store_of_another_user_is_refused() {
    let shelf = Shelf::of_user();
    drop(shelf.lock());
    if std::os::unix::fs::chown(shelf.store.root(), Some(65_534), None).is_err() {
        eprintln!("skipped: only root can give a folder to another user");
        return;
    }
    let error = shelf.store.active().unwrap_err();
    assert!(error.to_string().contains("belongs to another user"), "{error}");
}
