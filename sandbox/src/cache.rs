//! Machine code that is kept between runs, and believed only when this user wrote it.
//!
//! ```text
//! <folder>/                 0700, owned by this user, no link
//! ├── key                   0600, 32 random bytes
//! └── <name>.cwasm          0600, 32 bytes of keyed hash over name and code, then the code
//! ```
//!
//! `<name>` is a hash over the component, the settings of the engine and the version of this crate.
//! Files are written under another name and renamed. The keyed hash does not stop someone who
//! already acts as this user; it stops files from elsewhere: restored caches, shared folders, bits
//! that rotted, entries cut short.

use std::fs::File;
use std::hash::{Hash, Hasher as StdHasher};
use std::io::{self, Read, Write};
use std::path::Path;
use std::time::{Duration, SystemTime};

use blake3::{Hash as Digest, Hasher, KEY_LEN, OUT_LEN};

use crate::engine::engine;
use crate::failure::Failure;
use crate::machine_code::MachineCode;
use crate::private::{Folder, random};

const KEY: &str = "key";
const SUFFIX: &str = ".cwasm";
/// Entries that nobody has used for this long make room when another one is written.
const UNUSED: Duration = Duration::from_hours(60 * 24);
/// How old the mark of the last use may be before it is written again.
const FRESH: Duration = Duration::from_hours(24);

/// Machine code of components in a folder that only its owner can read and write.
#[derive(Debug)]
pub struct Cache {
    folder: Folder,
    key: [u8; KEY_LEN],
    /// Hash of the engine's settings.
    engine: Digest,
}

impl Cache {
    /// The cache in `folder`, which is made when it is not there.
    ///
    /// # Errors
    /// When it cannot be private: owned by someone else, open to others, a link, or on a system
    /// that cannot tell. Components are compiled in each run then.
    pub fn open(folder: &Path) -> io::Result<Self> {
        let folder = Folder::open(folder)?;
        let key = key(&folder)?;
        let engine = engine().map_err(io::Error::other)?;
        let mut hasher = Feed(Hasher::new());
        engine.precompile_compatibility_hash().hash(&mut hasher);
        Ok(Self { folder, key, engine: hasher.0.finalize() })
    }

    /// Machine code of the component `wasm`: the kept one, or else what `compile` makes, which is
    /// then kept. A kept entry that was tampered with is compiled again, and `warn` is told so in
    /// one sentence, as it is when an entry cannot be written.
    ///
    /// # Errors
    /// Those of `compile`. An entry that cannot be written costs time only.
    pub fn get_or_compile(
        &self,
        wasm: &[u8],
        compile: &dyn Fn(&[u8]) -> Result<MachineCode, Failure>,
        warn: &dyn Fn(&str),
    ) -> Result<MachineCode, Failure> {
        let name = self.name(wasm);
        match self.read(&name) {
            Ok(Some(code)) => return Ok(code),
            Ok(None) => {}
            Err(why) => warn(&format!(
                "compiled code in `{}` is not used: {why}; the component is compiled again",
                self.folder.path().join(&name).display()
            )),
        }
        let code = compile(wasm)?;
        if let Err(error) = self.write(&name, code.as_bytes()) {
            warn(&format!(
                "compiled code cannot be kept in `{}`: {error}",
                self.folder.path().display()
            ));
        }
        Ok(code)
    }

    /// Name of the entry of the component `wasm`.
    fn name(&self, wasm: &[u8]) -> String {
        let mut hasher = Hasher::new();
        hasher.update(blake3::hash(wasm).as_bytes());
        hasher.update(self.engine.as_bytes());
        hasher.update(env!("CARGO_PKG_VERSION").as_bytes());
        format!("{}{SUFFIX}", hasher.finalize().to_hex())
    }

    /// Hash of an entry that only those can make who know the key.
    fn proof(&self, name: &str, code: &[u8]) -> Digest {
        let mut hasher = Hasher::new_keyed(&self.key);
        hasher.update(&(name.len() as u64).to_le_bytes());
        hasher.update(name.as_bytes());
        hasher.update(code);
        hasher.finalize()
    }

    /// The entry `name`, `None` when there is none, and an error when it is not to be believed.
    fn read(&self, name: &str) -> io::Result<Option<MachineCode>> {
        let Some(mut file) = self.folder.read(name)? else { return Ok(None) };
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let cut_short = || io::Error::other("it is cut short");
        let (proof, code) = bytes.split_first_chunk::<OUT_LEN>().ok_or_else(cut_short)?;
        // The comparison takes the same time for all bytes.
        if self.proof(name, code) != Digest::from_bytes(*proof) {
            return Err(io::Error::other("it was changed, or written by another user"));
        }
        mark_used(&file);
        Ok(Some(MachineCode::trusted(bytes, OUT_LEN)))
    }

    fn write(&self, name: &str, code: &[u8]) -> io::Result<()> {
        self.folder.remove_unused(SUFFIX, UNUSED);
        self.folder.write(name, |file| {
            file.write_all(self.proof(name, code).as_bytes())?;
            file.write_all(code)
        })
    }
}

/// Notes the use of an entry; one that cannot be noted is compiled again some day.
fn mark_used(file: &File) {
    let now = SystemTime::now();
    let last = file.metadata().and_then(|about| about.modified());
    let is_stale = |last| now.duration_since(last).is_ok_and(|age| age > FRESH);
    if last.is_ok_and(is_stale) {
        let _ = file.set_modified(now);
    }
}

/// The key of the cache in `folder`, made when there is none.
fn key(folder: &Folder) -> io::Result<[u8; KEY_LEN]> {
    if folder.read(KEY)?.is_none() {
        let key = random::<KEY_LEN>()?;
        folder.write_once(KEY, |file| file.write_all(&key))?;
    }
    // Of two processes that made one, the first has won: what counts is what is there.
    let file = folder.read(KEY)?.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
    let mut bytes = Vec::new();
    file.take(KEY_LEN as u64 + 1).read_to_end(&mut bytes)?;
    bytes.try_into().map_err(|_| {
        let path = folder.path().join(KEY);
        io::Error::other(format!("`{}` is no key; remove it", path.display()))
    })
}

/// Feeds what is hashed to a hasher that is the same on each machine and in each version.
struct Feed(Hasher);

impl StdHasher for Feed {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let mut first = [0; 8];
        self.0.finalize_xof().fill(&mut first);
        u64::from_le_bytes(first)
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
