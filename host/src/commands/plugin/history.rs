//! `olive plugin history`.

use crate::cli::packs::HistoryArgs;
use crate::error::Error;

/// Lists the changes.
pub(super) fn run(args: &HistoryArgs) -> Result<(), Error> {
    let _ = args;
    Err(Error::Usage("`olive plugin history` is not there yet".into()))
}
