//! Resources of systems: made and removed.

use olive_schemas::error::PluginError;
use olive_schemas::protocol::Callee;
use olive_schemas::system::{SystemCall, SystemReply};
use serde_json::Value;

use super::call::{ask, wrong};
use crate::plugin::process::Supervision;

/// Makes or removes, as `call` says, a resource of the system `name` of the plugin `library`; gives
/// what has become of it.
///
/// # Errors
/// Whatever the system says.
pub fn change_resource(
    library: &Callee,
    name: &str,
    call: SystemCall,
    supervision: &Supervision<'_>,
) -> Result<String, PluginError> {
    match ask(library, name, &Value::Null, call, supervision)? {
        SystemReply::Told(told) => Ok(told),
        _ => Err(wrong(name, "a resource")),
    }
}
