//! Settings: their schema, and the way from JSON to their type.

use olive_schemas::error::PluginError;
use olive_schemas::step::StepRequest;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// JSON schema (draft-07) of settings.
pub(crate) fn schema_of<C: JsonSchema>() -> Value {
    SchemaSettings::draft07().into_generator().into_root_schema_for::<C>().to_value()
}

/// The settings of a request.
///
/// # Errors
/// When they are others.
pub(crate) fn parse_config<C: DeserializeOwned>(request: &StepRequest) -> Result<C, PluginError> {
    parse(&request.name, request.config.clone())
}

/// The settings of what is called `name`; null is none.
///
/// # Errors
/// When they are others.
pub(crate) fn parse<C: DeserializeOwned>(name: &str, config: Value) -> Result<C, PluginError> {
    let config = match config {
        Value::Null => Value::Object(serde_json::Map::new()),
        config => config,
    };
    serde_json::from_value(config)
        .map_err(|error| PluginError::new("config", format!("config of `{name}`: {error}")))
}
