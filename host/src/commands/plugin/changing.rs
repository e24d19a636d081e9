//! Changes of a store that fetch nothing: who waits for whom, and what is told.

use std::time::Duration;

use olive_packs::store::{ActivePack, Guard};
use serde_json::{Value, json};

use super::install::told;
use super::install::watcher::Watcher;
use crate::error::Error;
use crate::install::{Destination, InstallContext, Watch, project};

/// Longest wait for another command to let go of the store.
const WAIT: Duration = Duration::from_mins(1);

/// Takes the lock of the store.
pub(super) fn lock(destination: &Destination, is_json: bool) -> Result<Guard, Error> {
    let watcher = Watcher::new(is_json);
    Ok(destination.store.lock(WAIT, &|| watcher.waiting())?)
}

/// Lets the lock file of the store's project follow; a line about that.
pub(super) fn lock_project(destination: &Destination) -> Result<Option<Line>, Error> {
    let Some(folder) = &destination.project else { return Ok(None) };
    let path = project::write(folder, &InstallContext::of_user()?)?;
    let text = format!("wrote {}", path.display());
    Ok(Some(Line { text, json: json!({"event": "locked", "path": path}) }))
}

/// A line of what a command says, for people and for programs.
pub(super) struct Line {
    pub(super) text: String,
    pub(super) json: Value,
}

impl Line {
    /// That `pack` goes.
    pub(super) fn removed(pack: &ActivePack, is_dry_run: bool) -> Self {
        let verb = if is_dry_run { "would remove" } else { "removed" };
        Self {
            text: format!("{verb} {} {}", pack.name, pack.version),
            json: told::pack("removed", pack, is_dry_run),
        }
    }
}

/// The lines as text, or as one JSON object a line.
pub(super) fn text(lines: impl IntoIterator<Item = Line>, is_json: bool) -> String {
    let line = |line: Line| if is_json { line.json.to_string() } else { line.text };
    lines.into_iter().map(|each| line(each) + "\n").collect()
}
