//! What a system is given to run: a worker that does a step.

use std::path::Path;

use olive_schemas::error::PluginError;
use olive_schemas::protocol::Call;
use olive_schemas::step::StepRequest;
use olive_schemas::system::Job;

use crate::engine::inputs::references;
use crate::plugin::{manifest, process};

/// What `call` asks of a step.
///
/// # Errors
/// When it is about none.
pub(super) fn request(call: &Call) -> Result<&StepRequest, PluginError> {
    match call {
        Call::Run { request, .. } | Call::Prepare { request, .. } => Ok(request),
        Call::Describe { .. } => Err(PluginError::new("request", "a call without a step")),
    }
}

/// The worker that makes `call` as a job, which people call `title`; a system remembers it in
/// `folder`.
///
/// # Errors
/// When `call` is about no step, or this program is not found.
pub fn job(title: &str, call: &Call, threads: usize, folder: &Path) -> Result<Job, PluginError> {
    let request = request(call)?;
    let data = request.data_configs.values();
    let provider = request.execution_provider_library.as_ref();
    let inputs = [manifest::parts(call.callee()), request.input.model_path.clone()]
        .into_iter()
        .chain(call.callee().graph_editor.iter().map(|editor| manifest::parts(editor)))
        .chain(provider.and_then(|library| Some(library.path.parent()?.to_owned())))
        .chain(request.input.adapter_path.clone())
        .chain(data.flat_map(|data| data.load_dataset_config.data_files.clone()))
        .chain(references(request))
        .collect();
    let line = serde_json::to_string(&call.to_line())
        .map_err(|error| PluginError::from_error("request", &error))?;
    let program = std::env::current_exe().map_err(|error| PluginError::from_error("io", &error))?;
    Ok(Job {
        title: title.to_owned(),
        program,
        arguments: vec!["worker".into(), "--detached".into()],
        environment: process::environment(call, threads),
        input: line + "\n",
        folder: folder.to_owned(),
        inputs,
        outputs: vec![request.output_dir.clone(), request.scratch_dir.clone()],
        checkpoints: request.checkpoint_dir.clone(),
        threads,
        ranks: request.ranks,
    })
}
