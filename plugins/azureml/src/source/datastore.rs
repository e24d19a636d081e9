//! Files of a datastore.

use olive_plugin_api::{Fetched, PluginError, Source, StepContext};
use olive_schemas::workflow::AzureMlClient;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::SHARED_DIR;
use super::place::bring;
use crate::datastore;
use crate::workspace::Workspace;

/// A file or folder of a datastore.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-olive-shared-dir" = SHARED_DIR))]
pub struct DatastoreReference {
    /// Workspace; that of `azureml_client` at the config's root when left out.
    #[serde(default)]
    pub azureml_client: Option<AzureMlClient>,
    /// Name of the datastore, such as `workspaceblobstore`.
    pub datastore_name: String,
    /// Path of the file or folder from the datastore's root.
    pub relative_path: String,
}

/// Brings files of datastores.
#[derive(Default)]
pub struct DatastoreFiles;

impl Source for DatastoreFiles {
    type Config = DatastoreReference;

    const NAME: &'static str = "azureml_datastore";
    const SUMMARY: &'static str = "Files of a datastore of Azure Machine Learning.";

    fn fetch(
        &self,
        reference: &DatastoreReference,
        ctx: &StepContext<'_>,
    ) -> Result<Fetched, PluginError> {
        let workspace = Workspace::new(reference.azureml_client.as_ref(), ctx)?;
        let container = datastore::open(&workspace, &reference.datastore_name)?;
        workspace.credential.tell(&workspace.line);
        Ok(bring(&container, &reference.relative_path, ctx)?.into())
    }
}
