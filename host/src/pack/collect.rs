//! What goes into a pack: the files of `dist`, and those for people.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, Metadata};
use std::path::{Component, Path, PathBuf};

use olive_packs::PackError;
use olive_packs::archive::Limits;
use olive_packs::manifest::check_path;
use olive_schemas::pack::{ANY_TARGET, RECIPE};

use super::library::is_library;
use super::recipe::Recipe;
use super::refused;
use crate::error::Error;
use crate::plugin::CatalogError;
use crate::plugin::manifest::{Manifest, is_cache};

/// Folder that `olive plugin build` fills.
const BUILT: &str = "dist";
/// Folder in it with what plugins say about themselves that this machine cannot ask.
const GIVEN: &str = "schemas";
/// Ending of a component's file name.
pub(super) const COMPONENT: &str = ".wasm";
/// What the names of files for people begin with.
const DOCS: [&str; 4] = ["README", "LICENSE", "NOTICE", "COPYING"];
/// What is made by packing and signing, and is not packed again.
const PACKED: [&str; 2] = [".pack", ".minisig"];
/// Beginnings of triples: processors that Olive or a plugin may be built for.
const PROCESSORS: [&str; 9] = [
    "aarch64",
    "arm64ec",
    "armv7",
    "i686",
    "loongarch64",
    "powerpc64le",
    "riscv64gc",
    "s390x",
    "x86_64",
];

/// A file on its way into a pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member {
    /// The file.
    pub(super) source: PathBuf,
    /// The file for messages.
    pub(super) shown: PathBuf,
    /// Whether it may be run as a program.
    pub(super) is_executable: bool,
}

/// What goes into a pack.
#[derive(Debug, Default)]
pub(super) struct Collected {
    /// The members, by their path in the pack.
    pub(super) members: BTreeMap<String, Member>,
    /// Descriptors that the author gives, by the id in their file's name.
    pub(super) given: BTreeMap<String, PathBuf>,
}

/// Collects what `recipe` is about, on a machine of `target`.
///
/// # Errors
/// When there is nothing, or something is no plain file, has no path that every system takes, or is
/// too large.
pub(super) fn collect(recipe: &Recipe, target: &str) -> Result<Collected, Error> {
    let mut collecting =
        Collecting { recipe, found: Collected::default(), bytes: 0, limits: Limits::default() };
    collecting.add_dist(target)?;
    collecting.add_docs()?;
    Ok(collecting.found)
}

/// Whether a folder called `name` is for one target: a triple, or [`ANY_TARGET`].
pub(super) fn is_target(name: &str) -> bool {
    let parts: Vec<&str> = name.split('-').collect();
    let is_triple = (3..=4).contains(&parts.len()) && PROCESSORS.contains(&parts[0]);
    name == ANY_TARGET || is_triple && parts.iter().all(|part| !part.is_empty())
}

struct Collecting<'a> {
    recipe: &'a Recipe,
    found: Collected,
    bytes: u64,
    limits: Limits,
}

