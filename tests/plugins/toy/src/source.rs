//! The source: a shelf of models in a folder.

use std::fs;
use std::path::{Path, PathBuf};

use olive_plugin_api::{Fetched, PluginError, Source, StepContext};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::system::io;

/// What to take from which shelf.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ToyReference {
    /// Folder of the shelf.
    #[schemars(extend("x-olive-path" = "input"))]
    pub shelf: PathBuf,
    /// Name of the item.
    pub item: String,
}

/// Copies an item of a shelf, file by file; those that have come wait for another attempt.
#[derive(Default)]
pub struct ToyShelf;

impl Source for ToyShelf {
    type Config = ToyReference;

    const NAME: &'static str = "ToyShelf";
    const SUMMARY: &'static str = "Take a file or folder from a shelf.";

    fn fetch(
        &self,
        reference: &ToyReference,
        ctx: &StepContext<'_>,
    ) -> Result<Fetched, PluginError> {
        let from = reference.shelf.join(&reference.item);
        if !from.exists() {
            let message = format!("the shelf has no `{}`", reference.item);
            return Err(PluginError::new("not-on-the-shelf", message));
        }
        let to = ctx.output_dir().join(&reference.item);
        let names = names(&from, Path::new(""))?;
        let waiting = ctx.checkpoint_dir().unwrap_or(ctx.scratch_dir());
        let parts: Vec<PathBuf> = (0..names.len()).map(|at| waiting.join(at.to_string())).collect();
        let total = names.len() as u64;
        for (done, (name, part)) in (1..).zip(names.iter().zip(&parts)) {
            ctx.check_cancelled()?;
            if !part.exists() {
                let new = part.with_extension("new");
                fs::copy(below(&from, name), &new).map_err(io)?;
                fs::rename(&new, part).map_err(io)?;
            }
            ctx.progress("file", done, total, &[]);
        }
        for (name, part) in names.iter().zip(&parts) {
            let to = below(&to, name);
            fs::create_dir_all(to.parent().unwrap_or(&to)).map_err(io)?;
            fs::copy(part, to).map_err(io)?;
        }
        Ok(to.into())
    }
}

/// `folder/name`, without a slash at the end when `name` is empty.
fn below(folder: &Path, name: &Path) -> PathBuf {
    if name.as_os_str().is_empty() { folder.to_owned() } else { folder.join(name) }
}

/// Names of the files at or below `folder`, sorted, each after `before`.
fn names(folder: &Path, before: &Path) -> Result<Vec<PathBuf>, PluginError> {
    if !folder.is_dir() {
        return Ok(vec![before.to_owned()]);
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(io)? {
        let name = entry.map_err(io)?.file_name();
        found.extend(names(&folder.join(&name), &before.join(&name))?);
    }
    found.sort();
    Ok(found)
}
