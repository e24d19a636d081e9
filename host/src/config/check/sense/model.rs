//! Settings of the input model that ask for something else than what is done.

use olive_schemas::pointer::escape;
use serde_json::Value;

use crate::config::check::{Problem, Problems};
use crate::config::schema::quoted;

/// What models are trained, measured and built for.
const TASKS: [&str; 2] = ["text-generation", "text-generation-with-past"];

pub(super) fn check(value: &Value, problems: &mut Problems) {
    let Some(model) = value.get("input_model") else { return };
    let task = model.get("task").and_then(Value::as_str);
    if let Some(task) = task.filter(|task| !TASKS.contains(task)) {
        let message = format!("`task` `{task}` has no effect: models here generate text");
        let help = format!("remove it, or write one of {}", quoted(&TASKS));
        problems.push(Problem::warning("no-effect", "/input_model/task", message, &help));
    }
    // Those that Olive names are told by its schema, those that a source takes stand in its
    // reference; any other is meant for a library.
    let options = model.get("load_kwargs").and_then(Value::as_object).into_iter().flatten();
    for (key, _) in options {
        let pointer = format!("/input_model/load_kwargs/{}", escape(key));
        let reason = match key.as_str() {
            "revision" | "token" => "the model is no id of a hub",
            _ => "nothing here calls `from_pretrained`",
        };
        let message = format!("`{key}` has no effect: {reason}");
        let problem = Problem::warning("no-effect", &pointer, message, "remove it");
        // The token itself may stand there, which no output shows.
        let is_secret = key == "token";
        problems.push(if is_secret {
            Problem { is_secret, ..problem }
        } else {
            problem.about_key()
        });
    }
}
