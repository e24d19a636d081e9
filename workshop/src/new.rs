//! A new plugin: a folder that builds, is tested and runs at once.
//!
//! A [`Template`] is a real little plugin whose own name is replaced. In reading order: the [name]
//! and its spellings, the [table of templates](template), the tiny model to try them on.

pub mod name;
pub mod template;
mod model;
#[cfg(test)]
mod guide;

use std::path::{Path, PathBuf};
use std::{fs, io};

use thiserror::Error;

use crate::sdk;
use name::{Name, NameError};
use template::{Contract, Template};

/// Why no plugin was made.
#[derive(Debug, Error)]
pub enum NewError {
    /// The name cannot be one.
    #[error(transparent)]
    Name(#[from] NameError),
    /// There is no template.
    #[error("{kind} cannot be written in {language}; there are templates in {languages}")]
    NoTemplate {
        /// What was asked for, with its article.
        kind: String,
        /// In which language.
        language: String,
        /// The languages of the kind.
        languages: String,
    },
    /// Something has the folder's name.
    #[error("`{}` is there already: nothing was written", .0.display())]
    Exists(PathBuf),
    /// The folder cannot be written.
    #[error("cannot write `{}`: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// Makes the folder of a plugin called `name` in the folder `parent`, and gives its path.
///
/// # Errors
/// When the folder is there already or cannot be written; nothing half-written remains.
pub fn write(name: &Name, template: &Template, parent: &Path) -> Result<PathBuf, NewError> {
    let folder = parent.join(name.as_str());
    if folder.symlink_metadata().is_ok() {
        return Err(NewError::Exists(folder));
    }
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| NewError::Io { path, source }
    };
    let work = tempfile::Builder::new()
        .prefix(&format!(".{name}-"))
        .tempdir_in(parent)
        .map_err(failed(parent))?;
    for (path, content) in files(name, template) {
        let path = work.path().join(path);
        path.parent().map_or(Ok(()), fs::create_dir_all).map_err(failed(&path))?;
        fs::write(&path, content).map_err(failed(&path))?;
    }
    open_to_others(work.path()).map_err(failed(work.path()))?;
    fs::rename(work.path(), &folder).map_err(failed(&folder))?;
    Ok(folder)
}

/// Every file of the plugin, by path below its folder.
fn files(name: &Name, template: &Template) -> Vec<(String, Vec<u8>)> {
    let renamed = |text: &str| name.put_into(text, template.sample);
    let own = template.files().map(|(path, text)| (renamed(path), renamed(text).into()));
    let mut files: Vec<(String, Vec<u8>)> = own.collect();
    match template.contract {
        Contract::Crates(dependencies) => {
            let sdk = sdk::files().into_iter();
            files.extend(sdk.map(|(path, text)| (format!("sdk/{path}"), text.into())));
            files.push(("Cargo.lock".into(), sdk::lock(name.as_str(), dependencies).into()));
        }
        Contract::Wit => files.push(("wit/olive-plugin.wit".into(), sdk::WIT.into())),
        Contract::Protocol => {}
    }
    files.extend(model::files(template.model()));
    files
}

/// Gives a folder that was made as a temporary one the permissions of any other.
#[cfg(unix)]
fn open_to_others(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    // What the user's mask leaves of a file shows what it would leave of a folder.
    let probe = folder.join("README.md").metadata()?.permissions().mode();
    let mode = probe | ((probe & 0o444) >> 2);
    fs::set_permissions(folder, fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "one signature on every system")]
fn open_to_others(_folder: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::name::Name;
    use super::template::TEMPLATES;
    use super::{NewError, files, write};

    #[test]
    fn no_template_leaves_its_own_name() {
        let name = Name::parse("my-4bit-thing").unwrap();
        for template in TEMPLATES {
            for (path, content) in files(&name, template) {
                let text = format!("{path} {}", String::from_utf8_lossy(&content));
                let is_own = path.starts_with("sdk/") || path.starts_with("wit/");
                let rest = ["acme", "Acme", "ACME", "cast-weights", "CastWeights"];
                let rest = rest.iter().find(|rest| !is_own && text.contains(**rest));
                assert_eq!(rest, None, "{path}");
            }
        }
    }

    #[test]
    fn every_template_has_what_every_plugin_has() {
        let name = Name::parse("thing").unwrap();
        for template in TEMPLATES {
            let files = files(&name, template);
            for wanted in ["README.md", "LICENSE", ".gitignore", "example.json", "olive-pack.json"]
            {
                let has = files.iter().any(|(path, content)| path == wanted && !content.is_empty());
                assert!(has, "{} in {}: {wanted}", template.kind, template.language);
            }
            let mut paths: Vec<&String> = files.iter().map(|(path, _)| path).collect();
            paths.sort();
            paths.dedup();
            assert_eq!(paths.len(), files.len(), "a path is there twice");
        }
    }

    #[test]
    fn a_folder_that_is_there_is_left_alone() {
        let parent = tempfile::tempdir().unwrap();
        let name = Name::parse("thing").unwrap();
        fs::create_dir(parent.path().join("thing")).unwrap();
        let error = write(&name, &TEMPLATES[0], parent.path()).unwrap_err();
        assert!(matches!(error, NewError::Exists(_)), "{error}");
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 1);
    }

    #[test]
    fn nothing_remains_where_nothing_can_be_written() {
        let parent = tempfile::tempdir().unwrap();
        let nowhere = parent.path().join("nowhere");
        let error = write(&Name::parse("thing").unwrap(), &TEMPLATES[0], &nowhere).unwrap_err();
        assert!(error.to_string().starts_with("cannot write `"), "{error}");
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
    }

    #[test]
    fn the_folder_is_all_that_is_made() {
        let parent = tempfile::tempdir().unwrap();
        let folder = write(&Name::parse("thing").unwrap(), &TEMPLATES[0], parent.path()).unwrap();
        assert_eq!(folder, parent.path().join("thing"));
        assert!(folder.join("sdk/plugin-api/src/lib.rs").is_file());
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 1);
    }
}
