use std::fs;
use std::path::{Path, PathBuf};

use olive_schemas::pack::{PackManifest, Signer};

use super::{Policy, Trust, TrustedBy};
use crate::PackError;
use crate::samples::manifest;
use crate::signature::{PublicKey, SecretKey, Signature, Subject};

/// A data home, and a pack in it.
struct World {
    home: tempfile::TempDir,
    manifest: PackManifest,
}

impl World {
    fn new() -> Self {
        let world =
            Self { home: tempfile::tempdir().unwrap(), manifest: manifest("acme/prune", "1.2.0") };
        fs::write(world.archive(), "content").unwrap();
        world
    }

    fn archive(&self) -> PathBuf {
        self.home.path().join("acme-prune-1.2.0.pack")
    }

    fn program(&self) -> PathBuf {
        self.home.path().join("program")
    }

    fn trust(&self) -> Trust {
        Trust::load(self.home.path(), Some(&self.program())).unwrap()
    }

    fn trusting(&self, publisher: &str, key: &SecretKey) -> Trust {
        let mut trust = self.trust();
        trust.add(publisher, &key.public().unwrap(), TrustedBy::User).unwrap();
        trust
    }

    fn code(&self, trust: &Trust, signature: Option<&Signature>) -> &'static str {
        let refuse = |_: &PackManifest, _: &PublicKey| Ok(false);
        let policy = Policy { trust_on_first_use: &refuse, allow_unsigned: false };
        match trust.judge(&self.archive(), &self.manifest, signature, &policy) {
            Ok(_) => "taken",
            Err(error) => error.code(),
        }
    }
}

fn key() -> SecretKey {
    SecretKey::generate().unwrap()
}

fn id(key: &SecretKey) -> String {
    key.public().unwrap().id()
}

fn signature(key: &SecretKey, name: &str, version: &str) -> Signature {
    use sha2::{Digest, Sha256};
    let subject = Subject::Pack { name: name.parse().unwrap(), version: version.into() };
    let sha256 = crate::data::hex(&Sha256::digest(b"content"));
    Signature::parse(&key.sign(&b"content"[..], &sha256, &subject).unwrap()).unwrap()
}

#[test]
fn a_pack_is_taken_when_all_fits() {
    let (world, key) = (World::new(), key());
    let own = signature(&key, "acme/prune", "1.2.0");
    let trust = world.trusting("acme", &key);
    let refuse = |_: &PackManifest, _: &PublicKey| panic!("nobody is asked");
    let policy = Policy { trust_on_first_use: &refuse, allow_unsigned: false };
    let verdict = trust.judge(&world.archive(), &world.manifest, Some(&own), &policy).unwrap();
    assert_eq!(verdict.signer, Signer::Key(id(&key)));
    assert_eq!(verdict.new_key, None);
}

#[test]
fn each_reason_has_its_code() {
    let (world, key, other) = (World::new(), key(), key());
    let own = signature(&key, "acme/prune", "1.2.0");
    let trust = world.trusting("acme", &key);
    let index = {
        let subject = Subject::Index { name: "acme".into(), serial: 1 };
        let sha256 = "ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73";
        Signature::parse(&key.sign(&b"content"[..], sha256, &subject).unwrap()).unwrap()
    };
    for (signature, code) in [
        (None, "pack-unsigned"),
        (Some(index), "pack-signature-swapped"),
        (Some(signature(&key, "acme/prune", "1.1.0")), "pack-signature-swapped"),
        (Some(signature(&key, "acme/other", "1.2.0")), "pack-signature-swapped"),
        (Some(signature(&other, "acme/prune", "1.2.0")), "pack-key-changed"),
        (Some(own.clone()), "taken"),
    ] {
        assert_eq!(world.code(&trust, signature.as_ref()), code);
    }
    assert_eq!(world.code(&Trust::default(), Some(&own)), "pack-untrusted");
    let foreign = World::new().trusting("other", &key);
    assert_eq!(world.code(&foreign, Some(&own)), "pack-key-of-another");

    fs::write(world.archive(), "contents").unwrap();
    assert_eq!(world.code(&trust, Some(&own)), "pack-tampered");
    assert_eq!(world.code(&Trust::default(), Some(&own)), "pack-tampered");
    fs::remove_file(world.archive()).unwrap();
    assert_eq!(world.code(&trust, Some(&own)), "pack-io");

    let mut trust = trust;
    trust.remove(&id(&key)).unwrap();
    assert_eq!(world.code(&trust, Some(&own)), "pack-key-revoked");
    // A publisher whose keys are all revoked is no new one.
    let fresh = signature(&other, "acme/prune", "1.2.0");
    assert_eq!(world.code(&trust, Some(&fresh)), "pack-key-changed");
}

