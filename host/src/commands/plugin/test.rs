//! `olive plugin test`.

use crate::cli::plugin::TestArgs;
use crate::error::Error;

/// Tries whether a plugin keeps the contract.
pub(super) fn run(args: &TestArgs) -> Result<(), Error> {
    Err(Error::Usage(format!("`olive plugin test` is not there yet: {args:?}")))
}
