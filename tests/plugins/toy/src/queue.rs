//! The system that takes chains: a shell that does one job after the other.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use olive_plugin_api::{
    ChainedJob, Diagnostic, Job, JobState, LogPart, MODEL_FROM, PluginError, StepContext, System,
};

use crate::system::{ToyShell, ToyShellConfig, io};

/// Does each job whose folder is an argument, until one ends badly.
const QUEUE: &str = "for job in \"$@\"; do cd \"$job\" || exit; sh ./run <in >out 2>err; code=$?; \
                     echo $code >code.new; mv code.new code; [ $code = 0 ] || exit; done";

/// Runs jobs that follow each other in one shell.
#[derive(Default)]
pub struct ToyQueue;

impl System for ToyQueue {
    type Config = ToyShellConfig;

    const NAME: &'static str = "ToyQueue";
    const SUMMARY: &'static str = "Run steps that follow each other in one shell.";
    const CHAINS: bool = true;

    fn probe(
        &self,
        config: &ToyShellConfig,
        ctx: &StepContext<'_>,
    ) -> Result<Vec<Diagnostic>, PluginError> {
        ToyShell.probe(config, ctx)
    }

    fn submit(
        &self,
        job: &Job,
        config: &ToyShellConfig,
        ctx: &StepContext<'_>,
    ) -> Result<String, PluginError> {
        ToyShell.submit(job, config, ctx)
    }

    fn submit_chain(
        &self,
        jobs: &[ChainedJob],
        _config: &ToyShellConfig,
        _ctx: &StepContext<'_>,
    ) -> Result<Vec<String>, PluginError> {
        let folders: Vec<&Path> = jobs.iter().map(|link| link.job.folder.as_path()).collect();
        for ChainedJob { job, model_from } in jobs {
            let mut lines: Vec<String> = Vec::new();
            lines.extend(job.environment.iter().map(|(name, value)| set(name, value)));
            let maker = model_from.map(|from| folders[from].join("out"));
            lines.extend(maker.map(|out| set(MODEL_FROM, &out.to_string_lossy())));
            let program = job.program.to_string_lossy();
            lines.push(format!("exec {} {}", quoted(&program), job.arguments.join(" ")));
            fs::write(job.folder.join("run"), lines.join("\n")).map_err(io)?;
            fs::write(job.folder.join("in"), &job.input).map_err(io)?;
        }
        let mut command = Command::new("sh");
        command.args(["-c", QUEUE, "sh"]).args(&folders);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        #[cfg(unix)]
        {
            use std::os::unix::process::CommandExt;
            command.process_group(0);
        }
        let process = command.spawn().map_err(io)?.id().to_string();
        for folder in &folders {
            fs::write(folder.join("pid"), &process).map_err(io)?;
        }
        Ok(folders.iter().map(|folder| folder.to_string_lossy().into_owned()).collect())
    }

    fn poll(
        &self,
        id: &str,
        config: &ToyShellConfig,
        ctx: &StepContext<'_>,
    ) -> Result<JobState, PluginError> {
        ToyShell.poll(id, config, ctx)
    }

    fn cancel(
        &self,
        id: &str,
        config: &ToyShellConfig,
        ctx: &StepContext<'_>,
    ) -> Result<(), PluginError> {
        ToyShell.cancel(id, config, ctx)
    }

    fn logs(
        &self,
        id: &str,
        from: u64,
        config: &ToyShellConfig,
        ctx: &StepContext<'_>,
    ) -> Result<LogPart, PluginError> {
        ToyShell.logs(id, from, config, ctx)
    }

    fn collect(
        &self,
        id: &str,
        config: &ToyShellConfig,
        ctx: &StepContext<'_>,
    ) -> Result<(), PluginError> {
        ToyShell.collect(id, config, ctx)
    }
}

fn set(name: &str, value: &str) -> String {
    format!("export {name}={}", quoted(value))
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
