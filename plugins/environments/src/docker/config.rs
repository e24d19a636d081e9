//! Settings of containers.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Settings of the `Docker` system.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-olive-threads" = "cpus"))]
#[schemars(extend("x-olive-ignored" = {
    "clean_image": "the image is kept for the next step; `docker image rm` removes it",
    "is_dev": "Olive is not installed in the image: the program that runs is mounted into it",
    "olive_managed_env": "Olive is not installed in the image: the program that runs is mounted into it"
}))]
pub struct DockerConfig {
    /// Program that starts containers; `docker` where it is in `PATH`, else `podman`.
    pub engine: Option<Engine>,
    /// Image of the containers, or the name that the built one gets.
    ///
    /// One that is neither here nor built is pulled. It needs `sh` and a C library (glibc) as new as
    /// that of this machine's Olive; Olive itself is mounted into it.
    #[schemars(
        regex(pattern = r"^[a-z0-9][\w./:@-]*$"),
        extend("patternErrorMessage" = "the name of an image, such as `python:3.12-slim`")
    )]
    pub image_name: String,
    /// Folder that the image is built from before each step; none builds nothing.
    ///
    /// A build costs little when nothing has changed.
    // Of what is an `input`, a digest is made, which a place to run is no part of.
    #[schemars(extend("x-olive-path" = "output"))]
    pub build_context_path: Option<PathBuf>,
    /// File in `build_context_path` that says how the image is built.
    #[schemars(length(min = 1))]
    pub dockerfile: String,
    /// Values of the arguments (`ARG`) of the build.
    pub build_args: BTreeMap<String, String>,
    /// Python packages that are installed on top of the image with its own `python3 -m pip`.
    #[schemars(extend("x-olive-path" = "output"))]
    pub requirements_file: Option<PathBuf>,
    /// Folder in the container that the worker runs in; made where it is missing.
    #[schemars(
        regex(pattern = "^/"),
        extend("patternErrorMessage" = "a path from the root of the container")
    )]
    pub work_dir: String,
    /// Further options of `docker run`: a list of arguments, or names with values.
    ///
    /// Names are those of the options (`shm-size`) or of Docker's Python package (`shm_size`,
    /// `network_mode`). What Olive sets itself is refused: the name, the command, how it is removed.
    pub run_params: Option<RunParams>,
    /// Variables of the worker; none of this machine's are handed on.
    ///
    /// They end up in a file of the cache folder that only you can read.
    #[schemars(extend("propertyNames" = {
        "pattern": "^[A-Za-z_][A-Za-z0-9_]*$",
        "patternErrorMessage": "a name of letters, digits and `_`, such as `HF_HUB_OFFLINE`"
    }))]
    pub environment_variables: BTreeMap<String, String>,
    /// Memory that a step may use, such as `16g`; all when left out.
    #[schemars(
        regex(pattern = "^[0-9]+[bkmgBKMG]?$"),
        extend("patternErrorMessage" = "bytes, or a size such as `16g`")
    )]
    pub memory: Option<String>,
    /// Processors that a step may use, such as `2.5`; all when left out.
    ///
    /// A step has as many threads where this is a whole number.
    #[schemars(range(min = 0.01))]
    pub cpus: Option<f64>,
    /// Graphics processors of a step for a GPU: `all`, a number, or `device=0`.
    #[schemars(
        regex(pattern = r"^[\w=,.:/-]+$"),
        extend("patternErrorMessage" = "`all`, a number, or `device=0`")
    )]
    pub gpus: String,
}

/// A program that starts containers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// Docker's.
    Docker,
    /// Podman's.
    Podman,
}

impl Engine {
    /// Name of the program.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Podman => "podman",
        }
    }
}

/// Further options of a container.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum RunParams {
    /// Arguments as they are.
    Arguments(Vec<String>),
    /// Options by their names.
    Options(BTreeMap<String, Value>),
}

impl Default for DockerConfig {
    fn default() -> Self {
        Self {
            engine: None,
            image_name: "olive-docker:latest".into(),
            build_context_path: None,
            dockerfile: "Dockerfile".into(),
            build_args: BTreeMap::new(),
            requirements_file: None,
            work_dir: "/olive-ws".into(),
            run_params: None,
            environment_variables: BTreeMap::new(),
            memory: None,
            cpus: None,
            gpus: "all".into(),
        }
    }
}
