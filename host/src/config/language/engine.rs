//! Engine settings, in `engine` or at the root, and builds.

use serde_json::{Map, Value, json};

use super::name_or_inline;
use super::section::reference;
use super::written::former;

/// Settings of a search under their former names.
const FORMER_SEARCH: [(&str, &str); 2] =
    [("search_algorithm", "sampler"), ("search_algorithm_config", "sampler_config")];
/// Settings of a sampler, which may stand in an object of their own.
const OF_SAMPLER: [&str; 2] = ["max_samples", "seed"];
/// The same under its former name.
const FORMER_OF_SAMPLER: (&str, &str) = ("num_samples", "max_samples");

/// Lets the definitions `EngineConfig` and `Build` take what the reader takes.
pub(super) fn widen(definitions: &mut Map<String, Value>) {
    let search = search(definitions);
    for name in ["EngineConfig", "Build"] {
        let Some(properties) =
            definitions.get_mut(name).and_then(|part| part.get_mut("properties")?.as_object_mut())
        else {
            continue;
        };
        for (key, inline) in [("host", "System"), ("target", "System"), ("evaluator", "Evaluator")]
        {
            if let Some(field) = properties.get_mut(key) {
                *field = name_or_inline(field, inline);
            }
        }
        if let Some(field) = properties.get_mut("search_strategy").and_then(Value::as_object_mut) {
            field.remove("anyOf");
            field.extend(search.clone());
        }
    }
    if let Some(engine) = definitions.get_mut("EngineConfig") {
        add_former_keys(engine);
    }
}

/// Engine settings as they stand at the root.
pub(super) fn root_properties(definitions: &Map<String, Value>) -> Map<String, Value> {
    let properties = definitions.get("EngineConfig").and_then(|engine| engine.get("properties"));
    let keys = properties.and_then(Value::as_object).into_iter().flat_map(Map::keys);
    keys.map(|key| (key.clone(), reference(&format!("EngineConfig/properties/{key}")))).collect()
}

/// A search, `false` or nothing.
fn search(definitions: &mut Map<String, Value>) -> Map<String, Value> {
    if let Some(strategy) = definitions.get_mut("SearchStrategy") {
        add_former_search(strategy);
    }
    let switch = json!({
        "type": ["object", "boolean", "null"],
        "if": {"type": "object"},
        "then": reference("SearchStrategy")
    });
    switch.as_object().cloned().unwrap_or_default()
}

fn add_former_search(strategy: &mut Value) {
    let Some(properties) = strategy.get_mut("properties").and_then(Value::as_object_mut) else {
        return;
    };
    if let Some(Value::Object(mut named)) = properties.get("sampler").cloned() {
        let description = named.remove("description").unwrap_or_default();
        // To editors, an alternative with a deprecation is never right.
        properties["sampler"] = json!({
            "description": description,
            "anyOf": [named, {"type": "string", "pattern": "^exhaustive$"}],
            "if": {"const": "exhaustive"},
            "then": former(json!({}), "`sequential`")
        });
    }
    let own = |key: &str| properties.get(key).cloned().unwrap_or_default();
    let mut settings: Map<String, Value> =
        OF_SAMPLER.iter().map(|key| ((*key).to_owned(), own(key))).collect();
    let (old, new) = FORMER_OF_SAMPLER;
    settings.insert(old.into(), former(own(new), &format!("`{new}`")));
    let wrapper = json!({
        "type": ["object", "null"],
        "description": "Settings of the sampler, which may stand beside it too.",
        "properties": settings
    });
    properties.insert("sampler_config".into(), wrapper);
    for (old, new) in FORMER_SEARCH {
        let same = properties.get(new).cloned().unwrap_or_default();
        properties.insert(old.into(), former(same, &format!("`{new}`")));
    }
}

/// Keys of the engine that only configs of former eras have.
fn add_former_keys(engine: &mut Value) {
    let Some(properties) = engine.get_mut("properties").and_then(Value::as_object_mut) else {
        return;
    };
    let providers = former(
        json!({"type": ["array", "null"]}),
        "`execution_providers` of an accelerator of a system",
    );
    properties.insert("execution_providers".into(), providers);
    let cache = former(json!({"type": ["object", "null"]}), "`cache_dir`");
    properties.insert("cache_config".into(), cache);
}
