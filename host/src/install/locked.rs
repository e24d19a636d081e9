//! Installing exactly what a lock file says.

use std::path::Path;

use olive_packs::PackError;
use olive_packs::change::Candidate;
use olive_packs::lock;
use olive_packs::source::Source;
use olive_packs::store::{ActivePack, Store};
use olive_packs::trust::Trust;
use olive_schemas::pack::{LockedPack, MANIFEST, Signer};

use super::judge::{self, Judged};
use super::obtain::{self, Pin};
use super::settle::{self, Outcome};
use super::{InstallContext, Order, Rules, Watch, project, stop_if_cancelled};
use crate::error::Error;

/// Makes the store of `order` hold the packs of the lock file in `folder` and no others. What the
/// store has is taken from there; everything else from where the lock file says it came from.
///
/// # Errors
/// When there is no lock file, or a pack is not what it says; what was active before still is then.
pub fn install(
    folder: &Path,
    order: &Order<'_>,
    context: &mut InstallContext,
    watch: &dyn Watch,
) -> Result<Outcome, Error> {
    let locked = project::read(folder)?;
    let mut judged = Vec::new();
    for pack in &locked.packs {
        stop_if_cancelled(watch)?;
        let in_store = in_store(pack, &order.destination.store, &order.rules, &context.trust)?;
        judged.push(match in_store {
            Some(candidate) => Judged::in_store(candidate),
            None => from_source(pack, folder, &judged, &order.rules, context, watch)?,
        });
    }
    settle::settle(order, judged, context, watch)
}

/// The locked pack as the store has it, when it was judged before and is whole.
fn in_store(
    locked: &LockedPack,
    store: &Store,
    rules: &Rules,
    trust: &Trust,
) -> Result<Option<Candidate>, Error> {
    let is_it = |pack: &&ActivePack| {
        (&pack.name, &pack.sha256, &pack.signer) == (&locked.name, &locked.sha256, &locked.signer)
    };
    let active = store.active()?;
    let is_active = active.packs.iter().any(|pack| is_it(&pack));
    let vouched = match &locked.signer {
        Signer::Key(id) => trust.is_trusted(locked.name.publisher(), id),
        Signer::Unsigned => is_active || rules.allow_unsigned,
    };
    if !vouched || !store.has(&locked.sha256) {
        return Ok(None);
    }
    let history = store.history()?;
    let known = history.iter().flat_map(|generation| &generation.packs).find(is_it);
    let Some(known) = known else { return Ok(None) };
    let is_whole = store.verify(known).is_ok_and(|damage| damage.is_empty());
    let manifest = std::fs::read(store.folder(&known.sha256).join(MANIFEST)).ok();
    let manifest = manifest.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let Some(manifest) = manifest.filter(|_| is_whole) else { return Ok(None) };
    Ok(Some(Candidate { active: known.clone(), manifest }))
}

/// The locked pack from where it came from.
fn from_source(
    locked: &LockedPack,
    folder: &Path,
    earlier: &[Judged],
    rules: &Rules,
    context: &InstallContext,
    watch: &dyn Watch,
) -> Result<Judged, Error> {
    let source: Source = project::from_below(folder, &locked.source).parse()?;
    let pin = Pin {
        name: locked.name.clone(),
        version: locked.version.clone(),
        sha256: locked.sha256.clone(),
        size: locked.size,
        by: format!("`{}`", lock::FILE_NAME),
    };
    let obtained = obtain::obtain(&source, Some(&pin), rules, context, watch)?;
    let judged = judge::judge(obtained, earlier, rules, context, watch)?;
    let signer = &judged.candidate.active.signer;
    if *signer == locked.signer {
        return Ok(judged);
    }
    let by = |signer: &Signer| match signer {
        Signer::Key(id) => format!("signed by key {id}"),
        Signer::Unsigned => "not signed".to_owned(),
    };
    let LockedPack { name, version, signer: wanted, .. } = locked;
    let message = format!(
        "{name} {version} is {}, and in `{}` it is {}",
        by(signer),
        lock::FILE_NAME,
        by(wanted)
    );
    Err(PackError::refused("lock-signer", message).into())
}
