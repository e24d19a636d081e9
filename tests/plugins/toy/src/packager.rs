//! The packager: a folder with a list of what it was given.

use std::fs;
use std::path::{Path, PathBuf};

use olive_plugin_api::{
    Candidate, LogLevel, Model, ModelKind, Package, Packager, PluginError, StepContext,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How to pack.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ToyCrateConfig {
    /// A file that goes along.
    #[schemars(extend("x-olive-path" = "input"))]
    pub note: Option<PathBuf>,
    /// Whether the settings of the passes go along.
    pub history: bool,
    /// What goes wrong.
    pub trouble: Option<Trouble>,
}

/// What goes wrong while packing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// It fails with half of the work done.
    Fail,
    /// It leaves something beside the package.
    Stray,
    /// It answers with a file of the model.
    Elsewhere,
}

/// Lists models and their files.
#[derive(Default)]
pub struct ToyCrate;

impl Packager for ToyCrate {
    type Config = ToyCrateConfig;

    const NAME: &'static str = "ToyCrate";
    const SUMMARY: &'static str = "A folder with a list of the models.";

    fn accepts() -> &'static [ModelKind] {
        &[ModelKind::Hf, ModelKind::Onnx]
    }

    fn pack(
        &self,
        package: &Package,
        config: &ToyCrateConfig,
        ctx: &StepContext<'_>,
    ) -> Result<PathBuf, PluginError> {
        let io = |error: std::io::Error| PluginError::from_error("io", &error);
        let folder = ctx.output_dir().join(format!("{}.crate", package.name));
        fs::create_dir(&folder).map_err(io)?;
        let mut list = String::new();
        for candidate in &package.candidates {
            list += &entry(candidate)?;
        }
        fs::write(folder.join("list.txt"), list).map_err(io)?;
        if let Some(note) = &config.note {
            fs::copy(note, folder.join("note")).map_err(io)?;
        }
        if config.history {
            let steps = package.candidates.iter().flat_map(|candidate| &candidate.history);
            let settings = steps.filter_map(|step| step.pass_run_config.as_ref());
            let settings: Vec<String> = settings.map(ToString::to_string).collect();
            fs::write(folder.join("history.json"), settings.join("\n")).map_err(io)?;
        }
        ctx.log(LogLevel::Info, "nailed shut");
        match config.trouble {
            None => {}
            Some(Trouble::Fail) => {
                return Err(PluginError::new("toy-crate", "the crate broke"));
            }
            Some(Trouble::Stray) => fs::write(ctx.output_dir().join("splinter"), "").map_err(io)?,
            Some(Trouble::Elsewhere) => return Ok(first_file(package)),
        }
        Ok(folder)
    }
}

/// A line for the candidate and one for each of its files, with its bytes.
fn entry(candidate: &Candidate) -> Result<String, PluginError> {
    let Candidate { model: Model { kind, .. }, files, metrics, history, .. } = candidate;
    let figures: Vec<String> = metrics.iter().map(|metric| format!("{}", metric.value)).collect();
    let passes = history.iter().filter_map(|step| step.from_pass.as_deref());
    let passes: Vec<&str> = passes.collect();
    let mut text = format!("{kind} of [{}] with [{}]\n", passes.join(" "), figures.join(" "));
    for file in files {
        let bytes = read(&file.path)?;
        text.extend(["  ", &file.name, ": ", &bytes.to_string(), " bytes\n"]);
    }
    Ok(text)
}

fn read(path: &Path) -> Result<usize, PluginError> {
    let bytes = fs::read(path).map_err(|error| {
        PluginError::new("io", format!("cannot read `{}`: {error}", path.display()))
    })?;
    Ok(bytes.len())
}

fn first_file(package: &Package) -> PathBuf {
    let mut files = package.candidates.iter().flat_map(|candidate| &candidate.files);
    files.next().map(|file| file.path.clone()).unwrap_or_default()
}
