//! The image of the containers: built, pulled, found unfit.

use std::collections::BTreeMap;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

use olive_plugin_api::{LogLevel, StepContext};

use super::config::{DockerConfig, Engine};
use crate::error::EnvironmentError;
use crate::script::name;

/// Name of images with Python packages on top of others.
const WITH_PACKAGES: &str = "olive-with-packages";
/// How an image with packages is built, after the image it is built on.
const INSTALL: &str = "COPY requirements.txt /olive-requirements.txt\n\
                       RUN python3 -m pip install --no-cache-dir -r /olive-requirements.txt\n";
/// Last characters of a build that are told.
const LAST_CHARACTERS: usize = 600;

/// What keeps a worker from running in an image, and what to do.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unfitness {
    pub(super) why: String,
    pub(super) help: &'static str,
}

/// Makes the image ready; gives its name.
pub(super) fn ready(
    engine: Engine,
    config: &DockerConfig,
    ctx: &StepContext<'_>,
) -> Result<String, EnvironmentError> {
    let image = config.image_name.clone();
    if let Some(context) = &config.build_context_path {
        let file = context.join(&config.dockerfile);
        ctx.log(LogLevel::Debug, format!("building the image `{image}` of `{}`", file.display()));
        build(engine, &image, &file, context, config, ctx)?;
    } else if !is_here(engine, &image)? {
        ctx.log(LogLevel::Info, format!("pulling the image `{image}`"));
        let pulled = engine.ask_patiently(&["pull".into(), image.clone()], &|| ctx.is_cancelled());
        pulled.map_err(|error| missing(&image, error))?;
    }
    match &config.requirements_file {
        Some(file) => with_packages(engine, &image, file, config, ctx),
        None => Ok(image),
    }
}

