//! What a cache believes, and what not.

use std::cell::{Cell, RefCell};
use std::fs::{self, File, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::Cache;
use crate::failure::Failure;
use crate::machine_code::MachineCode;

struct Kept {
    folder: tempfile::TempDir,
    compiled: Cell<u32>,
    warnings: RefCell<Vec<String>>,
}

impl Kept {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { folder, compiled: Cell::default(), warnings: RefCell::default() }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("components")
    }

    /// The only entry.
    fn entry(&self) -> PathBuf {
        let mut entries = fs::read_dir(self.path()).unwrap().map(|entry| entry.unwrap().path());
        entries.find(|path| path.extension().is_some_and(|is| is == "cwasm")).unwrap()
    }

    /// Asks for the machine code of `wasm`; the compiler in this test answers with `wasm` itself.
    fn get(&self, wasm: &[u8]) -> Vec<u8> {
        let compile = |wasm: &[u8]| {
            self.compiled.set(self.compiled.get() + 1);
            Ok(MachineCode::trusted(wasm.to_vec(), 0))
        };
        let warn = |warning: &str| self.warnings.borrow_mut().push(warning.to_owned());
        let cache = Cache::open(&self.path()).unwrap();
        cache.get_or_compile(wasm, &compile, &warn).unwrap().as_bytes().to_vec()
    }

    /// Keeps one entry, changes it, and says what the cache makes of it.
    #[track_caller]
    fn check_distrust(&self, change: impl FnOnce(&Path), why: &str) {
        self.get(b"component");
        change(&self.entry());
        assert_eq!(self.get(b"component"), b"component");
        assert_eq!(self.compiled.get(), 2, "it was not compiled again");
        let warnings = self.warnings.take();
        assert!(warnings.len() == 1 && warnings[0].contains(why), "{warnings:?}");
        self.get(b"component");
        assert_eq!(self.compiled.get(), 2, "the new entry is not believed");
    }
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o777
}

#[test]
fn code_is_compiled_once() {
    let kept = Kept::new();
    assert_eq!(kept.get(b"one"), b"one");
    assert_eq!(kept.get(b"one"), b"one");
    assert_eq!(kept.get(b"two"), b"two");
    assert_eq!(kept.compiled.get(), 2);
    assert!(kept.warnings.take().is_empty());
}

#[test]
fn only_the_owner_can_read_what_is_kept() {
    let kept = Kept::new();
    kept.get(b"component");
    assert_eq!(mode(&kept.path()), 0o700);
    assert_eq!(mode(&kept.entry()), 0o600);
    assert_eq!(mode(&kept.path().join("key")), 0o600);
    assert_eq!(fs::read_dir(kept.path()).unwrap().count(), 2, "something else was left");
}

#[test]
fn a_changed_entry_is_compiled_again() {
    let changed = "it was changed";
    for at in [0, 31, 32, 40] {
        Kept::new().check_distrust(
            |entry| {
                let mut bytes = fs::read(entry).unwrap();
                bytes[at] ^= 1;
                fs::write(entry, bytes).unwrap();
            },
            changed,
        );
    }
    let longer = |entry: &Path| {
        let bytes = [fs::read(entry).unwrap(), b"more".to_vec()].concat();
        fs::write(entry, bytes).unwrap();
    };
    Kept::new().check_distrust(longer, changed);
    let shorter = |length| {
        move |entry: &Path| {
            File::options().write(true).open(entry).unwrap().set_len(length).unwrap();
        }
    };
    Kept::new().check_distrust(shorter(36), changed);
    Kept::new().check_distrust(shorter(7), "it is cut short");
    Kept::new().check_distrust(shorter(0), "it is cut short");
}

#[test]
fn an_entry_under_another_name_is_not_believed() {
    let kept = Kept::new();
    kept.get(b"harmless");
    let harmless = kept.entry();
    let bytes = fs::read(&harmless).unwrap();
    fs::remove_file(harmless).unwrap();
    kept.get(b"component");
    fs::write(kept.entry(), bytes).unwrap();
    assert_eq!(kept.get(b"component"), b"component");
    assert!(kept.warnings.take()[0].contains("it was changed"));
}

