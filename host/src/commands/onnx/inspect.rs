//! `olive onnx inspect`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use console::Term;
use olive_schemas::error::PluginError;
use olive_schemas::graph::GraphView;
use olive_schemas::model::{Model, ModelKind};
use olive_schemas::protocol::{Call, Callee};
use olive_schemas::step::{LogLevel, StepEvent, StepKind, StepOutcome};
use serde_json::{Value, json};

use super::super::{host, say};
use super::page::{Look, page};
use crate::cli::onnx::InspectArgs;
use crate::error::Error;
use crate::host::{Host, colors_results};
use crate::model::recognize;
use crate::plugin::CatalogError;
use crate::plugin::process::{self, Supervision};
use crate::prepare::StepFolder;
use crate::view::{Mode, View};

/// Columns of a page that nobody sees on a terminal.
const COLUMNS: usize = 80;

/// Shows what an ONNX model holds.
pub(super) fn run(args: &InspectArgs) -> Result<(), Error> {
    let model = recognize(&args.model)?;
    if model.kind != ModelKind::Onnx {
        let (path, kind) = (args.model.display(), model.kind);
        return Err(Error::Usage(format!("`{path}` is a model of type {kind}, not an ONNX model")));
    }
    let host = host(&args.common)?;
    let Some(plugin) = host.catalog.graph_editor() else {
        let what = "no installed plugin shows ONNX graphs".to_owned();
        let help = host.catalog.absence_help_of("graph editor");
        return Err(CatalogError::Absent { what, help }.into());
    };
    let name = plugin.descriptor.graph_editors.first().map_or("", |editor| &editor.name);
    let failed = |error| Error::Step { title: format!("inspect {}", args.model.display()), error };
    let view = ask(&host, plugin.callee(), name, &model).map_err(failed)?;
    if host.is_json {
        say(&format!("{}\n", json!({"event": "graph", "view": view})));
        return Ok(());
    }
    let files = files(&view, &graph_file(&model));
    let shown = args.model.display().to_string();
    say(&page(&shown, &view, &files, &look(args)));
    Ok(())
}

/// The view of the model, by the graph editor `name`.
fn ask(
    host: &Host,
    plugin: Callee,
    name: &str,
    model: &Model,
) -> Result<Box<GraphView>, PluginError> {
    let folder = StepFolder::new().map_err(|error| PluginError::from_error("io", &error))?;
    let request = folder.request(StepKind::GraphView, name, Value::Null, model.clone());
    let call = Call::Run { plugin, request: Box::new(request) };
    let view = View::new(Mode::Lines, host.log_level.unwrap_or(LogLevel::Warning));
    let on_event = |event: StepEvent| match event {
        StepEvent::Log { .. } => view.event(&event),
        StepEvent::Progress { .. } | StepEvent::Text { .. } => {}
    };
    let is_cancelled = || host.cancel.is_cancelled();
    let supervision = Supervision { on_event: &on_event, is_cancelled: &is_cancelled };
    let answer = process::run(&call, 1, &supervision).result;
    let answer = answer.map_err(process::Failure::into_error)?;
    match serde_json::from_value(answer) {
        Ok(StepOutcome::Graph(view)) => Ok(view),
        Ok(_) => Err(PluginError::new("answer", "the plugin answered with no graph")),
        Err(error) => Err(PluginError::from_error("answer", &error)),
    }
}

/// The file of the graph: the one that is named, or the only one of the folder.
fn graph_file(model: &Model) -> PathBuf {
    if let Some(name) = &model.onnx_file_name {
        return model.model_path.join(name);
    }
    let entries = fs::read_dir(&model.model_path).into_iter().flatten().flatten();
    let mut paths = entries.map(|entry| entry.path());
    paths
        .find(|path| path.extension().is_some_and(|end| end == "onnx"))
        .unwrap_or_else(|| model.model_path.clone())
}

/// The files of the model with their sizes in bytes, the graph's first; those that are missing have
/// none.
fn files(view: &GraphView, graph: &Path) -> Vec<(String, Option<u64>)> {
    let size = |path: &Path| fs::metadata(path).ok().map(|file| file.len());
    let bodies = view.bodies();
    let weights = bodies.iter().flat_map(|body| &body.weights);
    let names: BTreeSet<&str> = weights.filter_map(|weight| weight.file.as_deref()).collect();
    let own = graph.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let folder = graph.parent().unwrap_or(Path::new(""));
    let beside = names.into_iter().map(|name| (name.to_owned(), size(&folder.join(name))));
    std::iter::once((own, size(graph))).chain(beside).collect()
}

/// How a page is to look where standard output leads.
fn look(args: &InspectArgs) -> Look {
    let terminal = Term::stdout();
    let columns = terminal.size_checked().map(|(_, columns)| usize::from(columns));
    Look {
        columns: columns.filter(|_| terminal.is_term()).unwrap_or(COLUMNS),
        color: colors_results(),
        nodes: args.nodes,
        weights: args.weights,
    }
}
