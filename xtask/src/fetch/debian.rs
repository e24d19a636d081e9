//! Packages of Debian and its kin, unpacked without being installed, by any user.
//!
//! apt checks what it downloads against the keys of the distribution. Nothing of the system
//! changes: where its package lists are missing, they are fetched into a folder of our own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command;
use crate::error::ChoreError;

/// Downloads `package` into `work` and unpacks it into a folder of `out` that is named like its
/// version.
pub(super) fn unpack(package: &str, work: &Path, out: &Path) -> Result<(), ChoreError> {
    let download = |options: &[String]| {
        let mut apt = apt(options);
        command::output(apt.args(["download", package]).current_dir(work)).map(drop)
    };
    if download(&[]).is_err() {
        let lists = own_lists(work)?;
        command::output(apt(&lists).arg("update"))?;
        download(&lists)?;
    }
    let archive = archive(work)?;
    let folder = out.join(version(&archive));
    command::output(Command::new("dpkg-deb").arg("-x").args([&archive, &folder])).map(drop)
}

fn apt(options: &[String]) -> Command {
    let mut apt = Command::new("apt-get");
    apt.args(["-q", "-y"]).args(options);
    apt
}

/// Options that keep package lists in `work`.
fn own_lists(work: &Path) -> Result<Vec<String>, ChoreError> {
    let mut options = Vec::new();
    for (option, name) in [("Dir::State::lists", "lists"), ("Dir::Cache", "cache")] {
        let folder = work.join(name);
        let partial = folder.join("partial");
        fs::create_dir_all(&partial).map_err(ChoreError::file("create", &partial))?;
        options.extend(["-o".to_owned(), format!("{option}={}", folder.display())]);
    }
    // Root would hand the work to a user who cannot write there.
    options.extend(["-o".to_owned(), "APT::Sandbox::User=".to_owned()]);
    Ok(options)
}

fn archive(work: &Path) -> Result<PathBuf, ChoreError> {
    let is_archive = |path: &PathBuf| path.extension().is_some_and(|end| end == "deb");
    let found = super::files(work)?.into_iter().find(is_archive);
    found.ok_or_else(|| ChoreError::Missing { what: "package", path: work.to_owned() })
}

/// The version in `NAME_VERSION_ARCHITECTURE.deb`.
fn version(archive: &Path) -> String {
    let name = super::name(archive);
    name.split('_').nth(1).unwrap_or("unknown").to_owned()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::version;

    #[test]
    fn the_version_stands_in_the_name_of_the_archive() {
        let archive = Path::new("/x/docker-registry_2.8.2+ds1-1_amd64.deb");
        assert_eq!(version(archive), "2.8.2+ds1-1");
    }
}
