//! Python's package clients: pip as a module, pip as a program, uv.
//!
//! Each is asked to install into a folder of its own, which downloads, checks the sha256 and
//! unpacks in one go, from whatever index the user has configured. No Python code of a wheel runs.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::command;
use crate::error::ChoreError;
use crate::fetch::wheel::{Build, Wheel};

/// A client that was found to answer.
#[derive(Debug)]
pub(crate) struct Client {
    words: &'static [&'static str],
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Pip,
    Uv,
}

const CLIENTS: [(&[&str], Kind); 5] = [
    (&["python3", "-m", "pip"], Kind::Pip),
    (&["python", "-m", "pip"], Kind::Pip),
    (&["pip3"], Kind::Pip),
    (&["pip"], Kind::Pip),
    (&["uv", "pip"], Kind::Uv),
];

impl Client {
    /// The first client that answers.
    pub(crate) fn find() -> Result<Self, ChoreError> {
        let answers = |words: &[&str]| is_answering(command_of(words).arg("--help"));
        let found = CLIENTS.into_iter().find(|(words, _)| answers(words));
        found.map(|(words, kind)| Self { words, kind }).ok_or(ChoreError::NoClient)
    }

    /// Unpacks exactly `wheel` into `folder`; any other digest is refused.
    pub(crate) fn unpack(&self, wheel: &Wheel, folder: &Path) -> Result<(), ChoreError> {
        let requirements = folder.with_extension("requirements.txt");
        let line = format!("{} --hash=sha256:{}\n", wheel.requirement, wheel.sha256);
        fs::write(&requirements, line).map_err(ChoreError::file("write", &requirements))?;
        let mut command = self.install_into(folder);
        command.args(["--no-deps", "--require-hashes", "--requirement"]).arg(&requirements);
        if let Some(build) = &wheel.build {
            command.args(self.platform(build));
        }
        command::output(&mut command).map(drop)
    }

    /// Installs `requirement` with what it depends on into `folder`, for the machine's own Python.
    pub(crate) fn install(&self, requirement: &str, folder: &Path) -> Result<(), ChoreError> {
        command::output(self.install_into(folder).arg(requirement)).map(drop)
    }

    fn install_into(&self, folder: &Path) -> Command {
        let mut command = command_of(self.words);
        command.args(["install", "--only-binary", ":all:", "--target"]).arg(folder);
        match self.kind {
            Kind::Pip => command.args(["--no-compile", "--disable-pip-version-check"]),
            Kind::Uv => &mut command,
        };
        // A user-wide `user = true` would contradict `--target`.
        command.env("PIP_USER", "0");
        command
    }

    fn platform(&self, build: &Build) -> Vec<&'static str> {
        match self.kind {
            Kind::Pip => vec![
                "--platform",
                build.pip_platform,
                "--implementation",
                "cp",
                "--python-version",
                "3.12",
                "--abi",
                "cp312",
            ],
            Kind::Uv => vec!["--python-platform", build.uv_platform, "--python-version", "3.12"],
        }
    }
}

/// The first Python interpreter that answers.
pub(crate) fn python() -> Result<&'static str, ChoreError> {
    let answers = |name: &&str| is_answering(Command::new(name).arg("--version"));
    ["python3", "python"].into_iter().find(answers).ok_or(ChoreError::NoClient)
}

/// `major.minor` of that interpreter.
pub(crate) fn python_version() -> Result<String, ChoreError> {
    let script = "import sys; print('%d.%d' % sys.version_info[:2])";
    let version = command::output(Command::new(python()?).args(["-c", script]))?;
    Ok(version.trim().to_owned())
}

fn command_of(words: &[&str]) -> Command {
    let mut command = Command::new(words[0]);
    command.args(&words[1..]);
    command
}

/// Whether `command` can be started and ends well.
pub(crate) fn is_answering(command: &mut Command) -> bool {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}
