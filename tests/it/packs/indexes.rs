//! `olive plugin index` and `search`: packs by name.

use std::fs;

use serde_json::{Value, json};

use super::install::{active, lines, named, prune};
use super::keys::Key;
use super::servers::https::{Manner, Server};
use crate::playground::{Playground, Said};

/// A vendor with keys, packs and an index in `site`, and a user who trusts the packs.
struct World {
    playground: Playground,
    key: Key,
}

impl World {
    fn new() -> Self {
        let world = Self { playground: Playground::bare(), key: Key::new() };
        world.olive(&["plugin", "key", "new", "@/index.key", "--no-password"]).check(0, &[]);
        world.olive(&["plugin", "trust", "add", "acme", &world.key.public]).check(0, &[]);
        world
    }

    /// With an index of `acme/prune` 1.0.0 that the user has added.
    fn with_index() -> Self {
        let world = Self::new();
        world.pack("1.0.0");
        world.build(&["--name", "acme", "@/site/acme-prune-1.0.0.pack"]).check(0, &[]);
        world.add("@/site/index.json").check(0, &["added index acme"]);
        world
    }

    fn olive(&self, args: &[&str]) -> Said {
        self.playground.olive(args)
    }

    /// Puts a signed `acme/prune` on the site.
    fn pack(&self, version: &str) {
        self.key.sign(&prune(version).write(&self.playground.path("site")));
    }

    fn build(&self, more: &[&str]) -> Said {
        let mut args = vec!["plugin", "index", "build", "--key", "@/index.key"];
        args.extend(["--output", "@/site/index.json"]);
        args.extend(more);
        self.olive(&args)
    }

    fn add(&self, url: &str) -> Said {
        self.olive(&["plugin", "index", "add", url, "--key", "@/index.pub"])
    }

    /// Serves the index and the packs of the site.
    fn publish(&self, server: &Server) {
        for name in self.playground.names("site") {
            let content = fs::read(self.playground.path("site").join(&name)).unwrap();
            server.serve(&format!("/packs/{name}"), &content, Manner::Honest);
        }
    }
}

#[test]
fn a_pack_is_found_and_installed_by_name() {
    let world = World::with_index();
    let said = world.olive(&["plugin", "search"]);
    said.check(0, &["acme/prune  1.0.0\n", "acme/prune for tests.", "pass       Prune"]);
    world.olive(&["plugin", "search", "PRUN"]).check(0, &["acme/prune"]);
    world.olive(&["plugin", "search", "fuse"]).check(0, &["no pack in the indexes has `fuse`"]);

    world.olive(&["plugin", "install", "prune"]).check(0, &["installed acme/prune 1.0.0"]);
    assert_eq!(active(&world.playground), ["acme/prune 1.0.0"]);
    world.olive(&["plugin", "search"]).check(0, &["acme/prune  1.0.0  installed\n"]);

    world.pack("1.1.0");
    world.build(&["@/site/acme-prune-1.1.0.pack"]).check(0, &["2 versions", "serial number 2"]);
    world.olive(&["plugin", "search"]).check(0, &["acme/prune  1.0.0  installed\n"]);
    world
        .olive(&["plugin", "search", "--refresh"])
        .check(0, &["acme/prune  1.1.0  installed as 1.0.0\n"]);
    let said = world.olive(&["plugin", "search", "--json"]);
    said.check(0, &[]);
    let told = lines(&said).remove(0);
    assert_eq!(told["installed"], json!("1.0.0"));
    assert_eq!(told["provides"], json!({"passes": ["Prune"]}));
    let source = world.playground.path("site/acme-prune-1.1.0.pack");
    assert_eq!(told["source"], json!(source.display().to_string()));
}

#[test]
fn an_index_of_the_same_packs_has_the_same_bytes() {
    let world = World::new();
    for version in ["1.0.0", "1.2.0", "1.10.0"] {
        world.pack(version);
    }
    let packs = ["1.2.0", "1.0.0", "1.10.0"].map(|v| format!("@/site/acme-prune-{v}.pack"));
    let [a, b, c] = packs.each_ref().map(String::as_str);
    world.build(&["--name", "acme", a, b, c]).check(0, &["wrote", "serial number 1", "signed by"]);
    let first = world.playground.read("site/index.json");
    let index: Value = serde_json::from_str(&first).unwrap();
    let versions: Vec<&Value> =
        index["packs"].as_array().unwrap().iter().map(|pack| &pack["version"]).collect();
    assert_eq!(versions, ["1.10.0", "1.2.0", "1.0.0"]);
    world.build(&[a]).check(0, &["nothing to change in", "serial number 1"]);
    assert_eq!(world.playground.read("site/index.json"), first);

    fs::remove_file(world.playground.path("site/index.json")).unwrap();
    world.build(&["--name", "acme", c, b, a]).check(0, &[]);
    assert_eq!(world.playground.read("site/index.json"), first);
}

