//! The packager `Zipfile`: one archive with the models of a run, laid out as Olive does.
//!
//! ```text
//! CandidateModels/<accelerator>/BestCandidateModel_<rank>/   files of the model, and
//!     configurations.json    settings of the passes that made it
//!     inference_config.json  how ONNX Runtime is to run it
//!     metrics.json           what was measured about it
//!     model_info.json        its entry of models_rank.json
//! models_rank.json           every model, the best first
//! SampleCode/                programs that run the best model
//! ```
//!
//! Files of a model keep their names, since `genai_config.json` and graphs name others.

use std::path::PathBuf;

use olive_plugin_api::{ModelKind, Package, Packager, PluginError, StepContext};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::contents::Contents;
use crate::documents::{accelerator_name, describe};
use crate::error::PackageError;
use crate::{mlflow, samples};

/// Settings of the `Zipfile` packager.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-olive-unavailable" = {
    "include_runtime_packages": {
        "reason": "a run downloads nothing; the sample code says how to install the runtime",
        "unless": [false, null]
    }
}))]
pub struct ZipfileConfig {
    /// Whether ONNX models have the form that `MLflow` loads, in `mlflow_model`.
    pub export_in_mlflow_format: bool,
    /// Whether programs go along that run the best model, in `SampleCode`.
    ///
    /// They are for ONNX models; a checkpoint has none.
    pub include_sample_code: bool,
}

impl Default for ZipfileConfig {
    fn default() -> Self {
        Self { export_in_mlflow_format: false, include_sample_code: true }
    }
}

/// Makes an archive of the models of a run.
#[derive(Debug, Default)]
pub struct Zipfile;

impl Packager for Zipfile {
    type Config = ZipfileConfig;

    const NAME: &'static str = "Zipfile";
    const SUMMARY: &'static str = "One archive with the models, their figures and sample code.";

    fn accepts() -> &'static [ModelKind] {
        &ModelKind::ALL
    }

    fn pack(
        &self,
        package: &Package,
        config: &ZipfileConfig,
        ctx: &StepContext<'_>,
    ) -> Result<PathBuf, PluginError> {
        Ok(contents(package, config)?.write_archive(&format!("{}.zip", package.name), ctx)?)
    }
}

fn contents(package: &Package, config: &ZipfileConfig) -> Result<Contents, PackageError> {
    let mut contents = Contents::default();
    let mut ranks = Vec::new();
    for (index, candidate) in package.candidates.iter().enumerate() {
        let accelerator = accelerator_name(&candidate.accelerator);
        let rank = index + 1;
        let folder = format!("CandidateModels/{accelerator}/BestCandidateModel_{rank}");
        let model_path = if config.export_in_mlflow_format {
            let below = format!("{folder}/mlflow_model");
            mlflow::describe(candidate, &below, &mut contents)?;
            below
        } else {
            folder.clone()
        };
        contents.add_model(candidate, &model_path)?;
        ranks.push(describe(package, (rank, candidate), &model_path, &folder, &mut contents)?);
        if index == 0 && config.include_sample_code {
            samples::add(candidate, &format!("../../{model_path}"), "SampleCode", &mut contents)?;
        }
    }
    contents.add_json("models_rank.json", &Value::Array(ranks))?;
    Ok(contents)
}
