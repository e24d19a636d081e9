//! The frame of every pass: open the model, edit it, write it, and bring along what lies beside it.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use olive_kit_onnx::{
    DataPolicy, GraphProblem, Model as Graph, copy_beside, data_files, find_graph, sort,
};
use olive_plugin_api::{LogLevel, Model, ModelKind, StepContext};

use crate::error::RewriteError;

/// Writes the model that `edit` makes of `input`, where `policy` says, into the output folder.
///
/// Memory: the structure of the graph, and a few MiB of weights.
///
/// # Errors
/// When the model is not sound before or after the edit, or a file cannot be read or written.
pub(crate) fn rewrite(
    input: &Model,
    policy: &DataPolicy,
    ctx: &StepContext<'_>,
    edit: impl FnOnce(&mut Graph) -> Result<(), RewriteError>,
) -> Result<Model, RewriteError> {
    rewrite_as(input, Some(policy), ctx, edit)
}

/// The same with weights where they were: in the graph, or in files of the same names.
///
/// # Errors
/// As [`rewrite`].
pub(crate) fn rewrite_alike(
    input: &Model,
    ctx: &StepContext<'_>,
    edit: impl FnOnce(&mut Graph) -> Result<(), RewriteError>,
) -> Result<Model, RewriteError> {
    rewrite_as(input, None, ctx, edit)
}

fn rewrite_as(
    input: &Model,
    policy: Option<&DataPolicy>,
    ctx: &StepContext<'_>,
    edit: impl FnOnce(&mut Graph) -> Result<(), RewriteError>,
) -> Result<Model, RewriteError> {
    let path = graph_path(input)?;
    let mut graph = open(&path)?;
    let folder = path.parent().unwrap_or(Path::new("")).to_owned();
    let mut own = data_files(&graph.graph);
    own.extend(file_name(&path));
    edit(&mut graph)?;
    finish(&mut graph)?;
    let output = ctx.output_dir();
    copy_beside(&folder, output, &own, &mut || !ctx.is_cancelled())?;
    let chosen = policy.and_then(|policy| policy.file_name.as_ref());
    if let Some(name) = chosen.filter(|name| output.join(name).exists()) {
        return Err(RewriteError::NameTaken(name.clone()));
    }
    let name = file_name(&path).unwrap_or_default();
    let progress = &mut |done, total| {
        ctx.progress("byte", done, total, &[]);
        if ctx.is_cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    match policy {
        Some(policy) => graph.write(&output.join(&name), policy, progress)?,
        None => graph.write_alike(&output.join(&name), progress)?,
    }
    let mut model = Model::new(ModelKind::Onnx, output);
    model.onnx_file_name = Some(name);
    model.model_attributes.clone_from(&input.model_attributes);
    Ok(model)
}

/// The same with an edit that says how many places it changed; when it is none, that is told by `none`.
///
/// # Errors
/// As [`rewrite`].
pub(crate) fn rewrite_places(
    input: &Model,
    policy: &DataPolicy,
    ctx: &StepContext<'_>,
    none: &str,
    edit: impl FnOnce(&mut Graph) -> Result<usize, RewriteError>,
) -> Result<Model, RewriteError> {
    let mut count = 0;
    let model = rewrite(input, policy, ctx, |graph| {
        count = edit(graph)?;
        Ok(())
    })?;
    if count == 0 {
        ctx.log(LogLevel::Warning, none);
    }
    Ok(model)
}

/// The graph of `input`: the one it names, or the only one of its folder.
///
/// # Errors
/// When there is none or more than one to choose from.
pub(crate) fn graph_path(input: &Model) -> Result<PathBuf, RewriteError> {
    Ok(find_graph(&input.model_path, input.onnx_file_name.as_deref())?)
}

/// The model at `path`, when it is sound.
///
/// # Errors
/// When it cannot be read, or something is wrong with it that no edit puts right.
pub(crate) fn open(path: &Path) -> Result<Graph, RewriteError> {
    let graph = Graph::open(path)?;
    // Values made twice are what surgeons such as `DeduplicateNodes` are for.
    let is_fatal = |problem: &GraphProblem| !matches!(problem, GraphProblem::MadeTwice { .. });
    match graph.check().into_iter().find(is_fatal) {
        Some(problem) => Err(RewriteError::Unsound { path: path.to_owned(), problem }),
        None => Ok(graph),
    }
}

/// Puts the nodes in order and looks whether the edit left a sound graph.
fn finish(graph: &mut Graph) -> Result<(), RewriteError> {
    sort(&mut graph.graph).map_err(|node| RewriteError::Broken(GraphProblem::Cycle { node }))?;
    match graph.check().into_iter().next() {
        Some(problem) => Err(RewriteError::Broken(problem)),
        None => Ok(()),
    }
}

fn file_name(path: &Path) -> Option<String> {
    Some(path.file_name()?.to_string_lossy().into_owned())
}
