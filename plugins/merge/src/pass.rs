//! The pass `MergeAdapterWeights`: fold an adapter into the weights it adapts.
//!
//! An adapted layer computes with `W + scale B A` (`LoRA`), `m / ‖W + scale B A‖ (W + scale B A)`
//! (`DoRA`), `W + scale (W1a W1b) ∘ (W2a W2b)` (`LoHa`) or `W + scale W1 ⊗ W2` (`LoKr`): one matrix
//! each, so the merged model is as fast as the base. Modules and biases that were trained whole
//! take the place of the base's. In: a Hugging Face folder with an adapter. Out: a Hugging Face
//! folder of the same layout and weight types, with config, tokenizer and generation config.
//! Computed in `f32` and rounded once. Memory: the factors of one layer and at most 32 MiB of rows,
//! beside mapped pages that the system may drop. Not for adapters that are to be swapped at run
//! time.
//!
//! **`QLoRA`.** Where the model says that its base was in 4 bits while the adapter was trained, the
//! weights are first what their codes say, the very ones that the training has seen: the adapter
//! has learned to correct their errors too. The codes of one layer are then in memory besides.

use olive_kit_adapters::QuantizedBase;
use olive_kit_checkpoint::DEFAULT_SHARD_BYTES;
use olive_kit_merge::Merge;
use olive_plugin_api::{Diagnostic, Model, ModelKind, Pass, PluginError, StepContext};

use crate::config::MergeAdapterWeightsConfig;
use crate::error::{NO_ADAPTER, NO_ADAPTER_HELP, StepError};
use crate::write;

/// Folds an adapter into the weights of its base model.
#[derive(Debug, Default)]
pub struct MergeAdapterWeights;

impl Pass for MergeAdapterWeights {
    type Config = MergeAdapterWeightsConfig;

    const NAME: &'static str = "MergeAdapterWeights";
    const SUMMARY: &'static str = "Fold an adapter into the weights of its base model.";
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
        open(input)?;
        if input.adapter_path.is_none() && ctx.is_input_final() {
            let problem = Diagnostic::error("adapter-missing", "", NO_ADAPTER);
            return Ok(vec![problem.with_help(NO_ADAPTER_HELP)]);
        }
        Ok(Vec::new())
    }

    fn run(
        &self,
        input: &Model,
        _config: &MergeAdapterWeightsConfig,
        ctx: &StepContext<'_>,
    ) -> Result<Model, PluginError> {
        if input.adapter_path.is_none() {
            return Err(StepError::NoAdapter.into());
        }
        write::write(&open(input)?, DEFAULT_SHARD_BYTES, ctx)?;
        let mut output = Model::new(ModelKind::Hf, ctx.output_dir());
        output.model_attributes.clone_from(&input.model_attributes);
        QuantizedBase::forget(&mut output.model_attributes);
        Ok(output)
    }
}

fn open(input: &Model) -> Result<Merge, StepError> {
    Ok(Merge::open(&input.model_path, input.adapter_path.as_deref(), &input.model_attributes)?)
}
