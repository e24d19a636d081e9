//! The system: what the host asks, call by call.

use olive_plugin_api::{
    Device, Diagnostic, Job, JobState, LogLevel, LogPart, PluginError, StepContext, System,
};
use olive_schemas::protocol::{Call, CallLine};

use crate::command;
use crate::config::{SlurmConfig, WARNING_SECONDS};
use crate::error::SlurmError;
use crate::folder::{Folder, word};
use crate::follow;
use crate::probe;

/// Runs steps as jobs of a Slurm cluster.
#[derive(Default)]
pub struct Slurm;

impl System for Slurm {
    type Config = SlurmConfig;

    const NAME: &'static str = "Slurm";
    const SUMMARY: &'static str = "Run steps as jobs of a Slurm cluster.";

    fn probe(
        &self,
        config: &SlurmConfig,
        _ctx: &StepContext<'_>,
    ) -> Result<Vec<Diagnostic>, PluginError> {
        probe::probe(config)
    }

    fn submit(
        &self,
        job: &Job,
        config: &SlurmConfig,
        ctx: &StepContext<'_>,
    ) -> Result<String, PluginError> {
        if let Some(cpus) = config.cpus.filter(|&cpus| (cpus as usize) < job.threads) {
            let threads = job.threads;
            let message = format!(
                "the step has {threads} threads and the job {cpus} processors: raise `cpus`, or \
                 give `--threads {cpus}`"
            );
            ctx.log(LogLevel::Warning, message);
        }
        for orphan in Folder::orphans(job, config) {
            follow::end_orphan(&orphan)?;
        }
        let folder = Folder::prepare(job, config)?;
        let submitted = submit(job, config, &folder);
        if submitted.is_err() {
            // What was never submitted has nothing to tell.
            let _ = folder.remove();
        }
        Ok(submitted?)
    }

    fn poll(
        &self,
        id: &str,
        config: &SlurmConfig,
        ctx: &StepContext<'_>,
    ) -> Result<JobState, PluginError> {
        let (folder, number) = Folder::of(id, config)?;
        Ok(follow::poll(&folder, &number, ctx)?)
    }

    fn cancel(
        &self,
        id: &str,
        config: &SlurmConfig,
        _ctx: &StepContext<'_>,
    ) -> Result<(), PluginError> {
        let (folder, number) = Folder::of(id, config)?;
        Ok(follow::cancel(&folder, &number)?)
    }

    fn logs(
        &self,
        id: &str,
        from: u64,
        config: &SlurmConfig,
        _ctx: &StepContext<'_>,
    ) -> Result<LogPart, PluginError> {
        let (folder, _) = Folder::of(id, config)?;
        let has_ended = folder.code().is_some();
        Ok(folder.log(from, has_ended)?)
    }

    fn collect(
        &self,
        id: &str,
        config: &SlurmConfig,
        _ctx: &StepContext<'_>,
    ) -> Result<(), PluginError> {
        let (folder, number) = Folder::of(id, config)?;
        Ok(follow::collect(&folder, &number)?)
    }
}

fn submit(job: &Job, config: &SlurmConfig, folder: &Folder) -> Result<String, SlurmError> {
    let place = folder.name()?;
    let mut arguments = config.options(job.threads, job.ranks, is_for_gpu(job));
    arguments.extend([
        format!("--job-name=olive-{}", word(&job.title)),
        format!("--chdir={place}"),
        // Slurm takes a `%` for a pattern.
        format!("--output={}/slurm", place.replace('%', "%%")),
        "--open-mode=append".into(),
        "--requeue".into(),
        format!("--signal=B:TERM@{WARNING_SECONDS}"),
        format!("{place}/script"),
    ]);
    let number = command::submit(arguments)?;
    folder.put("number", &number.text())?;
    Ok(folder.id(&number))
}

/// Whether the step that the worker is to do asks for a graphics processor.
fn is_for_gpu(job: &Job) -> bool {
    let line = serde_json::from_str::<CallLine>(&job.input);
    match line.map(|line| line.call) {
        Ok(Call::Run { request, .. } | Call::Prepare { request, .. }) => {
            request.accelerator.device == Device::Gpu
        }
        Ok(Call::Describe { .. }) | Err(_) => false,
    }
}
