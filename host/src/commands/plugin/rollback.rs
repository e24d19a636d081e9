//! `olive plugin rollback`.

use crate::cli::packs::RollbackArgs;
use crate::error::Error;

/// Makes an earlier set of packs the active one.
pub(super) fn run(args: &RollbackArgs) -> Result<(), Error> {
    let _ = args;
    Err(Error::Usage("`olive plugin rollback` is not there yet".into()))
}
