//! Files and folders on their way to the workspace, named by their content.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::AzureError;
use crate::storage::Container;
use crate::text::{hex, sha256};

/// A file or folder as it is now.
pub(crate) struct Parcel {
    /// Its name.
    pub(crate) name: String,
    /// Digest of its name, its files and their names.
    pub(crate) digest: String,
    /// Files by their path from the folder that holds it, which begins with its name.
    pub(crate) files: Vec<(String, PathBuf)>,
}

impl Parcel {
    /// What is at `path`; links are followed.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn of(path: &Path) -> Result<Self, AzureError> {
        let name = name(path)?;
        let mut files = Vec::new();
        walk(path, &name, &mut files)?;
        let mut lines = vec![name.clone()];
        for (below, file) in &files {
            lines.push(format!("{}  {below}", digest(file)?));
        }
        let lines = lines.join("\n") + "\n";
        Ok(Self { name, digest: sha256(lines.as_bytes()), files })
    }

    /// Puts its files below `prefix`, but for those that are there.
    ///
    /// # Errors
    /// When one cannot be sent.
    pub(crate) fn send(&self, container: &Container<'_>, prefix: &str) -> Result<(), AzureError> {
        for (below, file) in &self.files {
            container.upload(&format!("{prefix}/{below}"), file)?;
        }
        Ok(())
    }
}

/// Name of the file or folder at `path`.
///
/// # Errors
/// When it has none, or one that is no text.
pub(crate) fn name(path: &Path) -> Result<String, AzureError> {
    let name = path.file_name().and_then(|name| name.to_str());
    name.map(str::to_owned).ok_or_else(|| {
        AzureError::settings(
            format!("`{}` has no name that a blob can have", path.display()),
            "rename it to plain text",
        )
    })
}

/// Adds the files at `path`, which is `below`, in order of their names.
fn walk(path: &Path, below: &str, files: &mut Vec<(String, PathBuf)>) -> Result<(), AzureError> {
    if !fs::metadata(path).map_err(AzureError::io("read", path))?.is_dir() {
        files.push((below.to_owned(), path.to_owned()));
        return Ok(());
    }
    let mut entries = Vec::new();
    for entry in fs::read_dir(path).map_err(AzureError::io("read", path))? {
        entries.push(entry.map_err(AzureError::io("read", path))?.path());
    }
    entries.sort();
    for entry in entries {
        walk(&entry, &format!("{below}/{}", name(&entry)?), files)?;
    }
    Ok(())
}

fn digest(path: &Path) -> Result<String, AzureError> {
    let mut file = fs::File::open(path).map_err(AzureError::io("read", path))?;
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer).map_err(AzureError::io("read", path))? {
            0 => return Ok(hex(&digest.finalize())),
            read => digest.update(&buffer[..read]),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::Parcel;

    #[test]
    fn a_parcel_is_known_by_names_and_content() {
        let folder = tempfile::tempdir().unwrap();
        let model = folder.path().join("model");
        fs::create_dir_all(model.join("sub")).unwrap();
        fs::write(model.join("sub/b"), "b").unwrap();
        fs::write(model.join("a"), "a").unwrap();
        let parcel = Parcel::of(&model).unwrap();
        let names: Vec<_> = parcel.files.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!((parcel.name.as_str(), names), ("model", vec!["model/a", "model/sub/b"]));
        assert_eq!(Parcel::of(&model).unwrap().digest, parcel.digest);
        for change in ["a", "c"] {
            fs::write(model.join(change), "c").unwrap();
            assert_ne!(Parcel::of(&model).unwrap().digest, parcel.digest, "{change}");
        }
        assert!(Parcel::of(&folder.path().join("none")).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("blob"), "weights").unwrap();
        fs::create_dir(folder.path().join("model")).unwrap();
        let link = folder.path().join("model/weights");
        std::os::unix::fs::symlink("../blob", &link).unwrap();
        let linked = Parcel::of(&folder.path().join("model")).unwrap();
        fs::remove_file(&link).unwrap();
        fs::write(&link, "weights").unwrap();
        assert_eq!(Parcel::of(&folder.path().join("model")).unwrap().digest, linked.digest);
    }
}
