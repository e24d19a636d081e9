//! What a plugin is tried with: the form of `conformance.json`.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::data::DataConfig;
use crate::model::Model;
use crate::step::Accelerator;

/// The cases that `olive plugin test` tries a plugin with.
///
/// Paths start at the folder of the file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConformanceFile {
    /// Where this form is described, for editors.
    #[serde(rename = "$schema", default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// The cases, tried one after the other.
    pub cases: Vec<ConformanceCase>,
}

/// One thing a plugin is tried with.
///
/// Exactly one of `pass`, `evaluator`, `generator`, `source`, `system`, `previewer`, `packager` and
/// `document` is given.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ConformanceCase {
    /// Name in the report, such as `int4`; its place in the list when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The pass that is tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pass: Option<String>,
    /// The evaluator that is tried; `config` is an evaluator config.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evaluator: Option<String>,
    /// The generator that is tried; `config` has `prompt` and `max_new_tokens`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generator: Option<String>,
    /// The source that is tried; `config` is a reference without `type`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The system that is tried with jobs of its own; `config` is its settings without `type`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
    /// The previewer that is tried; `config` has `data_config`, `rows` and `blocks`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previewer: Option<String>,
    /// The packager that is tried; `config` is its settings without `type` and `name`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packager: Option<String>,
    /// File with a document that a validator is tried with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub document: Option<PathBuf>,
    /// Settings of what is tried.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub config: Map<String, Value>,
    /// The model it is tried on; a tiny one of a kind that it takes when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<CaseInput>,
    /// Data configs that `config` may name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub data_configs: Vec<DataConfig>,
    /// What the result is meant for.
    pub accelerator: Accelerator,
    /// `ok`, or the code of the error or the finding that it must end with.
    pub expect: Expected,
}

/// The model of a case.
#[expect(clippy::large_enum_variant, reason = "a plugin has a handful of cases")]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum CaseInput {
    /// Its folder or file; what it is follows from what it holds.
    Path(PathBuf),
    /// The model with its type, for one with an adapter.
    Model(Model),
}

/// How a case must end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Expected(pub String);

impl Expected {
    /// The code of the error or the finding; none when all must be well.
    pub fn code(&self) -> Option<&str> {
        (self.0 != "ok").then_some(&self.0)
    }
}

impl Default for Expected {
    fn default() -> Self {
        Self("ok".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{CaseInput, ConformanceFile};

    #[test]
    fn a_case_says_only_what_matters() {
        let written = json!({"cases": [
            {"pass": "Copy"},
            {"pass": "Copy", "input": "model", "expect": "config"},
            {"pass": "Copy", "input": {"type": "HfModel", "model_path": "m", "adapter_path": "a"}}
        ]});
        let file: ConformanceFile = serde_json::from_value(written).unwrap();
        let expected: Vec<_> = file.cases.iter().map(|case| case.expect.code()).collect();
        assert_eq!(expected, [None, Some("config"), None]);
        assert_eq!(file.cases[1].input, Some(CaseInput::Path("model".into())));
        assert!(matches!(file.cases[2].input, Some(CaseInput::Model(_))));
        assert!(
            serde_json::from_value::<ConformanceFile>(json!({"cases": [{"passes": 1}]})).is_err()
        );
    }
}
