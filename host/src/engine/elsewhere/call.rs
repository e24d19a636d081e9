//! One call to a system, in a worker of its own.

use olive_schemas::error::PluginError;
use olive_schemas::model::{Model, ModelKind};
use olive_schemas::protocol::{Call, Callee};
use olive_schemas::step::{StepKind, StepOutcome};
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
    let input = Model::new(ModelKind::Hf, "");
    let request = folder.request(StepKind::System, name, config, input);
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
