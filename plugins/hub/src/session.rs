//! A revision of a repository, from the hub or, where that suffices, from the cache alone.

use std::path::{Path, PathBuf};

use olive_plugin_api::LogLevel;

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
    /// What the hub says of it; none when it was never asked.
    pub(crate) listing: Option<Listing>,
    revision: String,
}

impl<'a> Session<'a> {
    /// The commit that `revision` is. Nothing is asked when the user wants that, nor of a commit of
    /// which the hub has told before. When the hub is silent, the last commit that it told is taken,
    /// if what it said of it is known or `is_enough` of its files in the cache.
    ///
    /// # Errors
    /// When the hub does not have it, or cannot be asked and the cache has nothing of it.
    pub(crate) fn open(
        hub: Hub<'a>,
        revision: &str,
        is_enough: &dyn Fn(&Path) -> bool,
    ) -> Result<Self, HubError> {
        let revision = revision.to_owned();
        let commit = hub.cache.commit(&revision);
        let listing = commit.as_ref().and_then(|commit| listing::kept(&hub, commit));
        let is_listed = listing.is_some();
        let known = commit.filter(|commit| is_listed || hub.cache.snapshot(commit).is_dir());
        if hub.environment.is_offline || is_commit(&revision) && is_listed {
            return match known {
                Some(commit) => Ok(Self { hub, commit, listing, revision }),
                None => Err(offline(&hub, &revision, "nothing of it is there".into())),
            };
        }
        let error = match listing::ask(&hub, &revision) {
            Ok(listing) => {
                hub.cache.remember(&revision, &listing.commit)?;
                let commit = listing.commit.clone();
                return Ok(Self { hub, commit, listing: Some(listing), revision });
            }
            Err(error) => error,
        };
        let is_enough = |commit: &String| is_listed || is_enough(&hub.cache.snapshot(commit));
        match known.filter(|commit| error.is_silence() && is_enough(commit)) {
            Some(commit) => {
                let message = format!("{error}; the commit in the cache is taken");
                hub.ctx.log(LogLevel::Warning, message);
                Ok(Self { hub, commit, listing, revision })
            }
            None => Err(error),
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

    /// Names of its files: of all when the hub has told them, else of those in the cache.
    pub(crate) fn names(&self) -> Vec<String> {
        match &self.listing {
            Some(listing) => listing.files.iter().map(|file| file.name.clone()).collect(),
            None => cache::files_below(&self.folder()),
        }
    }

    /// The error that the cache lacks `what`, which is all there is to look at.
    pub(crate) fn missing(&self, what: String) -> HubError {
        offline(&self.hub, &self.revision, what)
    }

    /// The error that nothing here says which files are the rows of a data set.
    pub(crate) fn unlisted(&self) -> HubError {
        let id = self.hub.repository.id.clone();
        HubError::Unlisted { id, revision: self.revision.clone() }
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
