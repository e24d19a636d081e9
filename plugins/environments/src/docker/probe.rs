//! Whether steps can run in containers: the engine, the image, and Olive in it.

use std::env;
use std::hash::{BuildHasher, Hasher, RandomState};

use olive_plugin_api::{Diagnostic, Severity, StepContext};

use super::config::{DockerConfig, Engine};
use super::image::{self, Unfitness, unfitness};
use super::mounts::Mounts;
use super::options;
use super::remove;
use crate::error::EnvironmentError;
use crate::script::name;

/// What keeps jobs from running, and what was found.
pub(super) fn probe(config: &DockerConfig, ctx: &StepContext<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    if let Err(error) = look(config, ctx, &mut found) {
        found.push(error.finding());
    }
    found
}

fn look(
    config: &DockerConfig,
    ctx: &StepContext<'_>,
    found: &mut Vec<Diagnostic>,
) -> Result<(), EnvironmentError> {
    options::further(config.run_params.as_ref())?;
    check_files(config)?;
    let engine = Engine::find(config)?;
    let version = engine.version()?;
    found.push(note(format!("{} {version} answers", engine.name())));
    let image = &config.image_name;
    if config.build_context_path.is_some() || config.requirements_file.is_some() {
        found.push(note(format!("the image `{image}` is built before each step")));
        return Ok(());
    }
    if image::is_here(engine, image)? {
        found.push(note(try_image(engine, config, ctx)?));
    } else {
        image::check_registry(engine, image)?;
        found.push(note(format!("the image `{image}` is pulled before the first step")));
    }
    Ok(())
}

/// Checks that there is what the image is built from.
fn check_files(config: &DockerConfig) -> Result<(), EnvironmentError> {
    let missing = |pointer: &str, path: &std::path::Path| EnvironmentError::Setting {
        pointer: pointer.to_owned(),
        problem: format!("`{}` is not there", path.display()),
        help: "relative paths start at the config's folder, that of `dockerfile` at \
               `build_context_path`"
            .into(),
    };
    if let Some(context) = &config.build_context_path {
        if !context.is_dir() {
            return Err(missing("/build_context_path", context));
        }
        let file = context.join(&config.dockerfile);
        if !file.is_file() {
            return Err(missing("/dockerfile", &file));
        }
    }
    match &config.requirements_file {
        Some(file) if !file.is_file() => Err(missing("/requirements_file", file)),
        _ => Ok(()),
    }
}

/// Starts Olive in the image; says what came of it.
fn try_image(
    engine: Engine,
    config: &DockerConfig,
    ctx: &StepContext<'_>,
) -> Result<String, EnvironmentError> {
    let image = &config.image_name;
    let program = env::current_exe().map_err(EnvironmentError::io("find", "olive"))?;
    let random = RandomState::new().build_hasher().finish();
    let container = format!("olive-probe-{random:08x}");
    let fixed = ["run", "--rm", "--security-opt=label=disable", "--entrypoint=/bin/sh"];
    let mut arguments = fixed.map(str::to_owned).to_vec();
    arguments.push(format!("--name={container}"));
    arguments.extend(options::user(engine, ctx.scratch_dir())?);
    arguments.extend(Mounts::of_program(&program)?.options()?);
    arguments.extend(options::further(config.run_params.as_ref())?);
    arguments.extend([image.clone(), "-c".into(), "exec \"$0\" --version".into()]);
    arguments.push(name(&program)?.to_owned());
    let asked = engine.ask(&arguments);
    if let Err(EnvironmentError::Silent { .. }) = &asked {
        // The program that was to remove it is gone.
        let _ = remove(engine, &container);
    }
    match asked {
        Ok(version) => Ok(format!("{version} runs in the image `{image}`")),
        Err(EnvironmentError::Refused { action, name, said }) => Err(match unfitness(&said) {
            Some(Unfitness { why, help }) => {
                EnvironmentError::Unfit { image: image.clone(), why, help }
            }
            None => EnvironmentError::Refused { name, action, said },
        }),
        Err(error) => Err(error),
    }
}

fn note(message: String) -> Diagnostic {
    Diagnostic::new(Severity::Note, "found", "", message)
}