/// Whether the engine has the image.
pub(super) fn is_here(engine: Engine, image: &str) -> Result<bool, EnvironmentError> {
    match engine.ask(&["image", "inspect", "--format", "{{.Id}}", image].map(str::to_owned)) {
        Ok(_) => Ok(true),
        Err(EnvironmentError::Refused { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Checks that a registry has the image.
pub(super) fn check_registry(engine: Engine, image: &str) -> Result<(), EnvironmentError> {
    let asked = engine.ask(&["manifest", "inspect", image].map(str::to_owned));
    asked.map(drop).map_err(|error| missing(image, error))
}

/// What an image lacks in which a worker, or its script, said this.
pub(super) fn unfitness(said: &str) -> Option<Unfitness> {
    let (why, help) = if let Some(version) = needed_library(said) {
        let why = format!("its C library is older than `{version}`, which Olive needs");
        (why, "take an image with a newer glibc, such as `debian:stable-slim`")
    } else if said.contains("xec format error") {
        let help = "take an image for this machine's processor";
        ("it is for another processor or system".into(), help)
    } else if said.contains("/bin/sh")
        && ["no such file", "not found", "No such file"].iter().any(|words| said.contains(words))
        && !said.contains("exec: /")
    {
        ("it has no `/bin/sh`".into(), "take an image with a shell, such as `debian:stable-slim`")
    } else if said.contains("mkfifo: not found") || said.contains("mkfifo: command not found") {
        ("it has no `mkfifo`".into(), "take an image with coreutils or busybox")
    } else if let Some((_, rest)) = said.split_once("loading shared libraries: ") {
        let library = rest.split(':').next().unwrap_or_default();
        (format!("it lacks the library `{library}`"), "install it in the image")
    } else if said.contains("exec:") && said.contains("not found") {
        let help = "take an image with glibc, such as `debian:stable-slim`; Alpine has another one";
        ("it has no glibc, the C library that Olive needs".into(), help)
    } else {
        return None;
    };
    Some(Unfitness { why, help })
}

/// `GLIBC_2.38` of a loader's ``version `GLIBC_2.38' not found``.
fn needed_library(said: &str) -> Option<&str> {
    let (_, rest) = said.split_once("version `")?;
    let (version, rest) = rest.split_once('\'')?;
    (version.starts_with("GLIBC") && rest.starts_with(" not found")).then_some(version)
}

/// The same image with the packages of `file`.
fn with_packages(
    engine: Engine,
    image: &str,
    file: &Path,
    config: &DockerConfig,
    ctx: &StepContext<'_>,
) -> Result<String, EnvironmentError> {
    let packages = fs::read(file).map_err(EnvironmentError::io("read", file))?;
    let mut hasher = DefaultHasher::new();
    (image, &packages).hash(&mut hasher);
    let tag = format!("{WITH_PACKAGES}:{:016x}", hasher.finish());
    let folder = ctx.scratch_dir().join("image");
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        fs::write(&path, bytes).map_err(EnvironmentError::io("write", path))
    };
    fs::create_dir_all(&folder).map_err(EnvironmentError::io("create", &folder))?;
    write("requirements.txt", &packages)?;
    write("Dockerfile", format!("FROM {image}\n{INSTALL}").as_bytes())?;
    ctx.log(LogLevel::Debug, format!("installing the packages of `{}`", file.display()));
    let plain = DockerConfig { build_args: BTreeMap::new(), ..config.clone() };
    build(engine, &tag, &folder.join("Dockerfile"), &folder, &plain, ctx)?;
    Ok(tag)
}

fn build(
    engine: Engine,
    image: &str,
    file: &Path,
    context: &Path,
    config: &DockerConfig,
    ctx: &StepContext<'_>,
) -> Result<(), EnvironmentError> {
    let mut arguments =
        vec!["build".to_owned(), "--tag".into(), image.into(), "--file".into(), name(file)?.into()];
    for (name, value) in &config.build_args {
        arguments.extend(["--build-arg".into(), format!("{name}={value}")]);
    }
    arguments.push(name(context)?.into());
    match engine.ask_patiently(&arguments, &|| ctx.is_cancelled()) {
        Err(EnvironmentError::Refused { said, .. } | EnvironmentError::Silent { said, .. })
            if !is_of_daemon(&said) =>
        {
            let characters = said.chars().count();
            let said = said.chars().skip(characters.saturating_sub(LAST_CHARACTERS)).collect();
            Err(EnvironmentError::NotBuilt { image: image.to_owned(), said })
        }
        built => built.map(drop),
    }
}

fn missing(image: &str, error: EnvironmentError) -> EnvironmentError {
    match error {
        EnvironmentError::Refused { said, .. } | EnvironmentError::Silent { said, .. }
            if !is_of_daemon(&said) =>
        {
            EnvironmentError::NoImage { image: image.to_owned(), said }
        }
        error => error,
    }
}

/// Whether it is the daemon that does not answer, not a registry.
fn is_of_daemon(said: &str) -> bool {
    said.contains("daemon at") || said.contains("daemon running")
}

#[cfg(test)]
mod tests {
    use super::unfitness;

    #[test]
    fn what_an_image_lacks_is_one_sentence() {
        let rows = [
            (
                "/x/olive: /lib/libc.so.6: version `GLIBC_2.38' not found (required by /x/olive)",
                "its C library is older than `GLIBC_2.38`, which Olive needs",
            ),
            ("exec /bin/sh: exec format error", "it is for another processor or system"),
            (
                "exec: \"/bin/sh\": stat /bin/sh: no such file or directory: unknown",
                "it has no `/bin/sh`",
            ),
            (
                "/x/job/script: line 9: exec: /x/olive: not found",
                "it has no glibc, the C library that Olive needs",
            ),
            (
                "/bin/sh: 1: exec: /x/olive: not found",
                "it has no glibc, the C library that Olive needs",
            ),
            (
                "olive: error while loading shared libraries: libgcc_s.so.1: cannot open shared",
                "it lacks the library `libgcc_s.so.1`",
            ),
            ("script: 13: mkfifo: not found", "it has no `mkfifo`"),
        ];
        for (said, why) in rows {
            assert_eq!(unfitness(said).map(|it| it.why).as_deref(), Some(why), "{said}");
        }
        assert_eq!(unfitness("thread 'main' panicked"), None);
    }
}
