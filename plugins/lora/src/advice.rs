//! Settings that are allowed but surprise, told from the config alone.

use olive_plugin_api::Advice;
use serde_json::{Value, json};

const MAX_STEPS: &str = "/training_args/max_steps";
const EPOCHS: &str = "/training_args/num_train_epochs";
const EVAL_STRATEGY: &str = "/training_args/eval_strategy";
const EVAL_STEPS: &str = "/training_args/eval_steps";
const LOGGING_STEPS: &str = "/training_args/logging_steps";
const WARMUP_RATIO: &str = "/training_args/warmup_ratio";
const WARMUP_STEPS: &str = "/training_args/warmup_steps";
const LEARNING_RATE: &str = "/training_args/learning_rate";

/// Every warning that the schema carries.
pub(crate) fn all() -> Vec<Advice> {
    let mut all = vec![epochs_beaten(), eval_size_beaten(), eval_count(), learning_rate()];
    all.extend(evaluation_never_runs());
    all.extend(warmup());
    all
}

fn epochs_beaten() -> Advice {
    let message = "`max_steps` {/training_args/max_steps} ends training whatever \
                   `num_train_epochs` {/training_args/num_train_epochs} says";
    Advice::new("no-effect", EPOCHS, message)
        .when(training(&json!({
            "max_steps": {"minimum": 1},
            "num_train_epochs": {"type": "number"}
        })))
        .with_related(MAX_STEPS)
        .with_help("remove one of the two")
}

fn eval_size_beaten() -> Advice {
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
fn eval_count() -> Advice {
    let message = "`eval_dataset_size` {/eval_dataset_size} keeps back that many blocks, not a \
                   share of them";
    Advice::new("unusual-value", "/eval_dataset_size", message)
        .when(with(&json!({
            "eval_data_config": {"type": "null"},
            "eval_dataset_size": {"type": "number", "minimum": 1, "maximum": 100}
        })))
        .with_help("write a number below 1 for a share, such as `0.3`")
}

fn learning_rate() -> Advice {
    let message = "`learning_rate` {/training_args/learning_rate} is far above what adapters are \
                   trained with, 1e-5 to 1e-3";
    Advice::new("unusual-value", LEARNING_RATE, message)
        .when(training(&json!({"learning_rate": {"exclusiveMinimum": 0.01}})))
        .with_help("check the exponent: one ten-thousandth is `1e-4`")
}

fn evaluation_never_runs() -> [Advice; 5] {
    let by_steps = json!({"enum": ["steps", null]});
    let too_late = "evaluation never runs: it is due every {/training_args/eval_steps} steps, and \
                    training ends after {/training_args/max_steps}";
    let too_late_by_default = "evaluation never runs: without `eval_steps` it is due every \
                               {/training_args/logging_steps} steps, as `logging_steps` says, and \
                               training ends after {/training_args/max_steps}";
    let no_data = "evaluation never runs: `eval_strategy` is `{/training_args/eval_strategy}`, \
                   but there is no evaluation data";
    let switched_off = "evaluation never runs: `eval_strategy` is `no`, although there is \
                        evaluation data";
    let by_epoch = "evaluation runs after every epoch, whatever `eval_steps` \
                    {/training_args/eval_steps} says";
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
        Advice::new("no-effect", EVAL_STRATEGY, no_data)
            .when(both(
                &json!({"not": has_eval_data()}),
                &training(&json!({"eval_strategy": {"enum": ["steps", "epoch"]}})),
            ))
            .with_help("set `eval_data_config` or `eval_dataset_size`"),
        Advice::new("no-effect", EVAL_STRATEGY, switched_off)
            .when(both(&has_eval_data(), &training(&json!({"eval_strategy": {"const": "no"}}))))
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

fn warmup() -> [Advice; 3] {
    let constant = |name: &str| {
        let message = format!(
            "`{name}` {{/training_args/{name}}} has no effect with `lr_scheduler_type` `constant`"
        );
        Advice::new("no-effect", format!("/training_args/{name}"), message)
            .when(training(&json!({
                "lr_scheduler_type": {"const": "constant"},
                name: {"exclusiveMinimum": 0}
            })))
            .with_related("/training_args/lr_scheduler_type")
            .with_help("set `lr_scheduler_type` to `constant_with_warmup`, or remove it")
    };
    let beaten = "`warmup_steps` {/training_args/warmup_steps} beats `warmup_ratio`, which has no \
                  effect";
    [
        constant("warmup_ratio"),
        constant("warmup_steps"),
        Advice::new("no-effect", WARMUP_RATIO, beaten)
            .when(training(&json!({
                "lr_scheduler_type": {"not": {"const": "constant"}},
                "warmup_ratio": {"exclusiveMinimum": 0},
                "warmup_steps": {"minimum": 1}
            })))
            .with_related(WARMUP_STEPS)
            .with_help("remove one of the two"),
    ]
}

/// Settings that have all `properties`, and as they say.
fn with(properties: &Value) -> Value {
    let names: Vec<_> = properties.as_object().into_iter().flat_map(|map| map.keys()).collect();
    json!({"type": "object", "required": names, "properties": properties})
}

/// Settings whose training arguments are as `properties` say.
fn training(properties: &Value) -> Value {
    with(&json!({"training_args": with(properties)}))
}

/// Settings that name evaluation data or split some off.
fn has_eval_data() -> Value {
    json!({"anyOf": [
        with(&json!({"eval_data_config": {"type": "string"}})),
        with(&json!({"eval_dataset_size": {"type": "number"}}))
    ]})
}

fn both(first: &Value, second: &Value) -> Value {
    json!({"allOf": [first, second]})
}
