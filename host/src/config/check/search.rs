//! Searches: whether one is asked for, and rules of it without effect.

use olive_schemas::pointer::escape;
use serde_json::{Map, Value};

use super::{Problem, Problems};

/// Checks the searches of the normalized config `value`, the engine's and those of builds.
pub(super) fn check(value: &Value, problems: &mut Problems) {
    for (owner, settings) in owners(value) {
        let Some(search) = settings.get("search_strategy") else { continue };
        let in_stages =
            search.get("execution_order").and_then(Value::as_str) == Some("pass-by-pass");
        if in_stages && stops_at_goals(search) {
            let pointer = format!("{owner}/search_strategy/stop_when_goals_met");
            let message =
                "passes that are searched one by one are all searched, whatever meets the goals";
            let help = "set `execution_order` to `joint` to stop at the first model that does";
            problems.push(Problem::warning("no-effect", &pointer, message.to_owned(), help));
        }
        if stops_at_goals(search) && !in_stages && has_goals(value, settings) == Some(false) {
            let pointer = format!("{owner}/search_strategy/stop_when_goals_met");
            let message = "no figure of the evaluator has a goal, so that none is ever met";
            let help = "give a figure a `goal`, or leave `stop_when_goals_met` out";
            problems.push(Problem::warning("no-effect", &pointer, message.to_owned(), help));
        }
        let sampler = search.get("sampler").and_then(Value::as_str).unwrap_or("sequential");
        if sampler == "sequential" && search.get("seed").is_some() {
            let pointer = format!("{owner}/search_strategy/seed");
            let message = "the sampler `sequential` draws nothing at random";
            let help = "choose the sampler `random` or `tpe`, or leave `seed` out";
            problems.push(Problem::warning("no-effect", &pointer, message.to_owned(), help));
        }
    }
}

fn stops_at_goals(search: &Value) -> bool {
    search.get("stop_when_goals_met") == Some(&Value::Bool(true))
}

/// Whether a figure has a goal that the evaluator of `settings`, or else the engine's, or that of a
/// pass measures; none when that is not known.
fn has_goals(value: &Value, settings: &Value) -> Option<bool> {
    let passes = value.get("passes").and_then(Value::as_object).into_iter().flat_map(Map::values);
    let ways = passes.flat_map(|pass| match pass {
        Value::Array(alternatives) => alternatives.as_slice(),
        pass => std::slice::from_ref(pass),
    });
    let mut names = ways.filter_map(|pass| pass.get("evaluator"));
    if names.any(|name| has_goal(value, name) == Some(true)) {
        return Some(true);
    }
    let shared = || value.get("builds")?.get("_default")?.get("evaluator");
    let of_engine = || value.get("engine")?.get("evaluator");
    has_goal(value, settings.get("evaluator").or_else(shared).or_else(of_engine)?)
}

/// Whether a figure of the evaluator `name` has a goal; none when that is not known.
fn has_goal(value: &Value, name: &Value) -> Option<bool> {
    let metrics = value.get("evaluators")?.get(name.as_str()?)?.get("metrics")?.as_array()?;
    let figures = metrics.iter().filter_map(|metric| metric.get("sub_types")?.as_array()).flatten();
    let mut goals = figures.filter_map(|figure| figure.get("goal"));
    Some(goals.any(|goal| !goal.is_null()))
}

/// Whether the engine or a build of the normalized config `value` asks for a search.
pub(crate) fn asks_for_search(value: &Value) -> bool {
    let mut searches = owners(value).filter_map(|(_, owner)| owner.get("search_strategy"));
    searches.any(|search| search.is_object() || *search == Value::Bool(true))
}

/// What may have a search, with its place.
fn owners(value: &Value) -> impl Iterator<Item = (String, &Value)> {
    let builds = value.get("builds").and_then(Value::as_object).into_iter().flatten();
    let builds = builds.map(|(name, build)| (format!("/builds/{}", escape(name)), build));
    value.get("engine").map(|engine| ("/engine".to_owned(), engine)).into_iter().chain(builds)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::has_goals;

    #[test]
    fn goals_are_those_of_the_engine_and_of_passes() {
        let evaluator = |goal: Value| json!({"metrics": [{"name": "size", "sub_types": [{"name": "bytes", "goal": goal}]}]});
        let evaluators = json!({
            "free": evaluator(Value::Null), "held": evaluator(json!({"type": "threshold"}))
        });
        for (engine, passes, expected) in [
            (json!("free"), json!({"a": {"type": "A"}}), Some(false)),
            (json!("held"), json!({"a": {"type": "A"}}), Some(true)),
            (json!("free"), json!({"a": {"evaluator": "held"}}), Some(true)),
            (json!("free"), json!({"a": [null, {"evaluator": "held"}]}), Some(true)),
            (json!("free"), json!({"a": [null, {"evaluator": "free"}]}), Some(false)),
            (json!("elsewhere"), json!({"a": {"evaluator": "free"}}), None),
        ] {
            let settings = json!({"evaluator": engine});
            let value = json!({"engine": settings, "passes": passes, "evaluators": evaluators});
            assert_eq!(has_goals(&value, &settings), expected, "{value}");
        }
    }
}
