//! Packages: a result with all that it takes to use it elsewhere.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::metric::MetricValue;
use crate::model::Model;
use crate::step::Accelerator;

/// One package of the result: its `type`, its name, and the settings of that type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PackagingConfig {
    /// Kind of package.
    #[serde(rename = "type", default = "usual_type")]
    pub kind: String,
    /// Name of the package, to which its kind may add an ending.
    #[serde(default = "usual_name")]
    #[schemars(
        regex(pattern = r"^[A-Za-z0-9_][A-Za-z0-9._-]*$"),
        extend("patternErrorMessage" = "a name of letters, digits, `.`, `-` and `_`")
    )]
    pub name: String,
    /// Settings of the type.
    #[serde(flatten)]
    pub settings: Map<String, Value>,
}

/// What a packager puts together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Package {
    /// Name of the package.
    pub name: String,
    /// The models, the best first; at least one.
    pub candidates: Vec<Candidate>,
    /// What was measured about the model that the run started from.
    #[serde(default)]
    pub input_metrics: Vec<MetricValue>,
}

/// A model of a package.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Candidate {
    /// The model, with absolute paths; some of its files may lie elsewhere, so read `files`.
    pub model: Model,
    /// Content id of the model.
    pub model_id: String,
    /// Its files, sorted by name.
    pub files: Vec<CandidateFile>,
    /// What it was made for.
    #[serde(default)]
    pub accelerator: Accelerator,
    /// What was measured about it.
    #[serde(default)]
    pub metrics: Vec<MetricValue>,
    /// How it came about: the input model first, itself last.
    #[serde(default)]
    pub history: Vec<ModelStep>,
}

/// A file of a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CandidateFile {
    /// Its name below the model's folder, `/` between parts; files of a model with an adapter lie
    /// below `model/` and `adapter/`.
    pub name: String,
    /// Where it is to be read, absolute.
    pub path: PathBuf,
}

/// One model on the way to another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ModelStep {
    /// Content id of the model.
    pub model_id: String,
    /// Type of the pass that made it; none for the input model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_pass: Option<String>,
    /// Settings the pass ran with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pass_run_config: Option<Value>,
}

impl Package {
    /// Name of a package that says none.
    pub const USUAL_NAME: &'static str = "OutputModels";
}

impl PackagingConfig {
    /// Type of a package that says none.
    pub const USUAL_TYPE: &'static str = "Zipfile";
}

fn usual_type() -> String {
    PackagingConfig::USUAL_TYPE.to_owned()
}

fn usual_name() -> String {
    Package::USUAL_NAME.to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::PackagingConfig;

    #[test]
    fn a_package_is_an_archive_unless_it_says_otherwise() {
        let read = |value| serde_json::from_value::<PackagingConfig>(value).unwrap();
        let usual = read(json!({}));
        assert_eq!((usual.kind.as_str(), usual.name.as_str()), ("Zipfile", "OutputModels"));
        let other = read(json!({"type": "Shelf", "name": "mine", "depth": 2}));
        assert_eq!((other.kind.as_str(), other.settings["depth"].as_u64()), ("Shelf", Some(2)));
    }
}
