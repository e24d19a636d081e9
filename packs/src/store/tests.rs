//! What a store keeps, what it sweeps, and what it refuses.

mod foreign;

use std::cell::Cell;
use std::fs;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::archive::Limits;
use crate::shelf::{Sample, Shelf, write};

fn two_versions(shelf: &Shelf) -> [Sample; 2] {
    ["1.0.0", "1.1.0"].map(|version| shelf.sample("acme/prune", version, &[("docs/a", version)]))
}

#[test]
fn nothing_is_active_before_the_first_change_and_looking_changes_nothing() {
    let shelf = Shelf::of_user();
    assert_eq!(shelf.store.active().unwrap().number, 0);
    assert!(shelf.store.history().unwrap().is_empty());
    assert!(!shelf.path("home").exists());
}

#[test]
fn each_change_is_a_generation_and_a_rollback_goes_to_its_parent() {
    let shelf = Shelf::of_user();
    let [old, new] = two_versions(&shelf);
    assert_eq!(shelf.install(&[&old]).parent, Some(0));
    assert_eq!(shelf.install(&[&new]).parent, Some(1));
    assert_eq!(shelf.versions(), ["1.1.0"]);
    for (to, versions) in [(None, "1.0.0"), (None, ""), (Some(2), "1.1.0"), (Some(1), "1.0.0")] {
        shelf.store.rollback(&shelf.lock(), to).unwrap();
        assert_eq!(shelf.versions().concat(), versions);
    }
    assert_eq!(shelf.install(&[]).number, 3);
    assert_eq!(shelf.store.active().unwrap().parent, Some(1));
    let numbers: Vec<u64> =
        shelf.store.history().unwrap().iter().map(|generation| generation.number).collect();
    assert_eq!(numbers, [1, 2, 3]);
}

#[test]
fn a_rollback_to_nowhere_is_refused() {
    let shelf = Shelf::of_user();
    let check = |to, code, part: &str| {
        let error = shelf.store.rollback(&shelf.lock(), to).unwrap_err();
        assert_eq!(error.code(), code);
        assert!(error.to_string().contains(part), "{error}");
    };
    check(None, "pack-no-generation", "no packs were active");
    let [old, new] = two_versions(&shelf);
    shelf.install(&[&old]);
    shelf.install(&[&new]);
    check(Some(2), "pack-no-generation", "generation 2 is the active one already");
    check(Some(7), "pack-no-generation", "there is no generation 7");
    fs::remove_dir_all(shelf.store.folder(&old.active.sha256)).unwrap();
    check(None, "pack-gone", "`acme/prune` 1.0.0 of generation 1");
    assert_eq!(shelf.versions(), ["1.1.0"]);
}

#[test]
fn cleaning_leaves_what_is_active() {
    let shelf = Shelf::of_user();
    let [old, new] = two_versions(&shelf);
    shelf.install(&[&old]);
    shelf.install(&[&new]);
    let freed = shelf.store.clean(&shelf.lock()).unwrap();
    assert!(freed > 200, "{freed}");
    assert_eq!(shelf.names("packs"), [new.active.sha256.as_str()]);
    assert_eq!(shelf.names("generations"), ["2.json"]);
    assert_eq!(shelf.names("tmp"), [""; 0]);
    assert_eq!(shelf.versions(), ["1.1.0"]);
    assert_eq!(shelf.store.clean(&shelf.lock()).unwrap(), 0);
    let error = shelf.store.rollback(&shelf.lock(), None).unwrap_err();
    assert_eq!(error.code(), "pack-no-generation");
    assert_eq!(shelf.install(&[&old]).number, 3);
}

#[test]
fn a_pack_that_is_there_is_compared_and_mended() {
    let shelf = Shelf::of_user();
    let [sample, _] = two_versions(&shelf);
    shelf.install(&[&sample]);
    assert!(shelf.stage(&shelf.lock(), &sample).unwrap());
    let folder = shelf.store.folder(&sample.active.sha256);
    // The same size, so that only its content tells.
    write(&folder.join("docs/a"), "9.9.9");
    assert!(!shelf.stage(&shelf.lock(), &sample).unwrap());
    assert_eq!(shelf.store.verify(&sample.active).unwrap(), []);
    fs::remove_dir_all(&folder).unwrap();
    write(&folder, "a file in place of the pack");
    assert!(!shelf.stage(&shelf.lock(), &sample).unwrap());
    assert_eq!(shelf.store.verify(&sample.active).unwrap(), []);
    assert_eq!(shelf.names("tmp"), [""; 0]);
}

#[test]
fn verifying_tells_every_file_that_differs() {
    let shelf = Shelf::of_user();
    let files = [("any/lib", "library"), ("docs/a", "a"), ("docs/b", "b")];
    let sample = shelf.sample("acme/prune", "1.0.0", &files);
    shelf.install(&[&sample]);
    let folder = shelf.store.folder(&sample.active.sha256);
    let damage = || {
        let damage = shelf.store.verify(&sample.active).unwrap();
        damage.iter().map(|one| format!("{} {}", one.path, one.problem)).collect::<Vec<_>>()
    };
    assert_eq!(damage(), [""; 0]);
    write(&folder.join("any/lib"), "LIBRARY");
    write(&folder.join("any/more/lib"), "");
    fs::remove_file(folder.join("docs/a")).unwrap();
    let mut expected = vec![
        "any/lib has changed",
        "docs/a is missing",
        "any/more/lib does not belong to the pack",
    ];
    assert_eq!(damage(), expected);
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(folder.join("docs/b"), folder.join("docs/a")).unwrap();
        expected[1] = "docs/a has changed";
        assert_eq!(damage(), expected);
    }
    write(&folder.join("pack.json"), "{}");
    assert_eq!(damage(), ["pack.json has changed"]);
    fs::remove_dir_all(&folder).unwrap();
    assert_eq!(damage(), ["pack.json is missing"]);
}

