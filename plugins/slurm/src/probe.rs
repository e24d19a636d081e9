//! Whether steps can run there: commands, settings, and a disk that both sides see.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::process;
use std::time::{Duration, SystemTime};

use olive_kit_programs::shell::quoted;
use olive_plugin_api::{Diagnostic, PluginError, Severity};

use crate::command::{self, Number};
use crate::config::SlurmConfig;
use crate::error::SlurmError;
use crate::follow::wait;
use crate::record::{Record, Stage};

/// Folder below `work_dir` for what is tried.
const PROBES: &str = "probes";
/// How long it is remembered that all is well.
const MEMORY: Duration = Duration::from_hours(1);
/// How long a probe may wait for its turn, and run.
const LIMIT: Duration = Duration::from_secs(30);
/// How long its answer may be on its way.
const DELIVERY: Duration = Duration::from_secs(10);
/// Exit code of a probe that could not read.
const NOTHING_READ: char = '3';
/// Words of Slurm's refusals, and the setting they are about.
const SETTINGS: [(&str, &str); 9] = [
    ("partition", "/partition"),
    ("account", "/account"),
    ("qos", "/qos"),
    ("time limit", "/time"),
    ("--time", "/time"),
    ("gres", "/gres"),
    ("emory", "/mem"),
    ("ode count", "/nodes"),
    ("CPU count", "/cpus"),
];

/// What keeps jobs from running, and what was found.
pub(crate) fn probe(config: &SlurmConfig) -> Result<Vec<Diagnostic>, PluginError> {
    if let Err(error) = command::find() {
        return Ok(vec![problem("slurm-missing", "", &error)]);
    }
    let version = note(format!("{} answers", command::version()?));
    let folder = config.work_dir.join(PROBES);
    if let Err(source) = fs::create_dir_all(&folder) {
        let error = SlurmError::Io { action: "create", path: folder, source };
        return Ok(vec![problem("io", "/work_dir", &error)]);
    }
    let path = folder.join(format!("{:016x}", digest(config)));
    if let Some(node) = remembered(&path) {
        return Ok(vec![version, shared(config, &node)]);
    }
    match command::try_options(config.options(1, config.ranks as usize, false)) {
        Ok(()) => {}
        Err(error @ SlurmError::Refused { .. }) => {
            let pointer = setting(&error.to_string());
            return Ok(vec![version, problem("slurm-refused", pointer, &error)]);
        }
        Err(error) => return Err(error.into()),
    }
    let tried = try_disk(config, &path);
    Ok(vec![version, tried?])
}

/// Lets a node read a word in `work_dir` and write it back; `path` remembers the node.
fn try_disk(config: &SlurmConfig, path: &Path) -> Result<Diagnostic, SlurmError> {
    let word = format!("{:016x}", digest(&(process::id(), SystemTime::now())));
    // Several steps may look at the same time.
    let own = path.with_file_name(&word);
    let tried = try_by(config, path, &own, &word);
    for end in ["nonce", "answer"] {
        let _ = fs::remove_file(own.with_extension(end));
    }
    tried
}

/// The same with files that begin as `own`.
fn try_by(
    config: &SlurmConfig,
    path: &Path,
    own: &Path,
    word: &str,
) -> Result<Diagnostic, SlurmError> {
    let answer = own.with_extension("answer");
    let number = ask_node(config, own, word)?;
    let heard = || {
        let text = fs::read_to_string(&answer).ok()?;
        Some(text.trim().strip_prefix(word)?.trim().to_owned())
    };
    let mut known = None;
    wait(LIMIT, || {
        known = command::record(&number)?;
        Ok(known.as_ref().is_none_or(is_over) || heard().is_some())
    })?;
    let has_failed = |record: &Record| record.exit.starts_with(NOTHING_READ);
    if known.as_ref().is_some_and(|record| is_over(record) && !has_failed(record)) {
        wait(DELIVERY, || Ok(heard().is_some()))?;
    }
    if let Some(node) = heard() {
        fs::write(path, &node).map_err(SlurmError::io("write", path))?;
        return Ok(shared(config, &node));
    }
    if let Some(record) = known.as_ref().filter(|record| is_over(record)) {
        return Ok(not_shared(config, record.node.as_deref().unwrap_or("of the cluster")));
    }
    command::cancel(&number)?;
    Ok(not_tried(config, known.as_ref()))
}

