//! Steps, tried from all sides: passes, evaluators, generators and sources.

mod resume;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use olive_schemas::descriptor::PluginDescriptor;
use olive_schemas::diagnostic::{Diagnostic, Severity};
use olive_schemas::error::PluginError;
use olive_schemas::model::{Model, ModelKind};
use olive_schemas::preview::Previewed;
use olive_schemas::protocol::Callee;
use olive_schemas::step::{StepKind, StepOutcome};
use serde::Deserialize;
use serde_json::{Value, json};

use super::cases::{Case, accepts, pass};
use super::events;
use super::outcome;
use super::report::{Finding, Objection, Report, counted, failed, skipped, unless_any};
use super::trial::{Ending, Input, Stop, Task, Trial, prepare, run};
use super::world::World;
use crate::config::defaults::fill;

/// Time in which a step must stop once it was asked to.
const STOP_LIMIT: Duration = Duration::from_secs(1);
/// Files of a model that are taken away or damaged, one a run.
const HURT_FILES: usize = 12;
/// Why a case of ours cannot be tried.
const UNSUITED: &str = "give a case in `conformance.json`, ours does not suit it";
/// A setting that nobody has.
const UNKNOWN: &str = "olive_conformance_unknown";

/// A plugin on the bench.
pub(super) struct Bench<'a> {
    pub(super) world: &'a World,
    /// As it is called.
    pub(super) plugin: &'a Callee,
    pub(super) descriptor: &'a PluginDescriptor,
}

/// Tries `case`; whether it ran to its end, so that more can be tried with it.
///
/// # Errors
/// When the folders cannot be set up.
pub(super) fn check(
    bench: &Bench<'_>,
    case: &Case,
    is_thorough: bool,
    report: &mut Report<'_>,
) -> io::Result<bool> {
    let mut attempt = Attempt { bench, case, report, strays: Vec::new() };
    let is_done = attempt.check(is_thorough)?;
    attempt.tell_strays();
    Ok(is_done)
}

struct Attempt<'a, 'r> {
    bench: &'a Bench<'a>,
    case: &'a Case,
    report: &'a mut Report<'r>,
    /// What was touched that should not have been, over all runs.
    strays: Vec<String>,
}

impl Attempt<'_, '_> {
    fn check(&mut self, is_thorough: bool) -> io::Result<bool> {
        let task = &self.case.task;
        let found = prepare(self.bench.world, self.bench.plugin, task)?;
        if let Some(code) = &self.case.expect {
            let finding = self.refusal(code, found)?;
            self.add("runs", finding);
            return Ok(false);
        }
        let is_crash = found.as_ref().is_err_and(|ending| !matches!(ending, Ending::Error(_)));
        let prepared = prepared(found).or_else(|objection| match objection {
            Objection::Failed(why) if self.case.is_guess && !is_crash => {
                skipped(format!("{UNSUITED}: {why}"))
            }
            other => Err(other),
        });
        if !self.add("prepared", prepared) {
            return Ok(false);
        }
        let first = self.run(task, Stop::Never)?;
        if !self.first(&first) {
            return Ok(false);
        }
        self.repeat(&first)?;
        if is_thorough {
            self.refuse_unknown()?;
            self.refuse_kinds()?;
            self.survive_hurt_files()?;
            self.stop("cancel-at-once", Stop::AtOnce)?;
            let has_events = !first.events.is_empty();
            if has_events {
                self.stop("cancel-midway", Stop::AfterFirstEvent)?;
            } else {
                self.add("cancel-midway", skipped("it tells nothing on its way"));
            }
            self.resume(&first)?;
        }
        Ok(true)
    }