#[test]
fn an_entry_of_another_key_is_not_believed() {
    let (kept, theirs) = (Kept::new(), Kept::new());
    theirs.get(b"component");
    let theirs = theirs.entry();
    let replace = |entry: &Path| fs::write(entry, fs::read(theirs).unwrap()).unwrap();
    kept.check_distrust(replace, "it was changed");
}

#[test]
fn links_pipes_and_open_files_are_not_believed() {
    let elsewhere = tempfile::tempdir().unwrap();
    let target = elsewhere.path().join("entry");
    let link = |entry: &Path| {
        fs::rename(entry, &target).unwrap();
        symlink(&target, entry).unwrap();
    };
    Kept::new().check_distrust(link, "is not private");
    let open = |entry: &Path| fs::set_permissions(entry, Permissions::from_mode(0o644)).unwrap();
    Kept::new().check_distrust(open, "others may use it; `chmod 600` closes it");
}

#[test]
fn a_folder_that_is_not_private_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let check = |path: &Path, why: &str| {
        let refused = Cache::open(path).unwrap_err().to_string();
        assert!(refused.contains(why), "{refused}");
    };
    let open = folder.path().join("open");
    fs::create_dir(&open).unwrap();
    fs::set_permissions(&open, Permissions::from_mode(0o770)).unwrap();
    check(&open, "others may use it; `chmod 700` closes it");
    let link = folder.path().join("link");
    symlink(&open, &link).unwrap();
    check(&link, "is not private");
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    assert!(Cache::open(&file).is_err());
}

#[test]
fn a_key_that_others_can_read_is_refused() {
    let kept = Kept::new();
    kept.get(b"component");
    let key = kept.path().join("key");
    fs::set_permissions(&key, Permissions::from_mode(0o640)).unwrap();
    assert!(Cache::open(&kept.path()).unwrap_err().to_string().contains("others may use it"));
    fs::set_permissions(&key, Permissions::from_mode(0o600)).unwrap();
    fs::write(&key, "short").unwrap();
    assert!(Cache::open(&kept.path()).unwrap_err().to_string().contains("is no key; remove it"));
}

#[test]
fn entries_that_nobody_uses_make_room() {
    let kept = Kept::new();
    kept.get(b"old");
    let old = kept.entry();
    let long_ago = SystemTime::now() - Duration::from_hours(90 * 24);
    File::options().write(true).open(&old).unwrap().set_modified(long_ago).unwrap();
    kept.get(b"old");
    kept.get(b"new");
    assert!(old.exists(), "its use was not noted");
    File::options().write(true).open(&old).unwrap().set_modified(long_ago).unwrap();
    kept.get(b"newer");
    assert!(!old.exists());
}

#[test]
fn a_folder_that_cannot_be_written_costs_time_only() {
    let kept = Kept::new();
    let cache = Cache::open(&kept.path()).unwrap();
    fs::remove_dir_all(kept.path()).unwrap();
    let compile = |wasm: &[u8]| Ok(MachineCode::trusted(wasm.to_vec(), 0));
    let warn = |warning: &str| kept.warnings.borrow_mut().push(warning.to_owned());
    let code = cache.get_or_compile(b"component", &compile, &warn).unwrap();
    assert_eq!(code.as_bytes(), b"component");
    assert!(kept.warnings.take()[0].contains("compiled code cannot be kept"));
}

#[test]
fn what_does_not_compile_is_not_kept() {
    let kept = Kept::new();
    let cache = Cache::open(&kept.path()).unwrap();
    let compile = |_: &[u8]| Err(Failure::Compile("too much".into()));
    let failure = cache.get_or_compile(b"component", &compile, &|_| {}).unwrap_err();
    assert_eq!(failure, Failure::Compile("too much".into()));
    assert_eq!(fs::read_dir(kept.path()).unwrap().count(), 1, "more than the key is there");
}
