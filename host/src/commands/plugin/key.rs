//! `olive plugin key`.

use crate::cli::packs::KeyCommand;
use crate::error::Error;

/// Makes and shows keys.
pub(super) fn run(args: &KeyCommand) -> Result<(), Error> {
    let _ = args;
    Err(Error::Usage("`olive plugin key` is not there yet".into()))
}
