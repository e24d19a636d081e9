//! `olive data preview`.

use std::collections::BTreeMap;

use console::Term;
use olive_schemas::diagnostic::Diagnostic;
use olive_schemas::error::PluginError;
use olive_schemas::model::Model;
use olive_schemas::preview::{DataPreview, PreviewConfig, Previewed};
use olive_schemas::protocol::{Call, Callee};
use olive_schemas::step::{LogLevel, StepEvent, StepKind, StepOutcome, StepRequest};
use serde_json::json;

use super::super::{host_of, recognized, say, threads};
use super::page::{Look, page};
use crate::cli::data::PreviewArgs;
use crate::config::schema::quoted;
use crate::config::{CheckedWorkflow, Scope, Source};
use crate::error::Error;
use crate::flow::{self, Accepted};
use crate::host::{Host, colors_results, unplanned};
use crate::plan::{DataUse, PlanError, data_uses, input_model};
use crate::plugin::CatalogError;
use crate::plugin::process::{self, Supervision};
use crate::prepare::StepFolder;
use crate::view::{Mode, View};

/// Columns of a page that nobody sees on a terminal.
const COLUMNS: usize = 100;

/// Shows what the model will see of each data config.
pub(super) fn run(args: &PreviewArgs) -> Result<(), Error> {
    let model = recognized(args.model.as_deref())?;
    let host = host_of(&args.common, args.config.path())?;
    let scope = Scope::run(model.as_ref().map(|model| model.kind));
    let Accepted { source, checked, .. } = flow::accept(&host, args.config.path(), scope)?;
    let uses = uses(args, &host, &source, &checked)?;
    let model = match model {
        Some(model) => model,
        None => configured(&source, &checked)?,
    };
    let preview = Previewing { args, host: &host, source: &source, checked: &checked, model };
    let (plugin, name) = preview.previewer()?;
    for used in &uses {
        let seen = preview.look(used, plugin.clone(), &name)?;
        say(&if host.is_json { line(used, &seen) } else { page(used, &seen, &look()) });
    }
    Ok(())
}

/// The model of the config.
fn configured(source: &Source, checked: &CheckedWorkflow) -> Result<Model, Error> {
    match input_model(checked, &source.folder()) {
        Some((model, problems)) if problems.is_empty() => Ok(model),
        Some((_, problems)) => Err(unplanned(PlanError::Problems(problems), source, checked)),
        None => Err(Error::Usage("the config has no model: name one with --model".into())),
    }
}

/// The data configs that are asked for, at least one.
fn uses(
    args: &PreviewArgs,
    host: &Host,
    source: &Source,
    checked: &CheckedWorkflow,
) -> Result<Vec<DataUse>, Error> {
    let name = args.data.as_deref();
    let (uses, problems) = data_uses(checked, &source.folder(), &host.catalog, name);
    if !problems.is_empty() {
        return Err(unplanned(PlanError::Problems(problems), source, checked));
    }
    if !uses.is_empty() {
        return Ok(uses);
    }
    let known = checked.data_configs();
    let known: Vec<&str> = known.iter().map(|(_, data)| data.name.as_str()).collect();
    let message = match (name, known.as_slice()) {
        (_, []) => "the config has no data configs".into(),
        (Some(name), _) => {
            format!("the config has no data config `{name}`, only {}", quoted(&known))
        }
        (None, _) => {
            format!(
                "no pass of the config reads data: choose one of {} with --data",
                quoted(&known)
            )
        }
    };
    Err(Error::Usage(message))
}

/// What every look at data needs.
struct Previewing<'a> {
    args: &'a PreviewArgs,
    host: &'a Host,
    source: &'a Source,
    checked: &'a CheckedWorkflow,
    model: Model,
}

impl Previewing<'_> {
    /// The plugin that shows data, and the name of its previewer.
    fn previewer(&self) -> Result<(Callee, String), Error> {
        let kind = self.model.kind;
        let found = self.host.catalog.previewer(kind);
        let found = found.map(|(plugin, previewer)| (plugin.callee(), previewer.name.clone()));
        found.ok_or_else(|| {
            let what = format!("no installed plugin shows data as a model of type {kind} sees it");
            let help = self.host.catalog.absence_help_of("previewer");
            let help = help.or_else(|| Some("name another model with --model".into()));
            CatalogError::Absent { what, help }.into()
        })
    }

    /// What the model sees of the data.
    fn look(&self, used: &DataUse, plugin: Callee, name: &str) -> Result<DataPreview, Error> {
        let title = format!("preview {}", used.data.name);
        let failed = |error| Error::Step { title: title.clone(), error };
        match self.ask(used, plugin, name).map_err(failed)? {
            Previewed::Data(seen) => Ok(seen),
            Previewed::Refused(problems) => {
                let place = format!("/data_configs/{}", used.index);
                let problems = problems.into_iter().map(|problem| Diagnostic {
                    pointer: format!("{place}{}", problem.pointer),
                    ..problem
                });
                let problems = PlanError::Problems(problems.collect());
                Err(unplanned(problems, self.source, self.checked))
            }
        }
    }

    fn ask(&self, used: &DataUse, plugin: Callee, name: &str) -> Result<Previewed, PluginError> {
        let folder = StepFolder::new().map_err(|error| PluginError::from_error("io", &error))?;
        let threads = threads(&self.args.threads);
        let config = PreviewConfig {
            data_config: used.data.name.clone(),
            rows: self.args.rows,
            blocks: self.args.blocks,
            split: used.split,
        };
        let request = StepRequest {
            data_configs: BTreeMap::from([(used.data.name.clone(), used.data.clone())]),
            threads,
            ..folder.request(StepKind::Preview, name, json!(config), self.model.clone())
        };
        let call = Call::Run { plugin, request: Box::new(request) };
        let view = View::new(Mode::Lines, self.host.log_level.unwrap_or(LogLevel::Warning));
        let on_event = |event: StepEvent| match event {
            StepEvent::Log { .. } => view.event(&event),
            StepEvent::Progress { .. } | StepEvent::Text { .. } => {}
        };
        let is_cancelled = || self.host.cancel.is_cancelled();
        let supervision = Supervision { on_event: &on_event, is_cancelled: &is_cancelled };
        let answer = process::run(&call, threads, &supervision).result;
        let answer = answer.map_err(process::Failure::into_error)?;
        match serde_json::from_value(answer) {
            Ok(StepOutcome::Preview(previewed)) => Ok(previewed),
            Ok(_) => Err(PluginError::new("answer", "the plugin answered with no preview")),
            Err(error) => Err(PluginError::from_error("answer", &error)),
        }
    }
}

/// How a page is to look where standard output leads.
fn look() -> Look {
    let terminal = Term::stdout();
    let columns = terminal.size_checked().map(|(_, columns)| usize::from(columns));
    let columns = columns.filter(|_| terminal.is_term()).unwrap_or(COLUMNS);
    Look { columns, color: colors_results() }
}

/// The preview as a line for programs.
fn line(used: &DataUse, seen: &DataPreview) -> String {
    let line = json!({
        "event": "data_preview",
        "data_config": used.data.name,
        "readers": used.readers,
        "split_settings": used.split,
        "preview": seen,
    });
    format!("{line}\n")
}
