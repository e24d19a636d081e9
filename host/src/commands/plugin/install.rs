//! `olive plugin install`.

use crate::cli::packs::InstallArgs;
use crate::error::Error;

/// Installs packs.
pub(super) fn run(args: &InstallArgs) -> Result<(), Error> {
    let _ = args;
    Err(Error::Usage("`olive plugin install` is not there yet".into()))
}
