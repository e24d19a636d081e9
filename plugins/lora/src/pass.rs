//! The pass `LoRA`: train low-rank adapters on a frozen model.
//!
//! Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models" (2021). In: a Hugging Face
//! folder without adapter, and a data config. Out: the same model with an adapter in PEFT's layout.
//! Weights are computed with in f32, so memory is the model in f32, the activations of a
//! micro-batch (of one layer of it under `gradient_checkpointing`) and four times the adapters.

use std::fs;

use olive_kit_checkpoint::{AdapterConfig, Checkpoint};
use olive_kit_decoder::Transformer;
use olive_kit_train::{LoraParameters, StepPlan, TrainingData, TrainingSettings, train};
use olive_plugin_api::{Diagnostic, LogLevel, Model, ModelKind, Pass, PluginError, StepContext};
use rayon::ThreadPoolBuilder;

use crate::config::LoraConfig;
use crate::data::{self, TrainingBlocks};
use crate::error::LoraError;
use crate::progress::Progress;
use crate::targets::Targets;
use crate::{checks, settings, targets};

/// Folder of the adapter inside the output folder.
const ADAPTER: &str = "adapter";

/// Trains low-rank adapters on a frozen model.
#[derive(Debug, Default)]
pub struct Lora;

impl Pass for Lora {
    type Config = LoraConfig;

    const NAME: &'static str = "LoRA";
    const SUMMARY: &'static str = "Train low-rank adapters on a frozen model.";

    fn accepts() -> &'static [ModelKind] {
        &[ModelKind::Hf]
    }

    fn produces() -> ModelKind {
        ModelKind::Hf
    }

    fn prepare(
        &self,
        input: &Model,
        config: &LoraConfig,
        ctx: &StepContext<'_>,
    ) -> Result<Vec<Diagnostic>, PluginError> {
        let mut found: Vec<_> = checks::before_reading(input).into_iter().collect();
        if input.kind != ModelKind::Hf {
            return Ok(found);
        }
        let checkpoint = open(input)?;
        let decoder = checkpoint.decoder();
        if let Err(problems) = targets::resolve(decoder, config.target_modules.as_ref()) {
            found.extend(problems);
        }
        match data::load(checkpoint.dir(), config, ctx) {
            Ok(blocks) => {
                let settings = settings::training(&config.training_args(), decoder);
                found.extend(checks::of_length(config, &blocks, &settings));
            }
            Err(LoraError::Refused(problem)) => found.push(*problem),
            Err(error) => return Err(error.into()),
        }
        Ok(found)
    }

    fn run(
        &self,
        input: &Model,
        config: &LoraConfig,
        ctx: &StepContext<'_>,
    ) -> Result<Model, PluginError> {
        let checkpoint = open(input)?;
        let training = Training::new(input, &checkpoint, config, ctx)?;
        let threads = ctx.threads();
        let pool = ThreadPoolBuilder::new().num_threads(threads).build();
        let pool = pool.map_err(|source| LoraError::Threads { threads, source })?;
        pool.install(|| training.run(&checkpoint, config, ctx))?;
        let mut output = input.clone();
        output.adapter_path = Some(ctx.output_dir().join(ADAPTER));
        Ok(output)
    }
}

/// A training that fits its model and data.
struct Training {
    targets: Targets,
    blocks: TrainingBlocks,
    settings: TrainingSettings,
}

impl Training {
    fn new(
        input: &Model,
        checkpoint: &Checkpoint,
        config: &LoraConfig,
        ctx: &StepContext<'_>,
    ) -> Result<Self, LoraError> {
        if let Some(problem) = checks::before_reading(input) {
            return Err(problem.into());
        }
        let decoder = checkpoint.decoder();
        let targets = match targets::resolve(decoder, config.target_modules.as_ref()) {
            Ok(targets) => targets,
            Err(mut problems) => return Err(problems.swap_remove(0).into()),
        };
        let blocks = data::load(checkpoint.dir(), config, ctx)?;
        let settings = settings::training(&config.training_args(), decoder);
        Ok(Self { targets, blocks, settings })
    }

    fn run(
        &self,
        checkpoint: &Checkpoint,
        config: &LoraConfig,
        ctx: &StepContext<'_>,
    ) -> Result<(), LoraError> {
        let transformer = Transformer::load(checkpoint)?;
        let parameters = LoraParameters::new(&self.targets.linears, &settings::lora(config))?;
        self.announce(&parameters, config, ctx);
        let data = TrainingData { train: &self.blocks.train, eval: &self.blocks.eval };
        let mut progress = Progress::new(ctx, config.training_args().logging_steps);
        train(&transformer, &parameters, data, &self.settings, &mut progress)?;
        let dir = ctx.output_dir().join(ADAPTER);
        fs::create_dir(&dir).map_err(|source| LoraError::Folder { path: dir.clone(), source })?;
        let names: Vec<_> = self.targets.names.iter().map(String::as_str).collect();
        let peft = AdapterConfig::lora(config.r, config.alpha, config.lora_dropout, &names);
        Ok(parameters.write(&dir, &peft)?)
    }

    /// Says what is about to be done.
    fn announce(&self, parameters: &LoraParameters, config: &LoraConfig, ctx: &StepContext<'_>) {
        let plan = StepPlan::new(self.blocks.train.len(), &self.settings);
        ctx.log(LogLevel::Info, self.blocks.summary());
        let message = format!(
            "{} values in {} layers are trained, {} steps of {} blocks",
            parameters.num_values(),
            self.targets.linears.len(),
            plan.total_steps,
            plan.step_sequences.min(self.blocks.train.len()),
        );
        ctx.log(LogLevel::Info, message);
        let dtype = config.torch_dtype.name();
        let message = format!(
            "`torch_dtype` is `{dtype}`: weights are read as stored, computed with in 32-bit float"
        );
        ctx.log(LogLevel::Info, message);
    }
}

fn open(input: &Model) -> Result<Checkpoint, LoraError> {
    let checkpoint = Checkpoint::open(&input.model_path)?;
    checkpoint.validate()?;
    Ok(checkpoint)
}
