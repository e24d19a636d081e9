//! Packs by name from an index in a file, and their upgrades.

use super::super::keys::Key;
use super::{active, install, named, prune};
use crate::playground::Playground;

/// Packs and an index of them, in the folder `shop`.
struct Shop<'a> {
    playground: &'a Playground,
    key: Key,
}

impl<'a> Shop<'a> {
    fn open(playground: &'a Playground) -> Self {
        playground.olive(&["plugin", "key", "new", "@/index.key", "--no-password"]).check(0, &[]);
        let shop = Self { playground, key: Key::new() };
        shop.offer("1.0.0", &[]);
        playground
            .olive(&["plugin", "index", "add", "@/shop/index.json", "--key", "@/index.pub"])
            .check(0, &["shop"]);
        shop
    }

    /// Offers acme/prune in `version`.
    fn offer(&self, version: &str, more: &[&str]) {
        let path = prune(version).write(&self.playground.path("shop"));
        self.key.sign(&path);
        let path = path.display().to_string();
        let args = ["plugin", "index", "build", "--name", "shop", "--key", "@/index.key"];
        let args = [&args[..], &["-o", "@/shop/index.json", &path], more].concat();
        self.playground.olive(&args).check(0, &[]);
    }

    fn update(&self) {
        self.playground.olive(&["plugin", "index", "update"]).check(0, &[]);
    }
}

#[test]
fn packs_are_installed_by_name_and_upgraded_to_the_newest_that_fits() {
    let playground = Playground::bare();
    let shop = Shop::open(&playground);
    playground.olive(&["plugin", "trust", "add", "acme", &shop.key.public]).check(0, &[]);
    playground
        .olive(&["plugin", "install", "prune"])
        .check(0, &["installed acme/prune 1.0.0", &shop.key.id]);
    playground.olive(&["plugin", "upgrade"]).check(0, &["acme/prune 1.0.0 is the newest version"]);

    shop.offer("1.1.0", &[]);
    shop.offer("1.2.0", &["--yank", "acme/prune@1.2.0=wrong masks"]);
    shop.update();
    playground
        .olive(&["plugin", "upgrade", "--dry-run"])
        .check(0, &["would install acme/prune 1.1.0, was 1.0.0"]);
    assert_eq!(active(&playground), ["acme/prune 1.0.0"]);
    playground
        .olive(&["plugin", "upgrade", "prune"])
        .check(0, &["installed acme/prune 1.1.0, was 1.0.0"]);
    assert_eq!(active(&playground), ["acme/prune 1.1.0"]);
    playground.olive(&["plugin", "history"]).check(0, &["upgrade acme/prune 1.1.0"]);

    // An upgrade looks at the indexes as they are now.
    shop.offer("1.3.0", &[]);
    playground.olive(&["plugin", "upgrade"]).check(0, &["installed acme/prune 1.3.0, was 1.1.0"]);
    playground.olive(&["plugin", "install", "acme/prune@=1.0.0"]).check(12, &["--allow-downgrade"]);
}

#[test]
fn what_an_index_lists_must_be_what_its_archive_holds() {
    let playground = Playground::bare();
    let shop = Shop::open(&playground);
    playground.olive(&["plugin", "trust", "add", "acme", &shop.key.public]).check(0, &[]);
    let path = prune("1.0.0").file("docs/more.md", "more").write(&playground.path("shop"));
    shop.key.sign(&path);
    playground
        .olive(&["plugin", "install", "prune"])
        .check(12, &["error[pack-other-content]", "index `shop`"]);
    assert!(active(&playground).is_empty());
}

#[test]
fn packs_from_elsewhere_stay_and_say_why() {
    let playground = Playground::bare();
    let path = named("acme/tune", "Tune", "1.0.0").write(&playground.path("packs"));
    install(&playground, &path, &["--allow-unsigned"]).check(0, &[]);
    playground
        .olive(&["plugin", "upgrade"])
        .check(0, &["acme/tune 1.0.0 stays: it came from `", "and not from an index"]);
    playground.olive(&["plugin", "upgrade", "tune"]).check(12, &["error[pack-not-indexed]"]);
    playground.olive(&["plugin", "upgrade", "none"]).check(12, &["no pack `none` is installed"]);
}
