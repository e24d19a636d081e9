//! `olive plugin upgrade`.

use crate::cli::packs::UpgradeArgs;
use crate::error::Error;

/// Installs the newest versions.
pub(super) fn run(args: &UpgradeArgs) -> Result<(), Error> {
    let _ = args;
    Err(Error::Usage("`olive plugin upgrade` is not there yet".into()))
}
