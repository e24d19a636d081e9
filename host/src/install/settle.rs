//! Making judged packs the active ones.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use olive_packs::PackError;
use olive_packs::archive::Limits;
use olive_packs::change::{self, Candidate, Change};
use olive_packs::store::{ActivePack, Guard, Store};
use olive_packs::trust::{Trust, TrustedBy};
use olive_schemas::pack::{FORMAT, MANIFEST, PackManifest, PackName, Publisher};

use super::judge::{Judged, changed};
use super::{InstallContext, Order, Stage, Watch, project, stop_if_cancelled};
use crate::error::Error;

/// Longest wait for another command to let go of the store.
const WAIT: Duration = Duration::from_mins(1);

/// What came of an order.
#[derive(Debug)]
pub struct Outcome {
    /// What changed, or would.
    pub change: Change,
    /// The packs that were asked for, in that order.
    pub taken: Vec<Taken>,
    /// Publishers and ids of the keys that the user trusts from now on.
    pub new_keys: Vec<(String, String)>,
    /// The project's lock file, when it was written.
    pub lock_file: Option<PathBuf>,
}

/// A pack that was asked for.
#[derive(Debug)]
pub struct Taken {
    /// What the store says of it.
    pub active: ActivePack,
    /// Its manifest.
    pub manifest: PackManifest,
    /// Its folder in the store; after a dry run it may not be there.
    pub folder: PathBuf,
    /// Time that it took to fetch, judge and unpack it.
    pub time: Duration,
}

/// Makes `judged` active, beside the other packs of the store or instead of them.
pub(super) fn settle(
    order: &Order<'_>,
    mut judged: Vec<Judged>,
    context: &mut InstallContext,
    watch: &dyn Watch,
) -> Result<Outcome, Error> {
    let store = &order.destination.store;
    if order.is_dry_run {
        let change = change_of(order, &judged)?;
        let new_keys = new_keys(&judged);
        let taken = judged.into_iter().map(|judged| taken(store, judged)).collect();
        return Ok(Outcome { change, taken, new_keys, lock_file: None });
    }
    let guard = store.lock(WAIT, &|| watch.waiting())?;
    let carried_out = carry_out(order, &guard, &mut judged, &mut context.trust, watch);
    drop(guard);
    if carried_out.is_err() {
        // Taking the lock clears away what is not in use: packs that were unpacked for nothing.
        let _ = store.lock(Duration::ZERO, &|| {});
    }
    let change = carried_out?;
    let new_keys = new_keys(&judged);
    let taken = judged.into_iter().map(|judged| taken(store, judged)).collect();
    let folder = order.destination.project.as_deref().filter(|_| order.locks_project);
    let lock_file = folder.map(|folder| project::write(folder, context)).transpose()?;
    Ok(Outcome { change, taken, new_keys, lock_file })
}

/// Unpacks what was judged and makes it active.
fn carry_out(
    order: &Order<'_>,
    guard: &Guard,
    judged: &mut [Judged],
    trusted: &mut Trust,
    watch: &dyn Watch,
) -> Result<Change, Error> {
    let store = &order.destination.store;
    let change = change_of(order, judged)?;
    for judged in &mut *judged {
        stop_if_cancelled(watch)?;
        let begun_at = Instant::now();
        stage(store, guard, judged, watch)?;
        judged.time += begun_at.elapsed();
    }
    // A kill between these two leaves a key that the user agreed to, never a pack of nobody's.
    trust(judged, trusted)?;
    if !is_nothing(&change) {
        store.commit(guard, &reason(order.verb, &change), change.packs.clone())?;
    }
    Ok(change)
}

/// What the store's set of packs is to become.
fn change_of(order: &Order<'_>, judged: &[Judged]) -> Result<Change, Error> {
    let store = &order.destination.store;
    let wanted: Vec<Candidate> = judged.iter().map(|judged| judged.candidate.clone()).collect();
    let is_wanted = |name: &PackName| wanted.iter().any(|wanted| wanted.active.name == *name);
    let (stay, go): (Vec<Candidate>, Vec<Candidate>) = current(store)?
        .into_iter()
        .partition(|pack| !order.is_exact || is_wanted(&pack.active.name));
    let mut change = change::install(&stay, wanted, order.rules.allow_downgrade)?;
    change.removed.extend(go.into_iter().map(|pack| pack.active));
    Ok(change)
}

