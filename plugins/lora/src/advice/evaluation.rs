//! Evaluations that never run, or not as they are written.

use olive_plugin_api::Advice;
use serde_json::json;

use super::{MAX_STEPS, both, has_eval_data, training, with};

const EVAL_STRATEGY: &str = "/training_args/eval_strategy";
const EVAL_STEPS: &str = "/training_args/eval_steps";
const EVAL_DELAY: &str = "/training_args/eval_delay";
const LOGGING_STEPS: &str = "/training_args/logging_steps";

pub(super) fn all() -> Vec<Advice> {
    let mut all = vec![size_beaten(), count(), delayed(), without_data("eval_on_start")];
    all.extend(due_too_late());
    all.extend(by_strategy());
    all
}

fn size_beaten() -> Advice {
    let message = "`eval_data_config` beats `eval_dataset_size`, which has no effect";
    Advice::new("no-effect", "/eval_dataset_size", message)
        .when(with(&json!({
            "eval_data_config": {"type": "string"},
            "eval_dataset_size": {"type": "number"}
        })))
        .with_related("/eval_data_config")
        .with_help("remove one of the two")
}

/// A count that may be meant as a percentage.
fn count() -> Advice {
    let message = "`eval_dataset_size` {/eval_dataset_size} keeps back that many blocks, not a \
                   share of them";
    Advice::new("unusual-value", "/eval_dataset_size", message)
        .when(with(&json!({
            "eval_data_config": {"type": "null"},
            "eval_dataset_size": {"type": "number", "minimum": 1, "maximum": 100}
        })))
        .with_help("write a number below 1 for a share, such as `0.3`")
}

fn due_too_late() -> [Advice; 2] {
    let by_steps = json!({"enum": ["steps", null]});
    let too_late = "evaluation never runs: it is due every {/training_args/eval_steps} steps, and \
                    training ends after {/training_args/max_steps}";
    let too_late_by_default = "evaluation never runs: without `eval_steps` it is due every \
                               {/training_args/logging_steps} steps, as `logging_steps` says, and \
                               training ends after {/training_args/max_steps}";
    let fit_steps = "set `eval_steps` to {/training_args/max_steps} or less";
    [
        Advice::new("no-effect", EVAL_STEPS, too_late)
            .when(both(
                &has_eval_data(),
                &training(&json!({"max_steps": {"minimum": 1}, "eval_strategy": by_steps})),
            ))
            .above(EVAL_STEPS, MAX_STEPS)
            .with_related(MAX_STEPS)
            .with_help(fit_steps),
        Advice::new("no-effect", MAX_STEPS, too_late_by_default)
            .when(both(
                &has_eval_data(),
                &training(&json!({
                    "max_steps": {"minimum": 1},
                    "eval_strategy": by_steps,
                    "eval_steps": {"type": "null"}
                })),
            ))
            .above(LOGGING_STEPS, MAX_STEPS)
            .with_related(LOGGING_STEPS)
            .with_help(fit_steps),
    ]
}

fn by_strategy() -> [Advice; 3] {
    let no_data = "evaluation never runs: `eval_strategy` is `{/training_args/eval_strategy}`, \
                   but there is no evaluation data";
    let switched_off = "evaluation never runs: `eval_strategy` is `no`, although there is \
                        evaluation data";
    let by_epoch = "evaluation runs after every epoch, whatever `eval_steps` \
                    {/training_args/eval_steps} says";
    [
        Advice::new("no-effect", EVAL_STRATEGY, no_data)
            .when(both(
                &json!({"not": has_eval_data()}),
                &training(&json!({"eval_strategy": {"enum": ["steps", "epoch"]}})),
            ))
            .with_help("set `eval_data_config` or `eval_dataset_size`"),
        Advice::new("no-effect", EVAL_STRATEGY, switched_off)
            .when(both(
                &has_eval_data(),
                &training(&json!({
                    "eval_strategy": {"const": "no"},
                    "eval_on_start": {"const": false}
                })),
            ))
            .with_related("/eval_data_config")
            .with_related("/eval_dataset_size")
            .with_help("set `eval_strategy` to `steps` or `epoch`, or remove the evaluation data"),
        Advice::new("no-effect", EVAL_STEPS, by_epoch)
            .when(training(&json!({
                "eval_strategy": {"const": "epoch"},
                "eval_steps": {"type": "number"}
            })))
            .with_related(EVAL_STRATEGY)
            .with_help("set `eval_strategy` to `steps`, or remove `eval_steps`"),
    ]
}

fn delayed() -> Advice {
    let message = "evaluation never runs: `eval_delay` puts it off for \
                   {/training_args/eval_delay} steps, and training ends after \
                   {/training_args/max_steps}";
    Advice::new("no-effect", EVAL_DELAY, message)
        .when(both(
            &has_eval_data(),
            &training(&json!({
                "max_steps": {"minimum": 1},
                "eval_strategy": {"enum": ["steps", null]}
            })),
        ))
        .above(EVAL_DELAY, MAX_STEPS)
        .with_related(MAX_STEPS)
        .with_help("set `eval_delay` to less than {/training_args/max_steps}")
}

/// A switch that needs evaluation data.
fn without_data(name: &str) -> Advice {
    let message = format!("`{name}` has no effect: there is no evaluation data");
    Advice::new("no-effect", format!("/training_args/{name}"), message)
        .when(both(&json!({"not": has_eval_data()}), &training(&json!({name: {"const": true}}))))
        .with_help("set `eval_data_config` or `eval_dataset_size`")
}
