//! Checkpoints, the best of them, and trainings that end early.

use olive_plugin_api::Advice;
use serde_json::json;

use super::{both, never_evaluates, training};

const EVAL_STRATEGY: &str = "/training_args/eval_strategy";
const SAVE_STRATEGY: &str = "/training_args/save_strategy";
const SAVE_STEPS: &str = "/training_args/save_steps";
const LOGGING_STEPS: &str = "/training_args/logging_steps";
const LOGGING_STRATEGY: &str = "/training_args/logging_strategy";
const BEST: &str = "/training_args/load_best_model_at_end";
const METRIC: &str = "/training_args/metric_for_best_model";
const PATIENCE: &str = "/training_args/early_stopping_patience";
const THRESHOLD: &str = "/training_args/early_stopping_threshold";

pub(super) fn all() -> Vec<Advice> {
    let mut all: Vec<_> = needs_evaluation().into_iter().chain(best_unsaved()).collect();
    all.extend([last_after_stopping(), threshold_alone(), metric_alone()]);
    all.extend(steps_of_another_strategy());
    all
}

/// What chooses by the evaluation loss, and there is none.
fn needs_evaluation() -> [Advice; 3] {
    let help = "set `eval_data_config` or `eval_dataset_size`, and `eval_strategy`";
    let without_loss = |at: &str, message: &str, property| {
        Advice::new("needs-evaluation", at, message)
            .when(both(&never_evaluates(), &training(&property)))
            .with_related(EVAL_STRATEGY)
            .with_help(help)
    };
    [
        without_loss(
            BEST,
            "`load_best_model_at_end` needs the evaluation loss, which is never computed",
            json!({"load_best_model_at_end": {"const": true}}),
        ),
        without_loss(
            PATIENCE,
            "early stopping needs the evaluation loss, which is never computed",
            json!({"early_stopping_patience": {"type": "integer"}}),
        ),
        without_loss(
            SAVE_STRATEGY,
            "`save_strategy` `best` needs the evaluation loss, which is never computed",
            json!({"save_strategy": {"const": "best"}}),
        ),
    ]
}

/// The best evaluation needs a checkpoint. transformers refuses these settings.
fn best_unsaved() -> [Advice; 3] {
    let message = "`load_best_model_at_end` chooses among checkpoints, which `save_strategy` \
                   `{/training_args/save_strategy}` does not write when the evaluation loss is \
                   computed";
    let unmatched = |eval, save| {
        Advice::new("best-unsaved", BEST, message)
            .when(training(&json!({
                "load_best_model_at_end": {"const": true},
                "eval_strategy": {"enum": eval},
                "save_strategy": {"enum": save}
            })))
            .with_related(SAVE_STRATEGY)
            .with_related(EVAL_STRATEGY)
            .with_help("set `save_strategy` to `best`, or to what `eval_strategy` is")
    };
    [
        unmatched(json!(["steps", "epoch", null]), json!(["no"])),
        unmatched(json!(["steps", null]), json!(["epoch"])),
        unmatched(json!(["epoch"]), json!(["steps"])),
    ]
}

fn last_after_stopping() -> Advice {
    let message = "training ends {/training_args/early_stopping_patience} evaluations after the \
                   best one, and the adapter of the last step is the result";
    Advice::new("best-unused", PATIENCE, message)
        .when(training(&json!({
            "early_stopping_patience": {"type": "integer"},
            "load_best_model_at_end": {"const": false}
        })))
        .with_related(BEST)
        .with_help("set `load_best_model_at_end` to true")
}

fn threshold_alone() -> Advice {
    let message = "`early_stopping_threshold` has no effect without `early_stopping_patience`";
    Advice::new("no-effect", THRESHOLD, message)
        .when(training(&json!({
            "early_stopping_threshold": {"exclusiveMinimum": 0},
            "early_stopping_patience": {"type": "null"}
        })))
        .with_help("set `early_stopping_patience`")
}

fn metric_alone() -> Advice {
    let message = "`metric_for_best_model` has no effect: nothing asks for the best model";
    Advice::new("no-effect", METRIC, message)
        .when(training(&json!({
            "metric_for_best_model": {"type": "string"},
            "load_best_model_at_end": {"const": false},
            "early_stopping_patience": {"type": "null"},
            "save_strategy": {"not": {"const": "best"}},
            "lr_scheduler_type": {"not": {"const": "reduce_lr_on_plateau"}}
        })))
        .with_help("set `load_best_model_at_end` to true, or remove it")
}

fn steps_of_another_strategy() -> [Advice; 2] {
    let saved = "`save_steps` {/training_args/save_steps} has no effect: `save_strategy` is \
                 `{/training_args/save_strategy}`";
    let logged = "`logging_steps` {/training_args/logging_steps} has no effect: \
                  `logging_strategy` is `{/training_args/logging_strategy}`";
    [
        Advice::new("no-effect", SAVE_STEPS, saved)
            .when(training(&json!({"save_strategy": {"enum": ["no", "epoch", "best"]}})))
            .with_related(SAVE_STRATEGY)
            .with_help("set `save_strategy` to `steps`, or remove `save_steps`"),
        Advice::new("no-effect", LOGGING_STEPS, logged)
            .when(training(&json!({
                "logging_strategy": {"enum": ["no", "epoch"]},
                "eval_steps": {"type": "number"}
            })))
            .with_related(LOGGING_STRATEGY)
            .with_help("set `logging_strategy` to `steps`, or remove `logging_steps`"),
    ]
}