/// Submits the job that answers with `word` and its node.
fn ask_node(config: &SlurmConfig, path: &Path, word: &str) -> Result<Number, SlurmError> {
    let [nonce, answer, script] = ["nonce", "answer", "sh"].map(|end| path.with_extension(end));
    fs::write(&nonce, word).map_err(SlurmError::io("write", &nonce))?;
    let [from, to] = [&nonce, &answer].map(|path| quoted(&path.to_string_lossy()));
    let lines = format!(
        "#!/bin/sh\nword=$(cat {from}) || exit {NOTHING_READ}\n\
         echo \"$word $SLURMD_NODENAME\" >{to}.new && mv {to}.new {to}\n"
    );
    fs::write(&script, lines).map_err(SlurmError::io("write", &script))?;
    let fixed = ["--job-name=olive-probe", "--chdir=/", "--output=/dev/null", "--time=1"];
    let fixed = fixed.into_iter().chain(["--nodes=1"]).map(str::to_owned);
    let place = script.to_string_lossy().into_owned();
    let options = config.destination().into_iter().chain(fixed).chain([place]);
    let submitted = command::submit(options.collect());
    let _ = fs::remove_file(&script);
    submitted
}

fn is_over(record: &Record) -> bool {
    record.stage() == Stage::Over
}

fn shared(config: &SlurmConfig, node: &str) -> Diagnostic {
    note(format!("`{}` is shared with node {node}", config.work_dir.display()))
}

fn not_shared(config: &SlurmConfig, node: &str) -> Diagnostic {
    let message = format!("`{}` is not shared with node {node}", config.work_dir.display());
    Diagnostic::error("not-shared", "/work_dir", message)
        .with_help("name a folder that this machine and all nodes see, often below the home folder")
}

fn not_tried(config: &SlurmConfig, known: Option<&Record>) -> Diagnostic {
    let state = known.map(|record| format!(" ({}, {})", record.state, record.reason));
    let message = format!(
        "a job that would have looked for `{}` had no turn within {} s{}",
        config.work_dir.display(),
        LIMIT.as_secs(),
        state.unwrap_or_default(),
    );
    Diagnostic::new(Severity::Warning, "not-tried", "/work_dir", message)
        .with_help("go on when the disk is surely shared; each job looks for its files again")
}

fn note(message: String) -> Diagnostic {
    Diagnostic::new(Severity::Note, "found", "", message)
}

fn problem(code: &str, pointer: &str, error: &SlurmError) -> Diagnostic {
    let told: PluginError = PluginError::from_error(code, error);
    let causes = told.causes.iter().map(|cause| format!(": {cause}"));
    let message = told.message + &causes.collect::<String>();
    let found = Diagnostic::error(code, pointer, message);
    match error.hint() {
        Some(hint) => found.with_help(hint),
        None => found,
    }
}

/// The node that has seen the folder not long ago.
fn remembered(path: &Path) -> Option<String> {
    let age = fs::metadata(path).ok()?.modified().ok()?.elapsed().ok()?;
    (age < MEMORY).then(|| fs::read_to_string(path).ok()).flatten()
}

/// The setting that a refusal is about.
fn setting(said: &str) -> &'static str {
    let named = SETTINGS.iter().find(|(words, _)| said.contains(words));
    named.map_or("", |(_, pointer)| pointer)
}

fn digest(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::setting;

    #[test]
    fn refusals_point_at_the_setting_they_are_about() {
        let rows = [
            ("invalid partition specified: x; allocation failure: Invalid partition", "/partition"),
            ("Invalid account or account/partition combination specified", "/partition"),
            ("Invalid qos specification", "/qos"),
            ("Invalid generic resource (gres) specification", "/gres"),
            ("Memory specification can not be satisfied", "/mem"),
            ("Requested time limit is invalid (missing or exceeds some limit)", "/time"),
            ("Requested node configuration is not available", ""),
        ];
        for (said, pointer) in rows {
            assert_eq!(setting(said), pointer, "{said}");
        }
    }
}
