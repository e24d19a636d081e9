//! Removing what is not in use: what a killed command has left, and what was active once.

use std::collections::BTreeSet;
use std::path::Path;

use super::{Store, generation, place};
use crate::PackError;
use crate::durable;

/// Removes what a command that was killed has left. Called with the lock held.
pub(super) fn sweep(store: &Store) -> Result<(), PackError> {
    // Somebody else's store is left alone as a whole; a damaged one can be mended by going back.
    match store.active() {
        Err(error) if error.code() == "pack-foreign-store" => return Err(error),
        _ => {}
    }
    for path in place::names(&store.scratch())? {
        durable::remove_all(&path)?;
    }
    if let Ok(Some(pointer)) = generation::pointer(store) {
        for number in generation::numbers(store)?.into_iter().filter(|n| *n > pointer.newest) {
            durable::remove_file(&generation::path(store, number))?;
        }
    }
    match store.history() {
        Ok(generations) => {
            let packs = generations.iter().flat_map(|generation| &generation.packs);
            let named = packs.map(|pack| pack.sha256.as_str()).collect();
            remove_packs_except(store, &named).map(|_| ())
        }
        // A generation that cannot be read may name any of them.
        Err(_) => Ok(()),
    }
}

/// Removes every generation but the active one, and every pack that is not active.
pub(super) fn clean(store: &Store) -> Result<u64, PackError> {
    let active = store.active()?;
    let mut freed = 0;
    for number in generation::numbers(store)?.into_iter().filter(|n| *n != active.number) {
        freed += durable::remove_all(&generation::path(store, number))?;
    }
    let named = active.packs.iter().map(|pack| pack.sha256.as_str()).collect();
    Ok(freed + remove_packs_except(store, &named)?)
}

/// Removes packs; each disappears whole. Gives the bytes freed.
fn remove_packs_except(store: &Store, named: &BTreeSet<&str>) -> Result<u64, PackError> {
    let is_named = |path: &Path| {
        path.file_name().and_then(|name| name.to_str()).is_some_and(|name| named.contains(name))
    };
    let mut freed = 0;
    for path in place::names(&store.packs())? {
        if !is_named(&path) {
            let aside = store.scratch().join(durable::random_name()?);
            durable::rename(&path, &aside)?;
            freed += durable::remove_all(&aside)?;
        }
    }
    Ok(freed)
}
