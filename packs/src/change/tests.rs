use olive_schemas::pack::Signer;

use super::{Candidate, Change, install, remove};
use crate::samples::{active, manifest};
use crate::store::ActivePack;

fn pack(name: &str, version: &str) -> Candidate {
    Candidate { active: active(name, version), manifest: manifest(name, version) }
}

fn conflicting(name: &str, version: &str, conflicts: &str) -> Candidate {
    let mut pack = pack(name, version);
    pack.manifest.conflicts.push(conflicts.parse().unwrap());
    pack
}

fn replacing(name: &str, version: &str, replaces: &str) -> Candidate {
    let mut pack = pack(name, version);
    pack.manifest.replaces.push(replaces.parse().unwrap());
    pack
}

/// Each pack in the words of a row: `+a/a 1.0.0 -b/b 1.0.0 ~c/c 1.0.0>2.0.0 =d/d 1.0.0`.
fn row(change: &Change) -> String {
    let say = |mark: &str, pack: &ActivePack| format!("{mark}{} {}", pack.name, pack.version);
    let changed = |(from, to): &(ActivePack, ActivePack)| {
        format!("~{} {}>{}", from.name, from.version, to.version)
    };
    let mut words: Vec<String> = change.added.iter().map(|pack| say("+", pack)).collect();
    words.extend(change.removed.iter().map(|pack| say("-", pack)));
    words.extend(change.changed.iter().map(changed));
    words.extend(change.unchanged.iter().map(|pack| say("=", pack)));
    words.join(" ")
}

fn names(change: &Change) -> String {
    let names: Vec<String> =
        change.packs.iter().map(|pack| format!("{} {}", pack.name, pack.version)).collect();
    names.join(", ")
}

#[test]
fn what_an_install_comes_to() {
    let base = || vec![pack("a/a", "1.0.0"), pack("b/b", "1.0.0")];
    for (candidates, said, after) in [
        (vec![pack("c/c", "1.0.0")], "+c/c 1.0.0", "a/a 1.0.0, b/b 1.0.0, c/c 1.0.0"),
        (vec![pack("a/a", "1.1.0")], "~a/a 1.0.0>1.1.0", "a/a 1.1.0, b/b 1.0.0"),
        (vec![pack("a/a", "1.0.0")], "=a/a 1.0.0", "a/a 1.0.0, b/b 1.0.0"),
        (vec![pack("a/a", "1.0.0"), pack("a/a", "1.0.0")], "=a/a 1.0.0", "a/a 1.0.0, b/b 1.0.0"),
        (
            vec![pack("a/a", "2.0.0-rc.1"), pack("a/b", "1.0.0")],
            "+a/b 1.0.0 ~a/a 1.0.0>2.0.0-rc.1",
            "a/a 2.0.0-rc.1, a/b 1.0.0, b/b 1.0.0",
        ),
        (vec![replacing("c/c", "1.0.0", "b/b")], "+c/c 1.0.0 -b/b 1.0.0", "a/a 1.0.0, c/c 1.0.0"),
        (vec![replacing("b/b", "1.1.0", "b/b")], "~b/b 1.0.0>1.1.0", "a/a 1.0.0, b/b 1.1.0"),
        (vec![replacing("c/c", "1.0.0", "x/y")], "+c/c 1.0.0", "a/a 1.0.0, b/b 1.0.0, c/c 1.0.0"),
    ] {
        let change = install(&base(), candidates, false).unwrap();
        assert_eq!((row(&change).as_str(), names(&change).as_str()), (said, after));
    }
}

