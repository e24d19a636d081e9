//! The pass `MergeAdapterWeights`: fold a LoRA adapter into the weights it adapts.
//!
//! Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models" (2021): an adapted layer
//! computes `W x + scale * B A x`, which is one matrix `W + scale * B A`, so the merged model is as
//! fast as the base. In: a Hugging Face folder with an adapter. Out: a Hugging Face folder of the
//! same layout and weight types, with config, tokenizer and generation config. Computed in `f32`
//! and rounded once. Memory: the factors of one layer and at most 32 MiB of rows, beside mapped
//! pages that the system may drop. Not for adapters that are to be swapped at run time.

use olive_kit_checkpoint::{Adapter, Checkpoint, DEFAULT_SHARD_BYTES};
use olive_plugin_api::{Diagnostic, Model, ModelKind, Pass, PluginError, StepContext};

use crate::config::MergeAdapterWeightsConfig;
use crate::error::MergeError;
use crate::merge::{Merge, NO_ADAPTER, NO_ADAPTER_HELP};

/// Folds a LoRA adapter into the weights of its base model.
#[derive(Debug, Default)]
pub struct MergeAdapterWeights;

impl Pass for MergeAdapterWeights {
    type Config = MergeAdapterWeightsConfig;

    const NAME: &'static str = "MergeAdapterWeights";
    const SUMMARY: &'static str = "Fold a LoRA adapter into the weights of its base model.";
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
        _config: &MergeAdapterWeightsConfig,
        ctx: &StepContext<'_>,
    ) -> Result<Vec<Diagnostic>, PluginError> {
        let checkpoint = open(input)?;
        match &input.adapter_path {
            Some(dir) => {
                let adapter = Adapter::open(dir).map_err(MergeError::from)?;
                Merge::new(&checkpoint, &adapter)?;
                Ok(Vec::new())
            }
            None if ctx.is_input_final() => {
                let problem = Diagnostic::error("adapter-missing", "", NO_ADAPTER);
                Ok(vec![problem.with_help(NO_ADAPTER_HELP)])
            }
            None => Ok(Vec::new()),
        }
    }

    fn run(
        &self,
        input: &Model,
        _config: &MergeAdapterWeightsConfig,
        ctx: &StepContext<'_>,
    ) -> Result<Model, PluginError> {
        let checkpoint = open(input)?;
        let dir = input.adapter_path.as_ref().ok_or(MergeError::NoAdapter)?;
        let adapter = Adapter::open(dir).map_err(MergeError::from)?;
        Merge::new(&checkpoint, &adapter)?.write(DEFAULT_SHARD_BYTES, ctx)?;
        let mut output = Model::new(ModelKind::Hf, ctx.output_dir());
        output.model_attributes.clone_from(&input.model_attributes);
        Ok(output)
    }
}

fn open(input: &Model) -> Result<Checkpoint, MergeError> {
    let checkpoint = Checkpoint::open(&input.model_path)?;
    checkpoint.validate()?;
    Ok(checkpoint)
}
