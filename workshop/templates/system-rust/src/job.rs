//! A job on this machine: a process group, and a folder that remembers it.
//!
//! ```text
//! stdin   what the worker reads        group      the process group
//! stdout  its messages                 code       its exit code, once it has ended
//! stderr  what else it says            cancelled  is there when somebody has ended it
//! ```

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use olive_plugin_api::{Job, JobState, LogPart};

/// Runs its arguments in the background and writes their exit code; the file appears whole.
const SCRIPT: &str = r#"{ "$@" <stdin >stdout 2>stderr; echo $? >code.new; mv code.new code; } &"#;

/// Whether this machine can start `name`.
pub fn is_program(name: &str) -> bool {
    let found = Command::new("sh")
        .args(["-c", "command -v -- \"$1\"", "sh", name])
        .output();
    found.is_ok_and(|output| output.status.success())
}

/// Starts `job` under `command`, in a process group that outlives this process.
pub fn start(job: &Job, command: &[String]) -> io::Result<()> {
    fs::write(job.folder.join("stdin"), &job.input)?;
    let mut shell = Command::new("sh")
        .args(["-c", SCRIPT, "sh"])
        .args(command)
        .arg(&job.program)
        .args(&job.arguments)
        .envs(&job.environment)
        .current_dir(&job.folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()?;
    fs::write(job.folder.join("group"), shell.id().to_string())?;
    shell.wait().map(|_| ())
}

/// How the job of `folder` is.
pub fn state(folder: &Path) -> io::Result<JobState> {
    if folder.join("cancelled").exists() {
        return Ok(JobState::Lost {
            reason: "it was cancelled".into(),
        });
    }
    // The code is asked for before and after: a job may end in between.
    for _ in 0..2 {
        match fs::read_to_string(folder.join("code")) {
            Ok(code) => {
                return Ok(JobState::Ended {
                    exit_code: code.trim().parse().ok(),
                });
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        if signal(folder, "0")? {
            return Ok(JobState::Running);
        }
    }
    Ok(JobState::Lost {
        reason: "somebody ended its processes".into(),
    })
}

/// Ends the job of `folder`.
pub fn end(folder: &Path) -> io::Result<()> {
    fs::write(folder.join("cancelled"), "")?;
    signal(folder, "KILL").map(|_| ())
}

/// The whole lines that the worker has written from byte `from` on.
pub fn lines(folder: &Path, from: u64) -> io::Result<LogPart> {
    let mut bytes = Vec::new();
    match File::open(folder.join("stdout")) {
        Ok(mut file) => {
            file.seek(SeekFrom::Start(from))?;
            file.read_to_end(&mut bytes)?;
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let end = bytes
        .iter()
        .rposition(|&byte| byte == b'\n')
        .map_or(0, |newline| newline + 1);
    bytes.truncate(end);
    let text = String::from_utf8(bytes).map_err(io::Error::other)?;
    Ok(LogPart {
        text,
        next: from + end as u64,
    })
}

/// Sends a signal to the process group of the job; whether there was one to take it.
fn signal(folder: &Path, name: &str) -> io::Result<bool> {
    let group = format!("-{}", fs::read_to_string(folder.join("group"))?);
    let output = Command::new("kill")
        .args(["-s", name, "--", &group])
        .output()?;
    Ok(output.status.success())
}
