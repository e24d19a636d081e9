//! Whether things stand where they belong: sections at the root, named entries in maps.
//!
//! Told before the schemas are asked, which would tell one thing that is misplaced as several that
//! are missing and unknown.

use serde_json::{Map, Value};

use super::{Problem, Problems};
use crate::config::node::escape;
use crate::config::upgrade::root_keys;

/// Maps of named entries, with what an entry is called and how one looks.
const MAPS: [(&str, &str, &str); 4] = [
    ("passes", "a pass", "{\"merge\": {\"type\": …}}"),
    ("systems", "a system", "{\"here\": {\"type\": …}}"),
    ("evaluators", "an evaluator", "{\"quality\": {\"metrics\": […]}}"),
    ("builds", "a build", "{\"small\": {\"pipeline\": […]}}"),
];

/// Keys that an entry of a map has, and that cannot be the name of one.
const ENTRY_KEYS: [&str; 4] = ["type", "metrics", "pipeline", "accelerators"];

/// Checks where the sections of the normalized config `value` stand.
pub(super) fn check(value: &Value, problems: &mut Problems) {
    for (section, what, example) in MAPS {
        let pointer = format!("/{section}");
        match value.get(section) {
            Some(Value::Array(_)) => {
                let message = format!("`{section}` is a list, not an object");
                let help = format!("give each a name: `{example}`");
                let problem = Problem::error("wrong-value", &pointer, message, Some(help));
                problems.push(problem.about_key());
            }
            Some(Value::Object(map)) => check_map(map, section, what, example, problems),
            Some(_) | None => {}
        }
    }
    check_engine(value, problems);
    check_model(value, problems);
    check_data(value, problems);
}

fn check_map(
    map: &Map<String, Value>,
    section: &str,
    what: &str,
    example: &str,
    problems: &mut Problems,
) {
    let is_entry = map.iter().any(|(key, value)| {
        ENTRY_KEYS.contains(&key.as_str()) && (value.is_string() || value.is_array())
    });
    if is_entry {
        let message = format!("`{section}` holds {what} without a name");
        let help = format!("give it a name: `{example}`");
        let pointer = format!("/{section}");
        let problem = Problem::error("missing-name", &pointer, message, Some(help));
        return problems.push(problem.about_key());
    }
    for (name, entry) in map {
        let pointer = format!("/{section}/{}", escape(name));
        let is_section = !entry.is_string()
            && entry.get("type").is_none()
            && ["input_model", "data_configs", "systems", "evaluators", "passes", "engine"]
                .contains(&name.as_str());
        if is_section {
            problems.push(misplaced(name, section, "the root", &pointer));
        } else if !entry.is_object() && !entry.is_array() {
            let message = format!("`{name}` is not {what}: it is no object");
            let help = format!("write it inside {what}: `{example}`");
            problems.push(Problem::error("wrong-value", &pointer, message, Some(help)).about_key());
        }
    }
}

/// Sections, or another engine, in `engine`.
fn check_engine(value: &Value, problems: &mut Problems) {
    let Some(engine) = value.get("engine").and_then(Value::as_object) else { return };
    for key in engine.keys() {
        let pointer = format!("/engine/{}", escape(key));
        if key == "engine" {
            let message = "`engine` stands in `engine`".to_owned();
            let help = Some("remove one of them".to_owned());
            let problem = Problem::error("misplaced-key", &pointer, message, help);
            problems.push(problem.about_key());
        } else if is_section(key) {
            problems.push(misplaced(key, "engine", "the root", &pointer));
        }
    }
}

/// Settings of the input model at the root.
fn check_model(value: &Value, problems: &mut Problems) {
    for key in ["model_path", "adapter_path", "load_kwargs", "task", "io_config"] {
        if value.get(key).is_some() {
            problems.push(misplaced(key, "the config", "`input_model`", &format!("/{key}")));
        }
    }
}

fn check_data(value: &Value, problems: &mut Problems) {
    if value.get("data_configs").is_some_and(Value::is_object) {
        let message = "`data_configs` is an object, not a list".to_owned();
        let help = Some("put it in `[ ]`".to_owned());
        let problem = Problem::error("wrong-value", "/data_configs", message, help);
        problems.push(problem.about_key());
    }
}

fn misplaced(key: &str, place: &str, home: &str, pointer: &str) -> Problem {
    let place = if place == "the config" { "at the root".into() } else { format!("in `{place}`") };
    let message = format!("`{key}` stands {place}");
    let help = Some(format!("move it to {home}"));
    Problem::error("misplaced-key", pointer, message, help).about_key()
}

fn is_section(key: &str) -> bool {
    let engine_keys = ["host", "target", "evaluator"];
    !engine_keys.contains(&key)
        && ["input_model", "data_configs", "systems", "evaluators", "passes", "builds"]
            .contains(&key)
        && root_keys().any(|known| known == key)
}
