//! `olive plugin search`.

use crate::cli::packs::SearchArgs;
use crate::error::Error;

/// Finds packs in the indexes.
pub(super) fn run(args: &SearchArgs) -> Result<(), Error> {
    let _ = args;
    Err(Error::Usage("`olive plugin search` is not there yet".into()))
}
