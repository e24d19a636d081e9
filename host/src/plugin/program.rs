//! The running program: its workers are the same once more, and plugins may stand beside it.

use std::env;
use std::io;
use std::path::PathBuf;

/// Its file, also when that was replaced since the program started.
pub(super) fn file() -> io::Result<PathBuf> {
    let itself = PathBuf::from("/proc/self/exe");
    if itself.exists() { Ok(itself) } else { env::current_exe() }
}

/// The folder it is in, which may have plugins, and packs, an index and keys in its folder `packs`.
pub(super) fn folder() -> Option<PathBuf> {
    Some(env::current_exe().ok()?.parent()?.to_owned())
}
