//! The generator of ONNX models.

use std::ops::ControlFlow;

use olive_kit_measure::{GenerationLimits, generate};
use olive_plugin_api::{GenerateConfig, Generator, Model, ModelKind, PluginError, StepContext};

use crate::error::OnnxError;
use crate::opened::Opened;

/// Continues a prompt with an ONNX model through ONNX Runtime.
#[derive(Debug, Default)]
pub struct OnnxRuntimeGenerator;

impl Generator for OnnxRuntimeGenerator {
    const NAME: &'static str = "OnnxRuntimeGenerator";
    const SUMMARY: &'static str = "Continue a prompt with an ONNX model through ONNX Runtime.";

    fn accepts() -> &'static [ModelKind] {
        &[ModelKind::Onnx]
    }

    fn generate(
        &self,
        model: &Model,
        config: &GenerateConfig,
        ctx: &StepContext<'_>,
    ) -> Result<String, PluginError> {
        let Opened { mut model, tokenizer, .. } = Opened::open(model, None, ctx)?;
        let prompt = tokenizer.encode_plain(&tokenizer.with_bos(&config.prompt));
        let prompt = prompt.map_err(OnnxError::Tokenizer)?;
        let limits =
            GenerationLimits { max_new_tokens: config.max_new_tokens, stops_at_line_end: false };
        let generated = generate(&mut model, &tokenizer, &prompt, limits, &mut |piece| {
            ctx.text(piece);
            if ctx.is_cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        Ok(generated?.text)
    }
}
