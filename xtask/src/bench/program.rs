//! Programs that measure a kit from inside.

use std::path::PathBuf;

use serde_json::Value;

use crate::command::{self, cargo};
use crate::error::ChoreError;

/// Builds the bench `name` of a package and gives its path.
pub(crate) fn program(package: &str, name: &str) -> Result<PathBuf, ChoreError> {
    let words = ["build", "--release", "-p", package, "--bench", name];
    let said = command::output(cargo(&words).arg("--message-format=json"))?;
    let messages = said.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let built = messages.filter(|message| message["target"]["name"] == name);
    let mut programs = built.filter_map(|m| m["executable"].as_str().map(PathBuf::from));
    let program = programs.next_back();
    program.ok_or_else(|| ChoreError::Content {
        path: PathBuf::from(format!("{package}/benches/{name}.rs")),
        problem: "cargo named no program for it".into(),
    })
}
