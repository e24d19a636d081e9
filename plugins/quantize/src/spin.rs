//! The pass `SpinQuant`: Liu et al., "`SpinQuant`: LLM Quantization with Learned Rotations" (2024),
//! what of it is folded into weights, learned for weights that are rounded.
//!
//! In and out: as of `QuaRot`. Memory is that of a walk with calibration data, then the Gram matrices
//! of all sites (up to 2 GiB of them, the rest in a file), the costliest matrix of a layer in 32-bit
//! floats, five times, with the Gram matrix of its inputs, and six matrices of the stream's width
//! squared.

mod grams;
mod sites;
mod needs;

use olive_kit_calibrate::{Memory, Order, stream};
use olive_kit_checkpoint::{Checkpoint, Decoder};
use olive_kit_solve::spin;
use olive_plugin_api::{
    Diagnostic, LogLevel, Model, ModelKind, Pass, PluginError, Severity, StepContext,
};

use crate::calibration::{self, Samples};
use crate::checks;
use crate::config::SpinQuantConfig;
use crate::error::QuantizeError;
use crate::report::told;
use crate::rotate::turns::Turns;
use crate::rotate::{problems, write};
use crate::source::{ancestor, open};
use crate::threads::with_threads;
use crate::walk::Stop;
use sites::{Collected, Sites};

/// The pass `SpinQuant`: a learned rotation folded into weights.
#[derive(Debug, Default)]
pub struct SpinQuant;

impl Pass for SpinQuant {
    type Config = SpinQuantConfig;

    const NAME: &'static str = "SpinQuant";
    const SUMMARY: &'static str = "Learn a rotation of a checkpoint for a quantizer, on data.";
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
        config: &SpinQuantConfig,
        ctx: &StepContext<'_>,
    ) -> Result<Vec<Diagnostic>, PluginError> {
        let mut found: Vec<_> = of_settings(config).into_iter().collect();
        if ctx.is_input_final() {
            found.extend(checks::before_reading(input));
        }
        if input.kind == ModelKind::Hf {
            let checkpoint = if ctx.is_input_final() { open(input)? } else { ancestor(input)? };
            let decoder = checkpoint.decoder();
            found.extend(of_model(config, decoder));
            match calibration::load(checkpoint.dir(), &config.data(), ctx) {
                Ok(samples) => found.extend(samples.too_long(decoder)),
                Err(QuantizeError::Refused(problem)) => found.push(*problem),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(found)
    }

    fn run(
        &self,
        input: &Model,
        config: &SpinQuantConfig,
        ctx: &StepContext<'_>,
    ) -> Result<Model, PluginError> {
        let checkpoint = open(input)?;
        let decoder = checkpoint.decoder();
        let mut found: Vec<_> = of_settings(config).into_iter().collect();
        found.extend(checks::before_reading(input));
        found.extend(of_model(config, decoder));
        if let Some(problem) = found.into_iter().find(|it| it.severity == Severity::Error) {
            return Err(QuantizeError::from(problem).into());
        }
        let samples = calibration::load(checkpoint.dir(), &config.data(), ctx)?;
        if let Some(problem) = samples.too_long(decoder) {
            return Err(QuantizeError::from(problem).into());
        }
        with_threads(ctx, || {
            let turns = learn(&checkpoint, config, &samples, ctx)?;
            write(&checkpoint, &turns, ctx)
        })?;
        let mut output = Model::new(ModelKind::Hf, ctx.output_dir());
        output.model_attributes.clone_from(&input.model_attributes);
        Ok(output)
    }
}

/// Findings about settings alone.
fn of_settings(config: &SpinQuantConfig) -> Option<Diagnostic> {
    let rate = config.training_args().learning_rate;
    if rate > 0.0 && rate.is_finite() {
        return None;
    }
    let message = format!("`learning_rate` is {rate}, not above 0");
    let problem = Diagnostic::error("out-of-range", "/training_args/learning_rate", message);
    Some(problem.with_help("set an angle in radians, such as 0.25"))
}

/// Findings about a model that cannot be rotated, or whose rows groups do not divide.
fn of_model(config: &SpinQuantConfig, decoder: &Decoder) -> Vec<Diagnostic> {
    let mut found = problems(&config.start(), decoder);
    let Some(size) = config.grid().group_size else { return found };
    let misfit = decoder.linears(0).into_iter().find(|it| !it.in_features.is_multiple_of(size));
    if let Some(linear) = misfit {
        let (k, name) = (linear.in_features, &linear.name);
        let message = format!("group size {size} does not divide the {k} inputs of `{name}`");
        let problem = Diagnostic::error("out-of-range", "/group_size", message);
        found.push(problem.with_help("write a smaller one, or -1 for whole rows"));
    }
    found
}

/// Learns the rotation of the stream.
fn learn(
    checkpoint: &Checkpoint,
    config: &SpinQuantConfig,
    samples: &Samples,
    ctx: &StepContext<'_>,
) -> Result<Turns, QuantizeError> {
    samples.announce(ctx);
    let turns = Turns::new(checkpoint, &config.start())?;
    let mut collected = collect(checkpoint, config, samples, &turns, ctx)?;
    let options = config.options();
    let total = options.max_steps as u64;
    let spun = spin(
        turns.stream(),
        options,
        |cost| collected.add(checkpoint, &turns, config.grid(), cost, ctx),
        |step, cost| ctx.progress("step", step as u64, total, &[("loss", cost)]),
    )?;
    let (before, after) = (spun.before.max(0.0).sqrt(), spun.after.max(0.0).sqrt());
    let message = format!(
        "relative error of outputs with rounded weights: {before:.4} before, {after:.4} after {} of \
         {total} steps",
        spun.num_taken
    );
    ctx.log(LogLevel::Info, message);
    let (before, after) = (spun.before, spun.after);
    ctx.progress("step", total, total, &[("loss_before", before), ("loss", after)]);
    if spun.num_taken == 0 {
        let message = "no step lowered the error: the rotation is the one of `QuaRot`";
        ctx.log(LogLevel::Warning, message);
    }
    Ok(turns.with_stream(spun.rotation))
}

/// Walks through the model once, for what is known of the inputs of each site.
fn collect(
    checkpoint: &Checkpoint,
    config: &SpinQuantConfig,
    samples: &Samples,
    turns: &Turns,
    ctx: &StepContext<'_>,
) -> Result<Collected, QuantizeError> {
    let (decoder, calibration) = (checkpoint.decoder(), &samples.calibration);
    let (memory, order) = (Memory::new(ctx.scratch_dir()), Order::TrueSequential);
    let needs = needs::of(decoder, calibration, &memory, config.lm_head);
    let (bytes, scratch_bytes) = (told(needs.memory_bytes), told(needs.scratch_bytes));
    let message = format!("memory needed: {bytes}, and {scratch_bytes} of temporary files");
    ctx.log(LogLevel::Info, message);
    let mut sites = Sites::new(turns, config.lm_head, decoder.num_layers, ctx);
    stream(checkpoint, calibration, &memory, order, &mut sites, &mut Stop(ctx))?;
    Ok(sites.collected)
}
