//! The settings that a schema has, each with values to try.

use olive_schemas::pointer::{escape, unescape};
use serde_json::{Map, Value, json};

/// How deep settings inside settings are looked for; a schema may refer to itself.
const DEEPEST: usize = 8;

/// A setting that a schema has, and what it may be set to.
///
/// A test that changes one setting after the other proves that none is accepted and ignored: each
/// must change the result, or a finding.
///
/// ```
/// use olive_plugin_api::testing::settings_of;
/// use serde_json::json;
///
/// let schema = json!({"properties": {
///     "steps": {"type": "integer", "minimum": 1},
///     "training": {"properties": {"order": {"enum": ["random", "sequential"]}}}
/// }});
/// let settings = settings_of(&schema);
/// assert_eq!(settings[1].pointer, "/training/order");
/// assert_eq!(settings[1].values, [json!("random"), json!("sequential")]);
/// let mut config = json!({"steps": 1});
/// settings[1].put(&mut config, json!("sequential"));
/// assert_eq!(config, json!({"steps": 1, "training": {"order": "sequential"}}));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    /// Pointer (RFC 6901) from the root of the settings; 0 stands for an item of a list.
    pub pointer: String,
    /// Values that its schema allows, `null` last; none where a pattern says what fits.
    pub values: Vec<Value>,
    /// Whether it is known and left out, by the mark `x-olive-ignored` or `x-olive-unavailable`.
    pub is_left_out: bool,
}

impl Setting {
    /// Sets it in `config`; objects and lists on the way there are made.
    pub fn put(&self, config: &mut Value, value: Value) {
        let mut place = config;
        for key in self.pointer.split('/').skip(1) {
            let key = unescape(key);
            place = if key == "0" { first(place) } else { entry(place, key) };
        }
        *place = value;
    }
}

/// Every setting of `schema`, those inside objects and lists too; `$ref`s point into itself.
pub fn settings_of(schema: &Value) -> Vec<Setting> {
    let mut found = Vec::new();
    collect(schema, schema, "", 0, &mut found);
    found
}

fn collect(
    schema: &Value,
    document: &Value,
    pointer: &str,
    depth: usize,
    found: &mut Vec<Setting>,
) {
    let parts = parts(schema, document);
    for (key, property) in entries(&parts, "properties") {
        let pointer = format!("{pointer}/{}", escape(key));
        let values = values(property, document, 0);
        if !values.iter().all(Value::is_null) || !has_settings(property, document) {
            found.push(Setting { pointer: pointer.clone(), values, is_left_out: false });
        }
        if depth < DEEPEST {
            collect(property, document, &pointer, depth + 1, found);
        }
    }
    for (key, _) in entries(&parts, "x-olive-ignored").chain(entries(&parts, "x-olive-unavailable"))
    {
        let (pointer, values) =
            (format!("{pointer}/{}", escape(key)), vec![json!(true), json!("changed")]);
        found.push(Setting { pointer, values, is_left_out: true });
    }
    if let Some(items) = parts.iter().find_map(|part| part.get("items"))
        && depth < DEEPEST
    {
        collect(items, document, &format!("{pointer}/0"), depth + 1, found);
    }
}

/// Values that fit `schema`, those of each of its alternatives.
fn values(schema: &Value, document: &Value, depth: usize) -> Vec<Value> {
    let parts = parts(schema, document);
    let mut values = Vec::new();
    for part in &parts {
        let named = part.get("enum").and_then(Value::as_array).into_iter().flatten();
        values.extend(named.chain(part.get("const")).cloned());
        if part.get("enum").or(part.get("const")).is_some() {
            continue;
        }
        for kind in kinds(part) {
            match kind {
                "boolean" => values.extend([json!(true), json!(false)]),
                "integer" => values.extend(numbers(part, &[1.0, 2.0, 3.0, 8.0]).map(whole)),
                "number" => values.extend(numbers(part, &[0.5, 0.25, 2.0, 3.0]).map(Value::from)),
                "string" if part.get("pattern").is_none() => values.push(json!("changed")),
                "null" => values.push(Value::Null),
                "array" => values.extend(items(part, document, depth)),
                "object" if part.get("properties").is_none() => values.extend(
                    others(part, document, depth)
                        .into_iter()
                        .map(|value| json!({"changed": value})),
                ),
                _ => {}
            }
        }
    }
    values.retain(|value| !parts.iter().any(|part| excludes(part, value)));
    values.sort_by_key(Value::is_null);
    let mut distinct: Vec<Value> = Vec::new();
    for value in values {
        if !distinct.contains(&value) {
            distinct.push(value);
        }
    }
    distinct
}

/// Lists of one item.
fn items(part: &Value, document: &Value, depth: usize) -> Vec<Value> {
    let Some(items) = part.get("items").filter(|_| depth < DEEPEST) else { return Vec::new() };
    let items = values(items, document, depth + 1).into_iter();
    items.filter(|item| !item.is_null()).map(|item| json!([item])).collect()
}

/// Values of the entries of a map.
fn others(part: &Value, document: &Value, depth: usize) -> Vec<Value> {
    match part.get("additionalProperties") {
        Some(schema @ Value::Object(_)) if depth < DEEPEST => values(schema, document, depth + 1),
        Some(Value::Bool(false)) => Vec::new(),
        _ => vec![json!(1)],
    }
}

/// The types a part names.
fn kinds(part: &Value) -> Vec<&str> {
    match part.get("type") {
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect(),
        kind => kind.and_then(Value::as_str).into_iter().collect(),
    }
}