#[test]
fn what_cannot_be_installed() {
    let changed = {
        let mut pack = pack("a/a", "1.0.0");
        pack.active.sha256 = "f".repeat(64);
        pack
    };
    let base = || vec![pack("a/a", "1.0.0"), conflicting("b/b", "1.0.0", "d/d")];
    for (candidates, code, message) in [
        (
            vec![pack("a/a", "0.9.0")],
            "pack-downgrade",
            "`a/a` 1.0.0 is installed, which is newer than 0.9.0".to_owned(),
        ),
        (
            vec![pack("a/a", "1.0.0-rc.1")],
            "pack-downgrade",
            "`a/a` 1.0.0 is installed, which is newer than 1.0.0-rc.1".to_owned(),
        ),
        (
            vec![changed],
            "pack-same-version",
            format!(
                "`a/a` 1.0.0 is installed with other content: its SHA-256 is {}, that of `a/a` is \
                 {}",
                pack("a/a", "1.0.0").active.sha256,
                "f".repeat(64)
            ),
        ),
        (
            vec![conflicting("c/c", "1.0.0", "a/a")],
            "pack-conflict",
            "`c/c` and `a/a` cannot be active together, as `c/c` says".to_owned(),
        ),
        (
            vec![pack("d/d", "1.0.0")],
            "pack-conflict",
            "`d/d` and `b/b` cannot be active together, as `b/b` says".to_owned(),
        ),
        (
            vec![conflicting("e/e", "1.0.0", "f/f"), pack("f/f", "1.0.0")],
            "pack-conflict",
            "`e/e` and `f/f` cannot be active together, as `e/e` says".to_owned(),
        ),
        (
            vec![replacing("e/e", "1.0.0", "f/f"), pack("f/f", "1.0.0")],
            "pack-conflict",
            "`e/e` takes the place of `f/f`, so that not both can be installed".to_owned(),
        ),
        (
            vec![pack("e/e", "1.0.0"), pack("e/e", "1.1.0")],
            "pack-twice",
            "`e/e` is asked for as 1.0.0 from `e/e` and as 1.1.0 from `e/e`".to_owned(),
        ),
    ] {
        let error = install(&base(), candidates, false).unwrap_err();
        assert_eq!((error.code(), error.to_string()), (code, message));
    }
}

#[test]
fn an_older_version_is_installed_when_that_is_allowed() {
    let change = install(&[pack("a/a", "1.0.0")], vec![pack("a/a", "0.9.0")], true).unwrap();
    assert_eq!(row(&change), "~a/a 1.0.0>0.9.0");
}

#[test]
fn a_pack_that_was_replaced_does_not_come_back_beside_what_replaced_it() {
    let current = [replacing("a/new", "1.0.0", "a/old")];
    let error = install(&current, vec![pack("a/old", "2.0.0")], false).unwrap_err();
    assert_eq!(error.to_string(), "`a/new`, which is active, takes the place of `a/old`");
}

#[test]
fn a_replaced_pack_may_conflict() {
    let mut new = replacing("a/new", "1.0.0", "a/old");
    new.manifest.conflicts.push("a/old".parse().unwrap());
    let change = install(&[pack("a/old", "1.0.0")], vec![new], false).unwrap();
    assert_eq!(row(&change), "+a/new 1.0.0 -a/old 1.0.0");
}

#[test]
fn a_signature_that_came_later_is_taken() {
    let mut unsigned = pack("a/a", "1.0.0");
    unsigned.active.signer = Signer::Unsigned;
    let change = install(&[unsigned], vec![pack("a/a", "1.0.0")], false).unwrap();
    assert_eq!(row(&change), "~a/a 1.0.0>1.0.0");
    assert!(matches!(change.packs[0].signer, Signer::Key(_)));
}

#[test]
fn a_pack_that_is_there_keeps_its_record() {
    let mut again = pack("a/a", "1.0.0");
    again.active.source = "elsewhere".into();
    let change = install(&[pack("a/a", "1.0.0")], vec![again], false).unwrap();
    assert_eq!(change.packs, [active("a/a", "1.0.0")]);
}

#[test]
fn what_a_removal_comes_to() {
    let current = [active("a/a", "1.0.0"), active("b/b", "1.0.0"), active("c/c", "1.0.0")];
    let names_of =
        |names: &[&str]| names.iter().map(|name| name.parse().unwrap()).collect::<Vec<_>>();
    let change = remove(&current, &names_of(&["c/c", "a/a"])).unwrap();
    assert_eq!(
        (row(&change).as_str(), names(&change).as_str()),
        ("-a/a 1.0.0 -c/c 1.0.0", "b/b 1.0.0")
    );

    let error = remove(&current, &names_of(&["a/a", "x/y"])).unwrap_err();
    assert_eq!(error.to_string(), "pack `x/y` is not installed");
    assert_eq!(error.help(), Some("installed here: `a/a`, `b/b`, `c/c`"));
    let error = remove(&[], &names_of(&["x/y"])).unwrap_err();
    assert_eq!(error.help(), Some("no pack is installed here"));
}
