//! Packs that mean harm, and places that refuse: one sentence, nothing left, the old packs stay.

#[path = "../../../packs/src/archive/evil.rs"]
mod evil;
#[cfg(unix)]
mod places;
mod signatures;
mod together;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::install::named;
use super::maker::{Maker, described};
use crate::playground::{Playground, Said};

/// A user who works with the pack `acme/words` 1.0.0, which nothing here may change.
struct Site {
    playground: Playground,
    before: Vec<Entry>,
}

/// A file or folder of the user's data; of a file, what is in it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    path: PathBuf,
    mode: u32,
    content: Option<Vec<u8>>,
}

impl Site {
    /// With `acme/words` 1.0.0, signed by nobody.
    fn new() -> Self {
        let playground = Playground::bare();
        let pack = words(&playground, "1.0.0").write(&playground.path("packs"));
        install(&playground, &pack, &["--allow-unsigned"]).check(0, &["acme/words 1.0.0"]);
        Self::of(playground)
    }

    /// The user's data as they are now.
    fn of(playground: Playground) -> Self {
        let before = entries(&playground.path("data"));
        Self { playground, before }
    }

    /// Checks that installing the file at `path` is refused and leaves no trace.
    #[track_caller]
    fn refuses(&self, path: &Path, more: &[&str], code: &str) {
        let said = install(&self.playground, path, more);
        check_refusal(&said, 12, &format!("error[{code}]: "));
        self.check_unchanged(&said);
    }

    #[track_caller]
    fn check_unchanged(&self, said: &Said) {
        let after = entries(&self.playground.path("data"));
        let paths = |entries: &[Entry]| -> Vec<PathBuf> {
            entries.iter().map(|entry| entry.path.clone()).collect()
        };
        assert_eq!(paths(&after), paths(&self.before), "{}", said.err);
        assert!(after == self.before, "a file has changed: {}", said.err);
    }

    /// Checks that the old pack is whole, listed, and runs.
    #[track_caller]
    fn check_usable(&self) {
        let playground = &self.playground;
        playground.olive(&["plugin", "verify"]).check(0, &["acme/words"]);
        playground.olive(&["plugin", "list"]).check(0, &["acme/words 1.0.0"]);
        // A cache of its own, so that nothing done before is reused.
        let cache = format!("cache-{}", playground.names("").len());
        let passes = json!({"first": {"type": "Toy"}});
        playground.workflow(json!({"passes": passes, "cache_dir": cache}));
        playground.run().check(0, &["first (Toy): done"]);
    }
}

/// A pack `acme/words` with the toy plugin.
fn words(playground: &Playground, version: &str) -> Maker {
    use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
    playground.install_in("toys", "olive_toy_plugin", "olive_plugin_toy");
    let library = playground.path(&format!("toys/{DLL_PREFIX}olive_plugin_toy{DLL_SUFFIX}"));
    let toy = described(playground, "toys");
    Maker::new("acme/words", version).native(&toy, fs::read(library).unwrap())
}

/// A small pack that no test runs; its pass is called as the pack.
fn small(name: &str, version: &str) -> Maker {
    let (_, short) = name.split_once('/').unwrap();
    named(name, &format!("Pass-{short}"), version)
}

fn install(playground: &Playground, path: &Path, more: &[&str]) -> Said {
    let path = path.display().to_string();
    playground.olive(&[&["plugin", "install", path.as_str()], more].concat())
}

/// Checks that one error was said, as one sentence that begins with `start`.
#[track_caller]
fn check_refusal(said: &Said, exit: i32, start: &str) {
    said.check(exit, &[]);
    let mut lines = said.err.lines();
    let first = lines.next().unwrap_or_default();
    assert!(first.starts_with(start), "{start}\n{}", said.err);
    assert!(!first.ends_with('.'), "{}", said.err);
    assert!(lines.all(|line| line.starts_with("  ")), "more than one sentence:\n{}", said.err);
    assert!(!said.err.contains(|char: char| char.is_control() && char != '\n'), "{:?}", said.err);
    assert_eq!(said.out, "");
}

/// Everything below `folder`, sorted.
fn entries(folder: &Path) -> Vec<Entry> {
    let mut found = Vec::new();
    let Ok(listing) = fs::read_dir(folder) else { return found };
    for entry in listing {
        let path = entry.unwrap().path();
        let about = fs::symlink_metadata(&path).unwrap();
        let content = about.is_file().then(|| fs::read(&path).unwrap());
        if about.is_dir() {
            found.extend(entries(&path));
        }
        found.push(Entry { path, mode: mode(&about), content });
    }
    found.sort();
    found
}

#[cfg(unix)]
fn mode(about: &fs::Metadata) -> u32 {
    std::os::unix::fs::MetadataExt::mode(about)
}

#[cfg(not(unix))]
fn mode(about: &fs::Metadata) -> u32 {
    u32::from(about.permissions().readonly())
}

#[test]
fn evil_packs_are_refused_and_leave_no_trace() {
    let site = Site::new();
    let pack = site.playground.path("evil.pack");
    for evil in evil::archives() {
        fs::write(&pack, &evil.bytes).unwrap();
        println!("{}", evil.name);
        site.refuses(&pack, &["--allow-unsigned"], evil.code);
        assert!(!Path::new(evil::OUTSIDE).exists());
    }
    site.check_usable();
}

#[test]
fn an_evil_first_pack_leaves_no_store() {
    let site = Site::of(Playground::bare());
    let pack = site.playground.path("evil.pack");
    let is_early = |evil: &evil::Evil| evil.code != "pack-manifest" && evil.code != "pack-path";
    for evil in evil::archives().into_iter().filter(is_early) {
        fs::write(&pack, &evil.bytes).unwrap();
        println!("{}", evil.name);
        let said = install(&site.playground, &pack, &["--allow-unsigned"]);
        check_refusal(&said, 12, &format!("error[{}]: ", evil.code));
        let left = entries(&site.playground.path("data"));
        assert!(left.iter().all(|entry| entry.content.as_ref().is_none_or(Vec::is_empty)));
        let packs = site.playground.names("data/plugins/packs");
        assert!(packs.is_empty() && site.playground.names("data/plugins/tmp").is_empty());
    }
}

#[test]
fn modes_of_an_archive_are_not_those_of_the_store() {
    let playground = Playground::bare();
    let pack = playground.path("sound.pack");
    fs::write(&pack, evil::sound()).unwrap();
    install(&playground, &pack, &["--allow-unsigned"]).check(0, &["acme/words 6.6.6"]);
    let below = playground.path("data/plugins/packs");
    for entry in entries(&below) {
        let expected = if entry.content.is_some() { 0o444 } else { 0o700 };
        if cfg!(unix) {
            assert_eq!(entry.mode & 0o7777, expected, "{}", entry.path.display());
        }
    }
}