/// Those of `usual`, and of the limits of a part, that are within them.
fn numbers<'a>(part: &'a Value, usual: &'a [f64]) -> impl Iterator<Item = f64> + 'a {
    let limit = |key: &str| part.get(key).and_then(Value::as_f64);
    let (least, above) = (limit("minimum"), limit("exclusiveMinimum"));
    let (most, below) = (limit("maximum"), limit("exclusiveMaximum"));
    let ends = least.into_iter().chain(most.filter(|most| *most <= 1024.0));
    usual.iter().copied().chain(ends).filter(move |number| {
        least.is_none_or(|least| *number >= least)
            && most.is_none_or(|most| *number <= most)
            && above.is_none_or(|above| *number > above)
            && below.is_none_or(|below| *number < below)
    })
}

#[expect(clippy::cast_possible_truncation, reason = "limits of small whole numbers")]
fn whole(number: f64) -> Value {
    json!(number as i64)
}

/// Whether a part says that `value` does not fit, by `not`.
fn excludes(part: &Value, value: &Value) -> bool {
    let excluded = part.get("not").and_then(|not| not.get("const"));
    excluded.is_some_and(|excluded| {
        excluded == value
            || excluded.as_f64().is_some_and(|excluded| value.as_f64() == Some(excluded))
    })
}

fn has_settings(schema: &Value, document: &Value) -> bool {
    parts(schema, document).iter().any(|part| {
        let inner = part.get("properties").and_then(Value::as_object);
        let items = part.get("items");
        inner.is_some_and(|inner| !inner.is_empty())
            || items.is_some_and(|items| has_settings(items, document))
    })
}

fn entries<'a>(
    parts: &'a [&'a Value],
    keyword: &'a str,
) -> impl Iterator<Item = (&'a String, &'a Value)> {
    parts.iter().filter_map(move |part| part.get(keyword)?.as_object()).flatten()
}

/// The parts of a schema that may describe a value: itself, behind `$ref`, and each alternative.
fn parts<'a>(schema: &'a Value, document: &'a Value) -> Vec<&'a Value> {
    let mut parts = vec![schema];
    let target = schema.get("$ref").and_then(Value::as_str);
    let target = target.and_then(|target| document.pointer(target.trim_start_matches('#')));
    let alternatives = ["allOf", "anyOf", "oneOf"].into_iter();
    let alternatives = alternatives.filter_map(|keyword| schema.get(keyword)?.as_array()).flatten();
    for part in target.into_iter().chain(alternatives) {
        parts.extend(self::parts(part, document));
    }
    parts
}

/// The first item of a list; what is no list becomes one.
fn first(place: &mut Value) -> &mut Value {
    if place.as_array().is_none_or(Vec::is_empty) {
        *place = json!([null]);
    }
    &mut place[0]
}

/// An entry of an object; what is no object becomes one.
fn entry(place: &mut Value, key: String) -> &mut Value {
    if !place.is_object() {
        *place = Value::Object(Map::new());
    }
    &mut place[key]
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Setting, settings_of};

    #[test]
    fn settings_are_found_wherever_a_schema_has_them() {
        let schema = json!({
            "properties": {
                "plain": {"type": "boolean"},
                "nothing": {"type": "null"},
                "args": {"anyOf": [{"$ref": "#/definitions/Args"}, {"type": "null"}]},
                "list": {"type": "array", "items": {"$ref": "#/definitions/Args"}}
            },
            "x-olive-ignored": {"old": "it is gone"},
            "definitions": {"Args": {
                "properties": {"seed": {"type": "integer"}},
                "x-olive-unavailable": {"far": "not yet"}
            }}
        });
        let told: Vec<_> = settings_of(&schema)
            .into_iter()
            .map(|setting| (setting.pointer, setting.is_left_out))
            .collect();
        let expected = [
            ("/plain", false),
            ("/nothing", false),
            ("/args/seed", false),
            ("/args/far", true),
            ("/list/0/seed", false),
            ("/list/0/far", true),
            ("/old", true),
        ];
        assert_eq!(told, expected.map(|(pointer, is_left_out)| (pointer.to_owned(), is_left_out)));
    }

    #[test]
    fn values_fit_what_the_schema_says() {
        for (schema, values) in [
            (json!({"type": "boolean"}), json!([true, false])),
            (
                json!({"type": ["integer", "null"], "minimum": 2, "maximum": 4}),
                json!([2, 3, 4, null]),
            ),
            (json!({"type": "integer", "maximum": 1, "not": {"const": 1}}), json!([])),
            (json!({"type": "number", "exclusiveMaximum": 0.5}), json!([0.25])),
            (json!({"enum": ["a", "b", null]}), json!(["a", "b", null])),
            (json!({"type": "string"}), json!(["changed"])),
            (json!({"type": "string", "pattern": "^[0-9]+$"}), json!([])),
            (json!({"type": "array", "items": {"enum": ["a"]}}), json!([["a"]])),
            (json!({"type": "object"}), json!([{"changed": 1}])),
            (
                json!({"anyOf": [{"type": "boolean"}, {"const": "x", "type": "string"}]}),
                json!([true, false, "x"]),
            ),
        ] {
            let settings = settings_of(&json!({"properties": {"it": schema}}));
            assert_eq!(Value::from(settings[0].values.clone()), values);
        }
    }

    #[test]
    fn a_setting_is_put_where_nothing_was() {
        let setting =
            Setting { pointer: "/a/0/b~1c".into(), values: Vec::new(), is_left_out: false };
        for (mut config, expected) in [
            (json!({}), json!({"a": [{"b/c": 2}]})),
            (json!({"a": [{"b/c": 1, "d": 1}, 3]}), json!({"a": [{"b/c": 2, "d": 1}, 3]})),
            (json!({"a": "text"}), json!({"a": [{"b/c": 2}]})),
        ] {
            setting.put(&mut config, json!(2));
            assert_eq!(config, expected);
        }
    }
}
