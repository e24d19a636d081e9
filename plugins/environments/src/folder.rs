//! The folder of a job, and what its files say.
//!
//! | file | holds | written by |
//! | --- | --- | --- |
//! | `script`, `in` | what runs, and what it reads | host, before the job |
//! | `out`, `err` | what the worker writes | worker |
//! | `started`, `stopped` | the script's process, once it runs and once it was asked to stop | script |
//! | `code` | the worker's exit code | script, at last |
//! | `machine` | name of the machine that runs it | host, before the job |
//! | `silent` | that the engine does not answer | host |

use std::fs;
use std::path::{Path, PathBuf};

use olive_kit_programs::job;
use olive_plugin_api::{Job, JobState, LogLevel, LogPart, StepContext};

use crate::error::EnvironmentError;
use crate::program::machine;

/// File that names the machine of a job.
const MACHINE: &str = "machine";
/// Between what runs the job and its folder, in an id.
const AT: char = '@';

/// Exit code of what SIGKILL has ended.
pub(crate) const KILLED: i32 = 137;
/// Why such a job is lost, as far as its folder says.
pub(crate) const WHY_KILLED: &str =
    "it was killed (SIGKILL), by somebody or because the machine ran out of memory";

/// The folder of a job.
pub(crate) struct Folder {
    /// Where it is.
    pub(crate) path: PathBuf,
}

impl Folder {
    /// The folder of `job` with all that it needs to run.
    pub(crate) fn prepare(job: &Job, script: &str) -> Result<Self, EnvironmentError> {
        let folder = Self { path: job.folder.clone() };
        folder.put("in", &job.input)?;
        folder.put("script", script)?;
        if let Some(machine) = machine() {
            folder.put(MACHINE, &machine)?;
        }
        Ok(folder)
    }

    /// Sees to it that the job is on this machine, or that its worker has ended: of one that lives
    /// elsewhere nothing is known here.
    pub(crate) fn check_machine(&self) -> Result<(), EnvironmentError> {
        match (self.get(MACHINE), machine()) {
            (Some(there), Some(here)) if there != here && self.code().is_none() => {
                Err(EnvironmentError::OtherMachine { folder: self.path.clone(), machine: there })
            }
            _ => Ok(()),
        }
    }

    /// What runs the job that `id` names, and its folder.
    pub(crate) fn of(id: &str) -> Result<(&str, Self), EnvironmentError> {
        let stranger = || EnvironmentError::Stranger { id: id.to_owned() };
        let (runner, path) = id.split_once(AT).ok_or_else(stranger)?;
        let path = PathBuf::from(path);
        if runner.is_empty() || !path.is_absolute() {
            return Err(stranger());
        }
        Ok((runner, Self { path }))
    }

    /// The id of the job that `runner` runs here.
    pub(crate) fn id(&self, runner: &str) -> String {
        format!("{runner}{AT}{}", self.path.display())
    }

    /// Writes a file, whole, for nobody else to read: variables may hold secrets.
    pub(crate) fn put(&self, name: &str, text: &str) -> Result<(), EnvironmentError> {
        let path = self.path.join(name);
        job::put(&self.path, name, text).map_err(EnvironmentError::io("write", path))
    }

    /// A file that may not be there yet, without the end of its line.
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        job::get(&self.path, name)
    }

    /// Removes a file that may not be there.
    pub(crate) fn forget(&self, name: &str) {
        let _ = fs::remove_file(self.path.join(name));
    }

    /// The worker's exit code, once it has ended.
    pub(crate) fn code(&self) -> Option<i32> {
        self.get("code")?.parse().ok()
    }

    /// What the worker has written from byte `from` on, or the first of it, in whole lines until it has
    /// ended.
    pub(crate) fn log(&self, from: u64) -> Result<LogPart, EnvironmentError> {
        // It may end after this look, which the next one sees.
        let has_ended = self.code().is_some();
        let path = self.path.join("out");
        job::log(&path, from, has_ended).map_err(EnvironmentError::io("read", path))
    }

    /// Tells the last lines of what the worker has complained of, when `state` is a bad end: the
    /// folder goes with the step.
    pub(crate) fn tell_of_end(&self, state: &JobState, ctx: &StepContext<'_>) {
        match state {
            JobState::Ended { exit_code: Some(0) }
            | JobState::Queued { .. }
            | JobState::Running => {}
            JobState::Ended { .. } | JobState::Lost { .. } => {
                for line in job::last_lines(&self.path, "err") {
                    ctx.log(LogLevel::Warning, line);
                }
            }
        }
    }
}

/// What no two living jobs share: the host holds a lock on the step.
pub(crate) fn origin(job: &Job) -> &Path {
    job.checkpoints.as_deref().unwrap_or(&job.folder)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::Folder;
    use crate::program::machine;

    #[test]
    fn a_job_of_another_machine_is_left_alone_until_it_has_ended() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder { path: root.path().to_owned() };
        folder.check_machine().unwrap();
        folder.put("machine", &machine().unwrap()).unwrap();
        folder.check_machine().unwrap();
        folder.put("machine", "another.one").unwrap();
        let error = folder.check_machine().unwrap_err().to_string();
        assert!(error.contains("another machine, `another.one`"), "{error}");
        fs::write(root.path().join("code"), "0\n").unwrap();
        folder.check_machine().unwrap();
    }

    #[test]
    fn an_id_leads_back_to_its_folder() {
        let folder = Folder { path: "/cache/a@b/job".into() };
        let id = folder.id("olive-lora-LoRA-0a");
        assert_eq!(id, "olive-lora-LoRA-0a@/cache/a@b/job");
        let (runner, back) = Folder::of(&id).unwrap();
        assert_eq!((runner, back.path), ("olive-lora-LoRA-0a", folder.path));
        for stranger in ["17", "@/job", "a@job", ""] {
            assert!(Folder::of(stranger).is_err(), "{stranger}");
        }
    }
}
