//! The optimizer and the course of its rate.

use olive_plugin_api::Advice;
use serde_json::{Value, json};

use super::{both, never_evaluates, training};
use crate::arguments::KWARGS;

const LEARNING_RATE: &str = "/training_args/learning_rate";
const OPTIM: &str = "/training_args/optim";
const SCHEDULE: &str = "/training_args/lr_scheduler_type";
const WARMUP_RATIO: &str = "/training_args/warmup_ratio";
const WARMUP_STEPS: &str = "/training_args/warmup_steps";

pub(super) fn all() -> Vec<Advice> {
    let mut all = vec![learning_rate(), plateau_unseen()];
    all.extend(warmup());
    all.extend(moments());
    all.extend(kwargs());
    all
}

fn learning_rate() -> Advice {
    let message = "`learning_rate` {/training_args/learning_rate} is far above what adapters are \
                   trained with, 1e-5 to 1e-3";
    Advice::new("unusual-value", LEARNING_RATE, message)
        .when(training(&json!({
            "learning_rate": {"exclusiveMinimum": 0.01},
            "optim": {"not": {"enum": ["sgd", "adagrad"]}}
        })))
        .with_help("check the exponent: one ten-thousandth is `1e-4`")
}

/// A rate that follows a loss, and there is none.
fn plateau_unseen() -> Advice {
    let message = "`reduce_lr_on_plateau` needs the evaluation loss, which is never computed";
    Advice::new("needs-evaluation", SCHEDULE, message)
        .when(both(
            &never_evaluates(),
            &training(&json!({"lr_scheduler_type": {"const": "reduce_lr_on_plateau"}})),
        ))
        .with_help("set `eval_data_config` or `eval_dataset_size`, and `eval_strategy`")
}

fn warmup() -> [Advice; 3] {
    let without = json!({"enum": ["constant", "reduce_lr_on_plateau"]});
    let constant = |name: &str| {
        let message = format!(
            "`{name}` {{/training_args/{name}}} has no effect with `lr_scheduler_type` \
             `{{/training_args/lr_scheduler_type}}`"
        );
        Advice::new("no-effect", format!("/training_args/{name}"), message)
            .when(training(&json!({
                "lr_scheduler_type": without,
                name: {"exclusiveMinimum": 0}
            })))
            .with_related(SCHEDULE)
            .with_help("set `lr_scheduler_type` to `constant_with_warmup`, or remove it")
    };
    let beaten = "`warmup_steps` {/training_args/warmup_steps} beats `warmup_ratio`, which has no \
                  effect";
    [
        constant("warmup_ratio"),
        constant("warmup_steps"),
        Advice::new("no-effect", WARMUP_RATIO, beaten)
            .when(training(&json!({
                "lr_scheduler_type": {"not": without},
                "warmup_ratio": {"exclusiveMinimum": 0},
                "warmup_steps": {"exclusiveMinimum": 0}
            })))
            .with_related(WARMUP_STEPS)
            .with_help("remove one of the two"),
    ]
}

/// Settings of moments, and optimizers that have none of them.
fn moments() -> [Advice; 3] {
    let without = |name: &str, optimizers: Value| {
        let message = format!("`{name}` has no effect with `optim` `{{/training_args/optim}}`");
        Advice::new("no-effect", format!("/training_args/{name}"), message)
            .when(training(&json!({"optim": {"enum": optimizers}})))
            .with_related(OPTIM)
            .with_help("remove it")
    };
    let no_mean = json!(["adafactor", "sgd", "adagrad", "rmsprop"]);
    let lion = ["lion_32bit", "paged_lion_32bit", "lion_8bit", "paged_lion_8bit"];
    let no_root = json!([&["adafactor", "sgd", "adagrad", "rmsprop"][..], &lion[..]].concat());
    [
        without("adam_beta1", no_mean.clone()),
        without("adam_beta2", no_mean),
        without("adam_epsilon", no_root),
    ]
}

/// Settings of a course, and courses that do not have them.
fn kwargs() -> impl Iterator<Item = Advice> {
    KWARGS.into_iter().map(|(name, courses)| {
        let message = format!(
            "`{name}` has no effect with `lr_scheduler_type` `{{/training_args/lr_scheduler_type}}`"
        );
        let known: Vec<_> = courses.iter().map(|course| format!("`{course}`")).collect();
        Advice::new("no-effect", format!("/training_args/lr_scheduler_kwargs/{name}"), message)
            .when(training(&json!({"lr_scheduler_type": {"not": {"enum": courses}}})))
            .with_related(SCHEDULE)
            .with_help(format!("remove it: it belongs to {}", known.join(", ")))
    })
}
