use olive_schemas::pack::{IndexEntry, Provides};
use semver::{Version, VersionReq};

use crate::index::Indexes;
use crate::index::tests::World;
use crate::installed::Machine;
use crate::samples::index_entry;

fn machine() -> Machine {
    Machine {
        target: "x86_64-unknown-linux-gnu".into(),
        api: Version::new(0, 3, 0),
        host: Version::new(0, 1, 0),
    }
}

fn with(name: &str, version: &str, change: impl FnOnce(&mut IndexEntry)) -> IndexEntry {
    let mut entry = index_entry(name, version);
    change(&mut entry);
    entry
}

/// What there is to be found.
fn indexes(world: &World) -> Indexes {
    let yanked = |entry: &mut IndexEntry| entry.yanked = Some("it loses weights".into());
    let target =
        |target: &'static str| move |entry: &mut IndexEntry| entry.targets = vec![target.into()];
    let api = |api: &'static str| move |entry: &mut IndexEntry| entry.api = api.into();
    world.indexes_of(&[
        (
            "one",
            vec![
                index_entry("acme/prune", "1.0.0"),
                index_entry("acme/prune", "1.2.0"),
                with("acme/prune", "1.10.0", yanked),
                index_entry("acme/prune", "2.0.0-rc.1"),
                with("acme/old", "1.0.0", yanked),
                with("acme/mac", "1.0.0", target("aarch64-apple-darwin")),
                with("acme/mac", "0.9.0", target("x86_64-pc-windows-msvc")),
                with("acme/next", "3.0.0", api(">=0.9.0")),
                with("acme/next", "2.0.0", api(">=0.3.0, <0.9.0")),
                with("acme/late", "1.0.0", api(">=0.9.0")),
                index_entry("acme/fuse", "1.0.0"),
            ],
        ),
        (
            "two",
            vec![
                index_entry("other/fuse", "1.0.0"),
                index_entry("acme/prune", "1.3.0"),
                with("other/gpu", "1.0.0", |entry| {
                    entry.description = "Runs on the big machines".into();
                    entry.provides = Provides {
                        execution_providers: vec!["BigExecutionProvider".into()],
                        ..Provides::default()
                    };
                }),
            ],
        ),
    ])
}

#[test]
fn the_newest_version_that_fits_is_found() {
    let world = World::new();
    let indexes = indexes(&world);
    for (name, requirement, found) in [
        ("acme/prune", "*", "two: acme/prune 1.3.0"),
        ("prune", "*", "two: acme/prune 1.3.0"),
        ("prune", "<1.3.0", "one: acme/prune 1.2.0"),
        ("prune", "=1.0.0", "one: acme/prune 1.0.0"),
        ("prune", "=1.10.0", "one: acme/prune 1.10.0"),
        ("prune", "=2.0.0-rc.1", "one: acme/prune 2.0.0-rc.1"),
        ("acme/fuse", "*", "one: acme/fuse 1.0.0"),
        ("next", "*", "one: acme/next 2.0.0"),
    ] {
        let requirement = VersionReq::parse(requirement).unwrap();
        let one = indexes.find(name, &requirement, &machine()).unwrap();
        assert_eq!(format!("{}: {} {}", one.index, one.entry.name, one.entry.version), found);
    }
}

#[test]
fn what_is_not_found_is_told_with_what_there_is() {
    let world = World::new();
    let indexes = indexes(&world);
    for (name, requirement, message, help) in [
        ("acme/pruen", "*", "no index has a pack `acme/pruen`", "did you mean `acme/prune`?"),
        ("fuze", "*", "no index has a pack `fuze`", "did you mean `acme/fuse` or `other/fuse`?"),
        (
            "something",
            "*",
            "no index has a pack `something`",
            "`olive plugin search` lists what there is; `olive plugin index update` looks for news",
        ),
        (
            "fuse",
            "*",
            "2 publishers have a pack `fuse`",
            "name one of them: `acme/fuse` or `other/fuse`",
        ),
        (
            "prune",
            "^3",
            "no version of `acme/prune` is `^3`",
            "there are `2.0.0-rc.1`, `1.10.0`, `1.3.0`, `1.2.0` and `1.0.0`",
        ),
        (
            "old",
            "*",
            "`acme/old` 1.0.0 was taken back by its publisher: it loses weights",
            "`acme/old@=1.0.0` names it all the same",
        ),
        (
            "mac",
            "*",
            "`acme/mac` has nothing for `x86_64-unknown-linux-gnu`, only for \
             `aarch64-apple-darwin` and `x86_64-pc-windows-msvc`",
            "ask its publisher for a pack of this target",
        ),
        (
            "late",
            "*",
            "`acme/late` 1.0.0 is made for the plugin API `>=0.9.0`, and this program has 0.3.0",
            "take another version of Olive or of the pack",
        ),
    ] {
        let requirement = VersionReq::parse(requirement).unwrap();
        let error = indexes.find(name, &requirement, &machine()).unwrap_err();
        assert_eq!((error.to_string().as_str(), error.help()), (message, Some(help)));
    }
    let none = Indexes::load(World::new().home(), None).unwrap();
    let error = none.find("prune", &VersionReq::STAR, &machine()).unwrap_err();
    assert_eq!(
        error.help(),
        Some("no index is known; `olive plugin index add URL --key KEY` adds one")
    );
}

#[test]
fn packs_are_searched_by_what_they_say() {
    let world = World::new();
    let indexes = indexes(&world);
    for (text, found) in [
        ("PRUNE", "acme/prune 2.0.0-rc.1"),
        ("big", "other/gpu 1.0.0"),
        ("bigexecution", "other/gpu 1.0.0"),
        ("old", ""),
        ("fuse", "acme/fuse 1.0.0, other/fuse 1.0.0"),
    ] {
        let said: Vec<String> = indexes
            .search(text)
            .iter()
            .map(|found| format!("{} {}", found.entry.name, found.entry.version))
            .collect();
        assert_eq!(said.join(", "), found, "{text}");
    }
}

#[test]
fn parts_are_found_by_kind_and_name() {
    let world = World::new();
    let indexes = indexes(&world);
    for (kind, part, found) in [
        ("execution provider", "bigexecutionprovider", "other/gpu"),
        ("pass", "BigExecutionProvider", ""),
        ("pass", "Fuse", "acme/fuse, other/fuse"),
        ("pass", "fus", ""),
    ] {
        let said: Vec<String> = indexes
            .providing(kind, part)
            .iter()
            .map(|found| found.entry.name.to_string())
            .collect();
        assert_eq!(said.join(", "), found, "{kind} {part}");
    }
}
