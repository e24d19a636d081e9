//! The system `Docker`: a container for each job.

mod config;
mod engine;
mod image;
mod options;
mod mounts;
mod state;
mod probe;

pub use config::{DockerConfig, Engine, RunParams};

use std::hash::{BuildHasher, Hasher, RandomState};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use olive_plugin_api::{
    Diagnostic, Job, JobState, LogLevel, LogPart, PluginError, StepContext, System,
};

use crate::error::EnvironmentError;
use crate::folder::{Folder, KILLED, origin};
use crate::program::{grace, wait};
use crate::script::{name, script, word};
use image::{Unfitness, unfitness};
use mounts::Mounts;
use state::{Container, Facts, by_folder, judge};

/// Label of a container with the step that it computes.
const LABEL: &str = "olive.step";
/// File that says since when the engine does not answer.
const SILENT: &str = "silent";
/// How long the engine may be away, in milliseconds: a daemon is started again, containers live on.
const AWAY_MS: u64 = 10 * 60_000;
/// How long a script may take to end after its worker's last word.
const END: Duration = Duration::from_secs(5);
/// How long an engine may take to remove what it has killed for that.
const REMOVAL: Duration = Duration::from_secs(1);
/// What engines say of a container that they do not know.
const UNKNOWN: [&str; 3] = ["o such container", "o such object", "no container with name or ID"];

/// Runs steps in containers on this machine.
#[derive(Default)]
pub struct Docker;

impl System for Docker {
    type Config = DockerConfig;

    const NAME: &'static str = "Docker";
    const SUMMARY: &'static str = "Run steps in containers of Docker or Podman on this machine.";

    fn probe(
        &self,
        config: &DockerConfig,
        ctx: &StepContext<'_>,
    ) -> Result<Vec<Diagnostic>, PluginError> {
        Ok(probe::probe(config, ctx))
    }

    fn submit(
        &self,
        job: &Job,
        config: &DockerConfig,
        ctx: &StepContext<'_>,
    ) -> Result<String, PluginError> {
        let engine = Engine::find(config)?;
        let image = image::ready(engine, config, ctx)?;
        end_orphans(engine, job)?;
        let text = script(job, &config.environment_variables, Some(&config.work_dir), None)?;
        let folder = Folder::prepare(job, &text)?;
        let random = RandomState::new().build_hasher().finish();
        let container = format!("olive-{}-{random:08x}", word(&job.title));
        let arguments = arguments(engine, config, job, &container, &image)?;
        match engine.ask(&arguments) {
            Ok(_) => Ok(folder.id(&container)),
            Err(error) => {
                // It may have been made, and not started.
                let _ = remove(engine, &container);
                Err(unfit(&image, error).into())
            }
        }
    }

    fn poll(
        &self,
        id: &str,
        config: &DockerConfig,
        ctx: &StepContext<'_>,
    ) -> Result<JobState, PluginError> {
        let (container, folder) = Folder::of(id)?;
        if let Some(state) = by_folder(&facts(&folder, config)) {
            return Ok(state);
        }
        folder.check_machine()?;
        let engine = Engine::find(config)?;
        let state = match inspect_settled(engine, container) {
            Ok(known) => {
                folder.forget(SILENT);
                let said = known
                    .as_ref()
                    .filter(|known| is_over(known))
                    .map(|_| engine.ask(&["logs".into(), container.into()]).unwrap_or_default());
                // The folder again: the script may have ended between the two looks.
                let mut facts = facts(&folder, config);
                facts.complaints.extend(said);
                judge(container, &facts, known.as_ref())
            }
            Err(error @ EnvironmentError::Silent { .. }) => silence(&folder, error, ctx)?,
            Err(error) => return Err(error.into()),
        };
        folder.tell_of_end(&state, ctx);
        Ok(state)
    }

    fn cancel(
        &self,
        id: &str,
        config: &DockerConfig,
        _ctx: &StepContext<'_>,
    ) -> Result<(), PluginError> {
        let (container, folder) = Folder::of(id)?;
        folder.check_machine()?;
        Ok(stop(Engine::find(config)?, container)?)
    }

    fn logs(
        &self,
        id: &str,
        from: u64,
        _config: &DockerConfig,
        _ctx: &StepContext<'_>,
    ) -> Result<LogPart, PluginError> {
        let (_, folder) = Folder::of(id)?;
        Ok(folder.log(from)?)
    }

    fn collect(
        &self,
        id: &str,
        config: &DockerConfig,
        ctx: &StepContext<'_>,
    ) -> Result<(), PluginError> {
        let (container, folder) = Folder::of(id)?;
        let engine = Engine::find(config)?;
        let ended = wait(END, || {
            Ok(folder.code().is_some() || inspect(engine, container)?.is_none_or(|it| is_over(&it)))
        });
        match ended.and_then(|_| remove(engine, container)) {
            // What the step has made is here; only its container stays.
            Err(error @ EnvironmentError::Silent { .. }) if folder.code() == Some(0) => {
                ctx.log(LogLevel::Warning, format!("container `{container}` is left: {error}"));
                Ok(())
            }
            removed => Ok(removed?),
        }
    }
}

