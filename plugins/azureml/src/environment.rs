//! The environment of a job: one of the workspace, or an image with a conda file.

use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};

use crate::AzureError;
use crate::config::{AzureMlConfig, DockerConfig, EnvironmentConfig};
use crate::parcel::Parcel;
use crate::storage::Container;
use crate::text::{encoded, sha256};
use crate::workspace::Workspace;

/// Name of environments that are known by their content; the official client's.
const ANONYMOUS: &str = "CliV2AnonymousEnvironment";

/// Id of the environment that `config` asks for, made when it is not there.
///
/// # Errors
/// When there is none, or it cannot be made.
pub(crate) fn settle(
    workspace: &Workspace<'_>,
    config: &AzureMlConfig,
    container: &Container<'_>,
) -> Result<String, AzureError> {
    if let Some(named) = &config.aml_environment_config {
        if let Some(id) = find(workspace, named)? {
            return Ok(id);
        }
        if config.aml_docker_config.is_none() {
            return Err(AzureError::Missing {
                what: format!("environment `{}`", named.name),
                help: "take one that the page Environments of the workspace lists, or add \
                       `aml_docker_config`"
                    .into(),
            });
        }
    }
    let docker = config.aml_docker_config.as_ref().ok_or_else(none_named)?;
    let context = match &docker.build_context_path {
        Some(path) => Some(send(path, container)?),
        None => None,
    };
    let conda = match &docker.conda_file_path {
        Some(path) => Some(fs::read_to_string(path).map_err(AzureError::io("read", path))?),
        None => None,
    };
    let body = body(docker, conda.as_deref(), context.as_deref())?;
    let path = path(docker, &body);
    workspace.put("the environment", &path, &body, false)?;
    Ok(format!("{}{path}", workspace.id))
}

/// Body of the environment of `docker`, whose conda file holds `conda` and whose folder lies at
/// `context`.
///
/// # Errors
/// When it names no image.
pub(crate) fn body(
    docker: &DockerConfig,
    conda: Option<&str>,
    context: Option<&str>,
) -> Result<Value, AzureError> {
    let mut properties = Map::new();
    if let Some(context) = context {
        let file = docker.dockerfile.as_deref().unwrap_or("Dockerfile");
        let build = json!({"contextUri": context, "dockerfilePath": file});
        properties.insert("build".into(), build);
    } else {
        let image = docker.base_image.as_deref().ok_or_else(none_named)?;
        properties.insert("image".into(), image.into());
    }
    properties.extend(conda.map(|conda| ("condaFile".to_owned(), conda.into())));
    properties.insert("isAnonymous".into(), docker.name.is_none().into());
    Ok(json!({"properties": properties}))
}

/// Where in the workspace the environment with this body stands.
pub(crate) fn path(docker: &DockerConfig, body: &Value) -> String {
    let name = docker.name.as_deref().unwrap_or(ANONYMOUS);
    let digest = sha256(body.to_string().as_bytes());
    let version = docker.version.as_deref().filter(|_| docker.name.is_some());
    let version = version.unwrap_or(&digest);
    format!("/environments/{}/versions/{}", encoded(name), encoded(version))
}

/// Id of an environment of the workspace, if it is there.
fn find(
    workspace: &Workspace<'_>,
    named: &EnvironmentConfig,
) -> Result<Option<String>, AzureError> {
    let what = format!("environment `{}`", named.name);
    let container = format!("/environments/{}", encoded(&named.name));
    let version = match &named.version {
        Some(version) => version.clone(),
        None => {
            let Some(found) = workspace.find(&what, &container)? else { return Ok(None) };
            let latest = found["properties"]["latestVersion"].as_str();
            latest.ok_or_else(|| AzureError::odd(&what, "no `latestVersion`"))?.to_owned()
        }
    };
    let path = format!("{container}/versions/{}", encoded(&version));
    Ok(workspace.find(&what, &path)?.map(|_| format!("{}{path}", workspace.id)))
}

/// Sends the folder that an image is built from; gives its address.
fn send(path: &str, container: &Container<'_>) -> Result<String, AzureError> {
    let parcel = Parcel::of(Path::new(path))?;
    let prefix = format!("LocalUpload/{}", parcel.digest);
    parcel.send(container, &prefix)?;
    Ok(format!("{}/{prefix}/{}/", container.url, parcel.name))
}

fn none_named() -> AzureError {
    AzureError::settings(
        "no image is named for the jobs",
        "add `aml_docker_config` with `base_image`, or `aml_environment_config`",
    )
}
