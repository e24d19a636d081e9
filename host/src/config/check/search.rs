//! Searches: whether one is asked for, and rules of it without effect.

use olive_schemas::pointer::escape;
use serde_json::Value;

use super::{Problem, Problems};

/// Checks the searches of the normalized config `value`, the engine's and those of builds.
pub(super) fn check(value: &Value, problems: &mut Problems) {
    for (owner, settings) in owners(value) {
        let Some(search) = settings.get("search_strategy") else { continue };
        let in_stages =
            search.get("execution_order").and_then(Value::as_str) == Some("pass-by-pass");
        if in_stages && search.get("stop_when_goals_met") == Some(&Value::Bool(true)) {
            let pointer = format!("{owner}/search_strategy/stop_when_goals_met");
            let message =
                "passes that are searched one by one are all searched, whatever meets the goals";
            let help = "set `execution_order` to `joint` to stop at the first model that does";
            problems.push(Problem::warning("no-effect", &pointer, message.to_owned(), help));
        }
    }
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
