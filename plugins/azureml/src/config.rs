//! Settings of the system.

use std::collections::BTreeMap;

use olive_schemas::workflow::AzureMlClient;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Settings of the `AzureML` system: each step is a job on a compute of a workspace.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-olive-ignored" = {
    "is_dev": "the program itself is sent, never a version of Olive in Python",
    "olive_managed_env": "the program itself is sent, never a version of Olive in Python",
    "requirements_file": "steps need no packages of Python; an image has those of `conda_file_path`"
}))]
pub struct AzureMlConfig {
    /// Workspace; that of `azureml_client` at the config's root when left out.
    #[serde(default)]
    #[schemars(extend("x-olive-renamed-from" = ["azureml_client_config"]))]
    pub azureml_client: Option<AzureMlClient>,
    /// Name of the compute: a cluster, or a Kubernetes cluster that is attached by Arc.
    pub aml_compute: String,
    /// Image in which steps run, made of a base image and a conda file, or of a Dockerfile.
    #[serde(default)]
    pub aml_docker_config: Option<DockerConfig>,
    /// Environment of the workspace in which steps run.
    ///
    /// Where there is none of its name, the image of `aml_docker_config` is taken.
    #[serde(default)]
    pub aml_environment_config: Option<EnvironmentConfig>,
    /// Tags of the jobs.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// What a job asks of the compute.
    #[serde(default)]
    pub resources: Resources,
    /// Machines of a job: 1, since a step is one worker.
    #[serde(default = "one")]
    #[schemars(
        range(min = 1, max = 1),
        extend("errorMessage" = "1: a step is one worker, which further machines would repeat")
    )]
    pub instance_count: u32,
    /// Whether the image is told by `HF_LOGIN` and `KEYVAULT_NAME` where a token is.
    ///
    /// Needs `keyvault_name` in `azureml_client`. The token itself is never sent: models and data are
    /// brought here first, by the token of this machine, and steps need none.
    #[serde(default)]
    pub hf_token: bool,
    /// As whom the job reads and writes datastores.
    #[serde(default)]
    pub identity: Identity,
}

/// As whom a job acts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Identity {
    /// The user who runs Olive.
    #[default]
    UserIdentity,
    /// The managed identity of the compute.
    Managed,
    /// A token of the workspace for this job.
    #[serde(rename = "AMLToken")]
    AmlToken,
}

/// An image, and what is installed in it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DockerConfig {
    /// Name of the environment that is made; by its content when left out.
    pub name: Option<String>,
    /// Its version; by its content when left out.
    pub version: Option<String>,
    /// The image that steps run in.
    ///
    /// It is Linux with `sh`, `find` and `sha256sum`, and a C library that the program runs with.
    pub base_image: Option<String>,
    /// Conda file of what is installed in the image.
    #[schemars(extend("x-olive-path" = "input"))]
    pub conda_file_path: Option<String>,
    /// Folder that the image is built from, in place of `base_image`.
    #[schemars(extend("x-olive-path" = "input"))]
    pub build_context_path: Option<String>,
    /// Name of the Dockerfile in that folder; `Dockerfile` when left out.
    pub dockerfile: Option<String>,
}

/// An environment of the workspace.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EnvironmentConfig {
    /// Its name.
    pub name: String,
    /// Its version; the newest when neither this nor `label` is given.
    #[serde(default)]
    pub version: Option<String>,
    /// In place of a version, `latest`.
    #[serde(default)]
    #[schemars(
        regex(pattern = "^latest$"),
        extend("patternErrorMessage" = "`latest`; other labels are not known")
    )]
    pub label: Option<String>,
}

/// What a job asks of the compute.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Resources {
    /// Instance type of a Kubernetes compute; its default when left out.
    pub instance_type: Option<String>,
    /// Shared memory of the container, such as `2g`.
    pub shm_size: Option<String>,
    /// Further arguments of `docker run`.
    pub docker_args: Option<String>,
}

fn one() -> u32 {
    1
}
