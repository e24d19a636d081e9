//! `genai_config.json` in two: what variants share, and what is a variant's own.
//!
//! ONNX Runtime GenAI applies the second to the first as a merge patch (RFC 7386), but appends
//! lists; so nothing stands in both.

use serde_json::{Map, Value, json};

use super::parts::Part;

/// Keys of a part that are a variant's own.
const OF_PARTS: [&str; 3] = ["filename", "session_options", "pipeline"];
/// Keys of the model that are a variant's own.
const OF_MODELS: [&str; 5] =
    ["context_length", "pad_token_id", "eos_token_id", "bos_token_id", "type"];

/// What variants share of `genai`, whose parts name their components.
pub(super) fn base_config(genai: &Map<String, Value>, parts: &[Part<'_>]) -> Value {
    let mut base = shared(&Value::Object(genai.clone()));
    for part in parts {
        if let Some(body) = base["model"].get_mut(&part.role).and_then(Value::as_object_mut) {
            body.insert("component".into(), part.role.as_str().into());
        }
    }
    base
}

/// What of `genai` is a variant's own, for one part; what holds for the model stands in that of its
/// first part.
pub(super) fn overlay(genai: &Map<String, Value>, part: &Part<'_>) -> Value {
    let model = genai.get("model").and_then(Value::as_object);
    let mut own = Map::new();
    let Some(model) = model else { return json!({"model": own}) };
    if let Some(body) = model.get(&part.role) {
        own.insert(part.role.clone(), own_of_part(body));
    }
    let has_graph = |body: &Value| body.get("filename").is_some() || body.get("pipeline").is_some();
    let first = model.iter().find(|(_, body)| has_graph(body)).map(|(role, _)| role);
    if first == Some(&part.role) {
        let of_model = OF_MODELS.into_iter().filter_map(|key| Some((key, model.get(key)?)));
        own.extend(of_model.map(|(key, value)| (key.to_owned(), value.clone())));
    }
    json!({"model": own})
}

fn own_of_part(body: &Value) -> Value {
    let mut own = Map::new();
    let has_stages = body.get("pipeline").is_some_and(|stages| !is_empty(stages));
    for key in OF_PARTS {
        let Some(value) = body.get(key) else { continue };
        match key {
            "filename" if has_stages => {}
            "pipeline" if !has_stages => {}
            _ => drop(own.insert(key.to_owned(), with_base_names(key, value))),
        }
    }
    own.into()
}

/// `value` of `key` with graphs named as they lie in the variant's folder.
fn with_base_names(key: &str, value: &Value) -> Value {
    match value {
        Value::String(name) if key == "filename" => name.rsplit('/').next().unwrap_or(name).into(),
        Value::Array(items) => items.iter().map(|item| with_base_names(key, item)).collect(),
        Value::Object(map) => {
            let named = map.iter().map(|(key, value)| (key.clone(), with_base_names(key, value)));
            Value::Object(named.collect())
        }
        other => other.clone(),
    }
}

/// `value` without the keys that are a variant's own, at any depth.
fn shared(value: &Value) -> Value {
    let is_own = |key: &str| OF_PARTS.contains(&key) || OF_MODELS.contains(&key);
    match value {
        Value::Object(map) => {
            let kept = map.iter().filter(|(key, _)| !is_own(key));
            Value::Object(kept.map(|(key, value)| (key.clone(), shared(value))).collect())
        }
        Value::Array(items) => items.iter().map(shared).collect(),
        other => other.clone(),
    }
}

fn is_empty(stages: &Value) -> bool {
    stages.as_array().is_none_or(Vec::is_empty)
}
