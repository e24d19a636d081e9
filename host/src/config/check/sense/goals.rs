//! Goals whose value makes no sense.

use olive_schemas::goal::Goal;
use olive_schemas::pointer::escape;
use serde::Deserialize;
use serde_json::Value;

use crate::config::check::{Problem, Problems};

pub(super) fn check(value: &Value, problems: &mut Problems) {
    let evaluators = value.get("evaluators").and_then(Value::as_object);
    for (name, evaluator) in evaluators.into_iter().flatten() {
        let pointer = format!("/evaluators/{}", escape(name));
        for (metric_at, metric) in items(evaluator, "metrics", &pointer) {
            for (at, figure) in items(metric, "sub_types", &metric_at) {
                let goal = figure.get("goal").and_then(|goal| Goal::deserialize(goal).ok());
                problems.extend(goal.and_then(|goal| nonsense(&goal, &at)));
            }
        }
    }
}

/// The items of the list `key` of `value`, which is at `pointer`, with their pointers.
fn items<'a>(value: &'a Value, key: &'a str, pointer: &str) -> Vec<(String, &'a Value)> {
    let items = value.get(key).and_then(Value::as_array).into_iter().flatten().enumerate();
    items.map(|(index, item)| (format!("{pointer}/{key}/{index}"), item)).collect()
}

fn nonsense(goal: &Goal, figure: &str) -> Option<Problem> {
    let Goal { kind, value } = goal;
    let why = if *value < kind.smallest() {
        "is the wrong way round: it must not be below 0"
    } else if *value > kind.largest() {
        "allows to lose more than everything: it must not be above 100"
    } else {
        return None;
    };
    let message = format!("`value` {value} of the goal `{}` {why}", kind.name());
    let pointer = format!("{figure}/goal/value");
    let help = match kind.largest() {
        100.0 => "write a percentage from 0 to 100",
        _ => "write how much, without a sign; the kind of goal says in which direction",
    };
    Some(Problem::error("goal-nonsense", &pointer, message, Some(help.to_owned())))
}
