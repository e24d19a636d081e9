//! The account that a command-line tool of Azure has signed in.

use std::process::{Command, Output};
use std::time::Duration;

use olive_kit_programs::ask::{Unanswered, output};
use serde_json::Value;

use super::Given;
use crate::AzureError;
use crate::line::Line;

/// The Azure CLI, after `az login`.
pub(super) const AZ: Tool = Tool {
    program: if cfg!(windows) { "az.cmd" } else { "az" },
    arguments: ["account", "get-access-token", "--output", "json"],
    token: "accessToken",
};
/// The Azure Developer CLI, after `azd auth login`.
pub(super) const AZD: Tool =
    Tool { program: "azd", arguments: ["auth", "token", "--output", "json"], token: "token" };

/// A tool that gives tokens.
pub(super) struct Tool {
    program: &'static str,
    /// Before `--scope` and the scope.
    arguments: [&'static str; 4],
    /// Where the token is in what it says.
    token: &'static str,
}

/// Longest time that it may take.
const PATIENCE: Duration = Duration::from_mins(1);

impl Tool {
    /// A token for the account, or why there is none.
    pub(super) fn token(&self, scope: &str, line: &Line<'_>) -> Given {
        let mut command = Command::new(self.program);
        command.args(self.arguments).args(["--scope", scope]);
        let said = match said(command, PATIENCE, &|| line.ctx().is_cancelled())? {
            Ok(said) => said,
            Err(reason) => return Ok(Err(reason)),
        };
        let told: Option<Value> = serde_json::from_slice(&said.stdout).ok();
        let token = told.and_then(|told| Some(told.get(self.token)?.as_str()?.to_owned()));
        Ok(token.ok_or_else(|| {
            let told = String::from_utf8_lossy(&said.stderr);
            let line = told.lines().find(|line| !line.trim().is_empty());
            let line = line.unwrap_or("it gives no token");
            line.chars().filter(|c| !c.is_control()).take(200).collect()
        }))
    }
}

/// What `command` says within `patience`, or why it does not.
fn said(
    command: Command,
    patience: Duration,
    is_cancelled: &dyn Fn() -> bool,
) -> Result<Result<Output, String>, AzureError> {
    let program = command.get_program().to_string_lossy().into_owned();
    match output(command, patience, is_cancelled) {
        Ok(output) => Ok(Ok(output)),
        Err(Unanswered::Start(error)) => {
            Ok(Err(format!("`{program}` cannot be started ({error})")))
        }
        Err(Unanswered::Late { limit }) => {
            Ok(Err(format!("`{program}` gives no answer within {} s", limit.as_secs())))
        }
        Err(Unanswered::Cancelled) => Err(AzureError::Cancelled),
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::process::Command;
    use std::time::Duration;

    use super::said;

    fn run(script: &str, patience: Duration) -> Result<String, String> {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        let said = said(command, patience, &|| false).unwrap()?;
        Ok(String::from_utf8([said.stdout, said.stderr].concat()).unwrap())
    }

    #[test]
    fn a_program_has_so_much_time_and_no_more() {
        let long = Duration::from_mins(1);
        assert_eq!(run("echo out; echo err >&2", long).unwrap(), "out\nerr\n");
        let reason = run("exec sleep 60", Duration::from_millis(1)).unwrap_err();
        assert_eq!(reason, "`sh` gives no answer within 0 s");
    }
}
