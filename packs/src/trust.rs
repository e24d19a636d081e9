//! Whose packs are installed: keys of publishers, by the user's word.

mod judge;

pub use judge::{Policy, Verdict};

use std::path::{Path, PathBuf};

use olive_schemas::pack::{FORMAT, PackName};
use serde::{Deserialize, Serialize};

use crate::PackError;
use crate::data::{self, Changing};
use crate::signature::PublicKey;

/// The keys that the user trusts, and those no longer.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    data_home: PathBuf,
    publishers: Vec<Publisher>,
    revoked: Vec<Revoked>,
}

/// A publisher and its keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Publisher {
    /// Id, the first part of the names of its packs.
    pub id: String,
    /// Its keys.
    pub keys: Vec<TrustedKey>,
}

/// A key that is trusted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustedKey {
    /// Id of the key.
    pub id: String,
    /// The public key, a line of base64.
    pub key: String,
    /// How it came to be trusted.
    pub by: TrustedBy,
}

/// How a key came to be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TrustedBy {
    /// The user named it.
    User,
    /// The user agreed when a pack was first installed.
    FirstUse,
    /// It came with the program. Never written down.
    Program,
}

/// A key that was trusted once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revoked {
    /// Id of the key.
    pub id: String,
    /// Id of its publisher.
    pub publisher: String,
}

/// `trust.json`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    format: u32,
    publishers: Vec<Publisher>,
    revoked: Vec<Revoked>,
}

impl Trust {
    /// The user's keys under `data_home`, and those that came with the program: `packs/ID.pub` in
    /// `program_dir`, each of the publisher ID. A revoked key stays revoked, wherever it is.
    ///
    /// # Errors
    /// When the file is there and cannot be read or understood.
    pub fn load(data_home: &Path, program_dir: Option<&Path>) -> Result<Self, PackError> {
        let mut trust = Self { data_home: data_home.to_owned(), ..Self::default() };
        trust.read()?;
        if let Some(folder) = program_dir {
            trust.add_program_keys(&folder.join("packs"))?;
        }
        Ok(trust)
    }

    /// The publishers, by id.
    pub fn publishers(&self) -> &[Publisher] {
        &self.publishers
    }

    /// Keys that are no longer trusted.
    pub fn revoked(&self) -> &[Revoked] {
        &self.revoked
    }

    /// Whether the key with this id is trusted for packs of `publisher`.
    pub fn is_trusted(&self, publisher: &str, key_id: &str) -> bool {
        self.keys_of(publisher).iter().any(|key| key.id == key_id)
    }

    /// Whether the key with this id was trusted once and is no longer.
    pub(crate) fn is_revoked(&self, key_id: &str) -> bool {
        self.revoked.iter().any(|revoked| revoked.id == key_id)
    }

    /// Trusts `key` for packs of `publisher`, and writes that down. A key that was revoked is
    /// trusted again only when the user names it.
    ///
    /// # Errors
    /// When the id is none, the key is another publisher's, or the file cannot be written.
    pub fn add(
        &mut self,
        publisher: &str,
        key: &PublicKey,
        by: TrustedBy,
    ) -> Result<(), PackError> {
        if !PackName::is_part(publisher) {
            let message = format!("`{}` is no id of a publisher", publisher.escape_debug());
            return Err(PackError::refused("trust-publisher", message)
                .with_help("an id is of lower-case letters, digits and single `-`"));
        }
        self.change(|trust| {
            let id = key.id();
            if by != TrustedBy::User && trust.is_revoked(&id) {
                return Err(judge::revoked(&id, publisher));
            }
            if let Some((owner, known)) = trust.owner_of(&id) {
                return judge::check_known(key, publisher, owner, known);
            }
            trust.revoked.retain(|revoked| revoked.id != id);
            trust.insert(publisher, TrustedKey { id, key: key.to_base64(), by });
            Ok(())
        })
    }

    /// Trusts a publisher, or a key by its id, no longer, and writes that down; gives the ids of the
    /// keys.
    ///
    /// # Errors
    /// When there is no such publisher or key, or the file cannot be written.
    pub fn remove(&mut self, publisher_or_key: &str) -> Result<Vec<String>, PackError> {
        self.change(|trust| {
            let mut gone = Vec::new();
            for publisher in &mut trust.publishers {
                let goes = |key: &mut TrustedKey| {
                    publisher.id == publisher_or_key
                        || key.id.eq_ignore_ascii_case(publisher_or_key)
                };
                let keys = publisher.keys.extract_if(.., goes);
                let id = &publisher.id;
                gone.extend(keys.map(|key| Revoked { id: key.id, publisher: id.clone() }));
            }
            if gone.is_empty() {
                let message = format!("no publisher or key `{publisher_or_key}` is trusted");
                return Err(PackError::refused("trust-unknown", message)
                    .with_help("`olive plugin trust list` lists them"));
            }
            let ids = gone.iter().map(|revoked| revoked.id.clone()).collect();
            trust.publishers.retain(|publisher| !publisher.keys.is_empty());
            trust.revoked.extend(gone);
            trust.revoked.sort_by(|a, b| (&a.publisher, &a.id).cmp(&(&b.publisher, &b.id)));
            Ok(ids)
        })
    }

