//! The packager `Dockerfile`: a folder that an image is built of, with the model and what serves it.
//!
//! ```text
//! Dockerfile
//! requirements.txt     Python packages of the image
//! docker_content/      files of the best model
//! generate.py serve.py for a model that generates; infer.py for another graph
//! ```
//!
//! `docker build` takes the folder itself as its context; nothing outside of it is needed.

use std::fs;
use std::path::PathBuf;

use olive_plugin_api::{Candidate, ModelKind, Package, Packager, PluginError, StepContext};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::contents::{Contents, unread};
use crate::error::PackageError;
use crate::genai::graph_of;
use crate::mlflow;
use crate::samples::{PLAIN, PYTHON, Sample, generates};

/// Folder of the model.
const MODEL: &str = "docker_content";
/// Port on which the image serves.
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
    const SUMMARY: &'static str = "A folder that a container image is built of, with a server.";

    fn accepts() -> &'static [ModelKind] {
        &[ModelKind::Onnx]
    }

    fn pack(
        &self,
        package: &Package,
        config: &DockerfileConfig,
        ctx: &StepContext<'_>,
    ) -> Result<PathBuf, PluginError> {
        let folder = ctx.output_dir().join(&package.name);
        contents(package, config)?.write_folder(&folder, ctx)?;
        Ok(folder)
    }
}

fn contents(package: &Package, config: &DockerfileConfig) -> Result<Contents, PackageError> {
    let mut contents = Contents::default();
    for candidate in package.candidates.iter().take(1) {
        contents.add_model(candidate, MODEL)?;
        if config.export_in_mlflow_format {
            mlflow::describe(candidate, MODEL, &mut contents)?;
        }
        let generates = generates(candidate);
        let programs: &[Sample] = if generates { &PYTHON } else { &PLAIN };
        for (name, text) in programs.iter().filter(|(name, _)| *name != "README.md") {
            let own = config.requirements_file.as_ref().filter(|_| *name == "requirements.txt");
            match own {
                Some(path) => {
                    let text = fs::read_to_string(path).map_err(unread(path))?;
                    contents.add_text(*name, text)?;
                }
                None => contents.add_text(*name, *text)?,
            }
        }
        let command = command(candidate, generates)?;
        let is_program = |name: &&str| name.rsplit_once('.').is_some_and(|(_, end)| end == "py");
        let names = programs.iter().map(|(name, _)| *name);
        let names: Vec<&str> = names.filter(is_program).collect();
        contents.add_text("Dockerfile", dockerfile(&config.base_image, &names, &command))?;
    }
    Ok(contents)
}

/// What the image runs.
fn command(candidate: &Candidate, generates: bool) -> Result<Vec<String>, PackageError> {
    if generates {
        return Ok(["python", "serve.py", MODEL, PORT].map(str::to_owned).into());
    }
    let graph = format!("{MODEL}/{}", graph_of(candidate)?);
    Ok(["python", "infer.py", &graph].map(str::to_owned).into())
}

fn dockerfile(base_image: &str, programs: &[&str], command: &[String]) -> String {
    let command = serde_json::json!(command);
    let programs = programs.join(" ");
    format!(
        "FROM {base_image}\n\
         WORKDIR /app\n\
         COPY requirements.txt ./\n\
         RUN pip install --no-cache-dir -r requirements.txt\n\
         COPY {MODEL}/ ./{MODEL}/\n\
         COPY {programs} ./\n\
         EXPOSE {PORT}\n\
         CMD {command}\n"
    )
}