impl Collecting<'_> {
    fn add_dist(&mut self, target: &str) -> Result<(), Error> {
        let (root, is_whole) = self.dist()?;
        let mut files = BTreeSet::new();
        self.walk(&root, "", is_whole, &mut files)?;
        let claimed = self.claimed(&root, &files)?;
        if !is_whole {
            files.retain(|file| is_plugin(file));
            files.extend(claimed.iter().cloned());
            files.retain(|file| !is_about_packing(file));
        }
        let has_library = files.iter().any(|file| !file.contains('/') && is_library(file));
        let own = if has_library { target } else { ANY_TARGET };
        for file in files {
            let source = root.join(&file);
            if let Some(id) = given(&file) {
                self.found.given.insert(id.to_owned(), source);
                continue;
            }
            let path = match file.split('/').next() {
                Some(folder) if folder != file && is_target(folder) => file,
                _ if claimed.contains(&file) => format!("{ANY_TARGET}/{file}"),
                Some(name) if name.ends_with(COMPONENT) => format!("{ANY_TARGET}/{file}"),
                _ => format!("{own}/{file}"),
            };
            self.add(path, source)?;
        }
        Ok(())
    }

    /// The folder that is packed, and whether all of it is.
    fn dist(&self) -> Result<(PathBuf, bool), Error> {
        let Recipe { content, folder, .. } = self.recipe;
        let named = content.dist.as_deref();
        let dist = folder.join(named.unwrap_or(BUILT));
        let Ok(root) = dist.canonicalize() else {
            let Some(named) = named else { return Ok((folder.clone(), false)) };
            let message = format!("`{named}` is not there");
            return Err(self.recipe.refuse("/dist", "pack-no-dist", message, "build the plugin"));
        };
        if !root.is_dir() {
            let message = format!("`{}` is no folder", named.unwrap_or(BUILT));
            let help = "name the folder with what is built";
            return Err(self.recipe.refuse("/dist", "pack-no-dist", message, help));
        }
        let is_whole = folder.canonicalize().ok().as_ref() != Some(&root);
        Ok((if is_whole { dist } else { folder.clone() }, is_whole))
    }

    /// Files below `root` and its folder `below`; only those right there unless it `is_deep`.
    fn walk(
        &self,
        root: &Path,
        below: &str,
        is_deep: bool,
        files: &mut BTreeSet<String>,
    ) -> Result<(), Error> {
        let folder = root.join(below);
        let entries = fs::read_dir(&folder).map_err(PackError::io("read", &folder))?;
        for entry in entries {
            let name = entry.map_err(PackError::io("read", &folder))?.file_name();
            let Ok(name) = name.into_string() else {
                let message = format!("`{}` has a file whose name is no UTF-8", folder.display());
                return Err(refused("pack-path", message, "give it another name"));
            };
            if is_cache(&name) {
                continue;
            }
            let path = if below.is_empty() { name } else { format!("{below}/{name}") };
            if !is_deep {
                // What is not packed may be anything.
                files.insert(path);
            } else if self.plain(&root.join(&path))?.is_dir() {
                self.walk(root, &path, true, files)?;
            } else {
                files.insert(path);
            }
            if files.len() > self.limits.entries {
                return Err(self.too_many());
            }
        }
        Ok(())
    }

    /// Files that belong to the process plugins among `files`.
    fn claimed(&self, root: &Path, files: &BTreeSet<String>) -> Result<BTreeSet<String>, Error> {
        let mut claimed = BTreeSet::new();
        let is_claiming = |file: &&String| {
            let folder = file.split_once('/').map(|(folder, _)| folder);
            let is_near = file.matches('/').count() <= 1 && !folder.is_some_and(is_target);
            is_near && Manifest::is_at(Path::new(file))
        };
        for file in files.iter().filter(is_claiming) {
            let unusable = |error| {
                let path = self.recipe.shown(&root.join(file));
                Error::from(CatalogError::Unusable { path, error })
            };
            let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder);
            let manifest = Manifest::read(&root.join(file)).map_err(unusable)?;
            for name in manifest.files().map_err(unusable)? {
                let parts = name.components().filter(|part| matches!(part, Component::Normal(_)));
                let parts: Option<Vec<&str>> =
                    parts.map(|part| part.as_os_str().to_str()).collect();
                let Some(parts) = parts else {
                    let message = format!("`{}` is no UTF-8", self.shown(&root.join(name)));
                    return Err(refused("pack-path", message, "give it another name"));
                };
                let name = parts.join("/");
                claimed.insert(if folder.is_empty() { name } else { format!("{folder}/{name}") });
            }
        }
        Ok(claimed)
    }

    fn add_docs(&mut self) -> Result<(), Error> {
        let folder = self.recipe.folder.clone();
        let Some(named) = &self.recipe.content.docs else {
            let mut files = BTreeSet::new();
            self.walk(&folder, "", false, &mut files)?;
            files.retain(|file| is_doc(file) && !folder.join(file).is_dir());
            return files
                .into_iter()
                .try_for_each(|file| self.add(format!("docs/{file}"), folder.join(&file)));
        };
        for (index, name) in named.iter().enumerate() {
            let source = folder.join(name);
            let refuse = |message: String, help: &str| {
                self.recipe.refuse(&format!("/docs/{index}"), "pack-docs", message, help)
            };
            let is_inside =
                Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
            if !is_inside {
                let message = format!("`{name}` is not in the folder of `{RECIPE}`");
                return Err(refuse(message, "name a file below it"));
            }
            if !source.is_file() {
                return Err(refuse(format!("`{name}` is no file"), "name files"));
            }
            self.add(format!("docs/{name}"), source)?;
        }
        Ok(())
    }

    fn add(&mut self, path: String, source: PathBuf) -> Result<(), Error> {
        let metadata = self.plain_below(&source)?;
        check_path(&path)?;
        let shown = self.recipe.shown(&source);
        if metadata.is_dir() {
            let message = format!("`{}` is a folder", shown.display());
            return Err(refused("pack-no-file", message, "give it a name that no plugin has"));
        }
        let Limits { file, total, entries, .. } = self.limits;
        let size = metadata.len();
        self.bytes += size;
        if size > file || self.bytes > total {
            let (what, limit) = if size > file { ("a file", file) } else { ("a pack", total) };
            let message = format!(
                "`{}` makes {} bytes, and {what} may have {limit}",
                shown.display(),
                if size > file { size } else { self.bytes },
            );
            let help = "leave out what a plugin can fetch when it is needed";
            return Err(refused("pack-too-large", message, help));
        }
        if is_secret_key(&source, size) {
            let message = format!("`{}` is a secret key", shown.display());
            return Err(refused("pack-secret-key", message, "keep it somewhere else"));
        }
        let is_executable = is_executable(&metadata);
        self.found.members.insert(path, Member { source, shown, is_executable });
        if self.found.members.len() > entries {
            return Err(self.too_many());
        }
        Ok(())
    }

    fn too_many(&self) -> Error {
        let message = format!("there are more than {} files to pack", self.limits.entries);
        refused("pack-too-large", message, "name a folder with less in it as `dist`")
    }

    /// Metadata of a file below the recipe's folder, which no link leads to.
    fn plain_below(&self, source: &Path) -> Result<Metadata, Error> {
        if let Ok(below) = source.strip_prefix(&self.recipe.folder) {
            let mut path = self.recipe.folder.clone();
            for part in below.parent().into_iter().flat_map(Path::components) {
                path.push(part);
                self.plain(&path)?;
            }
        }
        self.plain(source)
    }

    /// Metadata of a plain file or folder.
    fn plain(&self, path: &Path) -> Result<Metadata, Error> {
        let metadata = path.symlink_metadata().map_err(PackError::io("read", path))?;
        let kind = metadata.file_type();
        if kind.is_file() || kind.is_dir() {
            return Ok(metadata);
        }
        let what = if kind.is_symlink() { "a link" } else { "no plain file" };
        let message = format!("`{}` is {what}", self.shown(path));
        Err(refused("pack-link", message, "put a copy of what it stands for in its place"))
    }

    fn shown(&self, path: &Path) -> String {
        self.recipe.shown(path).display().to_string()
    }
}

