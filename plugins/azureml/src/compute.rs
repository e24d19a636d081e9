//! Computes: clusters of machines that jobs run on, made and removed.

use std::time::Duration;

use olive_plugin_api::{LogLevel, PluginError, Resource, StepContext};
use olive_schemas::workflow::AzureMlClient;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::AzureError;
use crate::text::encoded;
use crate::workspace::Workspace;

/// Time between two looks at whether it is there or gone, at first and at most.
const LOOKS: [Duration; 2] = [Duration::from_millis(200), Duration::from_secs(10)];

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
        Ok(create(&workspace, settings)?)
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
        Ok(delete(&workspace, &settings.compute_name)?)
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

fn create(workspace: &Workspace<'_>, settings: &ComputeSettings) -> Result<String, AzureError> {
    let ComputeSettings { compute_name: name, min_nodes, max_nodes, .. } = settings;
    if min_nodes > max_nodes || *max_nodes == 0 {
        return Err(AzureError::settings(
            format!("a compute of at least {min_nodes} and at most {max_nodes} machines cannot be"),
            "raise `max_nodes`, or lower `min_nodes`",
        ));
    }
    let (what, path) = named(name);
    if let Some(found) = workspace.find(&what, &path)? {
        return there(&what, &found, settings);
    }
    let location = match &settings.location {
        Some(location) => location.clone(),
        None => location(workspace)?,
    };
    workspace.put(&what, &path, &body(settings, &location), false).map_err(unmade(&what))?;
    workspace.credential.tell(&workspace.line);
    let found = wait(workspace, &what, &path, "is made ready")?;
    let missing = || AzureError::odd(&what, "it is not there after it was made");
    let properties = &found.ok_or_else(missing)?["properties"];
    match properties["provisioningState"].as_str() {
        Some("Succeeded") => {
            let size = &settings.vm_size;
            Ok(format!(
                "{what} is there: {min_nodes} to {max_nodes} machines `{size}` in `{location}`"
            ))
        }
        state => {
            let state = state.unwrap_or("in no state").to_owned();
            let reason = failure(properties).unwrap_or(state);
            Err(AzureError::Unmade { what, reason })
        }
    }
}

/// What is said of a compute that was there before.
fn there(what: &str, found: &Value, settings: &ComputeSettings) -> Result<String, AzureError> {
    let size = found.pointer("/properties/properties/vmSize").and_then(Value::as_str);
    match size {
        Some(size) if size.eq_ignore_ascii_case(&settings.vm_size) => {
            Ok(format!("{what} is there already, with machines `{size}`; it stays as it is"))
        }
        size => {
            let size = size.map_or_else(String::new, |size| format!(", with machines `{size}`"));
            Err(AzureError::settings(
                format!("{what} is there already{size}"),
                "take another name, or delete it first",
            ))
        }
    }
}

fn delete(workspace: &Workspace<'_>, name: &str) -> Result<String, AzureError> {
    let (what, path) = named(name);
    if workspace.find(&what, &path)?.is_none() {
        return Err(AzureError::Missing {
            what,
            help: "take a name that the page Compute of the workspace lists".into(),
        });
    }
    workspace.delete(&what, &format!("{path}?underlyingResourceAction=Delete"))?;
    workspace.credential.tell(&workspace.line);
    match wait(workspace, &what, &path, "is removed")? {
        None => Ok(format!("{what} is gone")),
        Some(found) => {
            let reason = failure(&found["properties"]);
            let reason = reason.unwrap_or_else(|| "it is still there".into());
            Err(AzureError::odd(what, reason))
        }
    }
}

/// What errors call the compute `name`, and where in the workspace it stands.
fn named(name: &str) -> (String, String) {
    (format!("compute `{name}`"), format!("/computes/{}", encoded(name)))
}

/// Region of the workspace.
fn location(workspace: &Workspace<'_>) -> Result<String, AzureError> {
    let what = "the workspace";
    let found = workspace.find(what, "")?.ok_or_else(|| AzureError::Missing {
        what: format!("workspace `{}`", workspace.id),
        help: "check `subscription_id`, `resource_group` and `workspace_name`".into(),
    })?;
    let location = found["location"].as_str().map(str::to_owned);
    location.ok_or_else(|| AzureError::odd(what, "no `location`"))
}

/// The compute as it is when nothing changes any more; none when it is gone.
fn wait(
    workspace: &Workspace<'_>,
    what: &str,
    path: &str,
    doing: &str,
) -> Result<Option<Value>, AzureError> {
    let (mut pause, mut is_told) = (LOOKS[0], false);
    loop {
        let Some(found) = workspace.find(what, path)? else { return Ok(None) };
        let state = found.pointer("/properties/provisioningState").and_then(Value::as_str);
        if matches!(state, None | Some("Succeeded" | "Failed" | "Canceled")) {
            return Ok(Some(found));
        }
        if !is_told {
            workspace.line.ctx().log(LogLevel::Info, format!("{what} {doing}"));
            is_told = true;
        }
        workspace.line.wait(pause)?;
        pause = (pause * 2).min(LOOKS[1]);
    }
}

/// Why the service could not do it, in its words.
fn failure(properties: &Value) -> Option<String> {
    let error = properties.pointer("/provisioningErrors/0/error")?;
    let part = |key: &str| error[key].as_str();
    let text = match (part("code"), part("message")) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (one, other) => one.or(other)?.to_owned(),
    };
    let line = text.lines().next().unwrap_or_default();
    Some(line.chars().filter(|c| !c.is_control()).take(300).collect())
}

/// A refusal as the reason why `what` is not made.
fn unmade(what: &str) -> impl Fn(AzureError) -> AzureError {
    move |error| match error {
        AzureError::Refused { status: 400 | 404 | 409 | 422, reason, .. } if !reason.is_empty() => {
            let reason = reason.trim_start_matches(": ").to_owned();
            AzureError::Unmade { what: what.to_owned(), reason }
        }
        error => error,
    }
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
