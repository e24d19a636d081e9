//! Seals: how a user knows the generations of a project's store again.
//!
//! A project's folder comes from everywhere: a clone, an archive, a shared disk. What is active in
//! its store decides which code runs, so a generation counts only with a keyed hash that nobody can
//! make but the user who installed its packs here.

use std::fs;
use std::path::Path;

use blake3::{Hash, KEY_LEN};

use super::Generation;
use crate::PackError;
use crate::data::{Changing, if_there};
use crate::durable;

/// Says what is hashed, so that a hash for another purpose never fits.
const CONTEXT: &[u8] = b"olive generation of packs 1\n";

/// The seal of `generation` under the key of the user at `data_home`, which is made when there is
/// none.
pub(super) fn make(data_home: &Path, generation: &Generation) -> Result<String, PackError> {
    let key = match key(data_home)? {
        Some(key) => key,
        None => make_key(data_home)?,
    };
    hash(&key, generation).map(|hash| hash.to_string())
}

/// Whether `generation` carries the seal of the user at `data_home`.
pub(super) fn is_ours(data_home: &Path, generation: &Generation) -> Result<bool, PackError> {
    let Some(seal) = generation.seal.as_ref().and_then(|seal| Hash::from_hex(seal).ok()) else {
        return Ok(false);
    };
    let Some(key) = key(data_home)? else { return Ok(false) };
    // Hashes are compared in the same time, wherever they differ.
    Ok(hash(&key, generation)? == seal)
}

fn hash(key: &[u8; KEY_LEN], generation: &Generation) -> Result<Hash, PackError> {
    let unsealed = Generation { seal: None, ..generation.clone() };
    let text = crate::data::json(&unsealed)?;
    let mut hasher = blake3::Hasher::new_keyed(key);
    hasher.update(CONTEXT).update(text.as_bytes());
    Ok(hasher.finalize())
}

fn key(data_home: &Path) -> Result<Option<[u8; KEY_LEN]>, PackError> {
    let path = crate::home::seal_key(data_home);
    let Some(bytes) = if_there(&path, |path| fs::read(path))? else { return Ok(None) };
    let refused = |why: &str, help: &str| {
        let message = format!("`{}`, the key of projects' packs, {why}", path.display());
        PackError::refused("pack-seal-key", message).with_help(help)
    };
    if is_open(&path)? {
        let help = format!("close it: `chmod 600 {}`", path.display());
        return Err(refused("can be read by other users", &help));
    }
    let help = "remove it, and install the packs of your projects again";
    bytes.try_into().map(Some).map_err(|_| refused("is none", help))
}

/// Makes the key. Of two commands at once, the second finds what the first has made.
fn make_key(data_home: &Path) -> Result<[u8; KEY_LEN], PackError> {
    let change = Changing::begin(data_home)?;
    if let Some(key) = key(data_home)? {
        return Ok(key);
    }
    let key = durable::random()?;
    change.write(&crate::home::seal_key(data_home), &key)?;
    Ok(key)
}

#[cfg(unix)]
fn is_open(path: &Path) -> Result<bool, PackError> {
    use std::os::unix::fs::MetadataExt;
    let about = fs::metadata(path).map_err(PackError::io("read", path))?;
    Ok(about.mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn is_open(_: &Path) -> Result<bool, PackError> {
    Ok(false)
}
