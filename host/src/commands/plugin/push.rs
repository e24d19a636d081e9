//! `olive plugin push`.

use crate::cli::packs::PushArgs;
use crate::error::Error;

/// Puts a pack into a registry.
pub(super) fn run(args: &PushArgs) -> Result<(), Error> {
    let _ = args;
    Err(Error::Usage("`olive plugin push` is not there yet".into()))
}
