//! What every command works with: the installed plugins, the user at the terminal, the machine.

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use olive_schemas::step::LogLevel;

use crate::cancel::Cancel;
use crate::config::references::QUALITY_HELP;
use crate::config::{CheckedWorkflow, Finding, Source};
use crate::error::{Error, Refusal, show_findings_json};
use crate::home::cache_home;
use crate::plan::PlanError;
use crate::plugin::{Catalog, Places};
use crate::render;
use crate::shortcut::Trace;
use crate::view::{Mode, View};

/// What every command works with.
pub struct Host {
    /// The installed plugins.
    pub catalog: Catalog,
    /// Whether the user wants to stop.
    pub cancel: Cancel,
    /// Whether output is for programs.
    pub is_json: bool,
    /// Least importance of log lines, when the command line says so.
    pub log_level: Option<LogLevel>,
    /// Which argument each part of the config comes from, when a command has written it.
    pub trace: Option<Trace>,
}

impl Host {
    /// A host with the plugins beside the program, of the user's packs, of the packs of the project
    /// in the folder `project`, and in `plugin_dirs`.
    ///
    /// # Errors
    /// When a plugin that was asked for cannot be used.
    pub fn new(
        plugin_dirs: &[PathBuf],
        project: &Path,
        is_json: bool,
        log_level: Option<LogLevel>,
    ) -> Result<Self, Error> {
        let catalog = Catalog::discover(&Places::of(project, plugin_dirs), &cache_home())?;
        Ok(Self { catalog, cancel: Cancel::on_signals(), is_json, log_level, trace: None })
    }

    /// The view of a run whose config says `severity` about logs: 0 debug … 3 error, 4 nothing.
    ///
    /// Programs get every line, unless the command line says which.
    pub fn view(&self, severity: u8) -> View {
        let configured = match severity {
            _ if self.is_json => Some(LogLevel::Debug),
            0 => Some(LogLevel::Debug),
            1 => Some(LogLevel::Info),
            2 => Some(LogLevel::Warning),
            3 => Some(LogLevel::Error),
            _ => None,
        };
        let mode = match (self.is_json, io::stderr().is_terminal()) {
            (true, _) => Mode::Json,
            (false, true) => Mode::Bars,
            (false, false) => Mode::Lines,
        };
        View::new(mode, self.log_level.or(configured))
    }

    /// Shows `findings` that do not stop anything.
    pub fn show(&self, source: &Source, findings: &[Finding]) {
        let traced = self.trace.as_ref().map(|trace| (trace.source(), trace.follow(findings)));
        let (source, findings) =
            traced.as_ref().map_or((source, findings), |(source, found)| (*source, &found[..]));
        if self.is_json {
            show_findings_json(source, findings);
        } else {
            let _ = render::findings(source, findings, &mut io::stderr(), colors_errors());
        }
    }

    /// What to try when the pass called `name` costs quality, in its author's words.
    pub fn quality_help(&self, name: &str) -> Option<String> {
        let help = self.catalog.pass(name)?.descriptor.schema.get(QUALITY_HELP)?;
        help.as_str().map(str::to_owned)
    }

    /// Tells an error that does not end the program.
    pub fn tell(&self, error: &Error) {
        if self.is_json {
            error.show_json();
        } else {
            error.show(colors_errors());
        }
    }
}

/// The error of a config with these findings.
pub fn refused(source: &Source) -> impl FnOnce(Vec<Finding>) -> Error {
    let source = source.clone();
    move |findings| Error::Config(Box::new(Refusal { source, findings }))
}

/// The error of a config that cannot be planned, with places in its text.
pub fn unplanned(error: PlanError, source: &Source, checked: &CheckedWorkflow) -> Error {
    match error {
        PlanError::Problems(problems) => {
            let findings = problems.into_iter().map(|problem| checked.finding(problem, source));
            let findings = findings.collect();
            Error::Plan(Box::new(Refusal { source: source.clone(), findings }))
        }
        PlanError::Unreadable { .. } => error.into(),
    }
}

/// Whether messages on standard error may be colored.
pub fn colors_errors() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()) && io::stderr().is_terminal()
}

/// Whether results on standard output may be colored.
pub fn colors_results() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()) && io::stdout().is_terminal()
}
