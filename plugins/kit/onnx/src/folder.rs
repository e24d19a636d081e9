//! The folder of a model: its graph, the files of its weights, and what lies beside them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::OnnxError;
use crate::location::external_file;
use crate::proto::GraphProto;
use crate::visit::{attribute_tensors, each_graph};

/// The graph of `model`: the file `named` in its folder, itself, or the only one in its folder.
///
/// # Errors
/// When there is none or more than one to choose from.
pub fn find_graph(model: &Path, named: Option<&str>) -> Result<PathBuf, OnnxError> {
    if let Some(name) = named {
        return Ok(model.join(name));
    }
    if model.is_file() {
        return Ok(model.to_owned());
    }
    let folder = model.to_owned();
    let entries =
        fs::read_dir(&folder).map_err(|source| OnnxError::Copy { path: folder.clone(), source })?;
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut graphs: Vec<_> =
        paths.filter(|path| path.extension().is_some_and(|end| end == "onnx")).collect();
    match (graphs.pop(), graphs.len()) {
        (Some(only), 0) => Ok(only),
        (last, rest) => {
            Err(OnnxError::WhichGraph { folder, found: rest + usize::from(last.is_some()) })
        }
    }
}

/// Names of the files beside `graph` that hold its weights, and those of graphs inside its nodes.
pub fn data_files(graph: &GraphProto) -> BTreeSet<String> {
    let mut tensors = attribute_tensors(graph);
    each_graph(graph, &mut |graph| tensors.extend(&graph.initializer));
    let names = tensors.into_iter().map(external_file);
    let names = names.map(|name| name.trim_start_matches("./").to_owned());
    names.filter(|name| !name.is_empty()).collect()
}

/// Copies what lies in `from`, but for the files `own`, to `to`, while `is_going_on` says so.
///
/// # Errors
/// When a file cannot be read or written, and [`OnnxError::Stopped`].
pub fn copy_beside(
    from: &Path,
    to: &Path,
    own: &BTreeSet<String>,
    is_going_on: &mut dyn FnMut() -> bool,
) -> Result<(), OnnxError> {
    let copy_error = |path: &Path, source| OnnxError::Copy { path: path.to_owned(), source };
    for entry in fs::read_dir(from).map_err(|source| copy_error(from, source))? {
        if !is_going_on() {
            return Err(OnnxError::Stopped);
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
            let inside = inside.map(str::to_owned).collect();
            copy_beside(&path, &target, &inside, is_going_on)?;
        } else {
            fs::copy(&path, &target).map_err(|source| copy_error(&path, source))?;
        }
    }
    Ok(())
}
