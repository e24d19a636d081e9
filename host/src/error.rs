//! Why a command failed, and the exit code that says so.

use std::io::{self, Write};
use std::path::PathBuf;

use olive_packs::PackError;
use olive_schemas::diagnostic::Diagnostic;
use olive_schemas::error::PluginError;
use olive_transport::TransportError;
use olive_workshop::build::BuildError;
use serde_json::{Value, json};
use thiserror::Error;

use crate::cancel::CANCELLED;
use crate::config::{Finding, ReadError, Source};
use crate::edit::EditError;
use crate::edit::file::WriteError;
use crate::forecast::Shortage;
use crate::model::ModelError;
use crate::output::OutputError;
use crate::plan::PlanError;
use crate::plugin::CatalogError;
use crate::prepare::PrepareError;
use crate::render;
use crate::render::json::locate;
use crate::render::lines::Lines;
use crate::report::ReportError;
use crate::report::goals::GoalLine;
use crate::report::read::ReadRunError;
use crate::store::StoreError;

/// Exit code of a file that cannot be read.
pub const UNREADABLE: u8 = 10;
/// Exit code of a config with errors.
pub const WRONG_CONFIG: u8 = 11;
/// Exit code of a bug of ours.
pub const BUG: u8 = 70;

/// Why a command failed.
#[derive(Debug, Error)]
pub enum Error {
    /// The command line makes no sense.
    #[error("{0}")]
    Usage(String),
    /// The config cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The config has errors.
    #[error("config `{}` has errors", .0.source.path.display())]
    Config(Box<Refusal>),
    /// The config cannot be edited as asked.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// The edited config cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// A file that the command line asks for cannot be written.
    #[error("cannot write `{}`: {source}", path.display())]
    File {
        /// Path as the user gave it.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A plugin cannot be used, or none does what is asked for.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// What the config asks for does not fit the models and data that are there.
    #[error("config `{}` cannot be run", .0.source.path.display())]
    Plan(Box<Refusal>),
    /// A model or data file cannot be read.
    #[error(transparent)]
    Inputs(#[from] PlanError),
    /// A path is no model.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A pass cannot work on the model and data that are there.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// A step failed or was stopped.
    #[error("`{title}` {}: {error}", end_of(error))]
    Step {
        /// The step.
        title: String,
        /// Why.
        error: PluginError,
    },
    /// Models of a run that is complete miss their goals.
    #[error("{}", missed(.0))]
    Goals(Vec<GoalLine>),
    /// No model that a search found meets the goals.
    #[error("no model meets the goals; the nearest is {nearest}: {}", sentences(goals))]
    Unreached {
        /// The variant that comes nearest.
        nearest: String,
        /// What it misses.
        goals: Vec<GoalLine>,
    },
    /// No variant of a search can work; why, variant by variant.
    #[error("no variant of the search can work: {}", .0.first().map_or("there is none", String::as_str))]
    NoVariant(Vec<String>),
    /// The time of a search was up before it had a whole model.
    #[error("the search has no model yet: its time, `max_time`, was up before one was whole")]
    OutOfTime,
    /// The machine has too little of something for a run.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Short(Vec<Shortage>),
    /// The store cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A run cannot be read back.
    #[error(transparent)]
    Run(#[from] ReadRunError),
    /// Its report cannot be written.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// The result cannot be put into the output folder.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// A plugin cannot be built.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// Something about packs cannot be done.
    #[error(transparent)]
    Pack(#[from] PackError),
    /// Something cannot be fetched.
    #[error(transparent)]
    Transport(#[from] TransportError),
}

/// A config that was not accepted, and why.
#[derive(Debug)]
pub struct Refusal {
    /// The config's text.
    pub source: Source,
    /// What was found, at least one error among it.
    pub findings: Vec<Finding>,
}

impl Error {
    /// The program's exit code.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Edit(error) if error.is_usage() => 2,
            Self::Transport(TransportError::Cancelled) => CANCELLED,
            Self::Read(_)
            | Self::Write(_)
            | Self::File { .. }
            | Self::Run(_)
            | Self::Report(_)
            | Self::Pack(PackError::Io { .. })
            | Self::Transport(_) => 10,
            Self::Config(_) | Self::Edit(_) => 11,
            Self::Catalog(_) | Self::Pack(PackError::Refused { .. }) => 12,
            Self::Build(error) => match error {
                BuildError::NoPlugin(_) | BuildError::Process(_) | BuildError::NoContract(_) => 2,
                BuildError::Io { .. } => 10,
                error if error.is_missing_tool() => 12,
                _ => 20,
            },
            Self::Prepare(PrepareError { error, .. }) | Self::Step { error, .. }
                if error.code == PluginError::CANCELLED =>
            {
                CANCELLED
            }
            Self::Plan(_)
            | Self::Inputs(_)
            | Self::Model(_)
            | Self::NoVariant(_)
            | Self::OutOfTime
            | Self::Short(_)
            | Self::Prepare(_) => 13,
            Self::Step { .. } | Self::Store(_) | Self::Output(_) => 20,
            Self::Goals(_) | Self::Unreached { .. } => 21,
        }
    }

    /// Tells people, on standard error. A stream that is closed is ignored.
    pub fn show(&self, color: bool) {
        let out = &mut io::stderr();
        let _ = match self {
            Self::Config(refusal) | Self::Plan(refusal) => {
                render::findings(&refusal.source, &refusal.findings, out, color)
            }
            Self::Prepare(PrepareError { title, error }) => {
                render::plugin_error(&format!("`{title}` cannot run"), error, out, color)
            }
            Self::Step { title, error } => {
                let what = format!("`{title}` {}", end_of(error));
                render::plugin_error(&what, error, out, color)
            }
            other => render::diagnostic(&other.diagnostic(), out, color),
        };
    }

    /// Tells programs: one JSON object on standard output.
    pub fn show_json(&self) {
        if let Self::Config(refusal) | Self::Plan(refusal) = self {
            show_findings_json(&refusal.source, &refusal.findings);
        }
        let Diagnostic { code, message, help, .. } = self.diagnostic();
        let line = json!({
            "event": "error",
            "code": code,
            "message": message,
            "help": help,
            "exit_code": self.exit_code(),
        });
        let _ = writeln!(io::stdout(), "{line}");
    }

    fn diagnostic(&self) -> Diagnostic {
        let (code, help) = match self {
            Self::Usage(_) => ("usage", None),
            Self::Read(error) => ("read", error.help()),
            Self::Config(_) => ("config", None),
            Self::Edit(error) => ("edit", error.help().map(str::to_owned)),
            Self::Write(_) | Self::File { .. } => ("write", None),
            Self::Catalog(error) => ("plugin", error.help().map(str::to_owned)),
            Self::Build(_) => ("build", None),
            Self::Plan(_) | Self::Inputs(_) => ("plan", None),
            Self::Model(error) => ("model", error.help()),
            Self::Prepare(PrepareError { error, .. }) | Self::Step { error, .. } => {
                (error.code.as_str(), error.help.clone())
            }
            Self::Goals(_) => (
                "goal-missed",
                Some("the result is there; change the goal, or the passes".to_owned()),
            ),
            Self::Unreached { .. } => (
                "goal-missed",
                Some("the nearest is there; change the goals, or give the search more".to_owned()),
            ),
            Self::Short(_) => (
                "does-not-fit",
                Some("make room, ask for less, or run it all the same with `--force`".to_owned()),
            ),
            Self::NoVariant(reasons) => ("no-variant", other_reasons(reasons)),
            Self::OutOfTime => (
                "no-variant",
                Some("give it more time: the steps that are done are not done again".to_owned()),
            ),
            Self::Store(error) | Self::Output(OutputError::Store(error)) => {
                ("store", error.help().map(str::to_owned))
            }
            Self::Output(OutputError::Io { .. }) => ("output", None),
            Self::Run(error) => ("report", error.help().map(str::to_owned)),
            Self::Report(_) | Self::Output(OutputError::Report(_)) => ("report", None),
            Self::Pack(error) => (error.code(), error.help().map(str::to_owned)),
            Self::Transport(error) => ("fetch", error.help().map(str::to_owned)),
        };
        Diagnostic { help, ..Diagnostic::error(code, "", self.to_string()) }
    }
}

/// Goals that were missed, in one sentence.
fn missed(goals: &[GoalLine]) -> String {
    format!("goal missed: {}", sentences(goals))
}

fn sentences(goals: &[GoalLine]) -> String {
    goals.iter().map(GoalLine::sentence).collect::<Vec<_>>().join("; ")
}

/// Why variants after the first cannot work.
fn other_reasons(reasons: &[String]) -> Option<String> {
    let mut others: Vec<&str> = Vec::new();
    for reason in reasons.iter().skip(1).map(String::as_str) {
        if reason != reasons[0] && !others.contains(&reason) {
            others.push(reason);
        }
    }
    (!others.is_empty()).then(|| format!("others: {}", others.join("; ")))
}

/// How a step ended that made nothing.
fn end_of(error: &PluginError) -> &'static str {
    if error.code == PluginError::CANCELLED { "was stopped" } else { "failed" }
}

/// Writes findings for programs: one JSON object each, with place.
pub fn show_findings_json(source: &Source, findings: &[Finding]) {
    let lines = Lines::new(&source.text);
    for finding in findings {
        let mut told = json!({"event": "diagnostic", "path": source.path.display().to_string()});
        if let (Some(told), Ok(Value::Object(located))) =
            (told.as_object_mut(), serde_json::to_value(locate(finding, &lines)))
        {
            told.extend(located);
        }
        let _ = writeln!(io::stdout(), "{told}");
    }
}

#[cfg(test)]
mod tests {
    use olive_schemas::error::PluginError;

    use super::Error;
    use crate::plugin::CatalogError;

    #[test]
    fn exit_codes_follow_from_the_kind_of_error() {
        let step = |error| Error::Step { title: "lora (LoRA)".into(), error };
        for (error, code) in [
            (Error::Usage("what".into()), 2),
            (Error::Catalog(CatalogError::Absent { what: "none".into(), help: None }), 12),
            (step(PluginError::new("nan-loss", "the loss is NaN")), 20),
            (step(PluginError::cancelled()), 30),
        ] {
            assert_eq!(error.exit_code(), code, "{error}");
        }
    }
}
