//! Models of registries, which are open to many workspaces.

use std::env;
use std::path::PathBuf;

use olive_plugin_api::{Fetched, PluginError, Source, StepContext};
use olive_schemas::workflow::AzureMlClient;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::SHARED_DIR;
use super::model::Version;
use super::place::bring_as;
use crate::AzureError;
use crate::storage::{Access, Container};
use crate::text::encoded;
use crate::workspace::Workspace;

/// Who tells where a registry is, unless [`DISCOVERY_VARIABLE`] names another.
const DISCOVERY: &str = "https://eastus.api.azureml.ms";
/// Variable with the address of the service that knows the registries of another cloud.
const DISCOVERY_VARIABLE: &str = "OLIVE_AZURE_REGISTRIES";
/// Version of the service of registries.
const VERSION: &str = "2021-10-01-dataplanepreview";

/// A model of a registry.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-olive-shared-dir" = SHARED_DIR))]
pub struct RegistryReference {
    /// How services are asked; a workspace is not needed.
    #[serde(default)]
    pub azureml_client: Option<AzureMlClient>,
    /// Name of the registry, such as `azureml`.
    pub registry_name: String,
    /// Name of the model, which has no `/`.
    pub name: String,
    /// Its version.
    #[schemars(extend("examples" = ["1"]))]
    pub version: Version,
}

/// Brings models of registries.
#[derive(Default)]
pub struct RegistryModel;

impl Source for RegistryModel {
    type Config = RegistryReference;

    const NAME: &'static str = "azureml_registry_model";
    const SUMMARY: &'static str = "A model of a registry of Azure Machine Learning.";

    fn fetch(
        &self,
        reference: &RegistryReference,
        ctx: &StepContext<'_>,
    ) -> Result<Fetched, PluginError> {
        let workspace = Workspace::without(reference.azureml_client.as_ref(), ctx)?;
        Ok(fetch(&workspace, reference, ctx)?.into())
    }
}

fn fetch(
    service: &Workspace<'_>,
    reference: &RegistryReference,
    ctx: &StepContext<'_>,
) -> Result<PathBuf, AzureError> {
    let RegistryReference { registry_name: registry, name, version, .. } = reference;
    let version = version.text();
    let home = discover(service, registry)?;
    service.credential.tell(&service.line);
    let what = format!("model `{name}` of version `{version}` in registry `{registry}`");
    let below = format!("{}/versions/{}", encoded(name), encoded(&version));
    let url = format!("{home}/models/{below}?api-version={VERSION}");
    let found = service.document(&what, &url)?.ok_or_else(|| AzureError::Missing {
        what: what.clone(),
        help: "take a name and a version that the page of the registry lists".into(),
    })?;
    let uri = found.pointer("/properties/modelUri").and_then(Value::as_str).unwrap_or_default();
    let url = format!("{home}/datareferences/{below}?api-version={VERSION}");
    let wish = json!({
        "assetId":
            format!("azureml://registries/{registry}/models/{name}/versions/{version}"),
        "blobUri": uri
    });
    let ask = || Access::granted(&what, &service.post_to(&what, &url, Some(&wish))?);
    let (address, access) = ask()?;
    let path = below_container(&what, uri, &address)?;
    let renew = || -> Result<Access, AzureError> { Ok(ask()?.1) };
    let container = Container::with(&address, access, Box::new(renew), &service.line);
    bring_as(&container, &path, name.rsplit('/').next().unwrap_or(name), ctx)
}

/// Address of a registry in the service that has it.
fn discover(service: &Workspace<'_>, registry: &str) -> Result<String, AzureError> {
    let what = format!("registry `{registry}`");
    let start = env::var(DISCOVERY_VARIABLE).unwrap_or_else(|_| DISCOVERY.to_owned());
    let start = start.trim_end_matches('/');
    let name = encoded(registry);
    let url = format!("{start}/registrymanagement/v1.0/registries/{name}/discovery");
    let found = service.document(&what, &url)?.ok_or_else(|| AzureError::Missing {
        what: what.clone(),
        help: "check its name; `azureml` is the one that everyone may read".into(),
    })?;
    let text = |key: &str| {
        let text = found[key].as_str();
        text.ok_or_else(|| AzureError::odd(&what, format!("no `{key}`")))
    };
    let home = text("primaryRegionResourceProviderUri")?.trim_end_matches('/');
    let (subscription, group) = (text("subscriptionId")?, text("resourceGroup")?);
    Ok(format!(
        "{home}/subscriptions/{}/resourceGroups/{}/providers/\
         Microsoft.MachineLearningServices/registries/{name}",
        encoded(subscription),
        encoded(group),
    ))
}

/// Path of the model at `uri` in its container at `address`.
fn below_container(what: &str, uri: &str, address: &str) -> Result<String, AzureError> {
    let odd = || AzureError::odd(what, format!("it lies at `{uri}`, not in `{address}`"));
    let below = uri.split('?').next().and_then(|uri| uri.strip_prefix(address)).ok_or_else(odd)?;
    if !below.is_empty() && !below.starts_with('/') {
        return Err(odd());
    }
    Ok(below.trim_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::below_container;

    #[test]
    fn a_container_is_not_another_that_begins_alike() {
        let container = "https://a.blob.core.windows.net/models";
        for (uri, expected) in [
            ("https://a.blob.core.windows.net/models/phi/1/", Some("phi/1")),
            ("https://a.blob.core.windows.net/models?sig=x", Some("")),
            ("https://a.blob.core.windows.net/models-2/phi", None),
            ("https://b.blob.core.windows.net/models/phi", None),
        ] {
            assert_eq!(below_container("m", uri, container).ok().as_deref(), expected, "{uri}");
        }
    }
}
