//! `olive plugin new`.

use crate::cli::plugin::NewArgs;
use crate::error::Error;

/// Makes a folder with a new plugin.
pub(super) fn run(args: &NewArgs) -> Result<(), Error> {
    Err(Error::Usage(format!("`olive plugin new` is not there yet: {args:?}")))
}
