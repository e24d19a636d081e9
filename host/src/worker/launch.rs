//! Starting a process plugin within the bounds of a worker: this process confines itself, and
//! becomes the plugin's command.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use olive_schemas::protocol::{End, Message, Usage};
use olive_schemas::step::{LogLevel, StepEvent};

use crate::confine;
use crate::plugin::process;

/// Becomes the command of the manifest at `path`, which can write only below `folders`.
///
/// Comes back only when that is impossible; the host is then told why.
///
/// # Errors
/// When standard output fails: the host is gone.
pub fn launch(path: &Path, folders: &[PathBuf]) -> io::Result<ExitCode> {
    if let Some(note) = confine::to(folders).note() {
        let event = StepEvent::Log { level: LogLevel::Debug, message: note.into() };
        send(&Message::Event(event))?;
    }
    let error = match process::manifest_command(path) {
        Ok((command, on_error)) => on_error(become_it(command)),
        Err(error) => error,
    };
    send(&Message::End(End::Failed { error, usage: Usage::default() }))?;
    Ok(ExitCode::SUCCESS)
}

/// Replaces this process by `command`; gives the error that keeps it from that.
#[cfg(unix)]
fn become_it(mut command: Command) -> io::Error {
    use std::os::unix::process::CommandExt;
    go_with_the_host();
    command.exec()
}

/// The system ends this process when the host is killed: a command need not notice it by itself.
#[cfg(unix)]
fn go_with_the_host() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{Signal, set_parent_process_death_signal};
        let _ = set_parent_process_death_signal(Some(Signal::KILL));
    }
}

/// Such a system has no way to do it, and the host does not ask for it there.
#[cfg(not(unix))]
fn become_it(_command: Command) -> io::Error {
    io::ErrorKind::Unsupported.into()
}

fn send(message: &Message) -> io::Result<()> {
    let mut line = serde_json::to_vec(message).map_err(io::Error::other)?;
    line.push(b'\n');
    let mut out = io::stdout();
    out.write_all(&line)?;
    out.flush()
}
