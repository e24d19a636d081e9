//! The process of a job, which outlives the call that has started it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::environment::surround;
use crate::error::EnvironmentError;
use crate::folder::Folder;
use crate::program::{grace, output, wait};

/// Variable of a job's processes that says which step they compute.
const ORIGIN: &str = "OLIVE_STEP_ORIGIN";
/// How long a process may take to be gone that was killed.
const END: Duration = Duration::from_secs(5);
/// Longest time that `kill` and `ps` may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The script of a job at work: the first process of its group.
pub(super) struct Process {
    number: u32,
    /// A path that its command line has.
    folder: PathBuf,
}

impl Process {
    /// Starts the script that `folder` holds, for the step `origin`, with these variables.
    pub(super) fn start(
        folder: &Folder,
        origin: &Path,
        variables: &BTreeMap<String, Option<OsString>>,
    ) -> Result<Self, EnvironmentError> {
        let mut command = Command::new("sh");
        command.arg(folder.path.join("script"));
        surround(&mut command, variables);
        command.env(ORIGIN, origin).current_dir(&folder.path);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        #[cfg(unix)]
        {
            use std::os::unix::process::CommandExt;
            command.process_group(0);
        }
        let child = command
            .spawn()
            .map_err(|source| EnvironmentError::Start { name: "sh".into(), source })?;
        Ok(Self { number: child.id(), folder: folder.path.clone() })
    }

    /// The process that a part of an id names.
    pub(super) fn of(id: &str, folder: &Folder) -> Result<Self, EnvironmentError> {
        let number = id.parse().map_err(|_| EnvironmentError::Stranger { id: id.to_owned() })?;
        Ok(Self { number, folder: folder.path.clone() })
    }

    /// What stands for it in an id.
    pub(super) fn id(&self) -> String {
        self.number.to_string()
    }

    /// Whether it still is there; another one may have got its number.
    pub(super) fn is_alive(&self) -> bool {
        let folder = self.folder.to_string_lossy();
        command_line(self.number).is_some_and(|line| line.contains(&*folder))
    }

    /// Asks it to stop, and kills its group when it does not.
    pub(super) fn end(&self) -> Result<(), EnvironmentError> {
        end(self.number, || self.is_alive())
    }
}

/// The process of the host: it has started the one that this runs in.
#[cfg_attr(unix, expect(clippy::unnecessary_wraps, reason = "only Unix tells it"))]
pub(super) fn host() -> Option<u32> {
    #[cfg(unix)]
    {
        Some(std::os::unix::process::parent_id())
    }
    #[cfg(not(unix))]
    {
        None
    }
}

/// Ends what a host that has died left of the step `origin`: two would write the same checkpoints.
///
/// Only Linux tells whose variables a process has; elsewhere the script notices by itself that its
/// host is gone.
pub(super) fn end_orphans(origin: &Path) -> Result<(), EnvironmentError> {
    let mark = format!("{ORIGIN}={}", origin.display());
    let has_mark = |number: u32| {
        let variables = fs::read(format!("/proc/{number}/environ")).unwrap_or_default();
        variables.split(|&byte| byte == 0).any(|variable| variable == mark.as_bytes())
    };
    let is_script = |number: u32| {
        let line = command_line(number).unwrap_or_default();
        line.starts_with("sh ") && line.trim_end().ends_with("/script")
    };
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let marked: Vec<u32> = numbers.filter(|&number| has_mark(number)).collect();
    // The scripts first: a worker ends with the script that hears for it.
    for &number in marked.iter().filter(|&&number| is_script(number)) {
        end(number, || has_mark(number))?;
    }
    for number in marked {
        end(number, || has_mark(number))?;
    }
    Ok(())
}

fn end(number: u32, is_alive: impl Fn() -> bool) -> Result<(), EnvironmentError> {
    if !is_alive() {
        return Ok(());
    }
    signal("TERM", &number.to_string())?;
    if wait(grace(), || Ok(!is_alive()))? {
        return Ok(());
    }
    for target in [format!("-{number}"), number.to_string()] {
        signal("KILL", &target)?;
    }
    if wait(END, || Ok(!is_alive()))? {
        return Ok(());
    }
    Err(EnvironmentError::Stubborn { id: number.to_string(), seconds: grace().as_secs() })
}

/// Sends a signal; what is gone does not hear it.
fn signal(name: &str, target: &str) -> Result<(), EnvironmentError> {
    let mut command = Command::new("kill");
    command.args([&format!("-{name}"), "--", target]);
    output(command, "kill", PATIENCE, &|| false).map(drop)
}

/// Words of the command that process `number` runs; none of one that has ended.
fn command_line(number: u32) -> Option<String> {
    let line = if cfg!(target_os = "linux") {
        let bytes = fs::read(format!("/proc/{number}/cmdline")).ok()?;
        String::from_utf8_lossy(&bytes).replace('\0', " ")
    } else {
        let mut command = Command::new("ps");
        command.args(["-o", "command=", "-p", &number.to_string()]);
        let output = output(command, "ps", PATIENCE, &|| false).ok()?;
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    (!line.trim().is_empty()).then_some(line)
}
