//! `olive plugin clean`.

use crate::cli::packs::CleanArgs;
use crate::error::Error;

/// Removes what is not in use any more.
pub(super) fn run(args: &CleanArgs) -> Result<(), Error> {
    let _ = args;
    Err(Error::Usage("`olive plugin clean` is not there yet".into()))
}
