//! The system: what the host asks, call by call.

use olive_plugin_api::{
    ChainedJob, Diagnostic, Job, JobState, LogPart, Message, PluginError, StepContext, System,
};

use crate::config::SlurmConfig;
use crate::folder::Folder;
use crate::follow;
use crate::probe;
use crate::rehearsal;
use crate::submit;

/// Runs steps as jobs of a Slurm cluster.
#[derive(Default)]
pub struct Slurm;

impl System for Slurm {
    type Config = SlurmConfig;

    const NAME: &'static str = "Slurm";
    const SUMMARY: &'static str = "Run steps as jobs of a Slurm cluster.";
    const CHAINS: bool = true;
    const BATCHES: bool = true;
    const REHEARSES: bool = true;

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
        _ctx: &StepContext<'_>,
    ) -> Result<String, PluginError> {
        Ok(submit::one(job, config)?)
    }

    fn submit_chain(
        &self,
        jobs: &[ChainedJob],
        config: &SlurmConfig,
        _ctx: &StepContext<'_>,
    ) -> Result<Vec<String>, PluginError> {
        Ok(submit::chain(jobs, config)?)
    }

    fn submit_batch(
        &self,
        jobs: &[Job],
        at_a_time: usize,
        config: &SlurmConfig,
        _ctx: &StepContext<'_>,
    ) -> Result<Vec<String>, PluginError> {
        Ok(submit::batch(jobs, at_a_time, config)?)
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

    fn rehearse(
        &self,
        job: &Job,
        config: &SlurmConfig,
        _ctx: &StepContext<'_>,
    ) -> Result<Vec<Message>, PluginError> {
        Ok(rehearsal::messages(job, config)?)
    }
}
