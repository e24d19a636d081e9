//! Computes: clusters of machines that jobs run on, made and removed.

mod cluster;
mod wait;

use olive_plugin_api::{PluginError, Resource, StepContext};
use olive_schemas::workflow::AzureMlClient;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::workspace::Workspace;

/// Settings of a compute that is made.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ComputeSettings {
    /// Name of the compute: letters, digits and `-`.
    pub compute_name: String,
    /// Subscription of the workspace.
    #[serde(default)]
    pub subscription_id: Option<String>,
    /// Resource group of the workspace.
    #[serde(default)]
    pub resource_group: Option<String>,
    /// Name of the workspace.
    #[serde(default)]
    pub workspace_name: Option<String>,
    /// File with the three settings above, which wins over them.
    #[serde(default)]
    #[schemars(extend("x-olive-path" = "input"))]
    pub aml_config_path: Option<String>,
    /// Size of its machines.
    #[serde(default = "vm_size")]
    pub vm_size: String,
    /// Region of its machines; that of the workspace when left out.
    #[serde(default)]
    pub location: Option<String>,
    /// Machines that are there when nothing runs.
    #[serde(default)]
    pub min_nodes: u32,
    /// Machines at most.
    #[serde(default = "max_nodes")]
    #[schemars(range(min = 1))]
    pub max_nodes: u32,
    /// Seconds without a job after which a machine is given back.
    #[serde(default = "idle_time")]
    pub idle_time_before_scale_down: u32,
}

/// What names a compute that is removed.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ComputeName {
    /// Name of the compute.
    pub compute_name: String,
    /// Subscription of the workspace.
    #[serde(default)]
    pub subscription_id: Option<String>,
    /// Resource group of the workspace.
    #[serde(default)]
    pub resource_group: Option<String>,
    /// Name of the workspace.
    #[serde(default)]
    pub workspace_name: Option<String>,
    /// File with the three settings above, which wins over them.
    #[serde(default)]
    #[schemars(extend("x-olive-path" = "input"))]
    pub aml_config_path: Option<String>,
}

/// A cluster of machines of a workspace.
#[derive(Default)]
pub struct Compute;

impl Resource for Compute {
    type Create = ComputeSettings;
    type Delete = ComputeName;

    const NAME: &'static str = "aml compute";
    const ALIAS: Option<&'static str> = Some("manage-aml-compute");
    const SUMMARY: &'static str = "A cluster of machines of Azure Machine Learning.";

    fn create(
        &self,
        settings: &ComputeSettings,
        ctx: &StepContext<'_>,
    ) -> Result<String, PluginError> {
        let ComputeSettings { subscription_id, resource_group, workspace_name, .. } = settings;
        let client = AzureMlClient {
            subscription_id: subscription_id.clone(),
            resource_group: resource_group.clone(),
            workspace_name: workspace_name.clone(),
            aml_config_path: settings.aml_config_path.clone(),
            ..AzureMlClient::default()
        };
        let workspace = Workspace::new(Some(&client), ctx)?;
        Ok(cluster::create(&workspace, settings)?)
    }

    fn delete(&self, settings: &ComputeName, ctx: &StepContext<'_>) -> Result<String, PluginError> {
        let ComputeName { subscription_id, resource_group, workspace_name, .. } = settings;
        let client = AzureMlClient {
            subscription_id: subscription_id.clone(),
            resource_group: resource_group.clone(),
            workspace_name: workspace_name.clone(),
            aml_config_path: settings.aml_config_path.clone(),
            ..AzureMlClient::default()
        };
        let workspace = Workspace::new(Some(&client), ctx)?;
        Ok(cluster::delete(&workspace, &settings.compute_name)?)
    }
}

/// Body of the compute with these settings in the region `location`.
pub(crate) fn body(settings: &ComputeSettings, location: &str) -> Value {
    json!({
        "location": location,
        "properties": {
            "computeType": "AmlCompute",
            "properties": {
                "vmSize": settings.vm_size,
                "vmPriority": "Dedicated",
                "scaleSettings": {
                    "minNodeCount": settings.min_nodes,
                    "maxNodeCount": settings.max_nodes,
                    "nodeIdleTimeBeforeScaleDown":
                        format!("PT{}S", settings.idle_time_before_scale_down),
                },
            },
        },
    })
}

fn vm_size() -> String {
    "STANDARD_D2_V2".into()
}

fn max_nodes() -> u32 {
    2
}

fn idle_time() -> u32 {
    120
}
