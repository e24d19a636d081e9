//! Why a cluster could not do what it was asked.

use std::io;
use std::path::PathBuf;

use olive_plugin_api::PluginError;
use thiserror::Error;

/// Why a cluster could not do what it was asked.
#[derive(Debug, Error)]
pub enum SlurmError {
    /// Commands of Slurm are not there.
    #[error("no {} in `PATH`", listed(names))]
    Missing {
        /// Their names.
        names: Vec<&'static str>,
    },
    /// A command of Slurm cannot be started.
    #[error("cannot start `{name}`")]
    Start {
        /// The command.
        name: &'static str,
        /// What the system says.
        source: io::Error,
    },
    /// Nobody answers.
    #[error("the controller of Slurm does not answer `{name}`: {said}")]
    Silent {
        /// The command.
        name: &'static str,
        /// What the command says.
        said: String,
    },
    /// Slurm says no.
    #[error("`{name}` says: {said}")]
    Refused {
        /// The command.
        name: &'static str,
        /// What it says.
        said: String,
    },
    /// An answer that is not as Slurm writes it.
    #[error("cannot understand the answer of `{name}`: {said}")]
    Odd {
        /// The command.
        name: &'static str,
        /// What it says.
        said: String,
    },
    /// A path that no script can name.
    #[error("the path `{}` is no text", path.display())]
    Nameless {
        /// The path.
        path: PathBuf,
    },
    /// A file of a job cannot be read or written.
    #[error("cannot {action} `{}`", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The job was cancelled, and still is there.
    #[error("job {id} was cancelled and still runs after {seconds} s")]
    Stubborn {
        /// Its number.
        id: String,
        /// How long it had.
        seconds: u64,
    },
    /// What a node has written is not seen here.
    #[error("the node wrote {expected} bytes to `{}`, and {found} are here", path.display())]
    Unseen {
        /// The file.
        path: PathBuf,
        /// Its size there.
        expected: u64,
        /// Its size here, or that it is not there.
        found: String,
    },
    /// The id of a job that this system has not given.
    #[error("`{id}` is no job of Slurm that was started here")]
    Stranger {
        /// The id.
        id: String,
    },
}

impl SlurmError {
    /// The error of an action at a file that the system refuses.
    pub(crate) fn io(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } | Self::Start { .. } => "slurm-missing",
            Self::Silent { .. } => "slurm-silent",
            Self::Refused { .. } => "slurm-refused",
            Self::Odd { .. } | Self::Stranger { .. } => "slurm-answer",
            Self::Nameless { .. } | Self::Io { .. } => "io",
            Self::Stubborn { .. } => "slurm-stubborn",
            Self::Unseen { .. } => "not-shared",
        }
    }

    /// What to try.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Missing { .. } | Self::Start { .. } => Some(
                "run Olive on a login node of the cluster, or install Slurm's client commands \
                 (Debian: `slurm-client`) with the cluster's `slurm.conf`"
                    .into(),
            ),
            Self::Silent { .. } => {
                Some("try `scontrol ping`; `SLURM_CONF` names the config of the cluster".into())
            }
            Self::Refused { .. } => Some(
                "change the system's settings; `sinfo` lists partitions with their limits, and \
                 `sacctmgr show associations user=$USER` your accounts"
                    .into(),
            ),
            Self::Stubborn { id, .. } => Some(format!("look with `scontrol show job {id}`")),
            Self::Unseen { .. } => {
                Some("put the cache folder (`cache_dir`) on a disk that all nodes share".into())
            }
            Self::Odd { .. } | Self::Stranger { .. } | Self::Nameless { .. } | Self::Io { .. } => {
                None
            }
        }
    }
}

impl From<SlurmError> for PluginError {
    fn from(error: SlurmError) -> Self {
        let told = Self::from_error(error.code(), &error);
        match error.hint() {
            Some(hint) => told.with_help(hint),
            None => told,
        }
    }
}

/// `sbatch`, `scontrol` and `scancel`, each in backticks.
fn listed(names: &[&str]) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", no ")
}
