//! The passes: codes in the place of weights.
//!
//! In: a Hugging Face folder without adapter, and for most a data config. Out: a folder of the same
//! model with tokenizer and generation config, whose linear layers are packed, with
//! `quantization_config` in `config.json`, or changed and in floats (`AutoClip`, `SmoothQuant`). Memory
//! is the weights of one layer in 32-bit floats and their codes, where data are read also the hidden
//! states of all samples (up to 512 MiB of them, the rest in a file), the Gram matrix of the widest
//! input of a layer twice, and the widest matrix twice; or the embedding or the layer of logits three
//! times, where these are quantized and take more.

use std::marker::PhantomData;

use olive_plugin_api::{Diagnostic, Model, ModelKind, Pass, PluginError, StepContext};

use crate::config::{
    AutoClipConfig, AwqConfig, GptqConfig, KQuantConfig, Quantizer, RtnConfig, SmoothQuantConfig,
};
use crate::error::QuantizeError;
use crate::layout::Layout;
use crate::mixed::MixedPrecision;
use crate::source::{ancestor, open};
use crate::threads::with_threads;
use crate::walk::Quantization;
use crate::{calibration, checks, targets};

/// The pass `Rtn`: round to nearest.
pub type Rtn = Quantize<RtnConfig>;
/// The pass `KQuant`: llama.cpp's k-quants.
pub type KQuant = Quantize<KQuantConfig>;
/// The pass `Gptq`: Frantar et al., "GPTQ: Accurate Post-Training Quantization for Generative
/// Pre-trained Transformers" (2023).
pub type Gptq = Quantize<GptqConfig>;
/// The pass `Awq`: Lin et al., "AWQ: Activation-aware Weight Quantization for LLM Compression and
/// Acceleration" (2024).
pub type Awq = Quantize<AwqConfig>;
/// The pass `AutoClip`: Du et al., "`BitDistiller`: Unleashing the Potential of Sub-4-Bit LLMs via
/// Self-Distillation" (2024), its clipping alone.
pub type AutoClip = Quantize<AutoClipConfig>;
/// The pass `SmoothQuant`: Xiao et al., "`SmoothQuant`: Accurate and Efficient Post-Training
/// Quantization for Large Language Models" (2022).
pub type SmoothQuant = Quantize<SmoothQuantConfig>;

/// Quantizes a checkpoint as the settings `P` say.
#[derive(Debug)]
pub struct Quantize<P>(PhantomData<fn() -> P>);

impl<P> Default for Quantize<P> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<P: Quantizer> Pass for Quantize<P> {
    type Config = P;

    const NAME: &'static str = P::NAME;
    const SUMMARY: &'static str = P::SUMMARY;
    const THREADS_CHANGE_RESULT: bool = false;

    fn accepts() -> &'static [ModelKind] {
        &[ModelKind::Hf]
    }

    fn produces() -> ModelKind {
        ModelKind::Hf
    }

    fn prepare(
        &self,
        input: &Model,
        config: &P,
        ctx: &StepContext<'_>,
    ) -> Result<Vec<Diagnostic>, PluginError> {
        let mut found: Vec<_> = checks::of_settings(config).into_iter().collect();
        if ctx.is_input_final() {
            found.extend(checks::before_reading(input));
        }
        if input.kind != ModelKind::Hf {
            return Ok(found);
        }
        let checkpoint = if ctx.is_input_final() { open(input)? } else { ancestor(input)? };
        let decoder = checkpoint.decoder();
        let mixed = match MixedPrecision::of(input) {
            Ok(mixed) => mixed,
            Err(problem) => {
                found.push(problem);
                return Ok(found);
            }
        };
        let (targets, of_targets) = targets::find(config, decoder, mixed.as_ref());
        found.extend(of_targets);
        if let Some(targets) = &targets {
            let layout = Layout::of(config, &checkpoint, targets).map_err(QuantizeError::from)?;
            found.extend(checks::of_layout(layout, config, Some(targets), decoder));
        }
        match config.data().map(|data| calibration::load(checkpoint.dir(), data, ctx)) {
            None => {}
            Some(Ok(samples)) => found.extend(samples.too_long(decoder)),
            Some(Err(QuantizeError::Refused(problem))) => found.push(*problem),
            Some(Err(error)) => return Err(error.into()),
        }
        Ok(found)
    }

    fn run(&self, input: &Model, config: &P, ctx: &StepContext<'_>) -> Result<Model, PluginError> {
        let checkpoint = open(input)?;
        let quantization = Quantization::new(input, &checkpoint, config, ctx)?;
        with_threads(ctx, || quantization.run())?;
        let mut output = Model::new(ModelKind::Hf, ctx.output_dir());
        output.model_attributes.clone_from(&input.model_attributes);
        Ok(output)
    }
}
