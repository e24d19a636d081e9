//! Whether things stand where they belong: sections at the root, named entries in maps.
//!
//! Told before the schemas are asked, which would tell one thing that is misplaced as several that
//! are missing and unknown.

use olive_schemas::pointer::escape;
use serde_json::{Map, Value, json};

use super::{Problem, Problems};
use crate::config::upgrade::kind_of;
use crate::plugin::Catalog;

/// Maps of named entries, with what an entry is called and how one looks.
const MAPS: [(&str, &str, &str); 4] = [
    ("passes", "a pass", "{\"merge\": {\"type\": …}}"),
    ("systems", "a system", "{\"here\": {\"type\": …}}"),
    ("evaluators", "an evaluator", "{\"quality\": {\"metrics\": […]}}"),
    ("builds", "a build", "{\"small\": {\"pipeline\": […]}}"),
];

/// Sections that stand at the root only.
const SECTIONS: [&str; 6] =
    ["input_model", "data_configs", "systems", "evaluators", "passes", "builds"];

/// Keys that an entry of a map has, and that cannot be the name of one.
const ENTRY_KEYS: [&str; 4] = ["type", "metrics", "pipeline", "accelerators"];

/// Checks where the sections of the normalized config `value` stand.
pub(super) fn check(value: &Value, catalog: &Catalog, problems: &mut Problems) {
    for (section, what, example) in MAPS {
        let pointer = format!("/{section}");
        match value.get(section) {
            Some(Value::Array(_)) => {
                let message = format!("`{section}` is a list, not an object");
                let help = format!("give each a name: `{example}`");
                let problem = Problem::error("wrong-value", &pointer, message, Some(help));
                problems.push(problem.about_key());
            }
            Some(Value::Object(map)) => check_map(map, (section, what, example), catalog, problems),
            Some(_) | None => {}
        }
    }
    check_engine(value, problems);
    check_model(value, problems);
    check_data(value, problems);
}

fn check_map(
    map: &Map<String, Value>,
    (section, what, example): (&str, &str, &str),
    catalog: &Catalog,
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
            && (SECTIONS.contains(&name.as_str()) || name == "engine");
        if is_section {
            let place = format!("in `{section}`");
            problems.push(misplaced(name, &place, "the root", &pointer));
        } else if !entry.is_object() && !entry.is_array() {
            let message = format!("`{name}` is not {what}: it is no object");
            let help = format!("write it inside {what}: `{example}`");
            let help = home_of(name, map, catalog).filter(|_| section == "passes").unwrap_or(help);
            problems.push(Problem::error("wrong-value", &pointer, message, Some(help)).about_key());
        }
    }
}

/// Where the option `key` of a pass belongs, when one pass of `passes` has it.
fn home_of(key: &str, passes: &Map<String, Value>, catalog: &Catalog) -> Option<String> {
    let mut homes = passes.iter().filter(|(_, pass)| {
        let kind = pass.get("type").and_then(Value::as_str);
        let known = kind.and_then(|kind| catalog.pass(kind));
        known.is_some_and(|known| known.descriptor.schema["properties"].get(key).is_some())
    });
    match (homes.next(), homes.next()) {
        (Some((name, _)), None) => Some(format!("move it into pass `{name}`")),
        _ => None,
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
        } else if SECTIONS.contains(&key.as_str()) {
            problems.push(misplaced(key, "in `engine`", "the root", &pointer));
        }
    }
}

/// A path in place of the input model, or its settings at the root.
fn check_model(value: &Value, problems: &mut Problems) {
    if let Some(path) = value.get("input_model").and_then(Value::as_str) {
        let kind = kind_of(path).name();
        let model = json!({"type": kind, "model_path": path}).to_string();
        let message = "`input_model` is a text, not an object".to_owned();
        let help = Some(format!("write `{model}`"));
        let mut problem = Problem::error("wrong-value", "/input_model", message, help);
        problem.raw_replacement = Some(model);
        problems.push(problem);
    }
    for key in ["model_path", "adapter_path", "load_kwargs", "task", "io_config"] {
        if value.get(key).is_some() {
            problems.push(misplaced(key, "at the root", "`input_model`", &format!("/{key}")));
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
    let message = format!("`{key}` stands {place}");
    let help = Some(format!("move it to {home}"));
    Problem::error("misplaced-key", pointer, message, help).about_key()
}