#[test]
fn sentences_name_ids_and_the_way_out() {
    let (world, key, other) = (World::new(), key(), key());
    let refuse = |_: &PackManifest, _: &PublicKey| Ok(false);
    let policy = Policy { trust_on_first_use: &refuse, allow_unsigned: false };
    let judge = |trust: &Trust, key: &SecretKey| {
        let signature = signature(key, "acme/prune", "1.2.0");
        trust.judge(&world.archive(), &world.manifest, Some(&signature), &policy).unwrap_err()
    };
    let error = judge(&Trust::default(), &key);
    let message = format!(
        "`acme/prune` 1.2.0 is signed with key {}, and no key of `acme` is trusted yet",
        id(&key)
    );
    assert_eq!(error.to_string(), message);
    assert_eq!(
        error.help().unwrap(),
        "compare the id with what `acme` publishes, then `olive plugin trust add acme KEYFILE`, or \
         pass `--trust-on-first-use`"
    );
    let error = judge(&world.trusting("acme", &key), &other);
    let message = format!(
        "the pack is signed with key {}, and `acme` is trusted with key {}",
        id(&other),
        id(&key)
    );
    assert_eq!(error.to_string(), message);
}

#[test]
fn the_user_is_asked_once_about_a_new_publisher() {
    let (world, key) = (World::new(), key());
    let own = signature(&key, "acme/prune", "1.2.0");
    let agree = |manifest: &PackManifest, asked: &PublicKey| {
        assert_eq!((manifest.name.publisher(), asked.id()), ("acme", id(&key)));
        Ok(true)
    };
    let policy = Policy { trust_on_first_use: &agree, allow_unsigned: false };
    let mut trust = world.trust();
    let verdict = trust.judge(&world.archive(), &world.manifest, Some(&own), &policy).unwrap();
    assert_eq!(verdict.signer, Signer::Key(id(&key)));
    trust.add("acme", &verdict.new_key.unwrap(), TrustedBy::FirstUse).unwrap();
    assert_eq!(world.code(&world.trust(), Some(&own)), "taken");
}

#[test]
fn unsigned_packs_are_taken_only_when_that_is_allowed() {
    let world = World::new();
    let refuse = |_: &PackManifest, _: &PublicKey| Ok(false);
    let policy = Policy { trust_on_first_use: &refuse, allow_unsigned: true };
    let verdict = world.trust().judge(&world.archive(), &world.manifest, None, &policy).unwrap();
    assert_eq!(verdict.signer, Signer::Unsigned);
}

