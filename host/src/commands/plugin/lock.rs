//! `olive plugin lock`.

use crate::cli::packs::LockArgs;
use crate::error::Error;

/// Writes the lock file, or compares it; the program's exit code.
pub(super) fn run(args: &LockArgs) -> Result<u8, Error> {
    let _ = args;
    Err(Error::Usage("`olive plugin lock` is not there yet".into()))
}
