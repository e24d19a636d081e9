//! The start of a job: everything it needs is sent, then the job itself.

use std::collections::BTreeMap;

use olive_plugin_api::{Job, LogLevel};

use crate::AzureError;
use crate::body::{self, Parts};
use crate::collect::clear;
use crate::config::{AzureMlConfig, Identity};
use crate::datastore;
use crate::layout::{inputs, number_of};
use crate::line::DIGEST;
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
    send_call(job, &memory, &container)?;
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
    // Without an answer it may run, and reads its call.
    if let Err(AzureError::Refused { status: 400..=499, .. }) = &started {
        let blobs = container.list(&format!("{place}/")).unwrap_or_default();
        clear(workspace, &container, &memory, &blobs);
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

/// Puts the job, unless an earlier try has put it without an answer.
fn start(
    workspace: &Workspace<'_>,
    name: &str,
    config: &AzureMlConfig,
    parts: &Parts<'_>,
) -> Result<(), AzureError> {
    let what = format!("job `{name}`");
    let has_user = config.identity == Identity::UserIdentity;
    let body = body::job(config, parts);
    match workspace.put(&what, &state::path(name), &body, has_user) {
        Err(AzureError::Refused { status: 409, .. })
            if workspace.find(&what, &state::path(name))?.is_some() =>
        {
            Ok(())
        }
        answer => answer.map(drop),
    }
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
