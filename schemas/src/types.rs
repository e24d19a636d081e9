//! What a section takes that is selected by its `type`, for the types that need no plugin to be
//! read.
//!
//! Each type is one documented struct; its schema is what configs are checked against and what
//! editors complete. Passes are not here: plugins bring theirs.

mod data;
mod model;
mod system;

use std::sync::OnceLock;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;

use crate::metric::EvaluatorConfig;

/// One type of a section.
#[derive(Debug, Clone, PartialEq)]
pub struct TypeEntry {
    /// Name a config selects it by; matched without case.
    pub name: &'static str,
    /// One sentence on what it is.
    pub summary: &'static str,
    /// JSON schema (draft-07) of its settings, without `type`.
    pub schema: Value,
}

impl TypeEntry {
    fn new<T: JsonSchema>(name: &'static str, summary: &'static str) -> Self {
        Self { name, summary, schema: schema_of::<T>() }
    }
}

/// Types of input models.
pub fn models() -> &'static [TypeEntry] {
    static ENTRIES: OnceLock<Vec<TypeEntry>> = OnceLock::new();
    ENTRIES.get_or_init(model::entries)
}

/// Types of systems that are built in.
pub fn systems() -> &'static [TypeEntry] {
    static ENTRIES: OnceLock<Vec<TypeEntry>> = OnceLock::new();
    ENTRIES.get_or_init(system::entries)
}

/// Containers of data configs; the settings are the whole data config without `type`.
pub fn data_containers() -> &'static [TypeEntry] {
    static ENTRIES: OnceLock<Vec<TypeEntry>> = OnceLock::new();
    ENTRIES.get_or_init(data::entries)
}

/// Settings of an evaluator without `type`.
pub fn evaluator() -> &'static Value {
    static SCHEMA: OnceLock<Value> = OnceLock::new();
    SCHEMA.get_or_init(schema_of::<EvaluatorConfig>)
}

/// JSON schema (draft-07) of `T`.
pub fn schema_of<T: JsonSchema>() -> Value {
    SchemaSettings::draft07().into_generator().into_root_schema_for::<T>().to_value()
}
