//! Whether exactly the packs of `olive.lock` are installed.

use std::path::Path;

use olive_packs::{PackError, lock};

use crate::plugin::Catalog;

/// Everything in which the packs of `catalog` are not those of the lock file in `folder`; nothing
/// when a run may go on with them.
pub fn drift(catalog: &Catalog, folder: &Path) -> Vec<PackError> {
    match lock::read(folder) {
        Ok(Some(lock)) => lock::drift(&lock, catalog.installed(), catalog.stores()),
        Ok(None) => {
            let file = folder.join(lock::FILE_NAME);
            let message = format!("there is no `{}`", file.display());
            let help = format!("write it with `olive plugin lock {}`", folder.display());
            vec![PackError::refused("lock-missing", message).with_help(help)]
        }
        Err(error) => vec![error],
    }
}
