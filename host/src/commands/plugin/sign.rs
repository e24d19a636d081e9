//! `olive plugin sign`.

use super::super::say;
use crate::cli::packs::SignArgs;
use crate::error::Error;
use crate::pack::{self, Signed};

/// Signs packs and indexes, and tells each.
pub(super) fn run(args: &SignArgs) -> Result<(), Error> {
    let key = pack::secret_key(&args.key)?;
    for file in &args.files {
        let Signed { path, subject, key_id } = pack::sign(file, &key)?;
        say(&format!("{}  {subject}, by key {key_id}\n", path.display()));
    }
    Ok(())
}