/// The active packs with their manifests.
fn current(store: &Store) -> Result<Vec<Candidate>, Error> {
    let candidate = |active: ActivePack| {
        let manifest = manifest(store, &active);
        Candidate { active, manifest }
    };
    Ok(store.active()?.packs.into_iter().map(candidate).collect())
}

/// The manifest of an active pack. A broken one must be no obstacle to mending it: it has no
/// conflicts then.
fn manifest(store: &Store, active: &ActivePack) -> PackManifest {
    let path = store.folder(&active.sha256).join(MANIFEST);
    let read = fs::read(path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    read.unwrap_or_else(|| PackManifest {
        format: FORMAT,
        name: active.name.clone(),
        version: active.version.clone(),
        publisher: Publisher { id: active.name.publisher().into(), name: String::new() },
        license: String::new(),
        description: String::new(),
        homepage: None,
        api: String::new(),
        min_host: None,
        conflicts: Vec::new(),
        replaces: Vec::new(),
        plugins: Vec::new(),
        files: Vec::new(),
    })
}

/// Puts a judged pack into the store; one that is there already is looked at again, and mended.
fn stage(store: &Store, guard: &Guard, judged: &Judged, watch: &dyn Watch) -> Result<(), Error> {
    let Candidate { active, manifest } = &judged.candidate;
    let ActivePack { name, version, sha256, .. } = active;
    let Some(obtained) = &judged.obtained else {
        if store.has(sha256) {
            return Ok(());
        }
        let message = format!("{name} {version} has just been removed from the store");
        return Err(PackError::refused("pack-gone", message).with_help("try again").into());
    };
    let total = manifest.files.iter().map(|file| file.size).sum();
    let subject = format!("{name} {version}");
    let tell = |done| watch.progress(Stage::Unpack, &subject, done, Some(total));
    let staged = store.stage(guard, &obtained.archive, sha256, &Limits::default(), &tell);
    watch.stage_ended();
    if staged?.described.sha256 == active.manifest_sha256 {
        return Ok(());
    }
    Err(changed(&obtained.archive).into())
}

/// Writes down the keys that the user agreed to.
fn trust(judged: &[Judged], trust: &mut Trust) -> Result<(), PackError> {
    for judged in judged {
        let publisher = judged.candidate.active.name.publisher();
        if let Some(key) = &judged.new_key
            && !trust.is_trusted(publisher, &key.id())
        {
            trust.add(publisher, key, TrustedBy::FirstUse)?;
        }
    }
    Ok(())
}

fn new_keys(judged: &[Judged]) -> Vec<(String, String)> {
    let mut keys: Vec<(String, String)> = judged
        .iter()
        .filter_map(|judged| {
            let publisher = judged.candidate.active.name.publisher();
            Some((publisher.to_owned(), judged.new_key.as_ref()?.id()))
        })
        .collect();
    keys.dedup();
    keys
}

fn is_nothing(change: &Change) -> bool {
    change.added.is_empty() && change.changed.is_empty() && change.removed.is_empty()
}

/// What the history says: `install acme/prune 1.2.0`.
fn reason(verb: &str, change: &Change) -> String {
    let new = change.added.iter().chain(change.changed.iter().map(|(_, to)| to));
    let new: Vec<String> = new.map(|pack| format!("{} {}", pack.name, pack.version)).collect();
    if new.is_empty() { verb.to_owned() } else { format!("{verb} {}", new.join(", ")) }
}

fn taken(store: &Store, judged: Judged) -> Taken {
    let Candidate { active, manifest } = judged.candidate;
    let folder = store.folder(&active.sha256);
    Taken { active, manifest, folder, time: judged.time }
}

#[cfg(test)]
mod tests {
    use olive_schemas::pack::Signer;

    use super::*;

    fn pack(name: &str, version: &str) -> ActivePack {
        ActivePack {
            name: name.parse().unwrap(),
            version: version.into(),
            source: String::new(),
            sha256: String::new(),
            size: 0,
            manifest_sha256: String::new(),
            signer: Signer::Unsigned,
        }
    }

    #[test]
    fn the_history_names_what_became_active() {
        let mut change = Change::default();
        assert_eq!(reason("install", &change), "install");
        change.added.push(pack("acme/prune", "1.2.0"));
        change.changed.push((pack("acme/tune", "1.0.0"), pack("acme/tune", "1.1.0")));
        assert_eq!(reason("install", &change), "install acme/prune 1.2.0, acme/tune 1.1.0");
    }
}
