//! Child processes, named in errors as a person would type them.

use std::env;
use std::io;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

use thiserror::Error;

/// Variables by which people tell cargo where things are and how to fetch them; all else that
/// begins with `CARGO` comes from a cargo that runs us, and is about another package.
const KEPT: [&str; 8] = [
    "CARGO_HOME",
    "CARGO_TARGET_DIR",
    "CARGO_HTTP_",
    "CARGO_NET_",
    "CARGO_REGISTRIES_",
    "CARGO_REGISTRY_",
    "CARGO_SOURCE_",
    "CARGO_TERM_",
];

/// Why a command did not do its work.
#[derive(Debug, Error)]
pub enum CommandError {
    /// It could not be started.
    #[error("cannot run `{program}`: {source}")]
    Start {
        /// The program.
        program: String,
        /// What the system says.
        source: io::Error,
    },
    /// It ran and said no.
    #[error("`{command}` ended with {status}{}", quoted(said))]
    Failed {
        /// The command line.
        command: String,
        /// How it ended.
        status: ExitStatus,
        /// What it said, unless that went to the terminal.
        said: String,
    },
}

/// `cargo` or another program of Rust's in `dir`, free of what a surrounding cargo has set.
pub(crate) fn rust(program: &str, dir: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(dir);
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if is_inherited(&text) {
            command.env_remove(&name);
        }
    }
    command
}

/// Whether a cargo that runs us has set the variable, or may have.
fn is_inherited(name: &str) -> bool {
    let is_cargo = name.starts_with("CARGO") && !KEPT.iter().any(|kept| name.starts_with(kept));
    is_cargo || name.starts_with("RUSTC") || name == "RUSTFLAGS"
}

/// Runs `command`; all it says goes to standard error, for people.
pub(crate) fn run(command: &mut Command) -> Result<(), CommandError> {
    command.stdin(Stdio::null()).stdout(io::stderr());
    let status = command.status().map_err(start(command))?;
    check(command, status, String::new())
}

/// Runs `command` and gives its standard output; standard error goes to people.
pub(crate) fn answer(command: &mut Command) -> Result<String, CommandError> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit());
    let output = command.output().map_err(start(command))?;
    check(command, output.status, String::new())?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Runs `command` and gives its standard output; an error quotes what it said.
pub(crate) fn ask(command: &mut Command) -> Result<String, CommandError> {
    let output = command.stdin(Stdio::null()).output().map_err(start(command))?;
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let said = String::from_utf8_lossy(&output.stderr) + &*stdout;
    check(command, output.status, said.into_owned())?;
    Ok(stdout)
}

pub(crate) fn start(command: &Command) -> impl FnOnce(io::Error) -> CommandError {
    let program = command.get_program().to_string_lossy().into_owned();
    move |source| CommandError::Start { program, source }
}

pub(crate) fn check(
    command: &Command,
    status: ExitStatus,
    said: String,
) -> Result<(), CommandError> {
    if status.success() {
        return Ok(());
    }
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let command = words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ");
    Err(CommandError::Failed { command, status, said })
}

fn quoted(said: &str) -> String {
    let said = said.trim_end();
    if said.is_empty() { String::new() } else { format!(":\n{said}") }
}

#[cfg(test)]
mod tests {
    use super::{ask, is_inherited, rust};
    use std::path::Path;

    #[test]
    fn a_surrounding_cargo_is_forgotten_and_the_users_settings_stay() {
        let forgotten =
            ["CARGO", "CARGO_PKG_NAME", "CARGO_ENCODED_RUSTFLAGS", "RUSTC", "RUSTFLAGS"];
        let kept =
            ["CARGO_HOME", "CARGO_NET_OFFLINE", "CARGO_REGISTRIES_ACME_INDEX", "RUSTUP_HOME"];
        assert!(forgotten.into_iter().all(is_inherited));
        assert!(!kept.into_iter().any(is_inherited));
    }

    #[test]
    fn an_error_names_the_command_and_what_it_said() {
        let error = ask(rust("rustc", Path::new(".")).arg("--print=nothing-like-it")).unwrap_err();
        let said = error.to_string();
        assert!(said.starts_with("`rustc --print=nothing-like-it` ended with exit status: 1:\n"));
        assert!(said.contains("nothing-like-it"), "{said}");
        let error = ask(&mut rust("no-such-program", Path::new("."))).unwrap_err();
        assert!(error.to_string().starts_with("cannot run `no-such-program`: "), "{error}");
    }
}
