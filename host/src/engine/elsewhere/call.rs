//! One call to a system, in a worker of its own.

use std::collections::BTreeMap;

use olive_schemas::error::PluginError;
use olive_schemas::model::{Model, ModelKind};
use olive_schemas::protocol::{Call, Callee};
use olive_schemas::step::{Accelerator, StepKind, StepOutcome, StepRequest};
use olive_schemas::system::{SystemCall, SystemReply, SystemRequest};
use serde_json::Value;

use crate::plugin::process::{self, Failure, Supervision};
use crate::prepare::StepFolder;

/// Asks the system `name` of the plugin `library`, which has these settings.
///
/// # Errors
/// Whatever the system says, and when it gives no answer.
pub(super) fn ask(
    library: &Callee,
    name: &str,
    config: &Value,
    call: SystemCall,
    supervision: &Supervision<'_>,
) -> Result<SystemReply, PluginError> {
    let folder = StepFolder::new().map_err(|error| PluginError::from_error("io", &error))?;
    let request = SystemRequest { config: config.clone(), call };
    let config = serde_json::to_value(request)
        .map_err(|error| PluginError::from_error("request", &error))?;
    let request = StepRequest {
        kind: StepKind::System,
        name: name.to_owned(),
        config,
        input: Model::new(ModelKind::Hf, ""),
        is_input_final: true,
        data_configs: BTreeMap::new(),
        output_dir: folder.output_dir(),
        scratch_dir: folder.scratch_dir(),
        checkpoint_dir: None,
        shared_dir: None,
        ranks: 1,
        threads: 1,
        accelerator: Accelerator::default(),
        execution_provider_library: None,
        package: None,
    };
    let call = Call::Run { plugin: library.clone(), request: Box::new(request) };
    let answer = process::run(&call, 1, supervision).result.map_err(Failure::into_error)?;
    match serde_json::from_value(answer) {
        Ok(StepOutcome::Reply(reply)) => Ok(reply),
        _ => Err(wrong(name, "a call")),
    }
}

/// The error of a system that answers something else than it was asked.
pub(super) fn wrong(name: &str, call: &str) -> PluginError {
    PluginError::new("answer", format!("system `{name}` gave no answer to `{call}`"))
}
