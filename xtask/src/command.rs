//! Child processes: started, waited for, and named in errors as a person would type them.

use std::env;
use std::io::{BufRead, BufReader};
use std::process::{Command, ExitStatus, Stdio};

use crate::error::ChoreError;
use crate::workspace;

/// The cargo that runs this chore, in the workspace root.
pub(crate) fn cargo(args: &[&str]) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(args).current_dir(workspace::root());
    command
}

/// Runs `command` with this terminal.
pub(crate) fn run(command: &mut Command) -> Result<(), ChoreError> {
    let status = command.status().map_err(start(command))?;
    check(command, status, String::new())
}

/// Runs `command` and gives its standard output; on failure the error quotes what it said.
pub(crate) fn output(command: &mut Command) -> Result<String, ChoreError> {
    let output = command.stdin(Stdio::null()).output().map_err(start(command))?;
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let said = [String::from_utf8_lossy(&output.stderr).as_ref(), &stdout].concat();
    check(command, output.status, said)?;
    Ok(stdout)
}

/// Runs `command` with this terminal, and shows `look` each line of its standard output.
pub(crate) fn stream(command: &mut Command, mut look: impl FnMut(&str)) -> Result<(), ChoreError> {
    let mut child = command.stdout(Stdio::piped()).spawn().map_err(start(command))?;
    if let Some(stdout) = child.stdout.take() {
        let mut lines = BufReader::new(stdout);
        let mut line = Vec::new();
        while lines.read_until(b'\n', &mut line).map_err(start(command))? > 0 {
            let text = String::from_utf8_lossy(&line);
            print!("{text}");
            look(text.trim_end());
            line.clear();
        }
    }
    let status = child.wait().map_err(start(command))?;
    check(command, status, String::new())
}

/// What it is when `command` cannot be started.
pub(crate) fn start(command: &Command) -> impl FnOnce(std::io::Error) -> ChoreError {
    let program = command.get_program().to_string_lossy().into_owned();
    move |source| ChoreError::Start { program, source }
}

/// What it is when `command` ended with a failure; `output` is what it said.
pub(crate) fn check(
    command: &Command,
    status: ExitStatus,
    output: String,
) -> Result<(), ChoreError> {
    if status.success() {
        return Ok(());
    }
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let command = words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ");
    Err(ChoreError::Failed { command, status, output })
}
