//! Fields of a config that the schema marks: references to data configs, paths, old spellings.

use std::path::{Component, Path};

use serde_json::Value;

/// Marks a field that holds a data config's name.
pub const REFERENCE: &str = "x-olive-reference";
/// Marks a field that holds a path: `input` or `output`.
pub const PATH: &str = "x-olive-path";
/// Lists old spellings of a field.
pub const RENAMED_FROM: &str = "x-olive-renamed-from";
/// On a struct: old keys that have no effect, each with the reason.
pub const IGNORED: &str = "x-olive-ignored";
/// On a struct: whether the pass `adds` an adapter to the model, `merges` the one it needs, or
/// `refuses` a model that has one.
pub const ADAPTER: &str = "x-olive-adapter";
/// On a struct: what to try when the pass costs quality.
pub const QUALITY_HELP: &str = "x-olive-quality-help";
/// On the root: warnings about settings that will surprise.
pub const ADVICE: &str = "x-olive-advice";
/// On a struct: options that are known but not available, each with the reason.
pub const UNAVAILABLE: &str = "x-olive-unavailable";
/// On a field: values that are known but not available, each with the reason.
pub const UNAVAILABLE_VALUES: &str = "x-olive-unavailable-values";
/// On a field: the values that a search tries for `SEARCHABLE_VALUES`.
pub const SEARCHED: &str = "x-olive-search";
/// On the root: which blocks of training data are kept back for evaluation.
pub const EVAL_SPLIT: &str = "x-olive-eval-split";
/// On the root: what the pass does for commands that write their own config.
pub const SHORTCUTS: &str = "x-olive-shortcuts";
/// On the root of a source's reference: the plain ids that it takes.
pub const IDS: &str = "x-olive-ids";
/// On the root of a source's reference: places of a folder that it shares with other programs.
pub const SHARED_DIR: &str = "x-olive-shared-dir";
/// On the root of a system's settings: which one says how many ranks compute a step.
pub const RANKS: &str = "x-olive-ranks";
/// On the root of a system's settings: which one says how many processors a worker has there.
pub const THREADS: &str = "x-olive-threads";
/// On the root of a system's settings: which one says how much memory a worker has there.
pub const MEMORY: &str = "x-olive-memory";
/// On the root: accelerators that the pass works for.
pub const ACCELERATORS: &str = "x-olive-accelerators";

/// Key of the workspace that the root of a config gives to each system and reference with a place for
/// one.
pub const WORKSPACE: &str = "azureml_client";

/// Whether what fits `schema` may name a workspace.
pub fn takes_workspace(schema: &Value) -> bool {
    schema.get("properties").is_some_and(|properties| properties.get(WORKSPACE).is_some())
}

/// Variable and rest of the place `$NAME/below` of a folder that a source shares.
///
/// # Errors
/// What is wrong with a place of another form, or one that leads out of the variable's folder or is
/// the whole home of the user.
pub fn shared_place(place: &str) -> Result<(&str, &Path), &'static str> {
    let Some(rest) = place.strip_prefix('$') else {
        return Err("a place begins with a variable, `$NAME`");
    };
    let (name, below) = rest.split_once('/').unwrap_or((rest, ""));
    let below = Path::new(below);
    if !below.components().all(|part| matches!(part, Component::Normal(_))) {
        return Err("a place is a path below its variable, without `..`");
    }
    if below.as_os_str().is_empty() && ["HOME", "USERPROFILE"].contains(&name) {
        return Err("a place is a folder below the user's home, not all of it");
    }
    Ok((name, below))
}

/// JSON pointers of the strings in `value` whose schema carries `mark` with `kind`.
///
/// `schema` is a whole schema document; its `$ref`s point into itself.
pub fn marked(value: &Value, schema: &Value, mark: &str, kind: &str) -> Vec<String> {
    let mut pointers = Vec::new();
    walk(value, schema, schema, &Mark { mark, kind }, String::new(), &mut pointers);
    pointers
}

/// The parts of a schema that may describe a value: itself, behind `$ref`, and each alternative.
pub fn parts<'a>(schema: &'a Value, document: &'a Value) -> Vec<&'a Value> {
    let mut parts = vec![schema];
    if let Some(target) = schema.get("$ref").and_then(Value::as_str)
        && let Some(target) = document.pointer(target.trim_start_matches('#'))
    {
        parts.extend(self::parts(target, document));
    }
    for keyword in ["allOf", "anyOf", "oneOf"] {
        for part in schema.get(keyword).and_then(Value::as_array).into_iter().flatten() {
            parts.extend(self::parts(part, document));
        }
    }
    parts
}

struct Mark<'a> {
    mark: &'a str,
    kind: &'a str,
}

fn walk(
    value: &Value,
    schema: &Value,
    document: &Value,
    mark: &Mark<'_>,
    pointer: String,
    pointers: &mut Vec<String>,
) {
    let parts = parts(schema, document);
    let is_marked = parts.iter().any(|part| part.get(mark.mark) == Some(&mark.kind.into()));
    match value {
        Value::String(_) if is_marked => pointers.push(pointer),
        Value::Array(items) => {
            let item_schema = parts.iter().find_map(|part| part.get("items"));
            for (index, item) in items.iter().enumerate() {
                let pointer = format!("{pointer}/{index}");
                match item_schema {
                    _ if is_marked && item.is_string() => pointers.push(pointer),
                    Some(schema) => walk(item, schema, document, mark, pointer, pointers),
                    None => {}
                }
            }
        }
        Value::Object(map) => {
            for (key, item) in map {
                let property = parts.iter().find_map(|part| part.get("properties")?.get(key));
                let others = parts.iter().find_map(|part| part.get("additionalProperties"));
                if let Some(schema) = property.or(others) {
                    let pointer = format!("{pointer}/{}", olive_schemas::pointer::escape(key));
                    walk(item, schema, document, mark, pointer, pointers);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{PATH, REFERENCE, marked};

    #[test]
    fn marks_are_found_through_references_and_lists() {
        let schema = json!({
            "properties": {
                "train": {"type": "string", "x-olive-reference": "data_config"},
                "nested": {"$ref": "#/definitions/Nested"},
                "files": {"type": "array", "items": {"type": "string"}, "x-olive-path": "input"}
            },
            "definitions": {
                "Nested": {"properties": {"eval": {
                    "type": ["string", "null"], "x-olive-reference": "data_config"
                }}}
            }
        });
        let value = json!({"train": "a", "nested": {"eval": "b"}, "files": ["c", "d"], "x": 1});
        assert_eq!(marked(&value, &schema, REFERENCE, "data_config"), ["/train", "/nested/eval"]);
        assert_eq!(marked(&value, &schema, PATH, "input"), ["/files/0", "/files/1"]);
    }
}
