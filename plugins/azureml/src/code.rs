//! The program of a job, sent once and found by its digest after that.

use std::path::Path;

use olive_plugin_api::Job;
use serde_json::Value;

use crate::AzureError;
use crate::body;
use crate::call::{LAUNCH, LAUNCHER, PROGRAM};
use crate::parcel::Parcel;
use crate::storage::{Access, Container};
use crate::text::{guid, sha256};
use crate::workspace::Workspace;

/// What errors call it.
const WHAT: &str = "the code of the job";

/// Id of the code of `job`: its program, and the script that starts it.
///
/// # Errors
/// When it cannot be sent.
pub(crate) fn settle(workspace: &Workspace<'_>, job: &Job) -> Result<String, AzureError> {
    let digest = digest(&job.program)?;
    let code = format!("/codes/{}/versions", guid(&digest));
    let query = body::code_query(&digest);
    let known = workspace.find(WHAT, &format!("{code}?{query}"))?.unwrap_or_default();
    if let Some(id) = known.pointer("/value/0/id").and_then(Value::as_str) {
        return Ok(id.to_owned());
    }
    let upload = format!("{code}/1/startPendingUpload");
    let wish = body::pending_upload();
    let ask = || Access::granted(WHAT, &workspace.post(WHAT, &upload, Some(&wish))?);
    let (url, access) = ask()?;
    let renew = || -> Result<Access, AzureError> { Ok(ask()?.1) };
    let container = Container::with(&url, access, Box::new(renew), &workspace.line);
    let folder = format!("olive-{}", &digest[..16]);
    container.upload(&format!("{folder}/{PROGRAM}"), &job.program)?;
    container.write(&format!("{folder}/{LAUNCHER}"), LAUNCH.as_bytes())?;
    let body = body::code(&format!("{url}/{folder}"), &digest);
    workspace.put(WHAT, &format!("{code}/1"), &body, false)?;
    Ok(format!("{}{code}/1", workspace.id))
}

/// Digest of the program at `path` with the script.
fn digest(path: &Path) -> Result<String, AzureError> {
    let program = Parcel::of(path)?.digest;
    Ok(sha256(format!("{program}\n{LAUNCH}").as_bytes()))
}
