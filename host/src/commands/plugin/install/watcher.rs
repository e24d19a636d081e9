//! The user of an installation: sees how it goes, is asked, may stop it.

use std::io::{self, BufRead, IsTerminal, Write};

use olive_packs::PackError;
use olive_packs::signature::PublicKey;
use olive_schemas::pack::PackManifest;

use super::progress::Progress;
use crate::cancel::Cancel;
use crate::install::{Stage, Watch};
use crate::render::plain;

/// The user at the command line.
pub(in crate::commands::plugin) struct Watcher {
    progress: Progress,
    cancel: Cancel,
    is_json: bool,
}

impl Watcher {
    /// The user of this process.
    pub(in crate::commands::plugin) fn new(is_json: bool) -> Self {
        Self { progress: Progress::new(is_json), cancel: Cancel::on_signals(), is_json }
    }

    /// Whether a person can answer.
    fn is_person(&self) -> bool {
        !self.is_json && io::stdin().is_terminal() && io::stderr().is_terminal()
    }
}

impl Watch for Watcher {
    fn progress(&self, stage: Stage, subject: &str, done: u64, total: Option<u64>) {
        self.progress.update(stage.name(), subject, done, total);
    }

    fn stage_ended(&self) {
        self.progress.end();
    }

    fn waiting(&self) {
        self.progress.line("waiting for another command that changes the same packs");
    }

    /// Asks a person; where there is none, the flag that brought us here is the consent.
    fn consents(&self, manifest: &PackManifest, key: &PublicKey) -> Result<bool, PackError> {
        if !self.is_person() {
            return Ok(true);
        }
        let publisher = &manifest.publisher;
        let mut terminal = io::stderr();
        let question = format!(
            "trust key {} of publisher {} ({})? [y/N] ",
            key.id(),
            publisher.id,
            plain(&publisher.name).replace('\n', " "),
        );
        let mut answer = String::new();
        terminal
            .write_all(question.as_bytes())
            .and_then(|()| terminal.flush())
            .and_then(|()| io::stdin().lock().read_line(&mut answer))
            .map_err(PackError::io("ask at", "the terminal"))?;
        Ok(["y", "yes"].contains(&answer.trim().to_lowercase().as_str()))
    }

    fn is_cancelled(&self) -> bool {
        self.cancel.is_cancelled()
    }
}
