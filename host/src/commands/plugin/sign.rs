//! `olive plugin sign`.

use crate::cli::packs::SignArgs;
use crate::error::Error;

/// Signs packs and indexes.
pub(super) fn run(args: &SignArgs) -> Result<(), Error> {
    let _ = args;
    Err(Error::Usage("`olive plugin sign` is not there yet".into()))
}
