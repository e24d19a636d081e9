//! The passes: train an adapter on a frozen model.
//!
//! In: a Hugging Face folder without adapter, and a data config. Out: the same model with an
//! adapter in PEFT's layout; after `LoftQ`, on a base whose weights are those it was rounded to.
//! Memory is the weights once, as they are computed with, the activations of a micro-batch (of one
//! layer of it under `gradient_checkpointing`), and the adapter with its gradients and what the
//! optimizer remembers; `memory` counts them.

use std::marker::PhantomData;

use olive_kit_checkpoint::Checkpoint;
use olive_plugin_api::{Diagnostic, Model, ModelKind, Pass, PluginError, Severity, StepContext};
use rayon::ThreadPoolBuilder;

use crate::config::{
    AdapterPass, Base, DoraConfig, LoftqConfig, LohaConfig, LokrConfig, LoraConfig, QloraConfig,
};
use crate::error::LoraError;
use crate::training::Training;
use crate::{adapter, checks, data, settings};

/// The pass `LoRA`: Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models" (2021).
pub type Lora = Tune<LoraConfig>;
/// The pass `DoRA`: Liu et al., "`DoRA`: Weight-Decomposed Low-Rank Adaptation" (2024).
pub type Dora = Tune<DoraConfig>;
/// The pass `QLoRA`: Dettmers et al., "QLoRA: Efficient Finetuning of Quantized LLMs" (2023).
pub type Qlora = Tune<QloraConfig>;
/// The pass `LoftQ`: Li et al., "`LoftQ`: LoRA-Fine-Tuning-Aware Quantization for Large Language
/// Models" (2023).
pub type Loftq = Tune<LoftqConfig>;
/// The pass `LoHa`: Hyeon-Woo et al., "`FedPara`: Low-Rank Hadamard Product for
/// Communication-Efficient Federated Learning" (2021).
pub type Loha = Tune<LohaConfig>;
/// The pass `LoKr`: Yeh et al., "Navigating Text-To-Image Customization: From `LyCORIS` Fine-Tuning
/// to Model Evaluation" (2023).
pub type Lokr = Tune<LokrConfig>;

/// Trains an adapter as the settings `P` say.
#[derive(Debug)]
pub struct Tune<P>(PhantomData<fn() -> P>);

impl<P> Default for Tune<P> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<P: AdapterPass> Pass for Tune<P> {
    type Config = P;

    const NAME: &'static str = P::NAME;
    const SUMMARY: &'static str = P::SUMMARY;
    const HAS_RANKS: bool = P::HAS_RANKS;

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
        let mut found: Vec<_> = checks::before_reading(input).into_iter().collect();
        found.extend(checks::of_base(input, config.base()));
        found.extend(checks::of_arguments(config.common()));
        found.extend(checks::of_ranks(&config.common().training_args(), ctx));
        if input.kind != ModelKind::Hf {
            return Ok(found);
        }
        let checkpoint = open(input, config.base())?;
        let decoder = checkpoint.decoder();
        if let Err(problems) = adapter::config(config, decoder) {
            found.extend(problems);
        }
        let args = config.common().training_args();
        let settings = match settings::training(&args, decoder) {
            Ok(settings) => Some(settings),
            Err(error) => {
                found.push(checks::of_optimizer(&error, &args));
                None
            }
        };
        match data::load(checkpoint.dir(), config.common(), ctx) {
            Ok(blocks) => {
                if let Some(settings) = &settings {
                    found.extend(checks::of_length(&args, &blocks, settings, ctx.ranks()));
                    let is_refused = found.iter().any(|found| found.severity == Severity::Error);
                    let refused = checks::of_settings(settings, !blocks.eval.is_empty());
                    found.extend(refused.filter(|_| !is_refused));
                }
            }
            Err(LoraError::Refused(problem)) => found.push(*problem),
            Err(error) => return Err(error.into()),
        }
        Ok(found)
    }

    fn run(&self, input: &Model, config: &P, ctx: &StepContext<'_>) -> Result<Model, PluginError> {
        let checkpoint = open(input, config.base())?;
        let training = Training::new(input, &checkpoint, config, ctx)?;
        let threads = ctx.threads();
        let pool = ThreadPoolBuilder::new().num_threads(threads).build();
        let pool = pool.map_err(|source| LoraError::Threads { threads, source })?;
        Ok(pool.install(|| training.run(input, checkpoint))?)
    }
}

/// The model; one in 4 bits only where the pass takes it as it is stored.
fn open(input: &Model, base: Base) -> Result<Checkpoint, LoraError> {
    let checkpoint = match base {
        Base::AsStored => Checkpoint::open_quantized(&input.model_path)?,
        Base::FourBit { .. } | Base::Loftq { .. } => Checkpoint::open(&input.model_path)?,
    };
    checkpoint.validate()?;
    Ok(checkpoint)
}