    /// Whether the case ends in the error or the finding `code`.
    fn refusal(&mut self, code: &str, found: Result<Value, Ending>) -> io::Result<Finding> {
        let found = match found {
            Ok(answer) => Vec::<Diagnostic>::deserialize(answer).unwrap_or_default(),
            Err(Ending::Error(error)) if error.code == code => {
                return Ok(Ok(format!("refused before it starts: {error}")));
            }
            Err(ending) => return Ok(failed(format!("{} instead of `{code}`", ending.tell()))),
        };
        if let Some(problem) = found.into_iter().find(|problem| problem.code == code) {
            return Ok(Ok(format!("refused before it starts: {}", problem.message)));
        }
        let trial = self.run(&self.case.task, Stop::Never)?;
        Ok(match &trial.result {
            Ok(_) => failed(format!("it ran, but `{code}` is expected")),
            Err(Ending::Error(error)) if error.code == code => Ok(format!("refused: {error}")),
            Err(ending) => failed(format!("{} instead of `{code}`", ending.tell())),
        })
    }

    /// Everything that one run shows; whether it came to its end.
    fn first(&mut self, trial: &Trial) -> bool {
        let seconds = trial.duration.as_secs_f64();
        let is_denied = trial.error().is_some_and(is_denied);
        let is_refused = self.case.is_guess && trial.error().is_some();
        let finding = match &trial.result {
            Ok(_) => Ok(format!("made {} in {seconds:.1} s", counted(count_files(trial), "file"))),
            Err(ending) if is_denied => {
                let why = "a step may write to its output and scratch folders only";
                failed(format!("{}; {why}", ending.tell()))
            }
            Err(ending) if is_refused => skipped(format!("{UNSUITED}: {}", ending.tell())),
            Err(ending) => failed(ending.tell()),
        };
        if !self.add("runs", finding) {
            return false;
        }
        let produces = pass(self.bench.descriptor, &self.case.task.entry).map(|pass| pass.produces);
        self.add("answer", outcome::answer(trial, produces));
        self.add("paths", outcome::paths(trial));
        self.add("progress", events::progress(&trial.events));
        self.add("volume", events::volume(&trial.events));
        if let Some(finding) = events::text(trial) {
            self.add("text", finding);
        }
        true
    }

    /// The same again: as it is, with one thread, and with the defaults written out.
    fn repeat(&mut self, first: &Trial) -> io::Result<()> {
        let task = &self.case.task;
        let again = self.run(task, Stop::Never)?;
        let is_same = self.add("same-twice", outcome::same(first, &again));
        if task.kind != StepKind::Pass || !is_same {
            return Ok(());
        }
        let pass = pass(self.bench.descriptor, &task.entry);
        if pass.is_some_and(|pass| pass.threads_change_result) {
            self.add("same-with-one-thread", skipped("it says that threads change the result"));
        } else {
            let alone = self.run(&Task { threads: 1, ..task.clone() }, Stop::Never)?;
            self.add("same-with-one-thread", outcome::same(first, &alone));
        }
        let Some(pass) = pass else { return Ok(()) };
        let mut full = task.clone();
        fill(&mut full.config, &pass.schema);
        if full.config == task.config {
            self.add("same-with-defaults", skipped("no setting is left out that has a default"));
        } else {
            let written = self.run(&full, Stop::Never)?;
            self.add("same-with-defaults", outcome::same(first, &written));
        }
        Ok(())
    }

    fn refuse_unknown(&mut self) -> io::Result<()> {
        let mut task = self.case.task.clone();
        let Value::Object(config) = &mut task.config else { return Ok(()) };
        config.insert(UNKNOWN.into(), json!(1));
        let early = prepare(self.bench.world, self.bench.plugin, &task)?;
        let finding = match early {
            Err(Ending::Error(error)) => Ok(format!("`{}`", error.code)),
            Err(ending) => failed(ending.tell()),
            Ok(answer) if has_error(&answer) => Ok("a finding".into()),
            Ok(_) => {
                let trial = self.run(&task, Stop::Never)?;
                refused(&trial, "it ran with a setting that nobody has")
            }
        };
        self.add("unknown-setting", finding);
        Ok(())
    }

