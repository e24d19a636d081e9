//! The generator: the prompt, word by word, backwards.

use olive_plugin_api::{GenerateConfig, Generator, Model, ModelKind, PluginError, StepContext};

/// Says the prompt backwards.
#[derive(Default)]
pub struct ToyGenerator;

impl Generator for ToyGenerator {
    const NAME: &'static str = "ToyGenerator";
    const SUMMARY: &'static str = "Say the prompt backwards.";

    fn accepts() -> &'static [ModelKind] {
        &[ModelKind::Hf]
    }

    fn generate(
        &self,
        model: &Model,
        config: &GenerateConfig,
        ctx: &StepContext<'_>,
    ) -> Result<String, PluginError> {
        let mut pieces: Vec<String> =
            config.prompt.split(' ').rev().map(|word| format!("{word} ")).collect();
        pieces.truncate(config.max_new_tokens);
        if model.adapter_path.is_some() {
            pieces.push("(adapted)".into());
        }
        for piece in &pieces {
            ctx.text(piece);
        }
        Ok(pieces.concat())
    }
}
