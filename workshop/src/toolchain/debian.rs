//! Debian's packages of a Rust compiler that has its sources, without root rights.
//!
//! The packages are downloaded with apt's own check of signatures, unpacked into a cache folder and
//! never installed; apt's lists are refreshed in that folder too, so that the system stays as it is.
//!
//! ```text
//! <cache>/lock                 held while packages are fetched
//! <cache>/<version>/complete   written last
//! <cache>/<version>/usr/       what the packages hold
//! ```

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use thiserror::Error;

use crate::BuildContext;
use crate::command::{CommandError, ask, check, start};

/// The compiler that Debian keeps recent enough for browsers.
const COMPILER: &str = "rustc-web";

/// The sources of its standard library.
const SOURCES: &str = "rust-web-src";

/// What of the dependencies is needed; the others are on every system.
const NEEDED: [&str; 2] = ["libstd-rust-web", "libllvm"];

/// Stands in a folder that is whole.
const COMPLETE: &str = "complete";

/// Why Debian's packages do not help.
#[derive(Debug, Error)]
pub enum DebianError {
    /// A command is missing or failed.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// The archive is another system's.
    #[error("the archive has no package `{0}`")]
    NoPackage(&'static str),
    /// The packages hold something else than they did.
    #[error("the packages hold no {0}")]
    Content(&'static str),
    /// Nothing links.
    #[error("found no linker: install the package `lld`")]
    NoLinker,
    /// The cache cannot be used.
    #[error("cannot use `{}`: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// An unpacked compiler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Folder {
    /// Where `usr` lies.
    pub(super) root: PathBuf,
    /// Where its libraries lie, as `LD_LIBRARY_PATH` wants it.
    pub(super) libraries: OsString,
}

impl Folder {
    fn new(root: PathBuf) -> Result<Self, DebianError> {
        let library = root.join("usr/lib");
        let entries = fs::read_dir(&library).map_err(failed(&library))?;
        let folders = entries.flatten().map(|entry| entry.path());
        let folder = folders.into_iter().find(|folder| holds(folder, "librustc_driver"));
        let libraries = folder.ok_or(DebianError::Content("compiler"))?.into_os_string();
        let folder = Self { root, libraries };
        if folder.rustc().is_file() { Ok(folder) } else { Err(DebianError::Content("`rustc`")) }
    }

    pub(super) fn rustc(&self) -> PathBuf {
        self.root.join("usr/bin/rustc")
    }
}

/// The compiler in the cache, fetched if it was not there.
pub(super) fn find(context: &BuildContext<'_>) -> Result<Folder, DebianError> {
    let cache = context.cache.join("wasm-toolchain");
    fs::create_dir_all(&cache).map_err(failed(&cache))?;
    let lock = cache.join("lock");
    let lock_file = File::create(&lock).map_err(failed(&lock))?;
    lock_file.lock().map_err(failed(&lock))?;
    match complete(&cache) {
        Some(folder) => Folder::new(folder),
        None => fetch(&cache, context.say).and_then(Folder::new),
    }
}

/// The newest folder that is whole.
fn complete(cache: &Path) -> Option<PathBuf> {
    let entries = fs::read_dir(cache).ok()?.flatten().map(|entry| entry.path());
    entries.filter(|folder| folder.join(COMPLETE).is_file()).max()
}

/// Downloads and unpacks into a folder beside, which gets its name when it is whole.
fn fetch(cache: &Path, say: &dyn Fn(&str)) -> Result<PathBuf, DebianError> {
    let work =
        tempfile::Builder::new().prefix(".work-").tempdir_in(cache).map_err(failed(cache))?;
    let apt = Apt::new(work.path())?;
    let found = apt.refresh().and_then(|()| apt.show(COMPILER));
    let version = field(&found?, "Version").ok_or(DebianError::NoPackage(COMPILER))?;
    let packages = apt.packages()?;
    say(&format!("fetching Debian's {COMPILER} {version} (140 MB, once)"));
    let archives = apt.download(&packages)?;
    let root = work.path().join("root");
    fs::create_dir(&root).map_err(failed(&root))?;
    for archive in &archives {
        unpack(archive, &root)?;
    }
    if !root.join("usr/lib/rustlib/src/rust/library/std/Cargo.toml").is_file() {
        return Err(DebianError::Content("sources of the standard library"));
    }
    let stamp = root.join(COMPLETE);
    fs::write(&stamp, packages.join("\n") + "\n").map_err(failed(&stamp))?;
    let folder = cache.join(version.replace(|c: char| !c.is_ascii_alphanumeric() && c != '.', "-"));
    fs::rename(&root, &folder).map_err(failed(&folder))?;
    Ok(folder)
}

/// Apt with lists and downloads of its own.
struct Apt<'a> {
    work: &'a Path,
    settings: Vec<String>,
}

impl<'a> Apt<'a> {
    fn new(work: &'a Path) -> Result<Self, DebianError> {
        for folder in ["state/lists/partial", "cache/archives/partial", "archives"] {
            let folder = work.join(folder);
            fs::create_dir_all(&folder).map_err(failed(&folder))?;
        }
        let settings = ["Dir::State=state", "Dir::Cache=cache"].map(|setting| {
            let (name, folder) = setting.split_once('=').unwrap_or((setting, ""));
            format!("{name}={}", work.join(folder).display())
        });
        // Root would become a user who may not write here.
        let user = "APT::Sandbox::User=root".to_owned();
        Ok(Self { work, settings: settings.into_iter().chain([user]).collect() })
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.work.join("archives")).env("LC_ALL", "C");
        for setting in &self.settings {
            command.args(["-o", setting]);
        }
        command
    }

