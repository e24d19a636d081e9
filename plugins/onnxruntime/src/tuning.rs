//! The pass `OrtSessionParamsTuning`: how ONNX Runtime runs a decoder fastest on this machine.
//!
//! In: a folder with a decoder graph and its `genai_config.json`. Out: the same folder, no file of
//! which is copied, with the inference settings of the fastest way to run it, which evaluators and
//! generators here then keep to. Ways are those of the settings, in all combinations; the model's
//! own way is among them and stays unless another is faster beyond the noise.
//!
//! The way that is best so far and the next one run in turns, so that a machine that slows down or
//! is used by others slows both ([`duel`]). So the result is that of a machine and an hour, and not
//! the same twice where two ways are equally fast; the thread count is part of the step's key. At
//! most two sessions are in memory at a time.

mod config;
mod candidates;
mod duel;

pub use config::OrtSessionParamsTuningConfig;

use std::ops::ControlFlow;

use olive_kit_measure::data::Dataset;
use olive_kit_measure::timing::timing_prompt;
use olive_kit_measure::{LanguageModel, MeasureError, Progress};
use olive_kit_text::Tokenizer;
use olive_plugin_api::{Diagnostic, LogLevel, Model, ModelKind, Pass, PluginError, StepContext};

use crate::error::OnnxError;
use crate::files::graph_path;
use crate::genai_config::GenaiConfig;
use crate::library::environment;
use crate::model::OnnxLanguageModel;
use crate::session::SessionSettings;
use crate::sessions::settings;
use candidates::{Candidate, candidates};
use duel::{Duel, Outcome};

/// Finds how a decoder graph is run fastest on this machine.
#[derive(Debug, Default)]
pub struct OrtSessionParamsTuning;

impl Pass for OrtSessionParamsTuning {
    type Config = OrtSessionParamsTuningConfig;

    const NAME: &'static str = "OrtSessionParamsTuning";
    const SUMMARY: &'static str =
        "Find the session options with which ONNX Runtime runs a decoder fastest on this machine.";

    fn accepts() -> &'static [ModelKind] {
        &[ModelKind::Onnx]
    }

    fn produces() -> ModelKind {
        ModelKind::Onnx
    }

    fn prepare(
        &self,
        _: &Model,
        config: &OrtSessionParamsTuningConfig,
        ctx: &StepContext<'_>,
    ) -> Result<Vec<Diagnostic>, PluginError> {
        let problems = candidates::check(config, ctx);
        if problems.is_empty() {
            let environment = environment()?;
            for candidate in candidates(config, ctx) {
                candidate.session(ctx, config)?.provider().find(&environment)?;
            }
        }
        Ok(problems)
    }

    fn run(
        &self,
        input: &Model,
        config: &OrtSessionParamsTuningConfig,
        ctx: &StepContext<'_>,
    ) -> Result<Model, PluginError> {
        Ok(tune(input, config, ctx)?)
    }
}

fn tune(
    input: &Model,
    config: &OrtSessionParamsTuningConfig,
    ctx: &StepContext<'_>,
) -> Result<Model, OnnxError> {
    let genai_config = GenaiConfig::read(&input.model_path)?;
    let path = graph_path(input, &genai_config);
    let open = |session: &SessionSettings| {
        OnnxLanguageModel::open_with(session, &path, genai_config.clone())
    };
    let own = settings(ctx, input.inference_settings.as_ref(), None)?;
    let mut best_model = open(&own)?;
    let prompt = prompt(input, config, &best_model, ctx)?;
    let mut known = vec![own];
    let mut best: Option<Candidate> = None;
    let others = candidates(config, ctx);
    let total = others.len();
    for (done, candidate) in (1..).zip(others) {
        let session = candidate.session(ctx, config)?;
        if known.contains(&session) {
            continue;
        }
        let opened = open(&session);
        known.push(session);
        let mut model = match opened {
            Ok(model) => model,
            Err(error) => {
                ctx.log(
                    LogLevel::Warning,
                    format!("{candidate} cannot be tried: {}", told(&error)),
                );
                continue;
            }
        };
        let mut observer = |_: Progress<'_>| {
            ctx.progress("candidate", done, total as u64, &[]);
            if ctx.is_cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let duel = Duel { prompt: &prompt, config };
        let outcome = duel.fight(&mut best_model, &mut model, &mut observer)?;
        ctx.log(LogLevel::Info, report(&candidate, best.as_ref(), &outcome));
        if outcome.is_won() {
            (best_model, best) = (model, Some(candidate));
        }
    }
    let mut model = input.clone();
    match best {
        Some(best) => {
            ctx.log(LogLevel::Info, format!("fastest: {best}"));
            model.inference_settings = Some(best.settings);
        }
        None => ctx.log(LogLevel::Info, "fastest: as the model was run before"),
    }
    Ok(model)
}

/// What every run starts with.
fn prompt(
    input: &Model,
    config: &OrtSessionParamsTuningConfig,
    model: &dyn LanguageModel,
    ctx: &StepContext<'_>,
) -> Result<Vec<u32>, OnnxError> {
    let length = config.prompt_tokens;
    let Some(name) = &config.data_config else {
        return Ok(timing_prompt(model, None, length)?);
    };
    let Ok(data) = ctx.data_config(name) else {
        let (metric, name) = (OrtSessionParamsTuning::NAME.to_owned(), name.clone());
        return Err(MeasureError::UnknownDataConfig { metric, name }.into());
    };
    let tokenizer = Tokenizer::open(&input.model_path)?;
    let data = Dataset::read(data, None).map_err(MeasureError::from)?;
    Ok(timing_prompt(model, Some((&tokenizer, &data)), length)?)
}

/// An error with its causes, in one line.
fn told(error: &OnnxError) -> String {
    let mut told = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        told = format!("{told}: {error}");
        cause = error.source();
    }
    told
}

/// What a candidate took beside the best before it.
fn report(candidate: &Candidate, best: Option<&Candidate>, outcome: &Outcome) -> String {
    let Outcome { best_ms, candidate_ms, ratio, low, high } = outcome;
    let best = best.map_or_else(|| "the model's own way".to_owned(), ToString::to_string);
    format!(
        "{candidate}: {candidate_ms:.2} ms, {best}: {best_ms:.2} ms; ratio {ratio:.3}, with 95 % \
         confidence {low:.3} to {high:.3}"
    )
}