#[test]
fn keys_are_kept_and_revoked() {
    let (world, first, second) = (World::new(), key(), key());
    let mut trust = world.trusting("acme", &first);
    trust.add("acme", &second.public().unwrap(), TrustedBy::User).unwrap();
    trust.add("acme", &second.public().unwrap(), TrustedBy::User).unwrap();
    assert_eq!(world.trust().publishers()[0].keys.len(), 2);
    for key in [&first, &second] {
        assert!(world.trust().is_trusted("acme", &id(key)));
        assert!(!world.trust().is_trusted("other", &id(key)));
    }
    assert_eq!(trust.remove(&id(&first).to_lowercase()).unwrap(), [id(&first)]);
    assert!(!world.trust().is_trusted("acme", &id(&first)));
    assert!(world.trust().is_trusted("acme", &id(&second)));
    assert_eq!(trust.remove("acme").unwrap(), [id(&second)]);
    assert!(world.trust().publishers().is_empty());
    assert_eq!(world.trust().revoked().len(), 2);

    let again = trust.add("acme", &first.public().unwrap(), TrustedBy::FirstUse);
    assert_eq!(again.unwrap_err().code(), "pack-key-revoked");
    trust.add("acme", &first.public().unwrap(), TrustedBy::User).unwrap();
    assert!(world.trust().is_trusted("acme", &id(&first)));
    assert_eq!(world.trust().revoked().len(), 1);
}

#[test]
fn keys_of_the_program_are_never_written_and_can_be_revoked() {
    let (world, key) = (World::new(), key());
    fs::create_dir_all(world.program().join("packs")).unwrap();
    let path = world.program().join("packs/olive.pub");
    fs::write(&path, key.public().unwrap().to_text()).unwrap();
    let mut trust = world.trusting("acme", &self::key());
    assert!(trust.is_trusted("olive", &id(&key)));
    let written = fs::read_to_string(world.home.path().join("trust.json")).unwrap();
    assert!(!written.contains("olive"), "{written}");

    trust.remove("olive").unwrap();
    assert!(!trust.is_trusted("olive", &id(&key)));
    assert!(!world.trust().is_trusted("olive", &id(&key)));
    assert!(world.trust().is_revoked(&id(&key)));

    fs::write(&path, "no key").unwrap();
    let error = Trust::load(world.home.path(), Some(&world.program())).unwrap_err();
    assert!(error.to_string().ends_with("olive.pub` is no public key of a publisher"), "{error}");
}

#[test]
fn keys_that_make_no_sense_are_not_added() {
    let (world, key) = (World::new(), key());
    let mut trust = world.trusting("acme", &key);
    let mut add = |publisher: &str| -> Result<(), PackError> {
        trust.add(publisher, &key.public().unwrap(), TrustedBy::User)
    };
    assert_eq!(add("Acme/..").unwrap_err().code(), "trust-publisher");
    assert_eq!(add("other").unwrap_err().code(), "pack-key-of-another");
    add("acme").unwrap();
    let error = trust.remove("nobody").unwrap_err();
    assert_eq!(error.to_string(), "no publisher or key `nobody` is trusted");
}

#[test]
fn a_change_keeps_what_another_command_has_written() {
    let (world, [first, second]) = (World::new(), [key(), key()]);
    let mut early = world.trust();
    world.trusting("acme", &first);
    early.add("other", &second.public().unwrap(), TrustedBy::User).unwrap();
    assert!(early.is_trusted("acme", &id(&first)));
    assert_eq!(world.trust().publishers().len(), 2);
}

#[test]
fn a_damaged_file_is_an_error_that_names_it() {
    let world = World::new();
    let path = world.home.path().join("trust.json");
    for (text, reason) in [
        ("{", "cannot be understood"),
        (r#"{"format": 2, "publishers": [], "revoked": []}"#, "is of format 2"),
        (
            r#"{"format": 1, "revoked": [], "publishers": [
                {"id": "acme", "keys": [{"id": "00", "key": "RW", "by": "user"}]}]}"#,
            "has a damaged key of `acme`",
        ),
    ] {
        fs::write(&path, text).unwrap();
        let error = load_error(world.home.path());
        assert!(error.contains("trust.json`") && error.contains(reason), "{error}");
    }
}

fn load_error(home: &Path) -> String {
    Trust::load(home, None).unwrap_err().to_string()
}
