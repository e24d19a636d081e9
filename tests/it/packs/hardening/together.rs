//! Commands that change the same store at the same time.

use std::fs;

use super::{entries, install, small};
use crate::playground::{Playground, Said};

#[test]
fn installs_at_the_same_time_all_count() {
    let playground = Playground::bare();
    let packs = playground.path("packs");
    let names: Vec<String> = (0..6).map(|number| format!("acme/words-{number}")).collect();
    let mut files: Vec<_> = names
        .iter()
        .map(|name| small(name, "1.0.0").file("any/content", vec![b'x'; 300_000]).write(&packs))
        .collect();
    files.extend(files[..2].to_vec());
    std::thread::scope(|scope| {
        let one = |file: &std::path::PathBuf| {
            let playground = &playground;
            let file = file.clone();
            scope.spawn(move || install(playground, &file, &["--allow-unsigned"]))
        };
        let all: Vec<_> = files.iter().map(one).collect();
        for said in all {
            said.join().unwrap().check(0, &["acme/words-"]);
        }
    });
    let said = playground.olive(&["plugin", "list"]);
    for name in &names {
        said.check(0, &[&format!("{name} 1.0.0")]);
    }
    playground.olive(&["plugin", "verify"]).check(0, &[]);
    assert!(playground.names("data/plugins/tmp").is_empty());
    assert_eq!(playground.names("data/plugins/generations").len(), names.len());
    assert_eq!(playground.names("data/plugins/packs").len(), names.len());
}

#[test]
fn an_install_beside_removals_and_rollbacks_is_whole() {
    let playground = Playground::bare();
    let packs = playground.path("packs");
    let [one, two] = ["acme/one", "acme/two"].map(|name| small(name, "1.0.0").write(&packs));
    let evil = playground.path("evil.pack");
    fs::write(&evil, "evil").unwrap();
    install(&playground, &one, &["--allow-unsigned"]).check(0, &[]);
    let known = |said: Said| assert!(matches!(said.code, Some(0 | 12)), "{}", said.err);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| known(install(&playground, &two, &["--allow-unsigned"])));
            scope.spawn(|| known(install(&playground, &evil, &["--allow-unsigned"])));
            scope.spawn(|| known(playground.olive(&["plugin", "remove", "acme/one"])));
            scope.spawn(|| known(playground.olive(&["plugin", "rollback"])));
            scope.spawn(|| known(playground.olive(&["plugin", "clean"])));
        }
    });
    playground.olive(&["plugin", "verify"]).check(0, &[]);
    playground.olive(&["plugin", "list"]).check(0, &[]);
    assert!(playground.names("data/plugins/tmp").is_empty());
    let left = entries(&playground.path("data/plugins/packs"));
    assert!(left.iter().all(|entry| entry.path.exists()));
}
