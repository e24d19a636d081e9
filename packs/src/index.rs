//! Indexes: where packs are found by name.

mod build;
mod entry;
mod find;
mod read;

pub use build::{Yank, grown};
pub use entry::{Found, entry};
pub use read::{parse, text};

use std::path::{Path, PathBuf};

use olive_schemas::pack::{FORMAT, PackIndex};
use serde::{Deserialize, Serialize};

use crate::PackError;
use crate::data::{self, Changing};
use crate::signature::{PublicKey, SUFFIX, Signature, Subject};

/// Name of the index that comes with the program: `packs/index.json` beside it, signed by the key
/// `packs/olive.pub`.
pub const PROGRAM: &str = "program";

/// Bytes that an index may have.
pub const LIMIT: u64 = 64 << 20;

/// The configured indexes and the last copies of them.
#[derive(Debug, Clone)]
pub struct Indexes {
    data_home: PathBuf,
    configured: Vec<Configured>,
}

/// A configured index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Configured {
    /// Its name, which its signature names too.
    pub name: String,
    /// Where it is: an https URL, or an absolute path.
    pub url: String,
    /// The public key that signs it, a line of base64.
    pub key: String,
}

/// `indexes.json`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    format: u32,
    indexes: Vec<Configured>,
}

impl Indexes {
    /// The configured indexes under `data_home`, and the one that comes with the program.
    ///
    /// # Errors
    /// When the list is there and cannot be read or understood.
    pub fn load(data_home: &Path, program_dir: Option<&Path>) -> Result<Self, PackError> {
        let mut configured = read_list(data_home)?;
        let of_program = program_dir.map(|folder| folder.join("packs/index.json"));
        if let Some(path) = of_program.filter(|path| path.is_file()) {
            let key = data::read(&path.with_file_name("olive.pub"))?.unwrap_or_default();
            let key = PublicKey::parse(&key).map(|key| key.to_base64()).unwrap_or_default();
            let url = path.display().to_string();
            configured.insert(0, Configured { name: PROGRAM.to_owned(), url, key });
        }
        Ok(Self { data_home: data_home.to_owned(), configured })
    }

    /// The configured indexes, by name, behind the one that comes with the program.
    pub fn configured(&self) -> &[Configured] {
        &self.configured
    }

    /// Adds an index whose first copy is `content`; gives its name. One that is there already with
    /// the same address and key gets a fresh copy.
    ///
    /// # Errors
    /// When the signature is not by `key`, the name is taken, or it cannot be written.
    pub fn add(
        &mut self,
        url: &str,
        key: &PublicKey,
        content: &[u8],
        signature: &Signature,
    ) -> Result<String, PackError> {
        let index = verified(url, key, content, signature)?;
        let name = index.name.clone();
        let new = Configured { name: name.clone(), url: url.to_owned(), key: key.to_base64() };
        self.change(|list, changing| {
            match list.iter().find(|known| known.name == name) {
                Some(known) if *known == new => {}
                Some(known) => return Err(taken(&name, &known.url)),
                None if name == PROGRAM => return Err(taken(PROGRAM, "the program's folder")),
                None => {}
            }
            self.write_copy(changing, &index, content, signature)?;
            list.retain(|known| known.name != name);
            list.push(new);
            list.sort_by(|a, b| a.name.cmp(&b.name));
            Ok(())
        })
        .map(|list| {
            self.take(list);
            index.name
        })
    }

    /// Forgets an index.
    ///
    /// # Errors
    /// When there is none of this name, or it comes with the program.
    pub fn remove(&mut self, name: &str) -> Result<(), PackError> {
        if self.is_of_program(name) {
            return Err(of_program());
        }
        let list = self.change(|list, changing| {
            if list.extract_if(.., |known| known.name == name).count() == 0 {
                return Err(unknown(name));
            }
            // A copy without an entry in the list is never read, so that the order does not matter.
            let copy = self.copy(name);
            changing.remove(&copy)?;
            changing.remove(&signature_beside(&copy))
        })?;
        self.take(list);
        Ok(())
    }

    /// Takes a fresh copy of the index `name`.
    ///
    /// # Errors
    /// When the signature does not fit, or the serial number is smaller than that of the last copy.
    pub fn update(
        &mut self,
        name: &str,
        content: &[u8],
        signature: &Signature,
    ) -> Result<(), PackError> {
        if self.is_of_program(name) {
            return Err(of_program());
        }
        let list = self.change(|list, changing| {
            let known = list.iter().find(|known| known.name == name);
            let known = known.ok_or_else(|| unknown(name))?;
            let key = PublicKey::parse(&known.key)?;
            let index = verified(&known.url, &key, content, signature)?;
            if index.name != name {
                let message = format!(
                    "`{}` is the index `{}`, and `{name}` was added from there",
                    known.url, index.name
                );
                return Err(PackError::refused("index-swapped", message)
                    .with_help(format!("`olive plugin index remove {name}`, then add it again")));
            }
            self.write_copy(changing, &index, content, signature)
        })?;
        self.take(list);
        Ok(())
    }

    /// The last copy of each index, with its name; what cannot be read is told.
    ///
    /// Signatures are checked when a copy is taken, not here: the copies lie in the user's own
    /// folder, and this is done at every check of a config.
    pub fn copies(&self) -> (Vec<(&Configured, PackIndex)>, Vec<PackError>) {
        let (mut copies, mut problems) = (Vec::new(), Vec::new());
        for index in &self.configured {
            match self.copy_of(index) {
                Ok(copy) => copies.push((index, copy)),
                Err(problem) => problems.push(problem),
            }
        }
        (copies, problems)
    }

