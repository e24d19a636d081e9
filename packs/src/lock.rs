//! The lock file of a project.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use olive_schemas::pack::{FORMAT, LockFile, LockedPack, Signer};

use crate::PackError;
use crate::data;
use crate::installed::{Installed, InstalledPack};
use crate::store::Store;

/// Name of the lock file, which lies beside the config.
pub const FILE_NAME: &str = "olive.lock";

/// The lock file in `folder`, if there is one.
///
/// # Errors
/// When it cannot be read or understood.
pub fn read(folder: &Path) -> Result<Option<LockFile>, PackError> {
    let path = folder.join(FILE_NAME);
    let Some(lock) = data::read_json::<LockFile>(&path)? else { return Ok(None) };
    let refused = |message: String| {
        PackError::refused("lock-file", format!("`{}` {message}", path.display()))
            .with_help("`olive plugin lock` writes it again")
    };
    if lock.format != FORMAT {
        return Err(refused(format!(
            "is of format {}, and this program reads {FORMAT}",
            lock.format
        )));
    }
    for pack in &lock.packs {
        let name = &pack.name;
        let mut digests = pack.files.values().flat_map(BTreeMap::values).chain([&pack.sha256]);
        if !digests.all(|digest| data::is_sha256(digest)) {
            return Err(refused(format!("has a digest of `{name}` that is none")));
        }
        if semver::Version::parse(&pack.version).is_err() {
            return Err(refused(format!("has a version of `{name}` that is none")));
        }
        if lock.packs.iter().filter(|other| other.name == *name).count() > 1 {
            return Err(refused(format!("has `{name}` twice")));
        }
    }
    Ok(Some(lock))
}

/// Writes the lock file in `folder`, all or nothing; the packs by name, whatever their order was.
///
/// # Errors
/// When it cannot be written.
pub fn write(folder: &Path, lock: &LockFile) -> Result<(), PackError> {
    let path = folder.join(FILE_NAME);
    let mut lock = lock.clone();
    lock.packs.sort_by(|a, b| a.name.cmp(&b.name));
    let text = data::json(&lock)?;
    replace(&path, folder, &text).map_err(PackError::io("write", &path))
}

/// How `pack` is locked.
pub fn locked(pack: &InstalledPack) -> LockedPack {
    let mut files: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for file in &pack.manifest.files {
        let (folder, _) =
            file.path.split_once('/').unwrap_or((olive_schemas::pack::ANY_TARGET, ""));
        files.entry(folder.to_owned()).or_default().insert(file.path.clone(), file.sha256.clone());
    }
    LockedPack {
        name: pack.active.name.clone(),
        version: pack.active.version.clone(),
        source: pack.active.source.clone(),
        sha256: pack.active.sha256.clone(),
        size: pack.active.size,
        signer: pack.active.signer.clone(),
        api: pack.manifest.api.clone(),
        files,
    }
}

/// Everything in which `installed` is not what `lock` says: packs too many, missing or broken, other
/// versions, content, signers, and files that have changed on the disk (all are read). Each is one
/// sentence; none when there is no drift.
pub fn drift(lock: &LockFile, installed: &Installed, stores: &[Store]) -> Vec<PackError> {
    let mut drift = Vec::new();
    for wanted in &lock.packs {
        match installed.packs.iter().find(|pack| pack.active.name == wanted.name) {
            Some(pack) => match difference(wanted, pack) {
                Some(difference) => drift.push(difference),
                None => drift.extend(damage(pack, stores)),
            },
            None => drift.push(absence(wanted, installed)),
        }
    }
    let is_locked =
        |pack: &&InstalledPack| lock.packs.iter().any(|locked| locked.name == pack.active.name);
    drift.extend(installed.packs.iter().filter(|pack| !is_locked(pack)).map(|pack| {
        let name = &pack.active.name;
        drifted(format!("`{name}` {} is installed, and not locked", pack.active.version))
            .with_help(format!("run `olive plugin lock`, or `olive plugin remove {name}`"))
    }));
    drift
}

/// The first thing in which the record of a pack is not what is locked.
fn difference(wanted: &LockedPack, pack: &InstalledPack) -> Option<PackError> {
    let (name, own) = (&wanted.name, locked(pack));
    let say = |what: &str, is: &str, should: &str| {
        let message = format!("{what} of `{name}` is {is}, and {should} is locked");
        drifted(message).with_help("`olive plugin install --locked` installs what is locked")
    };
    if own.version != wanted.version {
        return Some(say("the version", &own.version, &wanted.version));
    }
    if own.sha256 != wanted.sha256 || own.size != wanted.size {
        return Some(say("the SHA-256", &own.sha256, &wanted.sha256));
    }
    if own.signer != wanted.signer {
        return Some(say("the signer", &signer(&own.signer), &signer(&wanted.signer)));
    }
    if own.api != wanted.api || own.files != wanted.files {
        let message = format!("`{FILE_NAME}` says other things of `{name}` than its manifest does");
        return Some(drifted(message).with_help("run `olive plugin lock`"));
    }
    None
}

/// Files of a pack that are not as they were installed.
fn damage(pack: &InstalledPack, stores: &[Store]) -> Vec<PackError> {
    let name = &pack.active.name;
    let repair = "`olive plugin install --locked` repairs it";
    let Some(store) = stores.iter().find(|store| store.scope() == pack.scope) else {
        return vec![drifted(format!("`{name}` is in a store that is not known"))];
    };
    match store.verify(&pack.active) {
        Ok(damage) => damage
            .into_iter()
            .map(|damage| {
                drifted(format!("`{}` of `{name}` {}", damage.path, damage.problem))
                    .with_help(repair)
            })
            .collect(),
        Err(error) => vec![error],
    }
}

fn absence(wanted: &LockedPack, installed: &Installed) -> PackError {
    let LockedPack { name, version, .. } = wanted;
    let broken = installed.broken.iter().find(|pack| pack.active.name == *name);
    let message = match broken {
        Some(broken) => format!("`{name}` {version} is locked, and broken: {}", broken.error),
        None => format!("`{name}` {version} is locked, and not installed"),
    };
    drifted(message).with_help("run `olive plugin install --locked`")
}

fn signer(signer: &Signer) -> String {
    match signer {
        Signer::Key(id) => format!("key {id}"),
        Signer::Unsigned => "nobody".to_owned(),
    }
}

fn drifted(message: String) -> PackError {
    PackError::refused("lock-drift", message)
}

/// Puts `text` at `path`, readable for whom the user lets read new files.
fn replace(path: &Path, folder: &Path, text: &str) -> io::Result<()> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.prefix(".olive.lock-").tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    Ok(())
}

#[cfg(test)]
mod tests;
