//! A revision of a repository, from the hub or, where that suffices, from the cache alone.

use std::path::{Path, PathBuf};

use olive_plugin_api::LogLevel;
use serde_json::Value;

use crate::HubError;
use crate::cache;
use crate::hub::Hub;
use crate::listing::{self, Listing};
use crate::repository::is_commit;

/// One commit of a repository.
pub(crate) struct Session<'a> {
    /// The hub.
    pub(crate) hub: Hub<'a>,
    /// The commit.
    pub(crate) commit: String,
    /// What the hub says of it; none when it was not asked.
    pub(crate) listing: Option<Listing>,
    revision: String,
}

impl<'a> Session<'a> {
    /// The commit that `revision` is. Nothing is asked when the user wants that, nor when the commit
    /// is named and `is_whole` of its files in the cache.
    ///
    /// # Errors
    /// When the hub does not have it, or cannot be asked and the cache has nothing of it.
    pub(crate) fn open(
        hub: Hub<'a>,
        revision: &str,
        is_whole: &dyn Fn(&Path) -> bool,
    ) -> Result<Self, HubError> {
        let known = hub.cache.commit(revision);
        let known = known.filter(|commit| hub.cache.snapshot(commit).is_dir());
        let whole = || known.clone().filter(|commit| is_whole(&hub.cache.snapshot(commit)));
        let revision = revision.to_owned();
        if hub.environment.is_offline {
            return match known {
                Some(commit) => Ok(Self { hub, commit, listing: None, revision }),
                None => Err(offline(&hub, &revision, "nothing of it is there".into())),
            };
        }
        if is_commit(&revision)
            && let Some(commit) = whole()
        {
            return Ok(Self { hub, commit, listing: None, revision });
        }
        match (listing::ask(&hub, &revision), whole()) {
            (Ok(listing), _) => {
                hub.cache.remember(&revision, &listing.commit)?;
                let commit = listing.commit.clone();
                Ok(Self { hub, commit, listing: Some(listing), revision })
            }
            (Err(error), Some(commit)) if error.is_silence() => {
                let message = format!("{error}; the commit in the cache is taken");
                hub.ctx.log(LogLevel::Warning, message);
                Ok(Self { hub, commit, listing: None, revision })
            }
            (Err(error), _) => Err(error),
        }
    }

    /// Tells which commit it is, and what of it is left alone.
    pub(crate) fn tell(&self) {
        let (id, commit) = (&self.hub.repository.id, &self.commit);
        let message = format!("`{id}` at `{}` is commit `{commit}`", self.revision);
        self.hub.ctx.log(LogLevel::Info, message);
        let is_code = |name: &&String| name.rsplit_once('.').is_some_and(|(_, end)| end == "py");
        if let Some(code) = self.names().iter().find(is_code) {
            let message = format!("`{id}` has code (`{code}`), which is never fetched or run");
            self.hub.ctx.log(LogLevel::Info, message);
        }
    }

    /// Folder of its files.
    pub(crate) fn folder(&self) -> PathBuf {
        self.hub.cache.snapshot(&self.commit)
    }

    /// Names of its files: of all when the hub was asked, else of those in the cache.
    pub(crate) fn names(&self) -> Vec<String> {
        match &self.listing {
            Some(listing) => listing.files.iter().map(|file| file.name.clone()).collect(),
            None => cache::files_below(&self.folder()),
        }
    }

    /// What stands at the head of its `README.md`, when the hub was asked.
    pub(crate) fn card(&self) -> Option<&Value> {
        self.listing.as_ref().map(|listing| &listing.card)
    }

    /// The error that the cache lacks `what`, which is all there is to look at.
    pub(crate) fn missing(&self, what: String) -> HubError {
        offline(&self.hub, &self.revision, what)
    }
}

fn offline(hub: &Hub<'_>, revision: &str, what: String) -> HubError {
    HubError::Offline {
        id: hub.repository.id.clone(),
        revision: revision.to_owned(),
        cache: hub.ctx.shared_dir().unwrap_or(Path::new("")).to_owned(),
        what,
    }
}
