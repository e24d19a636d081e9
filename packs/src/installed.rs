//! What is installed, as the program meets it at every start: quickly, and without running any of it.

mod fits;

pub use fits::fits;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use olive_schemas::pack::{ANY_TARGET, MANIFEST, PackFile, PackManifest, PackName, Signer};
use semver::Version;

use crate::PackError;
use crate::archive::digest;
use crate::manifest;
use crate::store::{ActivePack, Scope, Store};
use crate::trust::Trust;

/// What packs are chosen for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// Target triple of this program.
    pub target: String,
    /// Version of the plugin API.
    pub api: Version,
    /// Version of Olive.
    pub host: Version,
}

/// A pack that is active and sound, as far as can be told without reading all of it. Whoever loads
/// one of its files compares that with its digest first.
#[derive(Debug, Clone)]
pub struct InstalledPack {
    /// What the generation says of it.
    pub active: ActivePack,
    /// Whose it is.
    pub scope: Scope,
    /// Its folder.
    pub folder: PathBuf,
    /// Its manifest.
    pub manifest: PackManifest,
    /// What its plugins say about themselves, by their ids: the bytes that the manifest's digest
    /// is of.
    pub descriptors: BTreeMap<String, Vec<u8>>,
}

/// A pack that is active and cannot be used.
#[derive(Debug)]
pub struct BrokenPack {
    /// What the generation says of it.
    pub active: ActivePack,
    /// Whose it is.
    pub scope: Scope,
    /// Why.
    pub error: PackError,
}

/// The packs of some stores.
#[derive(Debug, Default)]
pub struct Installed {
    /// Those that can be used, by scope and name; a project's pack stands for a user's of that
    /// name, also when it is broken.
    pub packs: Vec<InstalledPack>,
    /// Those that cannot.
    pub broken: Vec<BrokenPack>,
    /// Stores that cannot be used as a whole.
    pub problems: Vec<PackError>,
}

/// Loads what is active in `stores`: each manifest is compared with its digest, each file for
/// `machine` with its size, each signer with `trust`.
pub fn load(stores: &[Store], trust: &Trust, machine: &Machine) -> Installed {
    let mut installed = Installed::default();
    let mut of_projects: BTreeSet<PackName> = BTreeSet::new();
    let mut stores: Vec<&Store> = stores.iter().collect();
    stores.sort_by_key(|store| std::cmp::Reverse(store.scope()));
    for store in stores {
        let active = match store.active() {
            Ok(active) => active,
            Err(error) => {
                installed.problems.push(error);
                continue;
            }
        };
        for active in active.packs {
            match store.scope() {
                Scope::Project => drop(of_projects.insert(active.name.clone())),
                Scope::User if of_projects.contains(&active.name) => continue,
                Scope::User => {}
            }
            match load_pack(store, &active, trust, machine) {
                Ok(pack) => installed.packs.push(pack),
                Err(error) => {
                    installed.broken.push(BrokenPack { active, scope: store.scope(), error });
                }
            }
        }
    }
    installed.packs.sort_by(|one, other| {
        (one.scope, &one.active.name).cmp(&(other.scope, &other.active.name))
    });
    installed
}

fn load_pack(
    store: &Store,
    active: &ActivePack,
    trust: &Trust,
    machine: &Machine,
) -> Result<InstalledPack, PackError> {
    let scope = store.scope();
    check_signer(active, scope, trust)?;
    let folder = store.folder(&active.sha256);
    let content = Content { active, scope, folder: &folder };
    let manifest = content.manifest()?;
    fits(&manifest, machine)?;
    for file in manifest.files_of(&machine.target).chain(manifest.files_of(ANY_TARGET)) {
        content.check_size(file)?;
    }
    let descriptors = content.descriptors(&manifest)?;
    Ok(InstalledPack { active: active.clone(), scope, folder, manifest, descriptors })
}

fn check_signer(active: &ActivePack, scope: Scope, trust: &Trust) -> Result<(), PackError> {
    let Signer::Key(id) = &active.signer else { return Ok(()) };
    let publisher = active.name.publisher();
    if trust.is_trusted(publisher, id) {
        return Ok(());
    }
    let is_revoked = trust.revoked().iter().any(|key| key.id == *id);
    let (code, why) = if is_revoked {
        ("pack-revoked", "is trusted no longer")
    } else {
        ("pack-untrusted", "is not one of its publisher that you trust")
    };
    let ActivePack { name, version, .. } = active;
    Err(PackError::refused(
        code,
        format!("`{name}` {version} was signed with key {id}, which {why}"),
    )
    .with_help(format!(
        "remove it: `olive plugin remove {}{name}`; or trust the key: `olive plugin trust add \
         {publisher} KEY`",
        flag(scope)
    )))
}

/// What a command about packs of `scope` needs beside its name.
pub fn flag(scope: Scope) -> &'static str {
    match scope {
        Scope::User => "",
        Scope::Project => "--project ",
    }
}

/// What lies in the folder of an active pack.
struct Content<'a> {
    active: &'a ActivePack,
    scope: Scope,
    folder: &'a Path,
}

impl Content<'_> {
    fn manifest(&self) -> Result<PackManifest, PackError> {
        let bytes =
            fs::read(self.folder.join(MANIFEST)).map_err(|_| self.damaged(MANIFEST, MISSING))?;
        if sha256(&bytes) != self.active.manifest_sha256 {
            return Err(self.damaged(MANIFEST, CHANGED));
        }
        let manifest = manifest::parse(&bytes)?;
        if manifest.name != self.active.name || manifest.version != self.active.version {
            return Err(self.damaged(MANIFEST, "is of another pack"));
        }
        Ok(manifest)
    }

    fn check_size(&self, file: &PackFile) -> Result<(), PackError> {
        match self.folder.join(&file.path).symlink_metadata() {
            Ok(about) if about.is_file() && about.len() == file.size => Ok(()),
            Ok(_) => Err(self.damaged(&file.path, CHANGED)),
            Err(_) => Err(self.damaged(&file.path, MISSING)),
        }
    }

    fn descriptors(&self, manifest: &PackManifest) -> Result<BTreeMap<String, Vec<u8>>, PackError> {
        let mut descriptors = BTreeMap::new();
        for plugin in &manifest.plugins {
            let Some(file) = plugin.descriptor.as_ref().and_then(|path| manifest.file(path)) else {
                continue;
            };
            self.check_size(file)?;
            let bytes = fs::read(self.folder.join(&file.path))
                .map_err(|_| self.damaged(&file.path, MISSING))?;
            if sha256(&bytes) != file.sha256 {
                return Err(self.damaged(&file.path, CHANGED));
            }
            descriptors.insert(plugin.id.clone(), bytes);
        }
        Ok(descriptors)
    }

    fn damaged(&self, path: &str, problem: &str) -> PackError {
        let ActivePack { name, version, source, .. } = self.active;
        PackError::refused("pack-damaged", format!("`{path}` of `{name}` {version} {problem}"))
            .with_help(format!(
                "install it again: `olive plugin install {}{source}`",
                flag(self.scope)
            ))
    }
}

const MISSING: &str = "is missing";
const CHANGED: &str = "has changed";

fn sha256(bytes: &[u8]) -> String {
    // Reading from memory never fails.
    digest(bytes).map(|(sha256, _)| sha256).unwrap_or_default()
}

#[cfg(test)]
mod tests;
