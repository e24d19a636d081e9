use std::fs;
use std::path::Path;

use olive_schemas::pack::{IndexEntry, PackIndex};

use super::{Indexes, PROGRAM, text};
use crate::PackError;
use crate::samples::index;
use crate::signature::{SecretKey, Signature, Subject};

/// A data home, and a key that signs indexes.
pub(super) struct World {
    home: tempfile::TempDir,
    key: SecretKey,
}

impl World {
    pub(super) fn new() -> Self {
        Self { home: tempfile::tempdir().unwrap(), key: SecretKey::generate().unwrap() }
    }

    pub(super) fn home(&self) -> &Path {
        self.home.path()
    }

    /// Indexes with these names and entries.
    pub(super) fn indexes_of(&self, indexes: &[(&str, Vec<IndexEntry>)]) -> Indexes {
        for (name, packs) in indexes {
            let index = PackIndex { packs: packs.clone(), ..index(name, 1, &[]) };
            self.add(&index).unwrap();
        }
        self.load()
    }

    fn load(&self) -> Indexes {
        Indexes::load(self.home(), Some(&self.home().join("program"))).unwrap()
    }

    fn add(&self, index: &PackIndex) -> Result<String, PackError> {
        let content = text(index).unwrap();
        let url = format!("https://example.com/{}.json", index.name);
        let signature = sign(&self.key, content.as_bytes(), &index.name, index.serial);
        self.load().add(&url, &self.key.public().unwrap(), content.as_bytes(), &signature)
    }

    fn update(&self, index: &PackIndex) -> Result<(), PackError> {
        let content = text(index).unwrap();
        let signature = sign(&self.key, content.as_bytes(), &index.name, index.serial);
        self.load().update("acme", content.as_bytes(), &signature)
    }

    fn serial(&self) -> Vec<u64> {
        let indexes = self.load();
        let (copies, problems) = indexes.copies();
        assert!(problems.is_empty(), "{problems:?}");
        copies.iter().map(|(_, copy)| copy.serial).collect()
    }
}

fn sign(key: &SecretKey, content: &[u8], name: &str, serial: u64) -> Signature {
    use sha2::{Digest, Sha256};
    let subject = Subject::Index { name: name.into(), serial };
    let sha256 = crate::data::hex(&Sha256::digest(content));
    Signature::parse(&key.sign(content, &sha256, &subject).unwrap()).unwrap()
}

fn acme(serial: u64) -> PackIndex {
    index("acme", serial, &[("acme/prune", &format!("1.{serial}.0"))])
}

#[test]
fn an_index_is_added_updated_and_removed() {
    let world = World::new();
    assert_eq!(world.add(&acme(3)).unwrap(), "acme");
    assert_eq!(world.serial(), [3]);
    world.update(&acme(4)).unwrap();
    world.update(&acme(4)).unwrap();
    assert_eq!(world.serial(), [4]);
    assert!(world.home().join("indexes/acme.json.minisig").is_file());
    world.add(&acme(5)).unwrap();
    assert_eq!((world.serial(), world.load().configured().len()), (vec![5], 1));

    world.load().remove("acme").unwrap();
    assert!(world.load().configured().is_empty());
    assert_eq!(fs::read_dir(world.home().join("indexes")).unwrap().count(), 0);
    assert_eq!(world.load().remove("acme").unwrap_err().to_string(), "there is no index `acme`");
    assert_eq!(world.update(&acme(6)).unwrap_err().code(), "index-unknown");
}

#[test]
fn an_index_never_goes_back() {
    let world = World::new();
    world.add(&acme(3)).unwrap();
    for again in [World::update, |world: &World, index: &PackIndex| world.add(index).map(|_| ())] {
        let error = again(&world, &acme(2)).unwrap_err();
        assert_eq!(error.code(), "index-stale");
        assert_eq!(
            error.to_string(),
            "the index `acme` has serial number 2, and 3 was seen before"
        );
    }
    let other = PackIndex { serial: 3, ..acme(9) };
    assert_eq!(
        world.update(&other).unwrap_err().to_string(),
        "the index `acme` has changed, and its serial number 3 has not"
    );
    assert_eq!(world.serial(), [3]);
    fs::write(world.home().join("indexes/acme.json"), "damaged").unwrap();
    world.update(&acme(2)).unwrap();
    assert_eq!(world.serial(), [2]);
}

