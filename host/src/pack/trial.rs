//! Trying the staged plugins of this machine against the contract.

use std::io;
use std::path::PathBuf;

use olive_packs::PackError;
use serde::Deserialize;

use super::describe::Described;
use super::recipe::Recipe;
use super::refused;
use super::stage::Stage;
use crate::conformance;
use crate::error::Error;

/// File with the author's cases, beside the recipe.
const CASES: &str = "conformance.json";

/// How many checks went how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Tried {
    /// Checks of what is kept.
    pub passed: usize,
    /// Checks of what is not.
    pub failed: usize,
    /// Checks that could not be tried.
    pub skipped: usize,
}

/// A line that `olive plugin test` writes for programs.
#[derive(Deserialize)]
#[serde(untagged)]
enum Line {
    Check { check: String, verdict: String, detail: String },
    Summary { summary: Tried },
    Error { message: String },
}

/// Tries the plugins that this machine can run; nothing when there is none.
///
/// # Errors
/// When one breaks the contract, or cannot be tried.
pub(super) fn run(
    recipe: &Recipe,
    plugins: &[Described],
    stage: &Stage,
) -> Result<Option<Tried>, Error> {
    let here = plugins.iter().filter_map(|one| one.here.as_deref());
    let paths: Vec<PathBuf> = here.map(|path| stage.path(path)).collect();
    if paths.is_empty() {
        return Ok(None);
    }
    let cases = recipe.folder.join(CASES);
    let cases = cases.is_file().then_some(&*cases);
    let try_all = || conformance::apart(&paths, cases, true)?.command.output();
    let folder = recipe.shown(&recipe.folder);
    let output = try_all().map_err(PackError::io("try the plugins of", &folder))?;
    let said = String::from_utf8_lossy(&output.stdout);
    let mut broken: Vec<String> = Vec::new();
    let mut tried = None;
    for line in said.lines().filter_map(|line| serde_json::from_str(line).ok()) {
        match line {
            Line::Check { check, verdict, detail } if verdict == "failed" => {
                broken.push(format!("`{check}`: {detail}"));
            }
            Line::Check { .. } => {}
            Line::Summary { summary } => tried = Some(summary),
            Line::Error { message } => broken.push(message),
        }
    }
    let more = match broken.len() {
        0 if tried.is_some() => return Ok(tried),
        0 => {
            let cause = io::Error::other(format!("its process ended with {}", output.status));
            return Err(PackError::io("try the plugins of", &folder)(cause).into());
        }
        1 => String::new(),
        count => format!(", and {} more", count - 1),
    };
    let message = format!("a plugin breaks the contract: {}{more}", broken[0]);
    let help = format!(
        "`olive plugin test {}` tells all; `--no-test` packs without trying",
        folder.display()
    );
    Err(refused("pack-broken-plugin", message, help))
}
