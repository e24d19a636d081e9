//! The lock file of a project: what a run there would use.

use std::path::{Path, PathBuf};

use olive_packs::PackError;
use olive_packs::installed::{self, Installed};
use olive_packs::lock;
use olive_packs::store::Store;
use olive_schemas::pack::{FORMAT, LockFile, LockedPack};

use super::InstallContext;
use crate::error::Error;
use crate::plugin::packs;

/// The packs that a run in `folder` would use.
pub fn installed(folder: &Path, context: &InstallContext) -> (Installed, Vec<Store>) {
    let stores = packs::stores(Some(folder));
    let installed = installed::load(&stores, &context.trust, &context.machine);
    (installed, stores)
}

/// The lock file of these packs for the project in `folder`.
pub fn lock(folder: &Path, installed: &Installed) -> LockFile {
    let packs = installed.packs.iter().map(|pack| {
        let locked = lock::locked(pack);
        LockedPack { source: below(folder, &locked.source), ..locked }
    });
    let mut packs: Vec<LockedPack> = packs.collect();
    packs.sort_by(|one, other| one.name.cmp(&other.name));
    LockFile { format: FORMAT, packs }
}

/// The lock file of the project in `folder`.
///
/// # Errors
/// When there is none, or it cannot be understood.
pub fn read(folder: &Path) -> Result<LockFile, PackError> {
    lock::read(folder)?.ok_or_else(|| {
        let message = format!("there is no `{}` in `{}`", lock::FILE_NAME, folder.display());
        PackError::refused("lock-missing", message).with_help("`olive plugin lock` writes one")
    })
}

/// Writes the lock file of the project in `folder` for what is installed now; gives its path.
///
/// # Errors
/// When it cannot be written.
pub fn write(folder: &Path, context: &InstallContext) -> Result<PathBuf, Error> {
    let (installed, _) = installed(folder, context);
    lock::write(folder, &lock(folder, &installed))?;
    Ok(folder.join(lock::FILE_NAME))
}

/// A source that is a file of the project, relative to it: the lock file travels with the project.
fn below(folder: &Path, source: &str) -> String {
    let Ok(path) = Path::new(source).strip_prefix(folder) else { return source.to_owned() };
    let parts = path.iter().map(|part| part.to_string_lossy());
    std::iter::once(".".into()).chain(parts).collect::<Vec<_>>().join("/")
}

/// The source of a locked pack, whose path may be relative to the lock file's `folder`.
pub(super) fn from_below(folder: &Path, source: &str) -> String {
    match source.strip_prefix("./") {
        Some(path) => folder.join(path).display().to_string(),
        None => source.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_a_project_are_locked_relative_to_it() {
        let folder = Path::new("/srv/tone");
        for (source, locked) in [
            ("/srv/tone/vendor/a.pack", "./vendor/a.pack"),
            ("/srv/other/a.pack", "/srv/other/a.pack"),
            ("acme/prune@=1.2.0", "acme/prune@=1.2.0"),
            ("oci://host/a@sha256:00", "oci://host/a@sha256:00"),
        ] {
            assert_eq!(below(folder, source), locked);
            assert_eq!(from_below(folder, locked), source);
        }
    }
}
