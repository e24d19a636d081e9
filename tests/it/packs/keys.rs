//! Keys of publishers, and signatures by them.

use std::fs::{self, File};
use std::path::Path;

use olive_packs::archive;
use olive_packs::archive::Limits;
use olive_packs::signature::{SecretKey, Subject};

/// The key of a publisher.
pub(crate) struct Key {
    secret: SecretKey,
    /// Its id.
    pub(crate) id: String,
    /// The public key: a line of base64.
    pub(crate) public: String,
}

impl Key {
    /// A new key.
    pub(crate) fn new() -> Self {
        let secret = SecretKey::generate().unwrap();
        let public = secret.public().unwrap();
        Self { secret, id: public.id(), public: public.to_base64() }
    }

    /// Signs the pack in the file at `path`, beside it.
    pub(crate) fn sign(&self, path: &Path) {
        let manifest =
            archive::describe(File::open(path).unwrap(), &Limits::default()).unwrap().manifest;
        self.sign_as(path, manifest.name.to_string().as_str(), &manifest.version);
    }

    /// Signs the file at `path` as the pack `name` in `version`, whatever is in it.
    pub(crate) fn sign_as(&self, path: &Path, name: &str, version: &str) {
        let subject = Subject::Pack { name: name.parse().unwrap(), version: version.to_owned() };
        let (sha256, _) = archive::digest(File::open(path).unwrap()).unwrap();
        let text = self.secret.sign(File::open(path).unwrap(), &sha256, &subject).unwrap();
        fs::write(format!("{}.minisig", path.display()), text).unwrap();
    }
}