/// The id of a plugin whose descriptor the author gives in `file`.
fn given(file: &str) -> Option<&str> {
    let name = file.strip_prefix(GIVEN)?.strip_prefix('/')?;
    name.strip_suffix(".json").filter(|id| !id.contains('/'))
}

/// Whether a file by its name is a library, a component or a manifest of a process plugin.
fn is_plugin(file: &str) -> bool {
    is_library(file) || file.ends_with(COMPONENT) || Manifest::is_at(Path::new(file))
}

fn is_about_packing(file: &str) -> bool {
    file == RECIPE || PACKED.iter().any(|ending| file.ends_with(ending))
}

fn is_doc(file: &str) -> bool {
    let name = file.to_ascii_uppercase();
    DOCS.iter().any(|start| {
        name.strip_prefix(start).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '-']))
    })
}

/// Whether the file is a secret key of minisign or of `olive plugin key new`.
fn is_secret_key(path: &Path, size: u64) -> bool {
    let text = (size < 4096).then(|| fs::read(path).ok()).flatten().unwrap_or_default();
    let first = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let comment = String::from_utf8_lossy(first);
    comment.starts_with("untrusted comment:") && comment.contains("secret key")
}

#[cfg(unix)]
fn is_executable(metadata: &Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o100 != 0
}

#[cfg(not(unix))]
fn is_executable(_metadata: &Metadata) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::{is_doc, is_target};

    #[test]
    fn folders_of_targets_are_called_by_triples() {
        for (name, expected) in [
            ("any", true),
            ("x86_64-unknown-linux-gnu", true),
            ("aarch64-apple-darwin", true),
            ("x86_64-pc-windows-msvc", true),
            ("linux-x86_64", false),
            ("x86_64", false),
            ("x86_64--gnu", false),
            ("my-data-files", false),
        ] {
            assert_eq!(is_target(name), expected, "{name}");
        }
    }

    #[test]
    fn files_for_people_are_known_by_their_names() {
        for (name, expected) in [
            ("README.md", true),
            ("readme", true),
            ("LICENSE-MIT", true),
            ("Notice.txt", true),
            ("READMEs", false),
            ("main.py", false),
        ] {
            assert_eq!(is_doc(name), expected, "{name}");
        }
    }
}