/// Arguments that start the container.
fn arguments(
    engine: Engine,
    config: &DockerConfig,
    job: &Job,
    container: &str,
    image: &str,
) -> Result<Vec<String>, EnvironmentError> {
    let mut arguments = vec![
        "run".to_owned(),
        "--detach".into(),
        format!("--name={container}"),
        format!("--label={LABEL}={}", name(origin(job))?),
        "--entrypoint=/bin/sh".into(),
        // An image may ask for another signal, which the script does not know.
        "--stop-signal=SIGTERM".into(),
        // Where SELinux rules, files of users are closed to containers otherwise.
        "--security-opt=label=disable".into(),
    ];
    if engine == Engine::Docker {
        // It makes the folder, whoever runs there; Podman wants it to be there.
        arguments.push(format!("--workdir={}", config.work_dir));
    }
    arguments.extend(options::user(engine, &job.folder)?);
    arguments.extend(options::resources(config, engine, job));
    arguments.extend(Mounts::of(job)?.options()?);
    arguments.extend(options::further(config.run_params.as_ref())?);
    arguments.extend([image.to_owned(), name(&job.folder.join("script"))?.to_owned()]);
    Ok(arguments)
}

/// Ends the containers that a host which has died left of the same step: two would write the same
/// checkpoints.
fn end_orphans(engine: Engine, job: &Job) -> Result<(), EnvironmentError> {
    let filter = format!("label={LABEL}={}", name(origin(job))?);
    let list = ["ps", "--all", "--quiet", "--filter"].map(str::to_owned).into_iter();
    let arguments: Vec<_> = list.chain([filter]).collect();
    for container in engine.ask(&arguments)?.lines() {
        stop(engine, container)?;
        remove(engine, container)?;
    }
    Ok(())
}

/// What the engine knows of a container; none when it does not know it.
fn inspect(engine: Engine, container: &str) -> Result<Option<Container>, EnvironmentError> {
    let arguments = ["inspect", "--type", "container", "--format", "{{json .State}}", container];
    match engine.ask(&arguments.map(str::to_owned)) {
        Ok(said) => serde_json::from_str(&said)
            .map(Some)
            .map_err(|_| EnvironmentError::Odd { name: engine.name().to_owned(), said }),
        Err(error) => if_known(error).map(|()| None),
    }
}

/// The same, looked at again where it was killed: whoever removes a container by force kills it first.
fn inspect_settled(engine: Engine, container: &str) -> Result<Option<Container>, EnvironmentError> {
    let known = inspect(engine, container)?;
    let may_go = |known: &Container| known.status == "removing" || known.exit_code == KILLED;
    if !known.as_ref().is_some_and(may_go) {
        return Ok(known);
    }
    thread::sleep(REMOVAL);
    inspect(engine, container)
}

/// Lets the worker write a checkpoint and end; kills it when it does not.
fn stop(engine: Engine, container: &str) -> Result<(), EnvironmentError> {
    let seconds = grace().as_secs().to_string();
    let arguments = ["stop", "-t", &seconds, container].map(str::to_owned);
    engine.ask_patiently(&arguments, &|| false).map(drop).or_else(if_known)?;
    match inspect(engine, container)? {
        Some(known) if !is_over(&known) && known.status != "created" => {
            Err(EnvironmentError::Stubborn { id: container.to_owned(), seconds: grace().as_secs() })
        }
        _ => Ok(()),
    }
}

fn remove(engine: Engine, container: &str) -> Result<(), EnvironmentError> {
    let arguments = ["rm", "--force", "--volumes", container].map(str::to_owned);
    engine.ask(&arguments).map(drop).or_else(if_known)
}

/// The error, unless it says that the container is not known.
fn if_known(error: EnvironmentError) -> Result<(), EnvironmentError> {
    match &error {
        EnvironmentError::Refused { said, .. }
            if UNKNOWN.iter().any(|words| said.contains(words)) =>
        {
            Ok(())
        }
        _ => Err(error),
    }
}

fn is_over(container: &Container) -> bool {
    ["exited", "dead", "stopped"].contains(&container.status.as_str())
}

fn facts(folder: &Folder, config: &DockerConfig) -> Facts {
    Facts {
        code: folder.code(),
        was_stopped: folder.get("stopped").is_some(),
        has_spoken: folder.get("out").is_some_and(|text| !text.is_empty()),
        complaints: folder.get("err").unwrap_or_default() + "\n",
        memory: config.memory.clone(),
    }
}

/// The job goes on for as long as the engine may be away.
fn silence(
    folder: &Folder,
    error: EnvironmentError,
    ctx: &StepContext<'_>,
) -> Result<JobState, EnvironmentError> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
    match folder.get(SILENT).and_then(|text| text.parse::<u64>().ok()) {
        Some(first) if now > first + AWAY_MS => return Err(error),
        Some(_) => {}
        None => {
            folder.put(SILENT, &now.to_string())?;
            ctx.log(LogLevel::Warning, format!("{error}; the job goes on"));
        }
    }
    Ok(JobState::Running)
}

/// What an image lacks, where that is why a container did not start.
fn unfit(image: &str, error: EnvironmentError) -> EnvironmentError {
    let EnvironmentError::Refused { said, .. } = &error else { return error };
    match unfitness(said) {
        Some(Unfitness { why, help }) => {
            EnvironmentError::Unfit { image: image.to_owned(), why, help }
        }
        None => error,
    }
}
