//! Settings that are allowed but surprise, told from the config alone.

use olive_plugin_api::Advice;
use serde_json::{Value, json};

mod checkpoints;
mod evaluation;
mod optimizer;

const MAX_STEPS: &str = "/training_args/max_steps";
const EPOCHS: &str = "/training_args/num_train_epochs";

/// Passes that differ in what surprises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Low-rank products on unquantized weights.
    LowRank,
    /// The same on weights in 4 bits.
    FourBit,
    /// Products of products.
    Lycoris,
}

/// Every warning that the schema of a pass carries.
pub(crate) fn all(kind: Kind) -> Vec<Advice> {
    let mut all = vec![epochs_beaten(), pattern_without_layers()];
    all.extend(evaluation::all());
    all.extend(checkpoints::all());
    all.extend(optimizer::all());
    if kind == Kind::FourBit {
        all.push(named_in_four_bits());
    }
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

fn pattern_without_layers() -> Advice {
    let message = "`layers_pattern` has no effect without `layers_to_transform`";
    Advice::new("no-effect", "/layers_pattern", message)
        .when(with(&json!({
            "layers_pattern": {"type": ["string", "array"]},
            "layers_to_transform": {"type": "null"}
        })))
        .with_help("set `layers_to_transform`, or remove `layers_pattern`")
}

/// Olive overwrites the names.
fn named_in_four_bits() -> Advice {
    let message = "only the layers of `target_modules` are adapted; Olive adapts every linear \
                   layer but `lm_head` here, whatever is named";
    Advice::new("unlike-olive", "/target_modules", message)
        .when(with(&json!({
            "target_modules": {"type": ["string", "array"], "not": {"const": "all-linear"}}
        })))
        .with_help("remove `target_modules` to adapt every linear layer")
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

/// Settings by which the evaluation loss is never computed.
fn never_evaluates() -> Value {
    json!({"anyOf": [
        {"not": has_eval_data()},
        training(&json!({"eval_strategy": {"const": "no"}, "eval_on_start": {"const": false}}))
    ]})
}

fn both(first: &Value, second: &Value) -> Value {
    json!({"allOf": [first, second]})
}
