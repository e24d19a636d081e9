//! Models that a workspace has registered.

use std::path::PathBuf;

use olive_plugin_api::{Fetched, PluginError, Source, StepContext};
use olive_schemas::workflow::AzureMlClient;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::SHARED_DIR;
use super::place::bring;
use crate::text::encoded;
use crate::workspace::Workspace;
use crate::{AzureError, datastore};

/// A model that a workspace has registered.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-olive-shared-dir" = SHARED_DIR))]
pub struct ModelReference {
    /// Workspace; that of `azureml_client` at the config's root when left out.
    #[serde(default)]
    pub azureml_client: Option<AzureMlClient>,
    /// Name of the model.
    pub name: String,
    /// Its version.
    #[schemars(extend("examples" = ["1"]))]
    pub version: Version,
}

/// A version, which may be written as a number.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Version {
    /// As text.
    Text(String),
    /// As a number.
    Number(u64),
}

impl Version {
    /// The version as addresses have it.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(number) => number.to_string(),
        }
    }
}

/// Brings models of workspaces.
#[derive(Default)]
pub struct WorkspaceModel;

impl Source for WorkspaceModel {
    type Config = ModelReference;

    const NAME: &'static str = "azureml_model";
    const SUMMARY: &'static str =
        "A model that a workspace of Azure Machine Learning has registered.";

    fn fetch(
        &self,
        reference: &ModelReference,
        ctx: &StepContext<'_>,
    ) -> Result<Fetched, PluginError> {
        let workspace = Workspace::new(reference.azureml_client.as_ref(), ctx)?;
        Ok(fetch(&workspace, reference, ctx)?.into())
    }
}

fn fetch(
    workspace: &Workspace<'_>,
    reference: &ModelReference,
    ctx: &StepContext<'_>,
) -> Result<PathBuf, AzureError> {
    let (name, version) = (&reference.name, reference.version.text());
    let what = format!("model `{name}` of version `{version}`");
    let path = format!("/models/{}/versions/{}", encoded(name), encoded(&version));
    let found = workspace.find(&what, &path)?.ok_or_else(|| AzureError::Missing {
        what: what.clone(),
        help: "take a name and a version that the page Models of the workspace lists".into(),
    })?;
    workspace.credential.tell(&workspace.line);
    let uri = found.pointer("/properties/modelUri").and_then(Value::as_str).unwrap_or_default();
    let Some((store, path)) = datastore::parse(uri) else {
        return Err(AzureError::settings(
            format!("{what} lies at `{uri}`, which is no datastore"),
            "register it again from a file or folder of a datastore",
        ));
    };
    bring(&datastore::open(workspace, store)?, path, ctx)
}
