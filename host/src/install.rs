//! Installing packs: from what the user names to a new generation of a store.
//!
//! ```text
//! Source ─obtain→ Obtained ─judge→ Judged ─settle→ Outcome
//!                                            ├ dry run: what would change
//!                                            └ lock, unpack, trust, commit, olive.lock
//! ```
//!
//! Everything is fetched and judged before the store is locked, and the packs of one command become
//! active together or not at all. An archive is known by its digest from the first look on, so that
//! what was judged is what is unpacked. Nothing here prints: a [`Watch`] is told how it goes.

mod judge;
pub mod locked;
pub mod obtain;
pub mod project;
mod settle;
pub mod upgrade;

pub use settle::{Outcome, Taken};

use std::path::{Path, PathBuf};

use olive_packs::PackError;
use olive_packs::home::data_home;
use olive_packs::index::Indexes;
use olive_packs::installed::Machine;
use olive_packs::signature::PublicKey;
use olive_packs::source::Source;
use olive_packs::store::Store;
use olive_packs::trust::Trust;
use olive_schemas::pack::PackManifest;
use olive_transport::TransportError;

use crate::error::Error;
use crate::home::cache_home;
use crate::plugin::packs;

/// What is to be installed, where, and under which rules.
pub struct Order<'a> {
    /// The packs.
    pub sources: Vec<Source>,
    /// The store they go to.
    pub destination: &'a Destination,
    /// What is allowed.
    pub rules: Rules,
    /// Whether nothing is to be changed.
    pub is_dry_run: bool,
    /// Whether the other packs of the store go.
    pub is_exact: bool,
    /// Whether the lock file of the store's project is to follow.
    pub locks_project: bool,
    /// What the history calls it: `install`, `upgrade`.
    pub verb: &'static str,
}

/// What the user allows.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// Whether the key of a publisher without one yet may become trusted.
    pub trust_on_first_use: bool,
    /// Whether packs without signature are taken.
    pub allow_unsigned: bool,
    /// Whether an older version may take the place of a newer one.
    pub allow_downgrade: bool,
}

/// A store, and the project it belongs to.
#[derive(Debug, Clone)]
pub struct Destination {
    /// The store.
    pub store: Store,
    /// Folder of the project; none for the user's own packs.
    pub project: Option<PathBuf>,
}

/// What installing works with: whom the user trusts, where packs are found, what they must fit.
pub struct InstallContext {
    /// The user's keys.
    pub trust: Trust,
    /// The user's indexes.
    pub indexes: Indexes,
    /// This program.
    pub machine: Machine,
    /// Folder for what is being fetched.
    pub downloads: PathBuf,
}

/// Follows an installation, and speaks for the user.
pub trait Watch {
    /// So many bytes of `subject` have been fetched, built or unpacked.
    fn progress(&self, stage: Stage, subject: &str, done: u64, total: Option<u64>);

    /// A stage is over.
    fn stage_ended(&self);

    /// Another command holds the store.
    fn waiting(&self);

    /// Whether the user trusts this key, which nobody has named yet.
    ///
    /// # Errors
    /// When the user cannot be asked.
    fn consents(&self, manifest: &PackManifest, key: &PublicKey) -> Result<bool, PackError>;

    /// Whether the user wants to stop.
    fn is_cancelled(&self) -> bool;
}

/// What is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Fetching the archive.
    Fetch,
    /// Unpacking it into the store.
    Unpack,
}

impl Stage {
    /// The name that programs are told.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fetch => "fetch",
            Self::Unpack => "unpack",
        }
    }
}

impl Destination {
    /// The store of the project in the folder `project`, else the user's.
    ///
    /// # Errors
    /// When the path has no absolute form.
    pub fn new(project: Option<&Path>) -> Result<Self, Error> {
        let home = data_home();
        let Some(folder) = project else {
            return Ok(Self { store: Store::user(&home), project: None });
        };
        let folder = absolute(folder)?;
        Ok(Self { store: Store::project(&folder, &home), project: Some(folder) })
    }
}

impl InstallContext {
    /// Those of this user and this program.
    ///
    /// # Errors
    /// When the user's keys or indexes cannot be read.
    pub fn of_user() -> Result<Self, Error> {
        Ok(Self {
            trust: packs::trust()?,
            indexes: packs::indexes()?,
            machine: packs::machine(),
            downloads: cache_home().join("downloads"),
        })
    }
}

/// Installs what `order` names.
///
/// # Errors
/// Whatever stopped it; what was active before still is then.
pub fn install(
    order: &Order<'_>,
    context: &mut InstallContext,
    watch: &dyn Watch,
) -> Result<Outcome, Error> {
    let mut judged = Vec::new();
    for source in &order.sources {
        stop_if_cancelled(watch)?;
        let obtained = obtain::obtain(source, None, &order.rules, context, watch)?;
        judged.push(judge::judge(obtained, &judged, &order.rules, context, watch)?);
    }
    settle::settle(order, judged, context, watch)
}

fn stop_if_cancelled(watch: &dyn Watch) -> Result<(), Error> {
    if watch.is_cancelled() { Err(TransportError::Cancelled.into()) } else { Ok(()) }
}

/// `path` from the root.
fn absolute(path: &Path) -> Result<PathBuf, Error> {
    Ok(std::path::absolute(path).map_err(PackError::io("find", path))?)
}
