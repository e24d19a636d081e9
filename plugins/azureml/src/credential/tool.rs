//! The account that `az login` has signed in.

use std::process::{Command, Stdio};

use serde_json::Value;

use super::Given;

/// Name of the program.
const PROGRAM: &str = if cfg!(windows) { "az.cmd" } else { "az" };

/// A token for the account.
pub(super) fn token(scope: &str) -> Given {
    let output = Command::new(PROGRAM)
        .args(["account", "get-access-token", "--output", "json", "--scope", scope])
        .stdin(Stdio::null())
        .output();
    let output = match output {
        Ok(output) => output,
        Err(error) => return Ok(Err(format!("`{PROGRAM}` cannot be started ({error})"))),
    };
    let said: Option<Value> = serde_json::from_slice(&output.stdout).ok();
    let token = said.and_then(|said| Some(said.get("accessToken")?.as_str()?.to_owned()));
    Ok(token.ok_or_else(|| {
        let told = String::from_utf8_lossy(&output.stderr);
        let line = told.lines().find(|line| !line.trim().is_empty()).unwrap_or("it gives no token");
        line.chars().filter(|c| !c.is_control()).take(200).collect()
    }))
}
