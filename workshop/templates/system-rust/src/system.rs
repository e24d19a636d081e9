//! The system: starts jobs, and tells how they are.

use std::path::Path;

use olive_plugin_api::{
    Diagnostic, Job, JobState, LogPart, PluginError, Severity, StepContext, System,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::job;

/// Settings of the `AcmeNice` system.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AcmeNiceConfig {
    /// Program and arguments before those of the job.
    #[schemars(length(min = 1))]
    pub command: Vec<String>,
}

impl Default for AcmeNiceConfig {
    fn default() -> Self {
        let command = ["nice", "-n", "10"].map(str::to_owned).into();
        Self { command }
    }
}

/// Runs steps under another command on this machine.
#[derive(Default)]
pub struct AcmeNice;

impl System for AcmeNice {
    type Config = AcmeNiceConfig;

    const NAME: &'static str = "AcmeNice";
    const SUMMARY: &'static str = "Run steps under another command.";

    fn probe(
        &self,
        config: &AcmeNiceConfig,
        _ctx: &StepContext<'_>,
    ) -> Result<Vec<Diagnostic>, PluginError> {
        let program = config.command.first().map_or("", String::as_str);
        if job::is_program(program) {
            return Ok(Vec::new());
        }
        let message = format!("there is no program `{program}` on this machine");
        let told = Diagnostic::new(Severity::Error, "no-program", "/command/0", message);
        Ok(vec![told.with_help("install it, or write its whole path")])
    }

    fn submit(
        &self,
        job: &Job,
        config: &AcmeNiceConfig,
        _ctx: &StepContext<'_>,
    ) -> Result<String, PluginError> {
        // The folder says all that later calls need, so it is the job's id.
        let id = job.folder.to_str().ok_or_else(|| {
            PluginError::new("io", format!("`{}` is no text", job.folder.display()))
        })?;
        job::start(job, &config.command).map_err(|error| told("start the job", &error))?;
        Ok(id.to_owned())
    }

    fn poll(
        &self,
        id: &str,
        _config: &AcmeNiceConfig,
        _ctx: &StepContext<'_>,
    ) -> Result<JobState, PluginError> {
        job::state(Path::new(id)).map_err(|error| told("look at the job", &error))
    }

    fn cancel(
        &self,
        id: &str,
        _config: &AcmeNiceConfig,
        _ctx: &StepContext<'_>,
    ) -> Result<(), PluginError> {
        job::end(Path::new(id)).map_err(|error| told("end the job", &error))
    }

    fn logs(
        &self,
        id: &str,
        from: u64,
        _config: &AcmeNiceConfig,
        _ctx: &StepContext<'_>,
    ) -> Result<LogPart, PluginError> {
        job::lines(Path::new(id), from).map_err(|error| told("read the job's messages", &error))
    }

    fn collect(
        &self,
        _id: &str,
        _config: &AcmeNiceConfig,
        _ctx: &StepContext<'_>,
    ) -> Result<(), PluginError> {
        // The job ran on this machine: its files are where they belong.
        Ok(())
    }
}

fn told(what: &str, error: &std::io::Error) -> PluginError {
    PluginError {
        causes: vec![error.to_string()],
        ..PluginError::new("job", format!("cannot {what}"))
    }
}
