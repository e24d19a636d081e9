//! `olive plugin build`.

use crate::cli::plugin::BuildArgs;
use crate::error::Error;

/// Builds the plugin of a folder.
pub(super) fn run(args: &BuildArgs) -> Result<(), Error> {
    Err(Error::Usage(format!("`olive plugin build` is not there yet: {args:?}")))
}