    /// The last copy of a configured index.
    ///
    /// # Errors
    /// When there is none, or it cannot be read or understood.
    pub fn copy_of(&self, index: &Configured) -> Result<PackIndex, PackError> {
        let is_of_program = index.name == PROGRAM;
        let path = if is_of_program { PathBuf::from(&index.url) } else { self.copy(&index.name) };
        let Some(text) = data::read(&path)? else {
            let message = format!("there is no copy of the index `{}` yet", index.name);
            return Err(PackError::refused("index-missing", message)
                .with_help("`olive plugin index update` takes one"));
        };
        parse(text.as_bytes(), &path.display().to_string())
    }

    /// Keeps a copy that is not older than the last one.
    fn write_copy(
        &self,
        changing: &Changing,
        index: &PackIndex,
        content: &[u8],
        signature: &Signature,
    ) -> Result<(), PackError> {
        let path = self.copy(&index.name);
        check_serial(index, content, data::read(&path)?.as_deref(), &path)?;
        changing.write(&signature_beside(&path), signature.text().as_bytes())?;
        changing.write(&path, content)
    }

    fn copy(&self, name: &str) -> PathBuf {
        self.data_home.join("indexes").join(format!("{name}.json"))
    }

    fn is_of_program(&self, name: &str) -> bool {
        name == PROGRAM && self.configured.iter().any(|known| known.name == PROGRAM)
    }

    /// Applies a change to the list that is written down right now, and writes it down.
    fn change(
        &self,
        apply: impl FnOnce(&mut Vec<Configured>, &Changing) -> Result<(), PackError>,
    ) -> Result<Vec<Configured>, PackError> {
        let changing = Changing::begin(&self.data_home)?;
        let mut list = read_list(&self.data_home)?;
        let before = list.clone();
        apply(&mut list, &changing)?;
        if list != before {
            let written = Written { format: FORMAT, indexes: list.clone() };
            changing.write_json(&list_path(&self.data_home), &written)?;
        }
        Ok(list)
    }

    fn take(&mut self, list: Vec<Configured>) {
        self.configured.retain(|known| known.name == PROGRAM);
        self.configured.extend(list);
    }
}

fn list_path(data_home: &Path) -> PathBuf {
    data_home.join("indexes.json")
}

fn read_list(data_home: &Path) -> Result<Vec<Configured>, PackError> {
    let path = list_path(data_home);
    let Some(written) = data::read_json::<Written>(&path)? else { return Ok(Vec::new()) };
    if written.format != FORMAT {
        let message = format!(
            "`{}` is of format {}, and this program reads {FORMAT}",
            path.display(),
            written.format
        );
        return Err(PackError::refused("pack-data", message));
    }
    for index in &written.indexes {
        read::check_name(&index.name, &path.display().to_string())?;
    }
    Ok(written.indexes)
}

fn signature_beside(path: &Path) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(SUFFIX);
    path.into()
}

/// The index at `url`, when `key` has signed it under its name and serial number.
fn verified(
    url: &str,
    key: &PublicKey,
    content: &[u8],
    signature: &Signature,
) -> Result<PackIndex, PackError> {
    if !matches!(signature.subject(), Subject::Index { .. }) {
        let message =
            format!("the signature of the index `{url}` is about {}", signature.subject());
        return Err(PackError::refused("index-swapped", message));
    }
    signature.verify(content, key)?;
    let index = parse(content, url)?;
    let own = Subject::Index { name: index.name.clone(), serial: index.serial };
    if *signature.subject() != own {
        let message = format!(
            "the signature of `{url}` is about {}, and the file is {own}",
            signature.subject()
        );
        return Err(PackError::refused("index-swapped", message));
    }
    Ok(index)
}

/// Checks that `index` is not older than the `last` copy of it. A last copy that cannot be
/// understood says nothing.
fn check_serial(
    index: &PackIndex,
    content: &[u8],
    last: Option<&str>,
    path: &Path,
) -> Result<(), PackError> {
    let PackIndex { name, serial, .. } = index;
    let Some(last) = last else { return Ok(()) };
    let Ok(PackIndex { serial: seen, .. }) = parse(last.as_bytes(), &path.display().to_string())
    else {
        return Ok(());
    };
    let message = if *serial < seen {
        format!("the index `{name}` has serial number {serial}, and {seen} was seen before")
    } else if *serial == seen && content != last.as_bytes() {
        format!("the index `{name}` has changed, and its serial number {serial} has not")
    } else {
        return Ok(());
    };
    Err(PackError::refused("index-stale", message)
        .with_help("the last copy stays in use; tell whoever keeps the index"))
}

fn taken(name: &str, url: &str) -> PackError {
    let message = format!("there is an index `{name}` already, from `{url}`");
    PackError::refused("index-taken", message)
        .with_help(format!("`olive plugin index remove {name}` makes room for another"))
}

fn unknown(name: &str) -> PackError {
    PackError::refused("index-unknown", format!("there is no index `{name}`"))
        .with_help("`olive plugin index list` lists them")
}

fn of_program() -> PackError {
    let message = format!("the index `{PROGRAM}` comes with the program, and changes with it");
    PackError::refused("index-program", message)
}

#[cfg(test)]
mod tests;
