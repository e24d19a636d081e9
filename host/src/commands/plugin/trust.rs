//! `olive plugin trust`.

use crate::cli::packs::TrustCommand;
use crate::error::Error;

/// Adds, lists and removes keys of publishers.
pub(super) fn run(args: &TrustCommand) -> Result<(), Error> {
    let _ = args;
    Err(Error::Usage("`olive plugin trust` is not there yet".into()))
}
