//! The account that `az login` has signed in.

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::Given;
use crate::AzureError;
use crate::line::Line;

/// Name of the program.
const PROGRAM: &str = if cfg!(windows) { "az.cmd" } else { "az" };
/// Longest time that it may take.
const PATIENCE: Duration = Duration::from_mins(1);
/// Time between two looks at whether it has ended.
const TICK: Duration = Duration::from_millis(20);

/// A token for the account, or why there is none.
pub(super) fn token(scope: &str, line: &Line<'_>) -> Given {
    let arguments = ["account", "get-access-token", "--output", "json", "--scope", scope];
    let mut command = Command::new(PROGRAM);
    command.args(arguments);
    let said = match said(command, PATIENCE, &|| line.wait(TICK))? {
        Ok(said) => said,
        Err(reason) => return Ok(Err(reason)),
    };
    let told: Option<Value> = serde_json::from_slice(&said.out).ok();
    let token = told.and_then(|told| Some(told.get("accessToken")?.as_str()?.to_owned()));
    Ok(token.ok_or_else(|| {
        let told = String::from_utf8_lossy(&said.err);
        let line = told.lines().find(|line| !line.trim().is_empty()).unwrap_or("it gives no token");
        line.chars().filter(|c| !c.is_control()).take(200).collect()
    }))
}

/// What a program writes.
struct Said {
    out: Vec<u8>,
    err: Vec<u8>,
}

/// What `command` writes within `patience`, or why it does not; `wait` is between two looks.
fn said(
    mut command: Command,
    patience: Duration,
    wait: &dyn Fn() -> Result<(), AzureError>,
) -> Result<Result<Said, String>, AzureError> {
    let program = command.get_program().to_string_lossy().into_owned();
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => return Ok(Err(format!("`{program}` cannot be started ({error})"))),
    };
    let (out, err) = (all(child.stdout.take()), all(child.stderr.take()));
    let start = Instant::now();
    let mut said = Said { out: Vec::new(), err: Vec::new() };
    for (pipe, text) in [(out, &mut said.out), (err, &mut said.err)] {
        loop {
            if let Ok(written) = pipe.try_recv() {
                *text = written;
                break;
            }
            let waited = wait();
            if waited.is_err() || start.elapsed() > patience {
                end(&mut child);
                waited?;
                let seconds = patience.as_secs();
                return Ok(Err(format!("`{program}` gives no answer within {seconds} s")));
            }
        }
    }
    end(&mut child);
    Ok(Ok(said))
}

/// Everything that comes out of `pipe`, when it has ended.
fn all(pipe: Option<impl Read + Send + 'static>) -> Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut written = Vec::new();
        if let Some(mut pipe) = pipe {
            let _ = pipe.read_to_end(&mut written);
        }
        let _ = sender.send(written);
    });
    receiver
}

/// One that has closed both pipes has nothing left to do.
fn end(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::process::Command;
    use std::time::Duration;

    use super::{TICK, said};
    use crate::AzureError;

    fn run(script: &str, patience: Duration) -> Result<String, String> {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        let wait = || -> Result<(), AzureError> {
            std::thread::sleep(TICK);
            Ok(())
        };
        let said = said(command, patience, &wait).unwrap()?;
        Ok(String::from_utf8([said.out, said.err].concat()).unwrap())
    }

    #[test]
    fn a_program_has_so_much_time_and_no_more() {
        let long = Duration::from_mins(1);
        assert_eq!(run("echo out; echo err >&2", long).unwrap(), "out\nerr\n");
        let reason = run("exec sleep 60", Duration::from_millis(1)).unwrap_err();
        assert_eq!(reason, "`sh` gives no answer within 0 s");
    }
}
