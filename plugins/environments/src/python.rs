//! The system `PythonEnvironment`: the same worker, which finds another Python.

mod config;
mod environment;
mod process;
mod probe;

pub use config::PythonEnvironmentConfig;

use std::collections::BTreeMap;

use olive_plugin_api::{Diagnostic, Job, JobState, LogPart, PluginError, StepContext, System};

use crate::folder::{Folder, KILLED, WHY_KILLED, origin};
use crate::script::script;
use environment::Environment;
use process::Process;

/// Runs steps on this machine, where Python is that of an environment.
#[derive(Default)]
pub struct PythonEnvironment;

impl System for PythonEnvironment {
    type Config = PythonEnvironmentConfig;

    const NAME: &'static str = "PythonEnvironment";
    const SUMMARY: &'static str = "Run steps on this machine, in a Python environment.";

    fn probe(
        &self,
        config: &PythonEnvironmentConfig,
        ctx: &StepContext<'_>,
    ) -> Result<Vec<Diagnostic>, PluginError> {
        Ok(probe::probe(config, ctx))
    }

    fn submit(
        &self,
        job: &Job,
        config: &PythonEnvironmentConfig,
        _ctx: &StepContext<'_>,
    ) -> Result<String, PluginError> {
        let environment = Environment::find(config)?;
        process::end_orphans(origin(job))?;
        let text = script(job, &BTreeMap::new(), None, process::host())?;
        let folder = Folder::prepare(job, &text)?;
        let process = Process::start(&folder, origin(job), &environment.variables(config))?;
        Ok(folder.id(&process.id()))
    }

    fn poll(
        &self,
        id: &str,
        _config: &PythonEnvironmentConfig,
        ctx: &StepContext<'_>,
    ) -> Result<JobState, PluginError> {
        let (process, folder) = Folder::of(id)?;
        folder.check_machine()?;
        let is_alive = Process::of(process, &folder)?.is_alive();
        let state = judge(folder.code(), folder.get("stopped").is_some(), is_alive);
        folder.tell_of_end(&state, ctx);
        Ok(state)
    }

    fn cancel(
        &self,
        id: &str,
        _config: &PythonEnvironmentConfig,
        _ctx: &StepContext<'_>,
    ) -> Result<(), PluginError> {
        let (process, folder) = Folder::of(id)?;
        folder.check_machine()?;
        Ok(Process::of(process, &folder)?.end()?)
    }

    fn logs(
        &self,
        id: &str,
        from: u64,
        _config: &PythonEnvironmentConfig,
        _ctx: &StepContext<'_>,
    ) -> Result<LogPart, PluginError> {
        let (_, folder) = Folder::of(id)?;
        Ok(folder.log(from)?)
    }

    fn collect(
        &self,
        _id: &str,
        _config: &PythonEnvironmentConfig,
        _ctx: &StepContext<'_>,
    ) -> Result<(), PluginError> {
        // The job ran on this machine: its files are where they belong.
        Ok(())
    }
}

/// How a job is whose worker has left this exit code, and whose script was asked to stop or lives.
fn judge(code: Option<i32>, was_stopped: bool, is_alive: bool) -> JobState {
    let lost = |reason: &str| JobState::Lost { reason: reason.to_owned() };
    match code {
        _ if was_stopped && !is_alive => lost("it was stopped from outside"),
        Some(KILLED) => lost(WHY_KILLED),
        Some(code) if !was_stopped => JobState::Ended { exit_code: Some(code) },
        None if !is_alive => lost("its process was ended from outside"),
        Some(_) | None => JobState::Running,
    }
}

#[cfg(test)]
mod tests {
    use olive_plugin_api::JobState;

    use super::judge;

    #[test]
    fn the_word_of_the_worker_says_how_a_job_is() {
        let rows = [
            (None, false, true, "running"),
            (None, true, true, "running"),
            (Some(0), true, true, "running"),
            (Some(0), false, true, "ended 0"),
            (Some(0), false, false, "ended 0"),
            (Some(134), false, false, "ended 134"),
            (
                Some(137),
                false,
                false,
                "it was killed (SIGKILL), by somebody or because the \
             machine ran out of memory",
            ),
            (Some(0), true, false, "it was stopped from outside"),
            (None, false, false, "its process was ended from outside"),
        ];
        for (code, was_stopped, is_alive, expected) in rows {
            let told = match judge(code, was_stopped, is_alive) {
                JobState::Running => "running".into(),
                JobState::Ended { exit_code } => format!("ended {}", exit_code.unwrap_or(-1)),
                JobState::Lost { reason } => reason,
                JobState::Queued { .. } => "queued".into(),
            };
            assert_eq!(told, expected);
        }
    }
}
