//! Whether the files of a plugin that came in a pack are still those that were installed.
//!
//! Looked at right before they are used, by the process that uses them: the signature was about
//! these bytes, and nothing says that the disk still holds them.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use olive_packs::archive;
use olive_schemas::error::PluginError;
use olive_schemas::protocol::{Callee, Packed};

/// The library or manifest of a plugin, held open since it was compared with its pack.
#[derive(Debug)]
pub(crate) struct Unchanged {
    path: PathBuf,
    file: File,
    is_alone: bool,
}

/// Compares every file in the plugin's folder with its pack; nothing is asked of a plugin that came
/// in none.
///
/// # Errors
/// When a file is missing, has changed or was added: code `plugin-changed`.
pub(crate) fn check(plugin: &Callee) -> Result<Option<Unchanged>, PluginError> {
    let Callee { path, packed: Some(packed), .. } = plugin else { return Ok(None) };
    let folder = path.parent().unwrap_or(path);
    let own = path.file_name().unwrap_or_default().to_string_lossy();
    let mut opened = None;
    for (name, sha256) in &packed.files {
        let path = folder.join(name);
        let file = compared(&path, sha256).map_err(|how| changed(packed, name, &how))?;
        if *name == *own {
            opened = Some(Unchanged { path, file, is_alone: packed.files.len() == 1 });
        }
    }
    if let Some(name) = stranger(folder, Path::new(""), &packed.files) {
        return Err(changed(packed, &name, "does not belong to it"));
    }
    opened.map(Some).ok_or_else(|| changed(packed, &own, "does not belong to it"))
}

/// Compares the content of the file at `path` with its pack.
///
/// # Errors
/// A sentence when it is another.
pub(crate) fn check_bytes(path: &Path, content: &[u8], packed: &Packed) -> Result<(), String> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let found = archive::digest(content).map_err(|error| error.to_string())?.0;
    if packed.files.get(&*name) == Some(&found) {
        return Ok(());
    }
    Err(format!("`{name}` is not the file that was installed with the pack {}", packed.pack))
}

/// The file at `path`, when its content has this digest; otherwise what is wrong.
fn compared(path: &Path, sha256: &str) -> Result<File, String> {
    let unreadable = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => "is missing".to_owned(),
        _ => format!("cannot be read ({error})"),
    };
    let file = File::open(path).map_err(unreadable)?;
    let (found, _) = archive::digest(&file).map_err(unreadable)?;
    if found == sha256 { Ok(file) } else { Err("has changed".to_owned()) }
}

/// A file below `folder` that is not one of `files`.
fn stranger(folder: &Path, below: &Path, files: &BTreeMap<String, String>) -> Option<String> {
    for entry in fs::read_dir(folder.join(below)).ok()?.flatten() {
        let name = below.join(entry.file_name());
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        let told = name.to_string_lossy().replace(std::path::MAIN_SEPARATOR, "/");
        let found = match () {
            () if is_folder => stranger(folder, &name, files),
            () if files.contains_key(&told) => None,
            () => Some(told),
        };
        if found.is_some() {
            return found;
        }
    }
    None
}

fn changed(packed: &Packed, name: &str, how: &str) -> PluginError {
    let message = format!("file `{name}` of the installed pack {} {how}", packed.pack);
    PluginError::new("plugin-changed", message)
        .with_help("see `olive plugin verify`, and install the pack again")
}

impl Unchanged {
    /// The path at which the system finds the very file that was compared.
    ///
    /// On Linux a library that stands alone is opened through its descriptor, whatever happens to
    /// its name meanwhile. One with files beside it must be opened by its name, or it does not find
    /// them (`$ORIGIN` would be the folder of descriptors); its name still leads to the file that
    /// was compared, but nothing holds that until it is loaded. Packs lie in folders that only their
    /// user can write.
    ///
    /// # Errors
    /// When the name leads to another file by now.
    pub(crate) fn into_path(self, packed: &Packed) -> Result<PathBuf, PluginError> {
        #[cfg(target_os = "linux")]
        if self.is_alone {
            use std::os::fd::IntoRawFd;
            // Open as long as the process: what is loaded is never unloaded.
            return Ok(PathBuf::from(format!("/proc/self/fd/{}", self.file.into_raw_fd())));
        }
        let name = self.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        match self.is_still_there() {
            Ok(true) => Ok(self.path),
            Ok(false) | Err(_) => Err(changed(packed, &name, "has changed")),
        }
    }

    #[cfg(unix)]
    fn is_still_there(&self) -> io::Result<bool> {
        use std::os::unix::fs::MetadataExt;
        let (opened, named) = (self.file.metadata()?, fs::metadata(&self.path)?);
        Ok((opened.dev(), opened.ino()) == (named.dev(), named.ino()))
    }

