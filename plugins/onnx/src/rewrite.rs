//! The frame of every pass: open the model, edit it, write it, and bring along what lies beside it.

use std::collections::BTreeSet;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use olive_kit_onnx::{DataPolicy, GraphProblem, Model as Graph, each_graph, external_file, sort};
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
    let mut own = data_files(&graph);
    own.extend(file_name(&path));
    edit(&mut graph)?;
    finish(&mut graph)?;
    let output = ctx.output_dir();
    copy_others(&folder, output, &own, ctx)?;
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
    if let Some(name) = &input.onnx_file_name {
        return Ok(input.model_path.join(name));
    }
    if input.model_path.is_file() {
        return Ok(input.model_path.clone());
    }
    let folder = input.model_path.clone();
    let entries = fs::read_dir(&folder)
        .map_err(|source| RewriteError::Copy { path: folder.clone(), source })?;
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut graphs: Vec<_> =
        paths.filter(|path| path.extension().is_some_and(|end| end == "onnx")).collect();
    match (graphs.pop(), graphs.len()) {
        (Some(only), 0) => Ok(only),
        (last, rest) => {
            Err(RewriteError::WhichGraph { folder, found: rest + usize::from(last.is_some()) })
        }
    }
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

/// Names of the files beside the graph that hold its weights.
fn data_files(graph: &Graph) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    each_graph(&graph.graph, &mut |graph| {
        let attributes = graph.node.iter().flat_map(|node| &node.attribute);
        let constants =
            attributes.flat_map(|attribute| attribute.t.iter().chain(&attribute.tensors));
        let files = graph.initializer.iter().chain(constants).map(external_file);
        names.extend(files.map(|name| name.trim_start_matches("./").to_owned()));
    });
    names
}

fn file_name(path: &Path) -> Option<String> {
    Some(path.file_name()?.to_string_lossy().into_owned())
}

/// Copies what lies in `from`, but for the files `own`, to `to`.
fn copy_others(
    from: &Path,
    to: &Path,
    own: &BTreeSet<String>,
    ctx: &StepContext<'_>,
) -> Result<(), RewriteError> {
    let copy_error = |path: &Path, source| RewriteError::Copy { path: path.to_owned(), source };
    for entry in fs::read_dir(from).map_err(|source| copy_error(from, source))? {
        if ctx.is_cancelled() {
            return Err(RewriteError::Cancelled);
        }
        let entry = entry.map_err(|source| copy_error(from, source))?;
        let (path, name) = (entry.path(), entry.file_name());
        if own.contains(&*name.to_string_lossy()) {
            continue;
        }
        let target = to.join(&name);
        if path.is_dir() {
            fs::create_dir_all(&target).map_err(|source| copy_error(&path, source))?;
            let prefix = format!("{}/", name.to_string_lossy());
            let inside = own.iter().filter_map(|file| file.strip_prefix(&prefix));
            copy_others(&path, &target, &inside.map(str::to_owned).collect(), ctx)?;
        } else {
            fs::copy(&path, &target).map_err(|source| copy_error(&path, source))?;
        }
    }
    Ok(())
}
