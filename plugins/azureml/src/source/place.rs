//! Where files lie, and how they come into the folder of a step.

use std::path::{Path, PathBuf};

use olive_plugin_api::StepContext;

use crate::storage::Container;
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
    bring_as(container, path, name, ctx)
}

/// The same; a folder is called `name` there, a file keeps its name.
///
/// # Errors
/// When nothing is there, or it does not come whole.
pub(super) fn bring_as(
    container: &Container<'_>,
    path: &str,
    name: &str,
    ctx: &StepContext<'_>,
) -> Result<PathBuf, AzureError> {
    // Without a path it is the whole container, which is no blob.
    let file = if path.is_empty() { None } else { container.find(path)? };
    if let Some(file) = file
        // An empty file may stand for a folder.
        && (file.size > 0 || container.list(&format!("{path}/"))?.is_empty())
    {
        let file_name = path.rsplit('/').next().unwrap_or(path);
        let folder = path.strip_suffix(file_name).unwrap_or_default();
        container.bring(&[file], folder, ctx.output_dir())?;
        return Ok(ctx.output_dir().join(file_name));
    }
    let to = ctx.output_dir().join(name);
    folder(container, path, &to)?;
    Ok(to)
}

/// Brings the folder at `path` of `container` to `to`; a model in the form of `MLflow` is what it
/// holds.
///
/// # Errors
/// When nothing is there, or it does not come whole.
fn folder(container: &Container<'_>, path: &str, to: &Path) -> Result<(), AzureError> {
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
