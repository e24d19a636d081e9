//! The program that starts containers: asked, understood when it says no.

use std::process::{Command, Output};
use std::time::Duration;

use olive_kit_programs::ask::is_there;

use super::config::{DockerConfig, Engine};
use crate::error::EnvironmentError;
use crate::program;

/// Longest time a question may take.
const PATIENCE: Duration = Duration::from_mins(1);
/// Longest time that building or pulling an image may take.
const LONG: Duration = Duration::from_hours(2);
/// Words of a program that gets no answer.
const SILENCES: [&str; 6] = [
    "Cannot connect to the",
    "error during connect",
    "connection refused",
    "Is the docker daemon running",
    "unable to connect to Podman",
    "context deadline exceeded",
];

impl Engine {
    /// The engine that `config` names, or the one that is there.
    pub(super) fn find(config: &DockerConfig) -> Result<Self, EnvironmentError> {
        let wanted = match config.engine {
            Some(engine) => vec![engine],
            None => vec![Self::Docker, Self::Podman],
        };
        let names = wanted.iter().map(|engine| engine.name()).collect();
        let mut wanted = wanted.into_iter();
        wanted.find(|engine| is_there(engine.name())).ok_or(EnvironmentError::NoEngine { names })
    }

    /// What the engine answers to these arguments.
    pub(super) fn ask(self, arguments: &[String]) -> Result<String, EnvironmentError> {
        self.ask_within(arguments, PATIENCE, &|| false)
    }

    /// The same for what may take long, unless it `is_cancelled` before.
    pub(super) fn ask_patiently(
        self,
        arguments: &[String],
        is_cancelled: &dyn Fn() -> bool,
    ) -> Result<String, EnvironmentError> {
        self.ask_within(arguments, LONG, is_cancelled)
    }

    fn ask_within(
        self,
        arguments: &[String],
        limit: Duration,
        is_cancelled: &dyn Fn() -> bool,
    ) -> Result<String, EnvironmentError> {
        let mut command = Command::new(self.name());
        command.args(arguments);
        let output = program::output(command, self.name(), limit, is_cancelled)?;
        self.understood(arguments.first().map_or("", String::as_str), &output)
    }

    fn understood(self, action: &str, output: &Output) -> Result<String, EnvironmentError> {
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
        }
        let said = bare(&String::from_utf8_lossy(&output.stderr));
        let name = self.name().to_owned();
        let error = if said.contains("permission denied while trying to connect") {
            EnvironmentError::Denied { name, said }
        } else if SILENCES.iter().any(|silence| said.contains(silence)) {
            EnvironmentError::Silent { name, said }
        } else if is_elsewhere(&said) {
            EnvironmentError::NotShared { name, said }
        } else if said.contains("no space left on device") {
            EnvironmentError::DiskFull { name, said }
        } else {
            EnvironmentError::Refused { name, action: action.to_owned(), said }
        };
        Err(error)
    }

    /// Whether containers are those of this user, whose root is the user outside.
    pub(super) fn is_rootless(self) -> Result<bool, EnvironmentError> {
        let format = match self {
            Self::Docker => "{{.SecurityOptions}}",
            Self::Podman => "{{.Host.Security.Rootless}}",
        };
        let said = self.ask(&["info", "--format", format].map(str::to_owned))?;
        Ok(said.contains("name=rootless") || said == "true")
    }

    /// Version of what answers.
    pub(super) fn version(self) -> Result<String, EnvironmentError> {
        // Podman without a service is its own server.
        let format = match self {
            Self::Docker => "{{.Server.Version}}",
            Self::Podman => "{{.Client.Version}}",
        };
        self.ask(&["version", "--format", format].map(str::to_owned))
    }
}

/// Words of a daemon that does not find what is to be mounted.
fn is_elsewhere(said: &str) -> bool {
    said.contains("bind source path does not exist")
        || said.contains("statfs") && said.contains("no such file")
}

/// What an engine says without who says it, and without its advice.
fn bare(said: &str) -> String {
    let lines = said.lines().map(str::trim);
    let lines = lines.filter(|line| !line.is_empty() && !line.contains("--help"));
    let bare = lines.map(|line| {
        let line = line.strip_prefix("docker: ").unwrap_or(line);
        let line = line.strip_prefix("Error response from daemon: ").unwrap_or(line);
        line.strip_prefix("Error: ").unwrap_or(line).trim_end_matches('.')
    });
    bare.collect::<Vec<_>>().join("; ")
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::{ExitStatus, Output};

    use super::Engine;
    use crate::error::EnvironmentError;

    #[test]
    fn refusals_are_understood() {
        let rows = [
            (
                "Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running?",
                "`docker` gets no answer: Cannot connect",
            ),
            (
                "docker: permission denied while trying to connect to the Docker daemon socket",
                "`docker` may not be used by this user: permission denied",
            ),
            (
                "docker: Error response from daemon: write /x: no space left on device.\n\n\
                 Run 'docker run --help' for more information",
                "the disk of `docker` is full: write /x: no space left on device",
            ),
            (
                "docker: Error response from daemon: invalid mount config for type \"bind\": bind \
                 source path does not exist: /x.",
                "the daemon of `docker` does not see the files of this machine: invalid mount",
            ),
            (
                "Error: no such option\nSee 'docker run --help'.",
                "`docker run` says: no such option",
            ),
        ];
        for (said, expected) in rows {
            let output =
                Output { status: ExitStatus::from_raw(256), stdout: vec![], stderr: said.into() };
            let error: EnvironmentError = Engine::Docker.understood("run", &output).unwrap_err();
            assert!(error.to_string().starts_with(expected), "{error}");
        }
    }
}
