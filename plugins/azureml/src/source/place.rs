//! Where files lie, and how they come into the folder of a step.

use std::path::{Path, PathBuf};

use olive_plugin_api::StepContext;

use crate::storage::{Blob, Container};
use crate::{AzureError, mlflow};

/// Brings the file or folder at `path` of `container` into the step's folder; gives its path there.
///
/// # Errors
/// When nothing is there, or it does not come whole.
pub(super) fn bring(
    container: &Container<'_>,
    path: &str,
    ctx: &StepContext<'_>,
) -> Result<PathBuf, AzureError> {
    let path = path.trim_matches('/');
    let name = path.rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or("files");
    let to = ctx.output_dir().join(name);
    // Without a path it is the whole container, which is no blob.
    let size = if path.is_empty() { None } else { container.size(path)? };
    if let Some(size) = size
        // An empty file may stand for a folder.
        && (size > 0 || container.list(&format!("{path}/"))?.is_empty())
    {
        container.download(&Blob { path: path.to_owned(), size }, &to)?;
        return Ok(to);
    }
    folder(container, path, &to)?;
    Ok(to)
}

/// Brings the folder at `path` of `container` to `to`; a model in the form of `MLflow` is what it
/// holds.
///
/// # Errors
/// When nothing is there, or it does not come whole.
pub(super) fn folder(container: &Container<'_>, path: &str, to: &Path) -> Result<(), AzureError> {
    let prefix = if path.is_empty() { String::new() } else { format!("{path}/") };
    let blobs = container.list(&prefix)?;
    if blobs.is_empty() {
        return Err(AzureError::Missing {
            what: format!("file or folder `{path}` at `{}`", container.url),
            help: "check the path; it is case-sensitive and begins at the datastore's root".into(),
        });
    }
    container.bring(&blobs, &prefix, to)?;
    mlflow::flatten(to)
}
