//! `olive plugin verify`.

use crate::cli::packs::VerifyArgs;
use crate::error::Error;

/// Compares installed files with their manifests; the program's exit code.
pub(super) fn run(args: &VerifyArgs) -> Result<u8, Error> {
    let _ = args;
    Err(Error::Usage("`olive plugin verify` is not there yet".into()))
}
