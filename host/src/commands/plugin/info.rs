//! `olive plugin info`.

use crate::cli::packs::InfoArgs;
use crate::error::Error;

/// Tells what a pack holds.
pub(super) fn run(args: &InfoArgs) -> Result<(), Error> {
    let _ = args;
    Err(Error::Usage("`olive plugin info` is not there yet".into()))
}
