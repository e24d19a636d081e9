//! The system: a shell that outlives the call which started it.

use std::fs;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::process::{Command, Stdio};

use olive_plugin_api::{
    Diagnostic, Job, JobState, LogLevel, LogPart, PluginError, Severity, StepContext, System,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Settings of the `ToyShell` system.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend(
    "x-olive-ranks" = "ranks",
    "x-olive-threads" = "threads",
    "x-olive-memory" = "memory"
))]
pub struct ToyShellConfig {
    /// Written into the folder of each job.
    pub greeting: String,
    /// Whether no job can run.
    pub is_closed: bool,
    /// Whether jobs are lost.
    pub loses_jobs: bool,
    /// Workers of a step that several can compute; 1 when left out.
    #[schemars(range(min = 1))]
    pub ranks: Option<usize>,
    /// Threads of each worker, which it then tells; those of the run when left out.
    #[schemars(range(min = 1))]
    pub threads: Option<usize>,
    /// Memory that a worker may need, such as `2G`.
    pub memory: Option<String>,
}

/// Runs jobs in a shell.
#[derive(Default)]
pub struct ToyShell;

impl System for ToyShell {
    type Config = ToyShellConfig;

    const NAME: &'static str = "ToyShell";
    const SUMMARY: &'static str = "Run steps in a shell of their own.";

    fn probe(
        &self,
        config: &ToyShellConfig,
        _ctx: &StepContext<'_>,
    ) -> Result<Vec<Diagnostic>, PluginError> {
        let message = "the shell is closed";
        let closed = Diagnostic::new(Severity::Error, "closed", "/is_closed", message);
        Ok(config.is_closed.then_some(closed).into_iter().collect())
    }

    fn submit(
        &self,
        job: &Job,
        config: &ToyShellConfig,
        _ctx: &StepContext<'_>,
    ) -> Result<String, PluginError> {
        let id = job.folder.to_str().map(str::to_owned).ok_or_else(|| {
            PluginError::new("io", "the folder of the job has a name that is no text")
        })?;
        if config.loses_jobs {
            return Ok(id);
        }
        let write = |name: &str, text: &str| fs::write(job.folder.join(name), text).map_err(io);
        write("in", &job.input)?;
        write("greeting", &config.greeting)?;
        let script = "echo \"$GREETING\" >out; \
                      [ -z \"$TELLS\" ] || printf '{\"event\":\"log\",\"level\":\"info\",\
                      \"message\":\"workers of %s threads\"}\\n' \"$RAYON_NUM_THREADS\" >>out; \
                      rank=1; \
                      while [ $rank -lt $RANKS ]; do \
                      OLIVE_RANK=$rank \"$@\" <in >out.$rank 2>&1 & \
                      echo $! >pid.$rank; rank=$((rank + 1)); done; \
                      OLIVE_RANK=0 \"$@\" <in >>out 2>err; echo $? >code.new; \
                      mv code.new code";
        let mut command = Command::new("sh");
        command
            .args(["-c", script, "sh"])
            .env("RANKS", job.ranks.to_string())
            .arg(&job.program)
            .args(&job.arguments)
            .envs(&job.environment)
            .env("GREETING", &config.greeting)
            .env("TELLS", if config.threads.is_some() { "yes" } else { "" })
            .current_dir(&job.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        #[cfg(unix)]
        {
            use std::os::unix::process::CommandExt;
            command.process_group(0);
        }
        let child = command.spawn().map_err(io)?;
        write("pid", &child.id().to_string())?;
        Ok(id)
    }

    fn poll(
        &self,
        id: &str,
        config: &ToyShellConfig,
        ctx: &StepContext<'_>,
    ) -> Result<JobState, PluginError> {
        if config.loses_jobs {
            return Ok(JobState::Lost { reason: "the shell forgot it".into() });
        }
        if Path::new(id).join("away").exists() {
            return Err(PluginError::new("away", "the shell does not answer"));
        }
        check_machine(id)?;
        let Ok(code) = fs::read_to_string(Path::new(id).join("code")) else {
            return Ok(JobState::Running);
        };
        let exit_code = code.trim().parse().ok();
        if exit_code != Some(0) {
            ctx.log(LogLevel::Warning, "the shell tells a bad end");
        }
        Ok(JobState::Ended { exit_code })
    }

    fn cancel(
        &self,
        id: &str,
        _config: &ToyShellConfig,
        _ctx: &StepContext<'_>,
    ) -> Result<(), PluginError> {
        check_machine(id)?;
        let pid = fs::read_to_string(Path::new(id).join("pid")).map_err(io)?;
        let group = format!("-{}", pid.trim());
        Command::new("kill").args(["-KILL", "--", &group]).output().map_err(io)?;
        Ok(())
    }

    fn logs(
        &self,
        id: &str,
        from: u64,
        _config: &ToyShellConfig,
        _ctx: &StepContext<'_>,
    ) -> Result<LogPart, PluginError> {
        let mut bytes = Vec::new();
        if let Ok(mut file) = fs::File::open(Path::new(id).join("out")) {
            file.seek(SeekFrom::Start(from)).map_err(io)?;
            file.read_to_end(&mut bytes).map_err(io)?;
        }
        let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |last| last + 1);
        bytes.truncate(whole);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Ok(LogPart { text, next: from + whole as u64 })
    }

    fn collect(
        &self,
        _id: &str,
        _config: &ToyShellConfig,
        _ctx: &StepContext<'_>,
    ) -> Result<(), PluginError> {
        Ok(())
    }
}

/// The error of a job whose folder says that it is somewhere else.
fn check_machine(id: &str) -> Result<(), PluginError> {
    let is_here = !Path::new(id).join("abroad").exists();
    let error = || PluginError::new(PluginError::OTHER_MACHINE, "the job is on another machine");
    is_here.then_some(()).ok_or_else(error)
}

#[expect(clippy::needless_pass_by_value, reason = "used as a function of an error")]
pub(crate) fn io(error: std::io::Error) -> PluginError {
    PluginError::from_error("io", &error)
}
