//! What cannot work, or may surprise, before anything starts.

use olive_kit_train::{Evaluation, StepPlan, TrainingSettings};
use olive_plugin_api::{Diagnostic, Model, Severity};

use crate::config::LoraConfig;
use crate::data::TrainingBlocks;
use crate::training_args::EvalStrategy;

/// Findings about the config and the kind of model alone.
pub(crate) fn before_reading(input: &Model, config: &LoraConfig) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    if input.adapter_path.is_some() {
        let message = "the input model already has an adapter";
        let help = "put `MergeAdapterWeights` before this pass";
        found.push(Diagnostic::error("adapter-present", "", message).with_help(help));
    }
    if config.modules_to_save.as_ref().is_some_and(|modules| !modules.is_empty()) {
        let message = "`modules_to_save` is not supported: only adapters are trained";
        let help = "remove it, or name the layers in `target_modules`";
        found.push(unsupported("/modules_to_save", message).with_help(help));
    }
    let args = config.training_args();
    if args.resume_from_checkpoint.is_some() {
        let message = "`resume_from_checkpoint` is not supported";
        found.push(unsupported("/training_args/resume_from_checkpoint", message));
    }
    if args.max_steps > 0
        && let Some(epochs) = args.num_train_epochs
    {
        let message = format!(
            "`max_steps` {} beats `num_train_epochs` {epochs}, which has no effect",
            args.max_steps
        );
        let pointer = "/training_args/num_train_epochs";
        found.push(warning("without-effect", pointer, message).with_help("remove one of the two"));
    }
    if config.eval_data_config.is_some() && config.eval_dataset_size.is_some() {
        let message = "`eval_data_config` beats `eval_dataset_size`, which has no effect";
        found.push(warning("without-effect", "/eval_dataset_size", message));
    }
    found
}

/// Findings that need the number of blocks.
pub(crate) fn of_length(
    config: &LoraConfig,
    blocks: &TrainingBlocks,
    settings: &TrainingSettings,
) -> Vec<Diagnostic> {
    let total = StepPlan::new(blocks.train.len(), settings).total_steps;
    let (pointer, message) = match settings.evaluation {
        Evaluation::Steps(every) if !blocks.eval.is_empty() && every > total => {
            let key = match config.training_args().eval_steps {
                Some(_) => "/training_args/eval_steps",
                None => "/training_args",
            };
            let message =
                format!("evaluation never runs: it is due every {every} of {total} steps");
            (key, message)
        }
        Evaluation::Never if !blocks.eval.is_empty() => {
            let message = format!(
                "evaluation never runs: `eval_strategy` is `no`, and {} blocks are kept back for it",
                blocks.eval.len()
            );
            ("/training_args/eval_strategy", message)
        }
        _ if blocks.eval.is_empty() && asks_for_evaluation(config) => {
            let message = "evaluation never runs: there is no evaluation data".to_owned();
            ("/training_args/eval_strategy", message)
        }
        _ => return Vec::new(),
    };
    let help = "set `eval_steps` to the number of steps or less, or drop the evaluation data";
    let help =
        if blocks.eval.is_empty() { "set `eval_data_config` or `eval_dataset_size`" } else { help };
    vec![warning("evaluation-never-runs", pointer, message).with_help(help)]
}

fn asks_for_evaluation(config: &LoraConfig) -> bool {
    matches!(config.training_args().eval_strategy, Some(EvalStrategy::Steps | EvalStrategy::Epoch))
}

fn unsupported(pointer: &str, message: &str) -> Diagnostic {
    Diagnostic::error("unsupported-value", pointer, message)
}

fn warning(code: &str, pointer: &str, message: impl Into<String>) -> Diagnostic {
    Diagnostic::new(Severity::Warning, code, pointer, message)
}
