//! The folder of a job, and what its files say.
//!
//! | file | holds | written by |
//! | --- | --- | --- |
//! | `script`, `in` | what runs, and what it reads | host, before the job |
//! | `out`, `err` | what the worker writes | worker |
//! | `started`, `stopped` | the script's process, once it runs and once it was asked to stop | script |
//! | `code` | the worker's exit code | script, at last |
//! | `silent` | that the engine does not answer | host |

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use olive_plugin_api::{Job, JobState, LogLevel, LogPart, StepContext};

use crate::error::EnvironmentError;

/// Between what runs the job and its folder, in an id.
const AT: char = '@';
/// Lines of what a job complained of that are shown.
const LAST_LINES: usize = 10;

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
        Ok(folder)
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
        let new = self.path.join(format!("{name}.new"));
        let result = create_private(&new)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .and_then(|()| fs::rename(&new, &path));
        result.map_err(EnvironmentError::io("write", path))
    }

    /// A file that may not be there yet, without the end of its line.
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        let bytes = fs::read(self.path.join(name)).ok()?;
        Some(String::from_utf8_lossy(&bytes).trim_end().to_owned())
    }

    /// Removes a file that may not be there.
    pub(crate) fn forget(&self, name: &str) {
        let _ = fs::remove_file(self.path.join(name));
    }

    /// The worker's exit code, once it has ended.
    pub(crate) fn code(&self) -> Option<i32> {
        self.get("code")?.parse().ok()
    }

    /// What the worker has written from byte `from` on, in whole lines until it has ended.
    pub(crate) fn log(&self, from: u64) -> Result<LogPart, EnvironmentError> {
        // It may end after this look, which the next one sees.
        let has_ended = self.code().is_some();
        let path = self.path.join("out");
        let mut bytes = Vec::new();
        match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            opened => opened
                .and_then(|mut file| {
                    file.seek(SeekFrom::Start(from))?;
                    file.read_to_end(&mut bytes)
                })
                .map(drop)
                .map_err(EnvironmentError::io("read", &path))?,
        }
        if !has_ended {
            let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |last| last + 1);
            bytes.truncate(whole);
        }
        let next = from + bytes.len() as u64;
        Ok(LogPart { text: String::from_utf8_lossy(&bytes).into_owned(), next })
    }

    /// Tells the last lines of what the worker has complained of, when `state` is a bad end: the
    /// folder goes with the step.
    pub(crate) fn tell_of_end(&self, state: &JobState, ctx: &StepContext<'_>) {
        match state {
            JobState::Ended { exit_code: Some(0) }
            | JobState::Queued { .. }
            | JobState::Running => {}
            JobState::Ended { .. } | JobState::Lost { .. } => {
                let text = self.get("err").unwrap_or_default();
                let lines: Vec<_> = text.lines().collect();
                for line in &lines[lines.len().saturating_sub(LAST_LINES)..] {
                    ctx.log(LogLevel::Warning, *line);
                }
            }
        }
    }
}

/// What no two living jobs share: the host holds a lock on the step.
pub(crate) fn origin(job: &Job) -> &Path {
    job.checkpoints.as_deref().unwrap_or(&job.folder)
}

fn create_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(path)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::Folder;

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

    #[test]
    fn logs_are_given_in_whole_lines_and_byte_for_byte() {
        let folder = tempfile::tempdir().unwrap();
        let job = Folder { path: folder.path().to_owned() };
        assert_eq!(job.log(0).unwrap().next, 0);
        fs::write(folder.path().join("out"), "one\ntwo\nthr").unwrap();
        for (from, has_ended, text, next) in [
            (0, false, "one\ntwo\n", 8),
            (4, false, "two\n", 8),
            (8, false, "", 8),
            (8, true, "thr", 11),
        ] {
            if has_ended {
                job.put("code", "0\n").unwrap();
            }
            let part = job.log(from).unwrap();
            assert_eq!((part.text.as_str(), part.next), (text, next));
        }
    }
}
