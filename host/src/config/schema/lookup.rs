//! Finding a part of a schema, and where else in it a key is known.

use olive_schemas::pointer::unescape;
use serde_json::Value;

use crate::config::references::parts;

/// The schema whose `keyword` stands at `schema_path`.
pub(super) fn owner<'a>(schema: &'a Value, schema_path: &str, keyword: &str) -> &'a Value {
    let end = format!("/{keyword}");
    let mut here = schema;
    for token in schema_path.strip_suffix(&end).unwrap_or(schema_path).split('/').skip(1) {
        here = behind(here, schema);
        if token == "$ref" {
            continue;
        }
        let key = unescape(token);
        let next = key.parse::<usize>().ok().and_then(|index| here.get(index));
        let Some(next) = next.or_else(|| here.get(&key)) else { return &Value::Null };
        here = next;
    }
    behind(here, schema)
}

/// The name of a setting of `object` whose own settings have `key`.
pub(super) fn nested_home<'a>(key: &str, object: &'a Value, document: &Value) -> Option<&'a str> {
    let properties = object.get("properties").and_then(Value::as_object)?;
    let home = properties.iter().find(|(_, property)| {
        let known = parts(property, document);
        known.iter().any(|part| part.get("properties").is_some_and(|map| map.get(key).is_some()))
    });
    home.map(|(name, _)| name.as_str())
}

/// What may be written for the property `key` of `object`: names of values, or a word for a type.
pub(super) fn values_of(key: &str, object: &Value, document: &Value) -> Vec<String> {
    let Some(property) = object.get("properties").and_then(|map| map.get(key)) else {
        return Vec::new();
    };
    let mut values = Vec::new();
    for part in parts(property, document) {
        if let Some(constant) = part.get("const") {
            values.push(constant.clone());
        }
        let options = part.get("enum").and_then(Value::as_array);
        values.extend(options.into_iter().flatten().cloned());
    }
    values.retain(|value| !value.is_null());
    let written = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    values.iter().map(written).collect()
}

fn behind<'a>(schema: &'a Value, document: &'a Value) -> &'a Value {
    let target = schema.get("$ref").and_then(Value::as_str);
    let target = target.and_then(|target| document.pointer(target.trim_start_matches('#')));
    target.unwrap_or(schema)
}