    /// Such a system lets nobody replace a file that is open.
    #[cfg(not(unix))]
    fn is_still_there(&self) -> io::Result<bool> {
        fs::metadata(&self.path).map(|named| named.is_file())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use olive_packs::archive;
    use olive_schemas::protocol::{Callee, Packed};

    use super::{check, check_bytes};

    struct Folder(tempfile::TempDir);

    impl Folder {
        fn new(files: &[&str]) -> Self {
            let folder = Self(tempfile::tempdir().unwrap());
            for name in files {
                folder.write(name, name);
            }
            folder
        }

        fn write(&self, name: &str, text: &str) {
            let path = self.0.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }

        fn callee(&self, files: &[&str]) -> Callee {
            Callee { packed: Some(packed(files)), ..self.0.path().join("a.so").into() }
        }
    }

    /// The files with their names as content.
    fn packed(files: &[&str]) -> Packed {
        let sha256 =
            |name: &&str| ((*name).to_owned(), archive::digest(name.as_bytes()).unwrap().0);
        Packed { pack: "acme/a 1.0.0".into(), files: files.iter().map(sha256).collect() }
    }

    #[test]
    fn every_file_of_the_folder_must_be_as_it_was_installed() {
        let names = ["a.so", "lib/b.so"];
        let of_pack = |what: &str| format!("file `{what}");
        for (change, told) in [
            (&(|_: &Folder| {}) as &dyn Fn(&Folder), String::new()),
            (
                &|folder| folder.write("a.so", "b"),
                of_pack("a.so` of the installed pack acme/a 1.0.0 has changed"),
            ),
            (
                &|folder| folder.write("lib/b.so", "b"),
                of_pack("lib/b.so` of the installed pack acme/a 1.0.0 has changed"),
            ),
            (
                &|folder| fs::remove_file(folder.0.path().join("lib/b.so")).unwrap(),
                of_pack("lib/b.so` of the installed pack acme/a 1.0.0 is missing"),
            ),
            (
                &|folder| folder.write("lib/c.so", "c"),
                of_pack("lib/c.so` of the installed pack acme/a 1.0.0 does not belong to it"),
            ),
        ] {
            let folder = Folder::new(&names);
            change(&folder);
            match check(&folder.callee(&names)) {
                Ok(opened) => assert!(opened.is_some() && told.is_empty(), "{told}"),
                Err(error) => {
                    assert_eq!(error.message, told);
                    assert_eq!(error.code, "plugin-changed");
                }
            }
        }
    }

    #[test]
    fn a_plugin_must_be_one_of_the_files_of_its_pack() {
        let folder = Folder::new(&["a.so", "b.so"]);
        let error = check(&folder.callee(&["b.so"])).unwrap_err();
        assert_eq!(
            error.message,
            "file `a.so` of the installed pack acme/a 1.0.0 does not belong to it"
        );
        assert!(check(&Callee::from(folder.0.path().join("a.so"))).unwrap().is_none());
    }

    #[test]
    fn what_is_loaded_is_what_was_compared() {
        let folder = Folder::new(&["a.so", "b.so"]);
        let (alone, beside) = (&["a.so"][..], &["a.so", "b.so"][..]);
        let opened = check(&folder.callee(beside)).unwrap().unwrap();
        assert_eq!(opened.into_path(&packed(beside)).unwrap(), folder.0.path().join("a.so"));
        let opened = check(&folder.callee(beside)).unwrap().unwrap();
        let exchange = || {
            fs::write(folder.0.path().join("new"), "another").unwrap();
            fs::rename(folder.0.path().join("new"), folder.0.path().join("a.so")).unwrap();
        };
        exchange();
        let error = opened.into_path(&packed(beside)).unwrap_err();
        assert!(error.message.ends_with("has changed"), "{}", error.message);
        if cfg!(target_os = "linux") {
            let folder = Folder::new(alone);
            let opened = check(&folder.callee(alone)).unwrap().unwrap();
            exchange();
            let path = opened.into_path(&packed(alone)).unwrap();
            fs::remove_file(folder.0.path().join("a.so")).unwrap();
            assert_eq!(fs::read_to_string(path).unwrap(), "a.so");
        }
    }

    #[test]
    fn bytes_are_compared_by_the_name_of_their_file() {
        let packed = packed(&["a.wasm"]);
        assert_eq!(check_bytes(Path::new("/x/a.wasm"), b"a.wasm", &packed), Ok(()));
        let told = "`a.wasm` is not the file that was installed with the pack acme/a 1.0.0";
        assert_eq!(check_bytes(Path::new("/x/a.wasm"), b"b", &packed), Err(told.to_owned()));
    }
}
