//! A store for tests, and packs to put into it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use olive_schemas::pack::{PackFile, PackManifest, Signer};
use semver::Version;

use crate::PackError;
use crate::archive::{self, Limits};
use crate::installed::Machine;
use crate::store::{ActivePack, Generation, Guard, Store};

/// A data home, a project, and a folder for archives.
pub(crate) struct Shelf {
    folder: tempfile::TempDir,
    pub(crate) store: Store,
}

/// An archive on the disk.
pub(crate) struct Sample {
    pub(crate) archive: PathBuf,
    pub(crate) active: ActivePack,
}

impl Shelf {
    /// With an empty store of the user.
    pub(crate) fn of_user() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::user(&folder.path().join("home"));
        Self { folder, store }
    }

    /// With an empty store of a project.
    pub(crate) fn of_project() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (project, home) = (folder.path().join("project"), folder.path().join("home"));
        fs::create_dir(&project).unwrap();
        let store = Store::project(&project, &home);
        Self { folder, store }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Names in a folder of the store.
    pub(crate) fn names(&self, folder: &str) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.store.root().join(folder)) else { return Vec::new() };
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    pub(crate) fn lock(&self) -> Guard {
        self.store.lock(Duration::ZERO, &|| {}).unwrap()
    }

    /// An archive of a pack with these files.
    pub(crate) fn sample(&self, name: &str, version: &str, files: &[(&str, &str)]) -> Sample {
        self.sample_of(crate::samples::manifest(name, version), files)
    }

    /// An archive of this pack with these files, and those that its plugins name.
    pub(crate) fn sample_of(&self, mut manifest: PackManifest, files: &[(&str, &str)]) -> Sample {
        let mut texts: BTreeMap<String, String> = BTreeMap::new();
        for plugin in &manifest.plugins {
            let entries = plugin.entry.values().map(|path| (path.clone(), "{}".to_owned()));
            let says = plugin.descriptor.clone().map(|path| (path, descriptor(&plugin.id)));
            texts.extend(entries.chain(says));
        }
        texts.extend(files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())));
        let root = tempfile::tempdir().unwrap();
        for (path, text) in texts {
            write(&root.path().join(&path), &text);
            let (sha256, size) = archive::digest(text.as_bytes()).unwrap();
            manifest.files.push(PackFile { path, sha256, size, executable: false });
        }
        let archive = self.path(&manifest.name.file_name(&manifest.version));
        archive::write(&manifest, root.path(), File::create(&archive).unwrap()).unwrap();
        let (sha256, size) = archive::digest(File::open(&archive).unwrap()).unwrap();
        let described =
            archive::describe(File::open(&archive).unwrap(), &Limits::default()).unwrap();
        let active = ActivePack {
            name: manifest.name,
            version: manifest.version,
            source: archive.display().to_string(),
            sha256,
            size,
            manifest_sha256: described.sha256,
            signer: Signer::Unsigned,
        };
        Sample { archive, active }
    }

    /// Puts a pack into the store, without making it active.
    pub(crate) fn stage(&self, guard: &Guard, sample: &Sample) -> Result<bool, PackError> {
        let Sample { archive, active } = sample;
        let limits = Limits::default();
        let staged = self.store.stage(guard, archive, &active.sha256, &limits, &|_| {})?;
        assert_eq!(staged.folder, self.store.folder(&active.sha256));
        assert_eq!((staged.sha256, staged.size), (active.sha256.clone(), active.size));
        assert_eq!(staged.described.sha256, active.manifest_sha256);
        Ok(staged.was_there)
    }

    /// Makes these the active packs.
    pub(crate) fn install(&self, samples: &[&Sample]) -> Generation {
        let guard = self.lock();
        for sample in samples {
            self.stage(&guard, sample).unwrap();
        }
        let packs = samples.iter().map(|sample| sample.active.clone()).collect();
        self.store.commit(&guard, "install", packs).unwrap()
    }

    /// Versions of the active packs.
    pub(crate) fn versions(&self) -> Vec<String> {
        let active = self.store.active().unwrap();
        active.packs.into_iter().map(|pack| pack.version).collect()
    }
}

/// What the plugin `id` of a test says about itself.
pub(crate) fn descriptor(id: &str) -> String {
    format!(r#"{{"name": "{id}"}}"#)
}

/// What the packs of these tests fit.
pub(crate) fn machine() -> Machine {
    Machine {
        target: "x86_64-unknown-linux-gnu".into(),
        api: Version::new(0, 3, 0),
        host: Version::new(0, 5, 0),
    }
}

/// Writes a file, and its folder, whatever was there and whoever may write it.
pub(crate) fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let _ = fs::remove_file(path);
    fs::write(path, text).unwrap();
}
