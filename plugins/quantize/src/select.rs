//! The pass `SelectiveMixedPrecision`: which layers get more bits.
//!
//! In and out: the same Hugging Face folder; the choice is an attribute of the model, and a file for
//! people in the output folder. Memory is the largest matrix in 32-bit floats, its codes and what
//! these stand for; for `output_error` also what calibration takes, for `kld_gradient` the whole model
//! in 32-bit floats, hidden states of all samples, and what one layer keeps for 2048 tokens.

mod places;
mod scores;
mod outputs;
mod gradients;
mod budget;

use std::collections::BTreeMap;
use std::fs;

use olive_kit_checkpoint::{Checkpoint, Decoder};
use olive_plugin_api::{
    Diagnostic, LogLevel, Model, ModelKind, Pass, PluginError, Severity, StepContext,
};

use crate::calibration::{self, Samples};
use crate::checks;
use crate::config::{Algorithm, Override, SelectiveMixedPrecisionConfig};
use crate::error::QuantizeError;
use crate::mixed::MixedPrecision;
use crate::source::{ancestor, open};
use crate::threads::with_threads;
use budget::Budget;
use scores::Grids;

/// The choice in the output folder.
const FILE: &str = "mixed_precision_info.json";

/// The pass `SelectiveMixedPrecision`.
#[derive(Debug, Default)]
pub struct SelectiveMixedPrecision;

impl Pass for SelectiveMixedPrecision {
    type Config = SelectiveMixedPrecisionConfig;