#[test]
fn an_index_is_taken_only_with_its_signature() {
    let world = World::new();
    let content = text(&acme(3)).unwrap();
    let own = sign(&world.key, content.as_bytes(), "acme", 3);
    let key = world.key.public().unwrap();
    let other = SecretKey::generate().unwrap();
    let of_pack = {
        use sha2::{Digest, Sha256};
        let name = "acme/prune".parse().unwrap();
        let subject = Subject::Pack { name, version: "1.0.0".into() };
        let sha256 = crate::data::hex(&Sha256::digest(&content));
        Signature::parse(&world.key.sign(content.as_bytes(), &sha256, &subject).unwrap()).unwrap()
    };
    let changed = content.replace("1.3.0", "1.4.0");
    for (content, signature, code) in [
        (&content, sign(&other, content.as_bytes(), "acme", 3), "pack-other-key"),
        (&content, sign(&world.key, content.as_bytes(), "acme", 4), "index-swapped"),
        (&content, sign(&world.key, content.as_bytes(), "other", 3), "index-swapped"),
        (&content, of_pack, "index-swapped"),
        (&changed, own.clone(), "pack-tampered"),
    ] {
        let added = world.load().add("/srv/index.json", &key, content.as_bytes(), &signature);
        assert_eq!(added.unwrap_err().code(), code);
        assert!(world.load().configured().is_empty());
    }
    world.load().add("/srv/index.json", &key, content.as_bytes(), &own).unwrap();
    let signature = sign(&other, content.as_bytes(), "acme", 3);
    let updated = world.load().update("acme", content.as_bytes(), &signature);
    assert_eq!(updated.unwrap_err().code(), "pack-other-key");
}

#[test]
fn a_name_is_of_one_index() {
    let world = World::new();
    world.add(&acme(3)).unwrap();
    let content = text(&acme(3)).unwrap();
    let signature = sign(&world.key, content.as_bytes(), "acme", 3);
    let key = world.key.public().unwrap();
    let error = world
        .load()
        .add("https://other.example", &key, content.as_bytes(), &signature)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "there is an index `acme` already, from `https://example.com/acme.json`"
    );
    assert_eq!(world.add(&index(PROGRAM, 1, &[])).unwrap_err().code(), "index-taken");
    let moved = text(&index("moved", 1, &[])).unwrap();
    let signature = sign(&world.key, moved.as_bytes(), "moved", 1);
    let error = world.load().update("acme", moved.as_bytes(), &signature).unwrap_err();
    assert_eq!(error.code(), "index-swapped");
}

#[test]
fn the_index_of_the_program_is_there_without_being_added() {
    let world = World::new();
    let folder = world.home().join("program/packs");
    fs::create_dir_all(&folder).unwrap();
    fs::write(
        folder.join("index.json"),
        text(&index("olive", 7, &[("olive/cpu", "1.0.0")])).unwrap(),
    )
    .unwrap();
    fs::write(folder.join("olive.pub"), world.key.public().unwrap().to_text()).unwrap();
    world.add(&acme(3)).unwrap();

    let mut indexes = world.load();
    let names: Vec<&str> = indexes.configured().iter().map(|index| index.name.as_str()).collect();
    assert_eq!(names, [PROGRAM, "acme"]);
    assert_eq!(indexes.configured()[0].key, world.key.public().unwrap().to_base64());
    let found = indexes.search("cpu");
    assert_eq!(found[0].location(), folder.join("olive-cpu-1.0.0.pack").display().to_string());
    assert_eq!(indexes.remove(PROGRAM).unwrap_err().code(), "index-program");
    let written = fs::read_to_string(world.home().join("indexes.json")).unwrap();
    assert!(!written.contains(PROGRAM), "{written}");
}

#[test]
fn copies_that_cannot_be_read_are_told() {
    let world = World::new();
    world.add(&acme(3)).unwrap();
    world.add(&index("other", 1, &[("other/fuse", "1.0.0")])).unwrap();
    let copy = world.home().join("indexes/acme.json");
    for (damage, code) in [(Some("{"), "index-broken"), (None, "index-missing")] {
        match damage {
            Some(text) => fs::write(&copy, text).unwrap(),
            None => fs::remove_file(&copy).unwrap(),
        }
        let indexes = world.load();
        let (copies, problems) = indexes.copies();
        assert_eq!((copies.len(), problems.len(), problems[0].code()), (1, 1, code));
        assert_eq!(indexes.search("").len(), 1);
    }
    fs::write(world.home().join("indexes.json"), "{}").unwrap();
    let error = Indexes::load(world.home(), None).unwrap_err();
    assert!(error.to_string().contains("indexes.json` cannot be understood"), "{error}");
}
