//! Sources that are broken off: the next attempt makes what a whole one makes.

use std::io;

use olive_schemas::error::PluginError;
use olive_schemas::step::{StepEvent, StepKind};

use super::Attempt;
use crate::conformance::events;
use crate::conformance::outcome;
use crate::conformance::report::{Finding, Objection, failed, skipped};
use crate::conformance::trial::{Ending, Stop, Task, Trial};

impl Attempt<'_, '_> {
    /// Breaks a source off midway, asks for the same again with what it has left, and compares that
    /// with what the whole run `first` has made.
    pub(super) fn resume(&mut self, first: &Trial) -> io::Result<()> {
        if self.case.task.kind != StepKind::Source {
            return Ok(());
        }
        let is_progress = |event: &StepEvent| matches!(event, StepEvent::Progress { .. });
        let tells = first.events.iter().any(is_progress);
        for (check, stop) in
            [("resumes-after-stop", Stop::Midway), ("resumes-after-kill", Stop::KilledMidway)]
        {
            let finding = if tells {
                self.resumed(first, stop)?
            } else {
                skipped("it tells no progress, so that nobody knows when it is midway")
            };
            self.add(check, finding);
        }
        Ok(())
    }

    fn resumed(&mut self, first: &Trial, stop: Stop) -> io::Result<Finding> {
        let kept = self.bench.world.kept_folder()?;
        let task = Task { kept: Some(kept), ..self.case.task.clone() };
        let broken = self.run(&task, stop)?;
        let again = self.run(&task, Stop::Never)?;
        if let Err(problem) = outcome::same(first, &again) {
            return Ok(Err(problem));
        }
        if let Err(problem @ Objection::Failed(_)) = events::progress(&again.events) {
            return Ok(Err(problem));
        }
        Ok(match (&broken.result, stop) {
            (Ok(_), _) => Ok("it was done before".into()),
            (Err(Ending::Crash(_)), Stop::KilledMidway) => Ok("the same answer and files".into()),
            (Err(Ending::Error(error)), Stop::Midway) if error.code == PluginError::CANCELLED => {
                Ok("the same answer and files".into())
            }
            (Err(ending), _) => failed(ending.tell()),
        })
    }
}
