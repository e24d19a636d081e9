//! The pass `QuaRot`: Ashkboos et al., "`QuaRot`: Outlier-Free 4-Bit Inference in Rotated LLMs"
//! (2024), what of it is folded into weights.
//!
//! In: a Hugging Face folder without adapter. Out: a folder of the same model in the same layout and
//! types, but for `lm_head`, which has a weight of its own. Memory is the largest matrix of a layer
//! in 32-bit floats, twice; while a `random` rotation is drawn, three matrices of the stream's width
//! squared in 64-bit floats.

pub(crate) mod turns;

use olive_kit_checkpoint::{
    Checkpoint, CheckpointWriter, DEFAULT_SHARD_BYTES, Decoder, Feature, TensorSpec,
};
use olive_plugin_api::{
    Diagnostic, LogLevel, Model, ModelKind, Pass, PluginError, Severity, StepContext,
};

use crate::checks;
use crate::config::QuaRotConfig;
use crate::error::QuantizeError;
use crate::output::write_configs;
use crate::source::{ancestor, open};
use crate::threads::with_threads;
use turns::Turns;

/// Features of models whose residual stream can be rotated.
const SUPPORTED: [Feature; 11] = [
    Feature::AttentionBias,
    Feature::MlpBias,
    Feature::HeadNorms,
    Feature::NormAddsOne,
    Feature::EmbeddingScale,
    Feature::AttentionScale,
    Feature::AttentionSoftcap,
    Feature::LogitSoftcap,
    Feature::GeluTanh,
    Feature::SlidingWindow,
    Feature::WindowedLayers,
];

/// The pass `QuaRot`: rotations folded into weights.
#[derive(Debug, Default)]
pub struct QuaRot;

impl Pass for QuaRot {
    type Config = QuaRotConfig;

    const NAME: &'static str = "QuaRot";
    const SUMMARY: &'static str = "Rotate the weights of a checkpoint for a quantizer.";
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
        config: &QuaRotConfig,
        ctx: &StepContext<'_>,
    ) -> Result<Vec<Diagnostic>, PluginError> {
        let mut found = Vec::new();
        if ctx.is_input_final() {
            found.extend(checks::before_reading(input));
        }
        if input.kind == ModelKind::Hf {
            let checkpoint = if ctx.is_input_final() { open(input)? } else { ancestor(input)? };
            found.extend(problems(config, checkpoint.decoder()));
        }
        Ok(found)
    }

    fn run(
        &self,
        input: &Model,
        config: &QuaRotConfig,
        ctx: &StepContext<'_>,
    ) -> Result<Model, PluginError> {
        let checkpoint = open(input)?;
        let found =
            checks::before_reading(input).into_iter().chain(problems(config, checkpoint.decoder()));
        let problem = found.into_iter().find(|it| it.severity == Severity::Error);
        if let Some(problem) = problem {
            return Err(QuantizeError::from(problem).into());
        }
        with_threads(ctx, || write(&checkpoint, &Turns::new(&checkpoint, config)?, ctx))?;
        let mut output = Model::new(ModelKind::Hf, ctx.output_dir());
        output.model_attributes.clone_from(&input.model_attributes);
        Ok(output)
    }
}

/// Why a model cannot be rotated.
pub(crate) fn problems(config: &QuaRotConfig, decoder: &Decoder) -> Vec<Diagnostic> {
    let beyond = decoder.features_beyond(&SUPPORTED);
    let beyond = beyond.iter().map(|feature| {
        let message = format!(
            "the model has {feature}: a rotation cannot be folded past what weighs single entries \
             of the residual stream"
        );
        let problem = Diagnostic::error("not-supported", "", message);
        problem.with_help("quantize the model as it is, best with `Gptq` or `Awq`")
    });
    let sizes = [(decoder.hidden_size, "`hidden_size`"), (decoder.head_dim, "`head_dim`")];
    let unknown = sizes.into_iter().filter(|(size, _)| !config.rotate_mode.has_size(*size));
    let unknown = unknown.map(|(size, name)| {
        let message = format!("no Hadamard matrix of {name} {size} is known here");
        let problem = Diagnostic::error("not-supported", "/rotate_mode", message);
        problem.with_help("set `rotate_mode` to `random`")
    });
    beyond.chain(unknown).collect()
}

/// Writes the rotated checkpoint, tensor by tensor.
///
/// # Errors
/// When a file cannot be read or written, a weight is no number, or the step is cancelled.
pub(crate) fn write(
    checkpoint: &Checkpoint,
    turns: &Turns,
    ctx: &StepContext<'_>,
) -> Result<(), QuantizeError> {
    let (decoder, dir) = (checkpoint.decoder(), ctx.output_dir());
    let unties = decoder.ties_embeddings;
    let mut tensors = decoder.tensors();
    if unties {
        let message = "embedding and `lm_head` share a weight: the result has one for each";
        ctx.log(LogLevel::Info, message);
        tensors.push((Decoder::LM_HEAD.to_owned(), vec![decoder.vocab_size, decoder.hidden_size]));
    }
    let source = |name: &str| {
        if unties && name == Decoder::LM_HEAD { Decoder::EMBEDDING.to_owned() } else { name.into() }
    };
    let mut specs = Vec::with_capacity(tensors.len());
    for (name, shape) in &tensors {
        let dtype = checkpoint.shaped(&source(name), shape)?.dtype;
        specs.push(TensorSpec::new(name.as_str(), dtype, shape.as_slice()));
    }
    let mut writer = CheckpointWriter::create(dir, specs, DEFAULT_SHARD_BYTES)?;
    let total = tensors.len() as u64;
    for (done, (name, _)) in (1..).zip(&tensors) {
        if ctx.is_cancelled() {
            return Err(QuantizeError::Cancelled);
        }
        let source = source(name);
        turns.write(name, &checkpoint.tensor(&source)?, &mut writer)?;
        checkpoint.release(&source);
        ctx.progress("tensor", done, total, &[]);
    }
    writer.finish()?;
    write_configs(checkpoint, None, unties, dir)
}
