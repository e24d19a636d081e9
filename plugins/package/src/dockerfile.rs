//! The packager `Dockerfile`: a folder that an image is built of, with the model and what runs it.
//!
//! ```text
//! Dockerfile
//! requirements.txt     Python packages of the image
//! docker_content/      files of the best model
//! generate.py serve.py for a model that generates; infer.py for another graph
//! ```
//!
//! `docker build` takes the folder itself as its context; nothing outside of it is needed.

use std::path::PathBuf;

use olive_plugin_api::{ModelKind, Package, Packager, PluginError, StepContext};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::contents::Contents;
use crate::error::PackageError;
use crate::genai::graph_of;
use crate::mlflow;
use crate::samples::{PLAIN, PYTHON, Sample, generates};

/// Folder of the model.
const MODEL: &str = "docker_content";
/// File of the Python packages of the image.
const REQUIREMENTS: &str = "requirements.txt";
/// Port on which the image of a model that generates serves.
const PORT: &str = "8000";

/// Settings of the `Dockerfile` packager.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-olive-unavailable" = {
    "include_runtime_packages": {
        "reason": "a run downloads nothing; the image installs the runtime when it is built",
        "unless": [false, null]
    }
}))]
pub struct DockerfileConfig {
    /// Image to start from; it has Python and pip.
    #[schemars(
        regex(pattern = r"^\S+$"),
        extend("patternErrorMessage" = "the name of an image, without spaces")
    )]
    pub base_image: String,
    /// File of Python packages to install instead of those that the sample code needs.
    #[schemars(extend("x-olive-path" = "input"))]
    pub requirements_file: Option<PathBuf>,
    /// Whether the model has the form that `MLflow` loads, in `docker_content`.
    pub export_in_mlflow_format: bool,
}

impl Default for DockerfileConfig {
    fn default() -> Self {
        Self {
            base_image: "python:3.12-slim".into(),
            requirements_file: None,
            export_in_mlflow_format: false,
        }
    }
}

/// Makes a folder that an image is built of.
#[derive(Debug, Default)]
pub struct Dockerfile;

impl Packager for Dockerfile {
    type Config = DockerfileConfig;

    const NAME: &'static str = "Dockerfile";
    const SUMMARY: &'static str = "A folder that a container image is built of, to run the model.";

    fn accepts() -> &'static [ModelKind] {
        &[ModelKind::Onnx]
    }

    fn pack(
        &self,
        package: &Package,
        config: &DockerfileConfig,
        ctx: &StepContext<'_>,
    ) -> Result<PathBuf, PluginError> {
        Ok(contents(package, config)?.write_folder(&package.name, ctx)?)
    }
}

fn contents(package: &Package, config: &DockerfileConfig) -> Result<Contents, PackageError> {
    let candidate = package.candidates.first().ok_or(PackageError::NoModel)?;
    let mut contents = Contents::default();
    contents.add_model(candidate, MODEL)?;
    if config.export_in_mlflow_format {
        mlflow::describe(candidate, MODEL, &mut contents)?;
    }
    let generates = generates(candidate);
    let programs: &[Sample] = if generates { &PYTHON } else { &PLAIN };
    let mut copied = Vec::new();
    for (name, text) in programs {
        match (*name, &config.requirements_file) {
            ("README.md", _) => continue,
            (REQUIREMENTS, Some(own)) => contents.add_file(REQUIREMENTS.into(), own)?,
            _ => contents.add_text(*name, *text)?,
        }
        if *name != REQUIREMENTS {
            copied.push(*name);
        }
    }
    let start = if generates {
        let command = json!(["python", "serve.py", MODEL, PORT]);
        format!("EXPOSE {PORT}\nCMD {command}\n")
    } else {
        let graph = format!("{MODEL}/{}", graph_of(candidate)?);
        format!("CMD {}\n", json!(["python", "infer.py", graph]))
    };
    contents.add_text("Dockerfile", dockerfile(&config.base_image, &copied, &start))?;
    Ok(contents)
}

/// The file by which the image is built; its last lines are `start`.
fn dockerfile(base_image: &str, programs: &[&str], start: &str) -> String {
    let programs = programs.join(" ");
    format!(
        "FROM {base_image}\n\
         WORKDIR /app\n\
         COPY {REQUIREMENTS} ./\n\
         RUN pip install --no-cache-dir -r {REQUIREMENTS}\n\
         COPY {MODEL}/ ./{MODEL}/\n\
         COPY {programs} ./\n\
         {start}"
    )
}
