//! The frame of every pass: open the model, edit it, write it, and bring along what lies beside it.

use std::collections::BTreeSet;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use olive_kit_onnx::{
    DataPolicy, GraphProblem, Model as Graph, OnnxError, copy_beside, data_files, find_graph, sort,
};
use olive_plugin_api::{LogLevel, Model, ModelKind, StepContext, beside_model};
use serde_json::Value;

use crate::error::RewriteError;

/// Attribute of a model in components: their names, each that of a graph without `.onnx`.
pub(crate) const COMPONENTS: &str = "model_component_names";

/// Writes the model that `edit` makes of `input`, where `policy` says, into the output folder.
///
/// Of a model in components, each is edited. Memory: the structure of the graphs, and a few MiB of
/// weights.
///
/// # Errors
/// When the model is not sound before or after the edit, or a file cannot be read or written.
pub(crate) fn rewrite(
    input: &Model,
    policy: &DataPolicy,
    ctx: &StepContext<'_>,
    mut edit: impl FnMut(&mut Graph) -> Result<(), RewriteError>,
) -> Result<Model, RewriteError> {
    let mut folder = Folder::open(input)?;
    for (_, graph) in &mut folder.graphs {
        edit(graph)?;
    }
    folder.write(input, Some(policy), ctx)
}

/// The same of one graph, with weights where they were: in the graph, or in files of the same names.
///
/// # Errors
/// As [`rewrite`].
pub(crate) fn rewrite_alike(
    input: &Model,
    ctx: &StepContext<'_>,
    edit: impl FnOnce(&mut Graph) -> Result<(), RewriteError>,
) -> Result<Model, RewriteError> {
    let mut folder = Folder::open(input)?;
    let [(_, graph)] = &mut folder.graphs[..] else {
        let (found, folder) = (folder.graphs.len(), folder.path);
        return Err(OnnxError::WhichGraph { folder, found }.into());
    };
    edit(graph)?;
    folder.write(input, None, ctx)
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
    mut edit: impl FnMut(&mut Graph) -> Result<usize, RewriteError>,
) -> Result<Model, RewriteError> {
    let mut count = 0;
    let model = rewrite(input, policy, ctx, |graph| {
        count += edit(graph)?;
        Ok(())
    })?;
    if count == 0 {
        ctx.log(LogLevel::Warning, none);
    }
    Ok(model)
}

/// A folder with the graphs of a model.
pub(crate) struct Folder {
    /// File names, each with its graph.
    pub(crate) graphs: Vec<(String, Graph)>,
    path: PathBuf,
    /// Names of the files that hold graphs and weights, and of what is not the model's.
    own: BTreeSet<String>,
}

impl Folder {
    /// Opens the graphs of `input`.
    ///
    /// # Errors
    /// When there is none or more than one to choose from, one cannot be read or is not sound.
    pub(crate) fn open(input: &Model) -> Result<Self, RewriteError> {
        let (mut graphs, mut own) = (Vec::new(), BTreeSet::new());
        let mut folder = PathBuf::new();
        for path in graph_paths(input)? {
            let graph = open(&path)?;
            let name = file_name(&path).unwrap_or_default();
            path.parent().unwrap_or(Path::new("")).clone_into(&mut folder);
            own.extend(beside_model(&folder));
            own.extend(data_files(&graph.graph));
            own.insert(name.clone());
            graphs.push((name, graph));
        }
        Ok(Self { graphs, path: folder, own })
    }

    /// Leaves the file `name`, when it is there, out of what is written.
    pub(crate) fn leave(&mut self, name: &str) {
        self.own.insert(name.to_owned());
    }

