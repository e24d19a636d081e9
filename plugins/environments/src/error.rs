//! Why an environment could not do what it was asked.

use std::io;
use std::path::PathBuf;

use olive_plugin_api::{Diagnostic, PluginError};
use thiserror::Error;

/// Why an environment could not do what it was asked.
#[derive(Debug, Error)]
pub enum EnvironmentError {
    /// There is no engine of containers.
    #[error("no {} in `PATH`", listed(names))]
    NoEngine {
        /// Names of the programs.
        names: Vec<&'static str>,
    },
    /// A program cannot be started.
    #[error("cannot start `{name}`")]
    Start {
        /// The program.
        name: String,
        /// What the system says.
        source: io::Error,
    },
    /// Nobody answers.
    #[error("`{name}` gets no answer: {said}")]
    Silent {
        /// The program.
        name: String,
        /// What it says.
        said: String,
    },
    /// The run was stopped meanwhile.
    #[error("the step was stopped")]
    Cancelled,
    /// The user may not use the engine.
    #[error("`{name}` may not be used by this user: {said}")]
    Denied {
        /// The program.
        name: String,
        /// What it says.
        said: String,
    },
    /// The engine says no.
    #[error("`{name} {action}` says: {said}")]
    Refused {
        /// The program.
        name: String,
        /// Its command.
        action: String,
        /// What it says.
        said: String,
    },
    /// The engine has no room left.
    #[error("the disk of `{name}` is full: {said}")]
    DiskFull {
        /// The program.
        name: String,
        /// What it says.
        said: String,
    },
    /// The engine has other files.
    #[error("the daemon of `{name}` does not see the files of this machine: {said}")]
    NotShared {
        /// The program.
        name: String,
        /// What it says.
        said: String,
    },
    /// There is no such image.
    #[error("the image `{image}` is neither here nor in a registry: {said}")]
    NoImage {
        /// Its name.
        image: String,
        /// What the engine says.
        said: String,
    },
    /// An image that cannot be built.
    #[error("the image `{image}` cannot be built: {said}")]
    NotBuilt {
        /// Its name.
        image: String,
        /// The last that was said.
        said: String,
    },
    /// An image in which no worker can run.
    #[error("Olive cannot run in the image `{image}`: {why}")]
    Unfit {
        /// Its name.
        image: String,
        /// What it lacks.
        why: String,
        /// What to do.
        help: &'static str,
    },
    /// A setting that cannot be handed on.
    #[error("{problem}")]
    Setting {
        /// Where it stands, in the system's settings.
        pointer: String,
        /// What is wrong with it.
        problem: String,
        /// What to do.
        help: String,
    },
    /// An answer that is not understood.
    #[error("cannot understand the answer of `{name}`: {said}")]
    Odd {
        /// The program.
        name: String,
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
    #[error("job `{id}` was cancelled and still runs after {seconds} s")]
    Stubborn {
        /// What runs it.
        id: String,
        /// How long it had.
        seconds: u64,
    },
    /// The job is on another machine.
    #[error("the job of `{}` runs on another machine, `{machine}`", folder.display())]
    OtherMachine {
        /// Folder of the job.
        folder: PathBuf,
        /// Name of the machine.
        machine: String,
    },
    /// The id of a job that this system has not given.
    #[error("`{id}` is no job that was started here")]
    Stranger {
        /// The id.
        id: String,
    },
}

impl EnvironmentError {
    /// The error of an action at a file that the system refuses.
    pub(crate) fn io(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }

    /// The same as a finding of a probe.
    pub(crate) fn finding(self) -> Diagnostic {
        let pointer = match &self {
            Self::Setting { pointer, .. } => pointer.clone(),
            Self::NoImage { .. } | Self::Unfit { .. } => "/image_name".into(),
            Self::NotBuilt { .. } => "/build_context_path".into(),
            _ => String::new(),
        };
        let PluginError { code, message, causes, help } = self.into();
        let message = [vec![message], causes].concat().join(": ");
        Diagnostic { help, ..Diagnostic::error(code, pointer, message) }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NoEngine { .. } => "engine-missing",
            Self::Start { .. } => "program-missing",
            Self::Silent { .. } => "engine-silent",
            Self::Cancelled => PluginError::CANCELLED,
            Self::Denied { .. } => "engine-denied",
            Self::Refused { .. } => "engine-refused",
            Self::DiskFull { .. } => "disk-full",
            Self::NotShared { .. } => "not-shared",
            Self::NoImage { .. } => "image-missing",
            Self::NotBuilt { .. } => "image-not-built",
            Self::Unfit { .. } => "image-unfit",
            Self::Setting { .. } => "setting",
            Self::Odd { .. } | Self::Stranger { .. } => "engine-answer",
            Self::Nameless { .. } | Self::Io { .. } => "io",
            Self::Stubborn { .. } => "job-stubborn",
            Self::OtherMachine { .. } => PluginError::OTHER_MACHINE,
        }
    }

    /// What to try.
    fn hint(&self) -> Option<String> {
        let hint: &str = match self {
            Self::NoEngine { .. } => {
                "install Docker or Podman (Debian: `docker.io`, `podman`), or run the step on \
                 another system"
            }
            Self::Silent { name, .. } if name == "docker" => {
                "start the daemon (`systemctl start docker`), or name that of another place in \
                 `DOCKER_HOST`"
            }
            Self::Denied { .. } => {
                "let an administrator add you to the group `docker`, or use Podman"
            }
            Self::DiskFull { name, .. } => {
                return Some(format!("`{name} system prune` removes what nothing uses"));
            }
            Self::NotShared { .. } => {
                "use a daemon on this machine (`DOCKER_HOST`, `docker context`) that may see the \
                 cache folder, the models and Olive itself"
            }
            Self::NoImage { .. } => {
                "correct `image_name`, log in to its registry, or give `build_context_path`, from \
                 which it is built"
            }
            Self::Unfit { help, .. } => help,
            Self::Setting { help, .. } => help,
            Self::Stubborn { .. } => "end it by hand if it is not wanted any more",
            Self::OtherMachine { folder, .. } => {
                let work = folder.parent().unwrap_or(folder).display();
                return Some(format!(
                    "run again there to follow it; if that machine is gone, remove `{work}` and run \
                     again here"
                ));
            }
            Self::NotBuilt { .. } => "build it by hand to see all that is said",
            Self::Silent { .. }
            | Self::Cancelled
            | Self::Start { .. }
            | Self::Refused { .. }
            | Self::Odd { .. }
            | Self::Stranger { .. }
            | Self::Nameless { .. }
            | Self::Io { .. } => return None,
        };
        Some(hint.to_owned())
    }
}

impl From<EnvironmentError> for PluginError {
    fn from(error: EnvironmentError) -> Self {
        let told = Self::from_error(error.code(), &error);
        match error.hint() {
            Some(hint) => told.with_help(hint),
            None => told,
        }
    }
}

/// `docker`, no `podman`, each in backticks.
fn listed(names: &[&str]) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", no ")
}