#[test]
fn what_cannot_be_listed_is_refused() {
    let world = World::new();
    world.pack("1.0.0");
    let pack = "@/site/acme-prune-1.0.0.pack";
    world.build(&[pack]).check(2, &["--name"]);
    world.build(&["--name", "A b", pack]).check(12, &["no name of an index"]);
    world.build(&["--name", "acme", "@/data.json"]).check(12, &["data.json` cannot be used"]);
    world.build(&["--name", "acme", "@/none.pack"]).check(10, &["none.pack"]);
    let outside = named("acme/fuse", "Fuse", "1.0.0").write(&world.playground.path("elsewhere"));
    let outside = outside.display().to_string();
    world.build(&["--name", "acme", &outside]).check(12, &["does not lie below", "--base-url"]);
    world
        .build(&["--name", "acme", "--base-url", "http://example.com/", pack])
        .check(12, &["which is neither https, nor oci"]);
    world
        .build(&["--name", "acme", pack, "--yank", "acme/prune@2.0.0=wrong"])
        .check(12, &["`acme/prune` 2.0.0 is not in the index"]);
    for yank in ["acme/prune", "acme/prune@1.0.0", "acme/prune@1.0.0=", "prune@1.0.0=x"] {
        world.build(&["--name", "acme", pack, "--yank", yank]).check(2, &["--yank"]);
    }
    assert!(!world.playground.exists("site/index.json"));

    world.build(&["--name", "acme", "--base-url", "https://example.com/v1/", pack]).check(0, &[]);
    let index = world.playground.read("site/index.json");
    assert!(index.contains(r#""https://example.com/v1/acme-prune-1.0.0.pack""#), "{index}");
    // A version is one content for ever.
    let other = prune("1.0.0").file("docs/MORE.md", "more");
    other.write(&world.playground.path("site"));
    world.build(&[pack]).check(12, &["error[index-version-taken]", "a new version"]);
    assert_eq!(world.playground.read("site/index.json"), index);
}

#[test]
fn a_version_that_was_taken_back_is_not_offered() {
    let world = World::with_index();
    let pack = "@/site/acme-prune-1.0.0.pack";
    world.build(&[pack, "--yank", "acme/prune@1.0.0=loses weights"]).check(0, &["number 2"]);
    world.olive(&["plugin", "index", "update"]).check(0, &["serial number 2, was 1"]);
    let said = world.olive(&["plugin", "search", "prune"]);
    said.check(0, &["no pack in the indexes has `prune`"]);
    world
        .olive(&["plugin", "install", "prune"])
        .check(12, &["error[pack-yanked]", "loses weights", "acme/prune@=1.0.0"]);
    world.olive(&["plugin", "install", "acme/prune@=1.0.0"]).check(0, &["installed"]);
}

#[test]
fn names_that_are_not_there_are_answered_with_what_is() {
    let world = World::with_index();
    for (name, said) in [
        ("acme/pruen", "did you mean `acme/prune`?"),
        ("something-else", "olive plugin search"),
        ("prune@^2", "there are `1.0.0`"),
    ] {
        world.olive(&["plugin", "install", name]).check(12, &[said]);
    }
    world.olive(&["plugin", "index", "remove", "acme"]).check(0, &["removed index acme"]);
    world.olive(&["plugin", "install", "prune"]).check(12, &["olive plugin index add URL"]);
    world.olive(&["plugin", "search"]).check(0, &["olive plugin index add URL"]);
    world.olive(&["plugin", "index", "remove", "acme"]).check(12, &["there is no index `acme`"]);
    assert!(world.playground.names("data/indexes").is_empty());
}

#[test]
fn indexes_are_listed() {
    let world = World::with_index();
    let url = world.playground.path("site/index.json").display().to_string();
    world
        .olive(&["plugin", "index", "list"])
        .check(0, &["acme  1 version of a pack, serial number 1", &url, "signed by key "]);
    let told = lines(&world.olive(&["plugin", "index", "list", "--json"])).remove(0);
    assert_eq!(
        (&told["name"], &told["serial"], &told["packs"]),
        (&json!("acme"), &json!(1), &json!(1))
    );
    world.playground.write("data/indexes/acme.json", "{");
    world.olive(&["plugin", "index", "list"]).check(0, &["not usable", "acme.json"]);
    world.olive(&["plugin", "search"]).check(0, &["not usable", "acme.json"]);
    world.olive(&["plugin", "install", "prune"]).check(12, &["not all indexes could be read"]);
    world.olive(&["plugin", "index", "update"]).check(0, &["updated index acme"]);
    world.olive(&["plugin", "install", "prune"]).check(0, &[]);
}

#[test]
fn an_index_at_an_address_is_kept_fresh_and_never_goes_back() {
    let (world, server) = (World::new(), Server::http());
    world.pack("1.0.0");
    world.build(&["--name", "acme", "@/site/acme-prune-1.0.0.pack"]).check(0, &[]);
    world.publish(&server);
    let url = server.url("/packs/index.json");
    world.add(&url).check(0, &["added index acme: 1 version of a pack, serial number 1"]);
    world.olive(&["plugin", "install", "prune"]).check(0, &["installed acme/prune 1.0.0"]);

    let old = ["index.json", "index.json.minisig"]
        .map(|name| (name, world.playground.read(&format!("site/{name}"))));
    world.pack("1.1.0");
    world.build(&["@/site/acme-prune-1.1.0.pack"]).check(0, &[]);
    world.publish(&server);
    world
        .olive(&["plugin", "index", "update"])
        .check(0, &["updated index acme: serial number 2, was 1"]);
    let said = world.olive(&["plugin", "index", "update", "--json"]);
    let told = json!({"event": "updated", "name": "acme", "serial": 2, "was": 2});
    assert_eq!(lines(&said), [told]);

    for (name, content) in &old {
        server.serve(&format!("/packs/{name}"), content.as_bytes(), Manner::Honest);
    }
    world
        .olive(&["plugin", "index", "update"])
        .check(12, &["error[index-stale]", "serial number 1, and 2 was seen before"]);
    world.olive(&["plugin", "search"]).check(0, &["acme/prune  1.1.0  installed as 1.0.0"]);
    world.add(&url).check(12, &["error[index-stale]"]);
}

#[test]
fn an_index_is_taken_only_with_the_signature_of_its_key() {
    let (world, server) = (World::new(), Server::http());
    world.pack("1.0.0");
    world.build(&["--name", "acme", "@/site/acme-prune-1.0.0.pack"]).check(0, &[]);
    let index = world.playground.read("site/index.json");
    let url = server.url("/packs/index.json");
    world.add(&url).check(12, &["error[index-missing]", "there is no index at"]);
    server.serve("/packs/index.json", index.as_bytes(), Manner::Honest);
    world.add(&url).check(12, &["error[index-unsigned]", "index.json.minisig"]);
    world.publish(&server);
    let changed = index.replace("1.0.0", "1.0.1");
    server.serve("/packs/index.json", changed.as_bytes(), Manner::Honest);
    world.add(&url).check(12, &["error[pack-tampered]"]);
    world.publish(&server);
    world
        .olive(&["plugin", "index", "add", &url, "--key", &world.key.public])
        .check(12, &["error[pack-other-key]", &world.key.id]);
    server.serve("/packs/index.json.minisig", b"hello", Manner::Honest);
    world.add(&url).check(12, &["error[pack-signature]"]);
    world.add("http://example.com/index.json").check(10, &["error[fetch]"]);
    assert!(!world.playground.exists("data/indexes.json"));
    assert!(world.playground.names("data/indexes").is_empty());
}

#[test]
fn one_index_that_is_away_does_not_hold_up_the_others() {
    let (world, server) = (World::with_index(), Server::http());
    world.pack("1.1.0");
    let site = world.playground.path("site");
    let far = world.playground.path("far");
    fs::create_dir(&far).unwrap();
    let fuse = named("acme/fuse", "Fuse", "1.0.0").write(&far).display().to_string();
    let build = ["plugin", "index", "build", "--key", "@/index.key", "--name", "a-far"];
    let args = [&build[..], &["--output", "@/far/index.json", &fuse]].concat();
    world.olive(&args).check(0, &[]);
    for name in ["index.json", "index.json.minisig"] {
        let content = fs::read(far.join(name)).unwrap();
        server.serve(&format!("/{name}"), &content, Manner::Honest);
    }
    let url = server.url("/index.json");
    world.add(&url).check(0, &["added index a-far"]);
    drop(server);

    world.build(&[&site.join("acme-prune-1.1.0.pack").display().to_string()]).check(0, &[]);
    let said = world.olive(&["plugin", "index", "update"]);
    said.check(10, &["updated index acme: serial number 2, was 1", "error[fetch]", &url]);
    world.olive(&["plugin", "search"]).check(0, &["acme/fuse  1.0.0", "acme/prune  1.1.0"]);
}

#[test]
fn the_index_beside_the_program_is_there_from_the_start() {
    let world = World::new();
    world.pack("1.0.0");
    world.build(&["--name", "acme", "@/site/acme-prune-1.0.0.pack"]).check(0, &[]);
    let program = world.playground.path("bin/packs");
    fs::rename(world.playground.path("site"), &program).unwrap();
    fs::copy(world.playground.path("index.pub"), program.join("olive.pub")).unwrap();
    world.olive(&["plugin", "index", "list"]).check(0, &["program  1 version of a pack"]);
    world.olive(&["plugin", "install", "prune"]).check(0, &["installed acme/prune 1.0.0"]);
    world
        .olive(&["plugin", "index", "remove", "program"])
        .check(12, &["comes with the program, and changes with it"]);
}
