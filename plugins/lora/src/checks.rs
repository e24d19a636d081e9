//! What cannot work, or may surprise, with the model and the data at hand.
//!
//! What settings alone tell stands in their schema.

use olive_kit_train::{Duration, Evaluation, StepPlan, TrainingSettings};
use olive_plugin_api::{Diagnostic, Model, Severity};

use crate::config::LoraConfig;
use crate::data::TrainingBlocks;

/// Findings about the kind of model alone.
pub(crate) fn before_reading(input: &Model) -> Option<Diagnostic> {
    input.adapter_path.as_ref()?;
    let message = "the input model already has an adapter";
    let help = "put `MergeAdapterWeights` before this pass";
    Some(Diagnostic::error("adapter-present", "", message).with_help(help))
}

/// Findings that need the number of blocks, from which the number of steps follows.
pub(crate) fn of_length(
    config: &LoraConfig,
    blocks: &TrainingBlocks,
    settings: &TrainingSettings,
) -> Option<Diagnostic> {
    let (Evaluation::Steps(every), Duration::Epochs(_)) = (settings.evaluation, settings.duration)
    else {
        return None;
    };
    let total = StepPlan::new(blocks.train.len(), settings).total_steps;
    if blocks.eval.is_empty() || every <= total {
        return None;
    }
    let pointer = match config.training_args().eval_steps {
        Some(_) => "/training_args/eval_steps",
        None => "/training_args",
    };
    let message = format!("evaluation never runs: it is due every {every} of {total} steps");
    let help = format!("set `eval_steps` to {total} or less, or remove the evaluation data");
    let found = Diagnostic::new(Severity::Warning, "no-effect", pointer, message);
    Some(found.with_help(help))
}
