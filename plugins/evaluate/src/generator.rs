//! The generator of checkpoints.

use std::ops::ControlFlow;

use olive_kit_inference::Opened;
use olive_kit_measure::{GenerationLimits, generate};
use olive_plugin_api::{GenerateConfig, Generator, Model, ModelKind, PluginError, StepContext};

use crate::error::EvaluateError;
use crate::threads::with_threads;

/// Continues a prompt with a checkpoint, with the adapter that comes with it.
#[derive(Debug, Default)]
pub struct CheckpointGenerator;

impl Generator for CheckpointGenerator {
    const NAME: &'static str = "CheckpointGenerator";
    const SUMMARY: &'static str =
        "Continue a prompt with a checkpoint, with its adapter if it has one, on the CPU in f32.";

    fn accepts() -> &'static [ModelKind] {
        &[ModelKind::Hf]
    }

    fn generate(
        &self,
        model: &Model,
        config: &GenerateConfig,
        ctx: &StepContext<'_>,
    ) -> Result<String, PluginError> {
        with_threads(ctx.threads(), || {
            let Opened { mut model, tokenizer, .. } =
                Opened::open(model).map_err(EvaluateError::from)?;
            let prompt = tokenizer.encode_plain(&tokenizer.with_bos(&config.prompt));
            let prompt = prompt.map_err(EvaluateError::from)?;
            let limits = GenerationLimits {
                max_new_tokens: config.max_new_tokens,
                stops_at_line_end: false,
            };
            let generated = generate(&mut model, &tokenizer, &prompt, limits, &mut |piece| {
                ctx.text(piece);
                if ctx.is_cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            Ok(generated?.text)
        })?
    }
}