    fn refresh(&self) -> Result<(), DebianError> {
        Ok(ask(self.command("apt-get").args(["--quiet", "update"])).map(drop)?)
    }

    /// What the archive says about the newest version of `package`.
    fn show(&self, package: &str) -> Result<String, DebianError> {
        Ok(ask(self.command("apt-cache").args(["show", "--no-all-versions", package]))?)
    }

    /// The compiler, its sources, and what it needs.
    fn packages(&self) -> Result<Vec<String>, DebianError> {
        let mut packages = vec![SOURCES.to_owned(), COMPILER.to_owned()];
        let mut next = 1;
        while let Some(package) = packages.get(next) {
            let more = field(&self.show(package)?, "Depends").map(|list| needed(&list));
            for package in more.into_iter().flatten() {
                if !packages.contains(&package) {
                    packages.push(package);
                }
            }
            next += 1;
        }
        Ok(packages)
    }

    fn download(&self, packages: &[String]) -> Result<Vec<PathBuf>, DebianError> {
        ask(self.command("apt-get").args(["--quiet", "download"]).args(packages))?;
        let folder = self.work.join("archives");
        let entries = fs::read_dir(&folder).map_err(failed(&folder))?;
        Ok(entries.flatten().map(|entry| entry.path()).collect())
    }
}

/// Unpacks what is needed of a package: all but documents, and of Rust's sources the libraries.
fn unpack(archive: &Path, root: &Path) -> Result<(), DebianError> {
    let is_sources =
        archive.file_name().is_some_and(|name| name.to_string_lossy().starts_with(SOURCES));
    let mut dpkg = Command::new("dpkg-deb");
    dpkg.arg("--fsys-tarfile").arg(archive).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = dpkg.spawn().map_err(start(&dpkg))?;
    let mut tar = Command::new("tar");
    tar.arg("--extract").arg("--directory").arg(root).arg("--no-same-owner");
    if is_sources {
        tar.args(["--wildcards", "./usr/src/*/library", "./usr/lib/rustlib/src"]);
    } else {
        tar.arg("--exclude=./usr/share");
    }
    tar.stdin(child.stdout.take().map_or_else(Stdio::null, Stdio::from));
    let output = tar.output().map_err(start(&tar));
    let status = child.wait().map_err(start(&dpkg))?;
    let output = output?;
    check(&tar, output.status, String::from_utf8_lossy(&output.stderr).into_owned())?;
    Ok(check(&dpkg, status, String::new())?)
}

/// A field of what the archive says about a package.
fn field(shown: &str, name: &str) -> Option<String> {
    let mut lines = shown.lines();
    lines.find_map(|line| Some(line.strip_prefix(name)?.strip_prefix(": ")?.to_owned()))
}

/// Names of the packages in a list of dependencies that no system has.
fn needed(dependencies: &str) -> Vec<String> {
    let names = dependencies.split(',').filter_map(|entry| entry.split_whitespace().next());
    let names = names.filter(|name| NEEDED.iter().any(|start| name.starts_with(start)));
    names.map(str::to_owned).collect()
}

fn holds(folder: &Path, start: &str) -> bool {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names = entries.map(|entry| entry.file_name());
    names.any(|name| name.to_string_lossy().starts_with(start))
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> DebianError {
    let path = path.to_owned();
    move |source| DebianError::Io { path, source }
}

#[cfg(test)]
mod tests {
    use super::{COMPLETE, complete, field, needed};
    use std::fs;

    #[test]
    fn needed_packages_are_read_from_the_dependencies() {
        let shown = "Package: rustc-web\nVersion: 1.96.0+dfsg1-1\nDepends: libc6 (>= 2.34), \
                     libstd-rust-web-dev (= 1.96.0+dfsg1-1), gcc, libllvm22 | libllvm21\n";
        let dependencies = field(shown, "Depends").unwrap();
        assert_eq!(needed(&dependencies), ["libstd-rust-web-dev", "libllvm22"]);
        assert_eq!(field(shown, "Version").as_deref(), Some("1.96.0+dfsg1-1"));
        assert_eq!(field(shown, "Recommends"), None);
    }

    #[test]
    fn only_a_whole_folder_is_used_again() {
        let cache = tempfile::tempdir().unwrap();
        fs::create_dir(cache.path().join("1.96.0")).unwrap();
        assert_eq!(complete(cache.path()), None);
        fs::write(cache.path().join("1.96.0").join(COMPLETE), "").unwrap();
        assert_eq!(complete(cache.path()), Some(cache.path().join("1.96.0")));
    }
}
