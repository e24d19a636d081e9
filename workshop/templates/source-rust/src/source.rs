//! The source: a reference in, local files out.

use std::path::{Path, PathBuf};
use std::{fs, io};

use olive_plugin_api::{Fetched, PluginError, Source, StepContext};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What to take from which shelf.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AcmeShelfConfig {
    /// Folder of the shelf.
    #[schemars(extend("x-olive-path" = "input"))]
    pub shelf: PathBuf,
    /// Name of a file or folder on the shelf.
    #[schemars(regex(pattern = "^[^/\\\\.][^/\\\\]*$"))]
    pub item: String,
    /// Folder of the shelf that holds this revision; the shelf itself when left out.
    #[serde(default)]
    #[schemars(regex(pattern = "^[^/\\\\.][^/\\\\]*$"))]
    pub revision: Option<String>,
}

/// Takes an item from a shelf.
#[derive(Default)]
pub struct AcmeShelf;

impl Source for AcmeShelf {
    type Config = AcmeShelfConfig;

    const NAME: &'static str = "AcmeShelf";
    const SUMMARY: &'static str = "Take models and data from a shared folder, by revision.";

    fn fetch(
        &self,
        reference: &AcmeShelfConfig,
        ctx: &StepContext<'_>,
    ) -> Result<Fetched, PluginError> {
        let mut place = reference.shelf.clone();
        place.extend(&reference.revision);
        let from = place.join(&reference.item);
        if !from.exists() {
            let message = format!("`{}` has no `{}`", place.display(), reference.item);
            return Err(PluginError::new("not-on-shelf", message)
                .with_help("check `item` and `revision`, and whether the shelf is mounted"));
        }
        let files = files(&from).map_err(|error| cannot("read", &from, &error))?;
        let total = files.len() as u64;
        let to = ctx.output_dir().join(&reference.item);
        for (done, file) in (1..).zip(files) {
            ctx.check_cancelled()?;
            copy(&from, &file, &to).map_err(|error| cannot("copy", &from.join(&file), &error))?;
            ctx.progress("file", done, total, &[]);
        }
        Ok(to.into())
    }
}

/// Paths below `path` of every file, sorted; one empty path for a file.
fn files(path: &Path) -> io::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![PathBuf::new()]);
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(path)? {
        let name = PathBuf::from(entry?.file_name());
        let below = files(&path.join(&name))?;
        found.extend(below.into_iter().map(|file| name.join(file)));
    }
    found.sort();
    Ok(found)
}

fn copy(from: &Path, file: &Path, to: &Path) -> io::Result<()> {
    // Joining an empty path would add a separator, which a file does not have.
    let at = |root: &Path| match file.as_os_str().is_empty() {
        true => root.to_owned(),
        false => root.join(file.components().collect::<PathBuf>()),
    };
    let target = at(to);
    target.parent().map_or(Ok(()), fs::create_dir_all)?;
    fs::copy(at(from), target)?;
    Ok(())
}

/// The error that something cannot be done with a file.
fn cannot(verb: &str, path: &Path, error: &io::Error) -> PluginError {
    let message = format!("cannot {verb} `{}`", path.display());
    PluginError {
        causes: vec![error.to_string()],
        ..PluginError::new("io", message)
    }
}
