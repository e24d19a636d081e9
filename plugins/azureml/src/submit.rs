//! The start of a job: everything it needs is sent, then the job itself.

use std::collections::BTreeMap;

use olive_plugin_api::{Job, LogLevel};
use serde_json::Value;

use crate::AzureError;
use crate::body::{self, Parts};
use crate::collect::clear;
use crate::config::{AzureMlConfig, Identity};
use crate::datastore;
use crate::layout::{inputs, number_of};
use crate::line::{DIGEST, is_passing};
use crate::memory::Memory;
use crate::parcel::Parcel;
use crate::storage::Container;
use crate::text::{encoded, random};
use crate::workspace::Workspace;
use crate::{call, code, environment, state};

/// Starts `job`; gives its id.
///
/// # Errors
/// When something cannot be sent, or the job is not accepted.
pub(crate) fn submit(
    workspace: &Workspace<'_>,
    job: &Job,
    config: &AzureMlConfig,
) -> Result<String, AzureError> {
    let memory = Memory::new(job, name(workspace)?)?;
    let id = memory.id(&job.folder);
    memory.write(&id)?;
    let container = datastore::open(workspace, datastore::DEFAULT)?;
    let code = code::settle(workspace, job)?;
    let environment = environment::settle(workspace, config, &container)?;
    let sent = send_inputs(workspace, job, &container)?;
    let numbers: Vec<usize> = sent.keys().copied().collect();
    let name = |(number, uri)| (format!("in_{}", number_of(number)), uri);
    let mut folders: BTreeMap<String, String> = sent.into_iter().map(name).collect();
    let place = memory.place();
    let clean = || {
        workspace.line.carry_through(|| {
            let blobs = container.list(&format!("{place}/")).unwrap_or_default();
            clear(workspace, &container, &memory, &blobs);
        });
    };
    if let Err(error) = send_call(job, &memory, &container) {
        if !is_out_of_reach(&error) {
            clean();
        }
        return Err(error);
    }
    folders.insert("call".into(), uri(&format!("{place}/call")));
    let parts = Parts {
        title: &job.title,
        command: call::command(&memory.layout, &numbers),
        code,
        environment,
        compute: format!("{}/computes/{}", workspace.id, encoded(&config.aml_compute)),
        inputs: folders,
        result: uri(&format!("{place}/result")),
        vault: workspace.vault.as_deref(),
    };
    let started = start(workspace, &memory.name, config, &parts);
    // Whoever may run all the same reads its call.
    if started.as_ref().is_err_and(is_refusal) {
        clean();
    }
    started.map(|()| id)
}

/// Sends what the job reads; gives the addresses of what has files, by number.
fn send_inputs(
    workspace: &Workspace<'_>,
    job: &Job,
    container: &Container<'_>,
) -> Result<BTreeMap<usize, String>, AzureError> {
    let mut sent = BTreeMap::new();
    for (number, path) in inputs(job) {
        if workspace.line.rehearsal().is_some() && !path.exists() {
            // An earlier step makes it.
            sent.insert(number, uri(&format!("LocalUpload/{DIGEST}")));
            continue;
        }
        let parcel = Parcel::of(path)?;
        if parcel.files.is_empty() {
            continue;
        }
        let prefix = format!("LocalUpload/{}", parcel.digest);
        workspace.line.ctx().log(LogLevel::Debug, format!("sends `{}`", path.display()));
        parcel.send(container, &prefix)?;
        sent.insert(number, uri(&prefix));
    }
    Ok(sent)
}

/// Puts the job, which an earlier try may have put without an answer.
///
/// What was sent is waited for though the user wants to stop: a job that runs must be known, so that
/// it can be cancelled.
fn start(
    workspace: &Workspace<'_>,
    name: &str,
    config: &AzureMlConfig,
    parts: &Parts<'_>,
) -> Result<(), AzureError> {
    let (what, path) = (format!("job `{name}`"), state::path(name));
    let has_user = config.identity == Identity::UserIdentity;
    let body = body::job(config, parts);
    let line = &workspace.line;
    line.ctx().check_cancelled().map_err(|_| AzureError::Cancelled)?;
    let error = match line.carry_through(|| workspace.put(&what, &path, &body, has_user)) {
        Ok(put) => {
            tell_page(workspace, &what, &put);
            return Ok(());
        }
        Err(error) => error,
    };
    if is_refusal(&error) {
        return Err(error);
    }
    match line.carry_through(|| workspace.find(&what, &path)) {
        Ok(Some(found)) => {
            tell_page(workspace, &what, &found);
            Ok(())
        }
        Ok(None) | Err(_) => Err(error),
    }
}

/// Tells where people see the job, as the service says it.
fn tell_page(workspace: &Workspace<'_>, what: &str, job: &Value) {
    let page = job.pointer("/properties/services/Studio/endpoint").and_then(Value::as_str);
    let is_page = |page: &&str| page.starts_with("https://") && !page.contains(char::is_control);
    if let Some(page) = page.filter(is_page) {
        workspace.line.ctx().log(LogLevel::Info, format!("{what}: {page}"));
    }
}

/// Whether the service has said no, rather than that it is busy, or nothing in time.
fn is_refusal(error: &AzureError) -> bool {
    matches!(error, AzureError::Refused { status: status @ 400..=499, .. } if !is_passing(*status))
}

/// Whether no service has answered, so that asking for more is in vain.
fn is_out_of_reach(error: &AzureError) -> bool {
    matches!(error, AzureError::Transport(error) if error.is_passing())
}

/// Sends the call, its script, and the checkpoints of an earlier job.
fn send_call(job: &Job, memory: &Memory, container: &Container<'_>) -> Result<(), AzureError> {
    let place = format!("{}/call", memory.place());
    for (name, text) in call::files(job, &memory.layout)? {
        container.write(&format!("{place}/{name}"), text.as_bytes())?;
    }
    let Some(folder) = job.checkpoints.as_ref().filter(|folder| folder.is_dir()) else {
        return Ok(());
    };
    let parcel = Parcel::of(folder)?;
    for (below, file) in &parcel.files {
        let below = below.strip_prefix(&parcel.name).unwrap_or(below);
        container.upload(&format!("{place}/checkpoints{below}"), file)?;
    }
    Ok(())
}

/// A name that no other job has; zeros where nothing is sent.
fn name(workspace: &Workspace<'_>) -> Result<String, AzureError> {
    let number = match workspace.line.rehearsal() {
        Some(_) => "0".repeat(20),
        None => random()?,
    };
    Ok(format!("olive-{number}"))
}

/// Address of `path` in the datastore, as jobs have it.
fn uri(path: &str) -> String {
    format!("azureml://datastores/{}/paths/{path}", datastore::DEFAULT)
}
