//! `olive plugin pack`.

use crate::cli::packs::PackArgs;
use crate::error::Error;

/// Makes a pack of a plugin.
pub(super) fn run(args: &PackArgs) -> Result<(), Error> {
    let _ = args;
    Err(Error::Usage("`olive plugin pack` is not there yet".into()))
}
