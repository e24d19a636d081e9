//! The passes.

use std::fs;
use std::path::Path;

use olive_plugin_api::{Diagnostic, Model, ModelKind, Pass, PluginError, StepContext, model_files};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::behavior::{Behavior, behave};

/// Settings of the `Toy` pass.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend(
    "x-olive-quality-help" = "try `score` 1.0",
    "x-olive-eval-split" = {
        "of": "/train_data_config", "size": "/eval_dataset_size", "seeds": ["/seed"],
        "default_seed": 42
    }
))]
pub struct ToyConfig {
    /// What the pass does beside copying the model.
    pub behavior: Behavior,
    /// Score of the model it makes.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub score: Option<f64>,
    /// Data config whose name and files are written into the model.
    #[schemars(extend("x-olive-reference" = "data_config"))]
    pub train_data_config: Option<String>,
    /// Blocks that would be kept back for evaluation, as a share or a count.
    pub eval_dataset_size: Option<f64>,
    /// Seed of what would be random.
    pub seed: Option<u64>,
    /// File that `behavior` `wait` waits for.
    #[schemars(extend("x-olive-path" = "output"))]
    pub wait_for: Option<String>,
    /// Bytes written into the model beside the copy.
    pub ballast_bytes: u64,
    /// Steps of `behavior` `train`.
    pub steps: u64,
    /// Step at which `behavior` `train` waits for `wait_for`; 0 for none.
    pub pause_at: u64,
    /// Milliseconds of one step of `behavior` `train`.
    pub step_ms: u64,
    /// Whether `behavior` `train` leaves a checkpoint after every step.
    pub saves: bool,
    /// Milliseconds that `behavior` `train` takes to stop.
    pub stop_ms: u64,
}

impl Default for ToyConfig {
    fn default() -> Self {
        Self {
            behavior: Behavior::Work,
            score: None,
            train_data_config: None,
            eval_dataset_size: None,
            seed: None,
            wait_for: None,
            ballast_bytes: 0,
            steps: 40,
            pause_at: 0,
            step_ms: 0,
            saves: false,
            stop_ms: 0,
        }
    }
}

/// Copies a model, or misbehaves.
#[derive(Default)]
pub struct Toy;

impl Pass for Toy {
    type Config = ToyConfig;

    const NAME: &'static str = "Toy";
    const SUMMARY: &'static str = "Copy a model, or misbehave as told.";
    const THREADS_CHANGE_RESULT: bool = false;

    fn accepts() -> &'static [ModelKind] {
        &[ModelKind::Hf]
    }

    fn produces() -> ModelKind {
        ModelKind::Hf
    }

    fn prepare(
        &self,
        _input: &Model,
        config: &ToyConfig,
        _ctx: &StepContext<'_>,
    ) -> Result<Vec<Diagnostic>, PluginError> {
        let refused = Diagnostic::error("refused", "/behavior", "this pass refuses this model");
        let is_refused = config.behavior == Behavior::Refuse;
        Ok(is_refused.then(|| refused.with_help("be kind to it")).into_iter().collect())
    }

    fn run(
        &self,
        input: &Model,
        config: &ToyConfig,
        ctx: &StepContext<'_>,
    ) -> Result<Model, PluginError> {
        copy(&input.model_path, ctx)?;
        behave(config, ctx)?;
        let output = ctx.output_dir();
        if let Some(score) = config.score {
            write(&output.join("score"), score.to_string().as_bytes())?;
        }
        if let Some(name) = &config.train_data_config {
            let files = &ctx.data_config(name)?.load_dataset_config.data_files;
            write(&output.join("data"), format!("{files:?}").as_bytes())?;
        }
        ballast(&output.join("ballast"), config.ballast_bytes, ctx)?;
        Ok(Model::new(ModelKind::Hf, output))
    }
}

/// Settings of the `ToyPack` pass: none.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-olive-adapter" = "refuses"))]
pub struct NoConfig {}

/// Packs a model into the form that no other pass of the plugin takes.
#[derive(Default)]
pub struct ToyPack;

impl Pass for ToyPack {
    type Config = NoConfig;

    const NAME: &'static str = "ToyPack";
    const SUMMARY: &'static str = "Pack a model.";

    fn accepts() -> &'static [ModelKind] {
        &[ModelKind::Hf]
    }

    fn produces() -> ModelKind {
        ModelKind::Onnx
    }

    fn run(
        &self,
        input: &Model,
        _config: &NoConfig,
        ctx: &StepContext<'_>,
    ) -> Result<Model, PluginError> {
        copy(&input.model_path, ctx)?;
        write(&ctx.output_dir().join("model.onnx"), b"packed")?;
        Ok(Model {
            onnx_file_name: Some("model.onnx".into()),
            ..Model::new(ModelKind::Onnx, ctx.output_dir())
        })
    }
}

/// Settings of the `ToyImport` pass.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ToyImportConfig {
    /// Written into the model.
    pub layout: String,
}

/// Makes a model of a file.
#[derive(Default)]
pub struct ToyImport;

impl Pass for ToyImport {
    type Config = ToyImportConfig;

    const NAME: &'static str = "ToyImport";
    const SUMMARY: &'static str = "Make a model of a file.";

    fn accepts() -> &'static [ModelKind] {
        &[ModelKind::Gguf]
    }

    fn produces() -> ModelKind {
        ModelKind::Hf
    }

    fn run(
        &self,
        input: &Model,
        config: &ToyImportConfig,
        ctx: &StepContext<'_>,
    ) -> Result<Model, PluginError> {
        let bytes = fs::read(&input.model_path).map_err(io)?;
        write(&ctx.output_dir().join("config.json"), b"{}")?;
        write(&ctx.output_dir().join("weights"), &bytes)?;
        write(&ctx.output_dir().join("layout"), config.layout.as_bytes())?;
        Ok(Model::new(ModelKind::Hf, ctx.output_dir()))
    }
}

fn copy(model: &Path, ctx: &StepContext<'_>) -> Result<(), PluginError> {
    let names = model_files(model).map_err(io)?;
    let total = names.len() as u64;
    for (done, name) in names.iter().enumerate() {
        let bytes = fs::read(model.join(name)).map_err(io)?;
        write(&ctx.output_dir().join(name), &bytes)?;
        ctx.progress("file", done as u64 + 1, total, &[("loss", 1.0 / (done + 1) as f64)]);
    }
    Ok(())
}

fn ballast(path: &Path, bytes: u64, ctx: &StepContext<'_>) -> Result<(), PluginError> {
    let mut file = fs::File::create(path).map_err(io)?;
    let block = vec![7; 1 << 20];
    let mut left = bytes;
    while left > 0 {
        ctx.check_cancelled()?;
        let count = left.min(block.len() as u64);
        let part = &block[..usize::try_from(count).unwrap_or(block.len())];
        std::io::Write::write_all(&mut file, part).map_err(io)?;
        left -= count;
    }
    Ok(())
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), PluginError> {
    fs::write(path, bytes).map_err(io)
}

#[expect(clippy::needless_pass_by_value, reason = "used as a function of an error")]
pub(crate) fn io(error: std::io::Error) -> PluginError {
    PluginError::from_error("io", &error)
}