#[test]
fn an_archive_that_is_not_the_one_that_was_checked_leaves_nothing() {
    let shelf = Shelf::of_user();
    let [checked, mut other] = two_versions(&shelf);
    other.active.sha256.clone_from(&checked.active.sha256);
    let error = shelf.stage(&shelf.lock(), &other).unwrap_err();
    assert_eq!(error.code(), "pack-digest");
    let whole = fs::read(&checked.archive).unwrap();
    fs::write(&checked.archive, &whole[..whole.len() / 2]).unwrap();
    shelf.stage(&shelf.lock(), &checked).unwrap_err();
    let guard = shelf.lock();
    let limits = Limits::default();
    for digest in ["", "../../escaped", &"A".repeat(64)] {
        let staged = shelf.store.stage(&guard, &other.archive, digest, &limits, &|_| {});
        assert_eq!(staged.unwrap_err().code(), "pack-digest");
    }
    assert_eq!(shelf.names("packs"), [""; 0]);
    assert_eq!(shelf.names("tmp"), [""; 0]);
}

#[test]
fn a_command_that_does_not_come_to_its_end_leaves_nothing() {
    let shelf = Shelf::of_user();
    let [active, staged] = two_versions(&shelf);
    shelf.install(&[&active]);
    let guard = shelf.lock();
    assert!(!shelf.stage(&guard, &staged).unwrap());
    assert_eq!(shelf.names("packs").len(), 2);
    drop(guard);
    assert_eq!(shelf.names("packs"), [active.active.sha256.as_str()]);
}

#[test]
fn the_lock_sweeps_what_a_killed_command_has_left() {
    let shelf = Shelf::of_user();
    let [active, staged] = two_versions(&shelf);
    shelf.install(&[&active]);
    let root = shelf.store.root();
    write(
        &shelf.store.folder(&staged.active.sha256).join("pack.json"),
        "a pack without generation",
    );
    write(&root.join("tmp/half/any/lib"), "half a pack");
    write(&root.join("tmp/half.json"), "half a generation");
    let never_active = fs::read_to_string(root.join("generations/1.json")).unwrap();
    write(
        &root.join("generations/2.json"),
        &never_active.replace("\"number\": 1", "\"number\": 2"),
    );
    drop(shelf.lock());
    assert_eq!(shelf.names("tmp"), [""; 0]);
    assert_eq!(shelf.names("generations"), ["1.json"]);
    assert_eq!(shelf.names("packs"), [active.active.sha256.as_str()]);
    assert_eq!(shelf.store.verify(&active.active).unwrap(), []);
}

#[test]
fn a_damaged_generation_is_told_and_can_be_left_behind() {
    let shelf = Shelf::of_user();
    let [old, new] = two_versions(&shelf);
    shelf.install(&[&old]);
    shelf.install(&[&new]);
    let path = shelf.store.root().join("generations/2.json");
    let whole = fs::read_to_string(&path).unwrap();
    for text in [
        String::new(),
        "{}".to_owned(),
        whole.replace("\"number\": 2", "\"number\": 3"),
        whole.replace(&new.active.sha256, "../../../elsewhere"),
    ] {
        assert_ne!(text, whole);
        write(&path, &text);
        assert_eq!(shelf.store.active().unwrap_err().code(), "pack-store", "{text}");
    }
    let error = shelf.store.active().unwrap_err();
    assert_eq!(error.code(), "pack-store");
    assert!(error.help().unwrap().contains("olive plugin rollback"));
    fs::remove_file(path).unwrap();
    assert!(shelf.store.active().unwrap_err().to_string().contains("generation 2"));
    shelf.store.rollback(&shelf.lock(), Some(1)).unwrap();
    assert_eq!(shelf.versions(), ["1.0.0"]);
    assert_eq!(shelf.store.verify(&old.active).unwrap(), []);
}

#[test]
fn one_command_changes_a_store_at_a_time() {
    let shelf = Shelf::of_user();
    let guard = shelf.lock();
    let told = Cell::new(0);
    let wait = Duration::from_millis(50);
    let error = shelf.store.lock(wait, &|| told.set(told.get() + 1)).unwrap_err();
    assert_eq!((error.code(), told.get()), ("pack-busy", 1));
    let (waits, waiting) = mpsc::channel();
    thread::scope(|scope| {
        let taken = scope.spawn(|| {
            let tell = || waits.send(()).unwrap();
            shelf.store.lock(Duration::from_mins(1), &tell).is_ok()
        });
        waiting.recv().unwrap();
        drop(guard);
        assert!(taken.join().unwrap());
    });
}

#[test]
fn installs_at_once_each_come_whole() {
    let shelf = Shelf::of_user();
    let samples: Vec<Sample> = (0..6)
        .map(|n| shelf.sample(&format!("acme/p{n}"), "1.0.0", &[("docs/a", &n.to_string())]))
        .collect();
    thread::scope(|scope| {
        for sample in &samples {
            scope.spawn(|| {
                let guard = shelf.store.lock(Duration::from_mins(1), &|| {}).unwrap();
                shelf.stage(&guard, sample).unwrap();
                let mut packs = shelf.store.active().unwrap().packs;
                packs.push(sample.active.clone());
                shelf.store.commit(&guard, "install", packs).unwrap();
            });
        }
    });
    let active = shelf.store.active().unwrap();
    assert_eq!((active.number, active.packs.len()), (6, 6));
    for pack in &active.packs {
        assert_eq!(shelf.store.verify(pack).unwrap(), []);
    }
}