    /// Writes the graphs, and what lies beside them, into the output folder.
    ///
    /// Without a policy, weights are where they were.
    ///
    /// # Errors
    /// When a graph is not sound, or a file cannot be read or written.
    pub(crate) fn write(
        mut self,
        input: &Model,
        policy: Option<&DataPolicy>,
        ctx: &StepContext<'_>,
    ) -> Result<Model, RewriteError> {
        self.graphs.iter_mut().try_for_each(|(_, graph)| finish(graph))?;
        let output = ctx.output_dir();
        copy_beside(&self.path, output, &self.own, &mut || !ctx.is_cancelled())?;
        let is_alone = self.graphs.len() == 1;
        for (name, graph) in &self.graphs {
            let path = output.join(name);
            let progress = &mut |done, total| {
                ctx.progress("byte", done, total, &[]);
                if ctx.is_cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            };
            let Some(policy) = policy else {
                graph.write_alike(&path, progress)?;
                continue;
            };
            let file_name = policy
                .file_name
                .as_ref()
                .map(|data| if is_alone { data.clone() } else { format!("{}.{data}", stem(name)) });
            if let Some(taken) = file_name.as_ref().filter(|name| output.join(name).exists()) {
                return Err(RewriteError::NameTaken(taken.clone()));
            }
            graph.write(&path, &DataPolicy { file_name, ..policy.clone() }, progress)?;
        }
        let mut model = Model::new(ModelKind::Onnx, output);
        model.model_attributes.clone_from(&input.model_attributes);
        model.onnx_file_name = self.graphs.pop().map(|(name, _)| name).filter(|_| is_alone);
        Ok(model)
    }
}

/// The one graph of `input`.
///
/// # Errors
/// When there is none or more than one.
pub(crate) fn graph_path(input: &Model) -> Result<PathBuf, RewriteError> {
    let mut paths = graph_paths(input)?;
    match (paths.pop(), paths.len()) {
        (Some(only), 0) => Ok(only),
        (_, rest) => {
            let folder = input.model_path.clone();
            Err(OnnxError::WhichGraph { folder, found: rest + 1 }.into())
        }
    }
}

/// The graphs of `input`: its components, the one it names, or the only one of its folder.
///
/// # Errors
/// When there is none or more than one to choose from.
pub(crate) fn graph_paths(input: &Model) -> Result<Vec<PathBuf>, RewriteError> {
    let components = input.model_attributes.get(COMPONENTS).and_then(Value::as_array);
    match (&input.onnx_file_name, components) {
        (None, Some(names)) if input.model_path.is_dir() => {
            let names = names.iter().filter_map(Value::as_str);
            Ok(names.map(|name| input.model_path.join(format!("{name}.onnx"))).collect())
        }
        (named, _) => Ok(vec![find_graph(&input.model_path, named.as_deref())?]),
    }
}

/// The model at `path`, when it is sound.
///
/// # Errors
/// When it cannot be read, or something is wrong with it that no edit puts right.
pub(crate) fn open(path: &Path) -> Result<Graph, RewriteError> {
    open_unless(path, &|_| true)
}

/// The same to look at: files that hold weights may be missing.
///
/// # Errors
/// As [`open`].
pub(crate) fn open_to_look(path: &Path) -> Result<Graph, RewriteError> {
    open_unless(path, &|problem| !is_missing(problem))
}

/// The model at `path`, unless it has a problem that `is_fatal`.
fn open_unless(
    path: &Path,
    is_fatal: &dyn Fn(&GraphProblem) -> bool,
) -> Result<Graph, RewriteError> {
    let graph = Graph::open(path)?;
    // Values made twice are what surgeons such as `DeduplicateNodes` are for.
    let is_mended = |problem: &GraphProblem| matches!(problem, GraphProblem::MadeTwice { .. });
    match graph.check().into_iter().find(|problem| !is_mended(problem) && is_fatal(problem)) {
        Some(problem) => Err(RewriteError::Unsound { path: path.to_owned(), problem }),
        None => Ok(graph),
    }
}

/// Whether a file is missing that holds weights.
fn is_missing(problem: &GraphProblem) -> bool {
    let GraphProblem::Tensor(OnnxError::Read { source, .. }) = problem else { return false };
    source.kind() == io::ErrorKind::NotFound
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

/// The name of a graph file without its ending.
fn stem(name: &str) -> &str {
    name.strip_suffix(".onnx").unwrap_or(name)
}
