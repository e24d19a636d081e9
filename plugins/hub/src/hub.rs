//! The hub, as it is asked about one repository.

use std::time::Duration;

use olive_plugin_api::StepContext;
use olive_transport::{Request, TransportError, shown};

use crate::HubError;
use crate::cache::Cache;
use crate::environment::Environment;
use crate::repository::Repository;

/// Longest time without a byte.
const PATIENCE: Duration = Duration::from_mins(1);

/// The hub, as it is asked about one repository.
pub(crate) struct Hub<'a> {
    /// The repository.
    pub(crate) repository: &'a Repository,
    /// How the hub is spoken to.
    pub(crate) environment: &'a Environment,
    /// Where its files are kept.
    pub(crate) cache: Cache,
    /// The step that asks.
    pub(crate) ctx: &'a StepContext<'a>,
}

impl<'a> Hub<'a> {
    /// The hub of `environment`, asked about `repository` for the step `ctx`.
    ///
    /// # Errors
    /// When the host lends no folder for the cache.
    pub(crate) fn new(
        repository: &'a Repository,
        environment: &'a Environment,
        ctx: &'a StepContext<'a>,
    ) -> Result<Self, HubError> {
        let folder = ctx.shared_dir().ok_or(HubError::NoCache)?;
        Ok(Self { repository, environment, cache: Cache::new(folder, repository), ctx })
    }

    /// Bounds of a transfer.
    pub(crate) fn request<'r>(
        &'r self,
        limit: u64,
        sha256: Option<&'r str>,
        on_progress: &'r dyn Fn(u64, Option<u64>),
        is_cancelled: &'r dyn Fn() -> bool,
    ) -> Request<'r> {
        Request {
            limit,
            sha256,
            bearer: self.environment.token.as_deref(),
            partial_dir: self.ctx.scratch_dir().to_owned(),
            patience: PATIENCE,
            on_progress,
            is_cancelled,
        }
    }

    /// What the error of a transfer means here; of the file `name` at a commit, when it was one.
    pub(crate) fn refused(&self, error: TransportError, file: Option<(&str, &str)>) -> HubError {
        let id = self.repository.id.clone();
        let TransportError::Status { status, .. } = &error else { return error.into() };
        match (status.get(..3), file) {
            // To strangers, the hub says this of what there is not, too.
            (Some("401"), None) if self.environment.token.is_none() => {
                HubError::NoRepository { id }
            }
            (Some("401" | "403"), _) => HubError::Refused {
                id,
                status: status.clone(),
                page: shown(&self.repository.page(&self.environment.endpoint)),
                has_token: self.environment.token.is_some(),
            },
            (Some("404"), Some((name, commit))) => {
                HubError::NoFile { id, name: name.to_owned(), commit: commit.to_owned() }
            }
            _ => error.into(),
        }
    }
}