    fn refuse_kinds(&mut self) -> io::Result<()> {
        let task = self.case.task.clone();
        let accepts = accepts(self.bench.descriptor, task.kind, &task.entry);
        if accepts.is_empty() {
            return Ok(());
        }
        let mut problems = Vec::new();
        let others = ModelKind::ALL.into_iter().filter(|kind| !accepts.contains(kind));
        let others: Vec<ModelKind> = others.collect();
        for &kind in &others {
            let task = Task { input: Input::Specimen(kind), ..task.clone() };
            let trial = self.run(&task, Stop::Never)?;
            if let Err(Objection::Failed(why)) = refused(&trial, "it took it") {
                problems.push(format!("{kind}: {why}"));
            }
        }
        let names: Vec<String> = others.iter().map(ToString::to_string).collect();
        let finding = if others.is_empty() {
            skipped("it takes every kind of model")
        } else {
            unless_any(problems, format!("{} refused", names.join(" and ")))
        };
        self.add("wrong-kind", finding);
        Ok(())
    }

    /// Takes files away and cuts them short, one by one.
    fn survive_hurt_files(&mut self) -> io::Result<()> {
        if self.case.task.kind == StepKind::Source {
            return Ok(());
        }
        let gone = self.run_damaged(&|model, _| remove(&model.model_path))?;
        let finding = refused(&gone, "it made something of a model that is not there");
        self.add("missing-model", finding);
        let names = self.model_files()?;
        for (check, hurt) in
            [("missing-files", remove as fn(&Path) -> io::Result<()>), ("cut-files", cut)]
        {
            let mut problems = Vec::new();
            for name in &names {
                let trial = self.run_damaged(&|model, _| hurt(&within(model, name)))?;
                problems
                    .extend(trial.breakdown().map(|how| format!("`{}`: {how}", name.display())));
            }
            let fine = format!("{}, one at a time", counted(names.len(), "file"));
            self.add(check, unless_any(problems, fine));
        }
        if self.case.task.data_configs.is_empty() || self.case.is_guess {
            return Ok(());
        }
        let mut task = self.case.task.clone();
        for data in task.data_configs.values_mut() {
            data.load_dataset_config.data_files = vec![PathBuf::from("/nowhere/rows.json")];
        }
        let trial = self.run(&task, Stop::Never)?;
        self.add("missing-data", refused(&trial, "it made something of data that is not there"));
        Ok(())
    }

    /// Names of the files on top of the model's folder, or of the file that the model is.
    fn model_files(&self) -> io::Result<Vec<PathBuf>> {
        let names = std::cell::RefCell::new(Vec::new());
        let look = |model: &mut Model, _: &Path| {
            if model.model_path.is_file() {
                names.borrow_mut().extend(model.model_path.file_name().map(PathBuf::from));
                return Ok(());
            }
            for entry in fs::read_dir(&model.model_path)? {
                let entry = entry?;
                if entry.file_type()?.is_file() {
                    names.borrow_mut().push(PathBuf::from(entry.file_name()));
                }
            }
            Ok(())
        };
        super::trial::look(self.bench.world, &self.case.task, &look)?;
        let mut names = names.into_inner();
        names.sort();
        names.truncate(HURT_FILES);
        Ok(names)
    }

    fn stop(&mut self, check: &str, stop: Stop) -> io::Result<()> {
        let trial = self.run(&self.case.task, stop)?;
        let finding = match (&trial.result, trial.stopping) {
            (Err(Ending::Error(error)), None) => failed(format!("it failed: {error}")),
            (Err(Ending::Error(error)), _) if error.code != PluginError::CANCELLED => {
                failed(format!("it ended with `{}` instead of `cancelled`", error.code))
            }
            (Ok(_) | Err(Ending::Error(_)), Some(time)) if time > STOP_LIMIT => {
                let limit = STOP_LIMIT.as_secs();
                failed(format!("it took {:.1} s to stop; {limit} s is allowed", time.as_secs_f64()))
            }
            (Ok(_), _) => Ok("it was done before".into()),
            (Err(Ending::Error(_)), Some(time)) => {
                Ok(format!("stopped after {} ms", time.as_millis()))
            }
            (Err(ending), _) => failed(ending.tell()),
        };
        self.add(check, finding);
        Ok(())
    }

