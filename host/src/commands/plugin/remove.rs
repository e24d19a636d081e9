//! `olive plugin remove`.

use crate::cli::packs::RemoveArgs;
use crate::error::Error;

/// Removes packs.
pub(super) fn run(args: &RemoveArgs) -> Result<(), Error> {
    let _ = args;
    Err(Error::Usage("`olive plugin remove` is not there yet".into()))
}