    const NAME: &'static str = "SelectiveMixedPrecision";
    const SUMMARY: &'static str =
        "Choose the layers of a checkpoint that a quantizer gives more bits.";
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
        config: &SelectiveMixedPrecisionConfig,
        ctx: &StepContext<'_>,
    ) -> Result<Vec<Diagnostic>, PluginError> {
        let mut found = of_settings(config);
        if ctx.is_input_final() {
            found.extend(checks::before_reading(input));
        }
        if input.kind == ModelKind::Hf {
            let checkpoint = if ctx.is_input_final() { open(input)? } else { ancestor(input)? };
            found.extend(of_model(config, checkpoint.decoder()));
            match samples(&checkpoint, config, ctx) {
                Ok(_) => {}
                Err(QuantizeError::Refused(problem)) => found.push(*problem),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(found)
    }

    fn run(
        &self,
        input: &Model,
        config: &SelectiveMixedPrecisionConfig,
        ctx: &StepContext<'_>,
    ) -> Result<Model, PluginError> {
        let checkpoint = open(input)?;
        let mut found = of_settings(config);
        found.extend(checks::before_reading(input));
        found.extend(of_model(config, checkpoint.decoder()));
        if let Some(problem) = found.into_iter().find(|it| it.severity == Severity::Error) {
            return Err(QuantizeError::from(problem).into());
        }
        let choice = with_threads(ctx, || choose(&checkpoint, config, ctx))?;
        let mut output = input.clone();
        let path = ctx.output_dir().join(FILE);
        let written =
            choice.attach(&mut output).and_then(|()| serde_json::to_string_pretty(&choice));
        let text = written.map_err(std::io::Error::from);
        let written = text.and_then(|text| fs::write(&path, format!("{text}\n")));
        written.map_err(|source| QuantizeError::Write { path, source })?;
        Ok(output)
    }
}

/// Findings about settings alone.
fn of_settings(config: &SelectiveMixedPrecisionConfig) -> Vec<Diagnostic> {
    let (is_by_place, is_blind) = (config.algorithm.is_by_place(), !config.algorithm.reads_data());
    let unused = [
        ("group_size", is_by_place && config.group_size.is_some()),
        ("sym", is_by_place && config.sym),
        ("high_group_size", is_by_place && config.high_group_size.is_some()),
        ("high_sym", is_by_place && config.high_sym.is_some()),
        ("ratio", is_by_place && config.ratio.is_some()),
        ("max_size", is_by_place && config.max_size.is_some()),
        ("bits_per_weight", is_by_place && config.bits_per_weight.is_some()),
        ("data_config", is_blind && config.data.data_config.is_some()),
        ("nsamples", is_blind && config.data.nsamples.is_some()),
        ("seed", is_blind && config.data.seed != 0),
    ];
    let unused = unused.into_iter().filter(|(_, is_unused)| *is_unused).map(|(name, _)| {
        let message = format!("`{name}` has no effect on this `algorithm`");
        let pointer = format!("/{name}");
        let problem = Diagnostic::new(Severity::Warning, "no-effect", pointer, message);
        problem.with_help("remove it, or choose by `output_error`, which reads all settings")
    });
    budget::of_settings(config).into_iter().chain(unused).collect()
}

/// Findings about groups that do not divide rows of the model, and about budgets it cannot keep.
fn of_model(config: &SelectiveMixedPrecisionConfig, decoder: &Decoder) -> Option<Diagnostic> {
    if config.algorithm.is_by_place() {
        return None;
    }
    let Grids { low, high } = Grids::of(config);
    let sizes = [("/group_size", low.group_size), ("/high_group_size", high.group_size)];
    let misfit = sizes.into_iter().find_map(|(pointer, size)| {
        let size = size?;
        let linears = scores::linears(decoder);
        let misfit = linears.iter().find(|it| !it.in_features.is_multiple_of(size))?;
        let (k, name) = (misfit.in_features, &misfit.name);
        let message = format!("group size {size} does not divide the {k} inputs of `{name}`");
        let problem = Diagnostic::error("out-of-range", pointer, message);
        Some(problem.with_help("write a smaller one, or -1 for whole rows"))
    });
    misfit.or_else(|| budget::of_model(config, decoder))
}

/// What is read for the choice, where anything is.
fn samples(
    checkpoint: &Checkpoint,
    config: &SelectiveMixedPrecisionConfig,
    ctx: &StepContext<'_>,
) -> Result<Option<Samples>, QuantizeError> {
    if !config.algorithm.reads_data() {
        return Ok(None);
    }
    let samples = calibration::load(checkpoint.dir(), &config.data, ctx)?;
    match samples.too_long(checkpoint.decoder()) {
        Some(problem) => Err(problem.into()),
        None => Ok(Some(samples)),
    }
}

/// Chooses, and says what.
fn choose(
    checkpoint: &Checkpoint,
    config: &SelectiveMixedPrecisionConfig,
    ctx: &StepContext<'_>,
) -> Result<MixedPrecision, QuantizeError> {
    let decoder = checkpoint.decoder();
    let (default, high, chosen) = if config.algorithm.is_by_place() {
        let of = |bits| Override { bits: Some(bits), ..Override::default() };
        (of(config.bits), of(config.high_bits), places::chosen(config.algorithm, decoder))
    } else {
        let grids = Grids::of(config);
        let units = match samples(checkpoint, config, ctx)? {
            Some(samples) if config.algorithm == Algorithm::KldGradient => {
                gradients::by_gradients(checkpoint, grids, &samples, ctx)?
            }
            Some(samples) => outputs::by_outputs(checkpoint, grids, &samples, ctx)?,
            None => scores::by_weights(checkpoint, grids, ctx)?,
        };
        for unit in &units {
            ctx.log(LogLevel::Debug, unit.told(config.algorithm));
        }
        let budget = Budget::of(config, decoder);
        let choice = budget::choose(units, config.algorithm, budget);
        ctx.log(LogLevel::Info, choice.told(budget));
        let [low, high] = [(config.bits, grids.low), (config.high_bits, grids.high)]
            .map(|(bits, grid)| scores::told(bits, grid));
        (low, high, choice.paths)
    };
    let mut overrides: BTreeMap<_, _> = chosen.into_iter().map(|path| (path, high)).collect();
    if decoder.ties_embeddings && overrides.contains_key(Decoder::LM_HEAD_MODULE) {
        overrides.insert(Decoder::EMBEDDING_MODULE.to_owned(), high);
    }
    announce(decoder, config, &overrides, ctx);
    Ok(MixedPrecision { default, overrides })
}

fn announce(
    decoder: &Decoder,
    config: &SelectiveMixedPrecisionConfig,
    overrides: &BTreeMap<String, Override>,
    ctx: &StepContext<'_>,
) {
    let linears = scores::linears(decoder);
    let (mut count, mut weights, mut total) = (0, 0, 0);
    for linear in &linears {
        let size = linear.in_features * linear.out_features;
        total += size;
        if overrides.contains_key(&linear.name) {
            count += 1;
            weights += size;
            ctx.log(LogLevel::Debug, format!("`{}`: chosen", linear.name));
        }
    }
    let share = 100.0 * weights as f64 / total.max(1) as f64;
    let (bits, high) = (config.bits.count(), config.high_bits.count());
    let message = format!(
        "{count} of {} linear layers get {high} bits, {share:.1} % of the weights; the others {bits}",
        linears.len()
    );
    ctx.log(LogLevel::Info, message);
}