    fn keys_of(&self, publisher: &str) -> &[TrustedKey] {
        let known = self.publishers.iter().find(|known| known.id == publisher);
        known.map_or(&[], |known| &known.keys)
    }

    /// The publisher whose key has this id.
    fn owner_of(&self, key_id: &str) -> Option<(&str, &TrustedKey)> {
        self.publishers.iter().find_map(|publisher| {
            let key = publisher.keys.iter().find(|key| key.id == key_id)?;
            Some((publisher.id.as_str(), key))
        })
    }

    fn insert(&mut self, publisher: &str, key: TrustedKey) {
        match self.publishers.binary_search_by(|known| known.id.as_str().cmp(publisher)) {
            Ok(place) => self.publishers[place].keys.push(key),
            Err(place) => {
                let publisher = Publisher { id: publisher.to_owned(), keys: vec![key] };
                self.publishers.insert(place, publisher);
            }
        }
    }

    fn path(&self) -> PathBuf {
        self.data_home.join("trust.json")
    }

    /// Takes what is written down.
    fn read(&mut self) -> Result<(), PackError> {
        let path = self.path();
        let Some(written) = data::read_json::<Written>(&path)? else { return Ok(()) };
        let refused = |message: String| {
            PackError::refused("pack-data", format!("`{}` {message}", path.display()))
        };
        if written.format != FORMAT {
            let message =
                format!("is of format {}, and this program reads {FORMAT}", written.format);
            return Err(refused(message));
        }
        for publisher in written.publishers {
            for key in publisher.keys {
                let is_sound = PublicKey::parse(&key.key).is_ok_and(|parsed| parsed.id() == key.id);
                if !is_sound || !PackName::is_part(&publisher.id) {
                    return Err(refused(format!("has a damaged key of `{}`", publisher.id)));
                }
                self.insert(&publisher.id, key);
            }
        }
        self.revoked = written.revoked;
        Ok(())
    }

    fn add_program_keys(&mut self, folder: &Path) -> Result<(), PackError> {
        let Ok(entries) = folder.read_dir() else { return Ok(()) };
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        for path in paths.iter().filter(|path| path.extension().is_some_and(|end| end == "pub")) {
            let publisher = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
            let key = data::read(path)?.map(|text| PublicKey::parse(&text)).transpose();
            let key = key.ok().flatten().filter(|_| PackName::is_part(publisher));
            let Some(key) = key else {
                let message = format!("`{}` is no public key of a publisher", path.display());
                return Err(PackError::refused("pack-key", message)
                    .with_help("it belongs to the program; install the program again"));
            };
            if !self.is_revoked(&key.id()) && self.owner_of(&key.id()).is_none() {
                let (id, key) = (key.id(), key.to_base64());
                self.insert(publisher, TrustedKey { id, key, by: TrustedBy::Program });
            }
        }
        Ok(())
    }

    /// Applies a change to what is written down right now, and writes it down; nothing is changed
    /// when that fails.
    fn change<T>(
        &mut self,
        apply: impl FnOnce(&mut Self) -> Result<T, PackError>,
    ) -> Result<T, PackError> {
        let changing = Changing::begin(&self.data_home)?;
        let mut fresh = Self { data_home: self.data_home.clone(), ..Self::default() };
        fresh.read()?;
        for publisher in &self.publishers {
            for key in publisher.keys.iter().filter(|key| key.by == TrustedBy::Program) {
                if !fresh.is_revoked(&key.id) && fresh.owner_of(&key.id).is_none() {
                    fresh.insert(&publisher.id, key.clone());
                }
            }
        }
        let done = apply(&mut fresh)?;
        changing.write_json(&self.path(), &fresh.to_write())?;
        *self = fresh;
        Ok(done)
    }

    fn to_write(&self) -> Written {
        let mut publishers = self.publishers.clone();
        for publisher in &mut publishers {
            publisher.keys.retain(|key| key.by != TrustedBy::Program);
        }
        publishers.retain(|publisher| !publisher.keys.is_empty());
        Written { format: FORMAT, publishers, revoked: self.revoked.clone() }
    }
}

#[cfg(test)]
mod tests;
