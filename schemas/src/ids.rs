//! Which ids a source takes that a config writes as plain text.
//!
//! `"model_path": "owner/name"` is a reference as soon as a source says that it takes ids of that
//! form, by the mark `x-olive-ids` on the root of its reference's schema. A local file or folder of
//! that name goes before, and so does one that nearly has it, or a local folder `owner`.
//!
//! ```
//! use olive_schemas::ids::{Ids, Named};
//!
//! // For `#[schemars(extend("x-olive-ids" = …))]` on the reference of a source.
//! let ids = Ids::new(Named::Model, &["HfModel"], "id", "^[a-z]+/[a-z]+$");
//! assert_eq!(serde_json::to_value(&ids).unwrap()["of"], "model");
//! ```

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Type of the references to data sets of the Hugging Face hub, which a data config means that names
/// neither files nor their format.
pub const HUB_DATA: &str = "HuggingFaceDataset";

/// The ids that a source takes.
///
/// What stands beside an id in the config and is a key of the reference too goes with it: for a
/// model that is what `load_kwargs` says, for an adapter its `token`, for data what
/// `load_dataset_config` says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ids {
    /// What is named.
    pub of: Named,
    /// Types of models, or containers of data, whose names may be ids.
    pub types: Vec<String>,
    /// Key of the reference that takes the id.
    pub key: String,
    /// Regular expression that ids match, as in JSON schemas.
    pub pattern: String,
}

impl Ids {
    /// Ids of the form `pattern` in sections of these `types`, for the `key` of a reference.
    pub fn new(of: Named, types: &[&str], key: &str, pattern: &str) -> Self {
        let types = types.iter().map(|name| (*name).to_owned()).collect();
        Self { of, types, key: key.into(), pattern: pattern.into() }
    }
}

/// What an id names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Named {
    /// A model: `model_path` or `adapter_path`.
    Model,
    /// A data set: `data_name`.
    Data,
}