    fn run(&mut self, task: &Task, stop: Stop) -> io::Result<Trial> {
        let trial = run(self.bench.world, self.bench.plugin, task, stop, &|_, _| Ok(()))?;
        self.keep_strays(&trial);
        Ok(trial)
    }

    fn run_damaged(&mut self, damage: super::trial::Damage<'_>) -> io::Result<Trial> {
        let task = &self.case.task;
        let trial = run(self.bench.world, self.bench.plugin, task, Stop::Never, damage)?;
        self.keep_strays(&trial);
        Ok(trial)
    }

    fn keep_strays(&mut self, trial: &Trial) {
        for stray in &trial.strays {
            if !self.strays.contains(stray) {
                self.strays.push(stray.clone());
            }
        }
    }

    fn tell_strays(&mut self) {
        let is_input = |stray: &String| stray.starts_with("`input/");
        let strays = std::mem::take(&mut self.strays);
        let (input, others): (Vec<String>, Vec<String>) = strays.into_iter().partition(is_input);
        self.add("input-untouched", unless_any(input, "the model is as it was"));
        self.add("stays-inside", unless_any(others, "nothing but output and scratch was written"));
    }

    fn add(&mut self, check: &str, finding: Finding) -> bool {
        self.report.add(format!("{}/{check}", self.case.name), finding)
    }
}

/// Whether a plugin that looks at a task finds nothing against it.
fn prepared(found: Result<Value, Ending>) -> Finding {
    let answer = found.or_else(|ending| failed(ending.tell()).map(|_| Value::Null))?;
    let found = match Vec::<Diagnostic>::deserialize(&answer) {
        Ok(found) => found,
        Err(error) => return failed(format!("the answer is no list of diagnostics: {error}")),
    };
    match found.iter().find(|problem| problem.severity == Severity::Error) {
        Some(problem) => failed(format!("`{}`: {}", problem.code, problem.message)),
        None => Ok(counted(found.len(), "finding")),
    }
}

fn has_error(answer: &Value) -> bool {
    let found = Vec::<Diagnostic>::deserialize(answer).unwrap_or_default();
    found.iter().any(|problem| problem.severity == Severity::Error)
}

/// Whether a run ended in an error of the plugin's own.
fn refused(trial: &Trial, why_not: &str) -> Finding {
    match &trial.result {
        Ok(answer) => match serde_json::from_value(answer.clone()) {
            Ok(StepOutcome::Preview(Previewed::Refused(problems))) => {
                let codes = problems.iter().map(|problem| format!("`{}`", problem.code));
                Ok(codes.collect::<Vec<_>>().join(", "))
            }
            _ => failed(why_not),
        },
        Err(Ending::Error(error)) => Ok(format!("`{}`", error.code)),
        Err(ending) => failed(ending.tell()),
    }
}

/// Whether the system did not let the plugin write, as it does where workers are confined.
fn is_denied(error: &PluginError) -> bool {
    let told = std::iter::once(&error.message).chain(&error.causes);
    told.into_iter().any(|text| {
        ["Permission denied", "Read-only file system"].iter().any(|denied| text.contains(denied))
    })
}

fn count_files(trial: &Trial) -> usize {
    trial.files.values().filter(|state| *state != super::world::FOLDER).count()
}

/// The file called `name` of a model, in its folder or itself.
fn within(model: &Model, name: &Path) -> PathBuf {
    if model.model_path.is_file() { model.model_path.clone() } else { model.model_path.join(name) }
}

fn remove(path: &Path) -> io::Result<()> {
    if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }
}

/// Keeps the first half of a file.
fn cut(path: &Path) -> io::Result<()> {
    let bytes = fs::read(path)?;
    fs::write(path, &bytes[..bytes.len() / 2])
}
