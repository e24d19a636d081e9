//! `olive plugin index`.

use crate::cli::packs::IndexCommand;
use crate::error::Error;

/// Adds, lists, removes, refreshes and builds indexes.
pub(super) fn run(args: &IndexCommand) -> Result<(), Error> {
    let _ = args;
    Err(Error::Usage("`olive plugin index` is not there yet".into()))
}
