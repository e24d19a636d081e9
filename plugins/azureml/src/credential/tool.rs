//! The account that `az login` has signed in.

use std::process::{Command, Stdio};

use serde_json::Value;

/// Name of the program.
const PROGRAM: &str = if cfg!(windows) { "az.cmd" } else { "az" };

/// A token for the account, or why there is none.
pub(super) fn token(scope: &str) -> Result<String, String> {
    let output = Command::new(PROGRAM)
        .args(["account", "get-access-token", "--output", "json", "--scope", scope])
        .stdin(Stdio::null())
        .output();
    let output = match output {
        Ok(output) => output,
        Err(error) => return Err(format!("`{PROGRAM}` cannot be started ({error})")),
    };
    let said: Option<Value> = serde_json::from_slice(&output.stdout).ok();
    let token = said.and_then(|said| Some(said.get("accessToken")?.as_str()?.to_owned()));
    token.ok_or_else(|| {
        let told = String::from_utf8_lossy(&output.stderr);
        let line = told.lines().find(|line| !line.trim().is_empty()).unwrap_or("it gives no token");
        line.chars().filter(|c| !c.is_control()).take(200).collect()
    })
}
