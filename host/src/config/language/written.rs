//! From the schema of normalized settings to the schema of settings as people write them.
//!
//! Old names, keys without effect and options that are not available, which are marks in the
//! former, are properties in the latter; alternatives of constants are one `enum` with a
//! description each, which editors show. What is said about a field is not hidden by what is said
//! about its type.

use serde_json::{Map, Value, json};

use crate::config::references::{
    ADVICE, IDS, IGNORED, MEMORY, QUALITY_HELP, RANKS, RENAMED_FROM, SEARCHED, SHARED_DIR,
    SHORTCUTS, THREADS, UNAVAILABLE, UNAVAILABLE_VALUES,
};

/// Keywords that say nothing to an editor.
const SILENT: [&str; 16] = [
    "$schema",
    "title",
    "definitions",
    ADVICE,
    IDS,
    IGNORED,
    MEMORY,
    QUALITY_HELP,
    RANKS,
    RENAMED_FROM,
    SEARCHED,
    SHARED_DIR,
    SHORTCUTS,
    THREADS,
    UNAVAILABLE,
    UNAVAILABLE_VALUES,
];

/// The root of `document` as people write it; the definitions it needs go to `definitions`, with
/// `prefix` before their names.
pub(super) fn written(
    document: &Value,
    prefix: &str,
    definitions: &mut Map<String, Value>,
) -> Value {
    let mut writing = Writing::of(document, prefix);
    let root = writing.schema(document);
    writing.define(references(&root, prefix), definitions);
    root
}

/// Adds the definitions of `document` called `names`, and those they need, to `definitions`.
pub(super) fn define(document: &Value, names: &[&str], definitions: &mut Map<String, Value>) {
    let names = names.iter().map(|name| (*name).to_owned()).collect();
    Writing::of(document, "").define(names, definitions);
}

/// Takes the definitions out that nothing reachable from `root` refers to.
pub(super) fn prune(root: &Value, definitions: &mut Map<String, Value>) {
    let mut reached = Vec::new();
    let mut needed = references(root, "");
    while let Some(pointer) = needed.pop() {
        let name = pointer.split('/').next().unwrap_or_default().to_owned();
        if !reached.contains(&name) {
            let inner = definitions.get(&name).map(|part| references(part, ""));
            needed.extend(inner.unwrap_or_default());
            reached.push(name);
        }
    }
    definitions.retain(|name, _| reached.contains(name));
}

/// Marks `schema` as an old spelling of what is `instead` today.
pub(super) fn former(schema: Value, instead: &str) -> Value {
    deprecated(schema, &advice(instead))
}

/// Starts what is said of an old spelling.
pub(super) const FORMER: &str = "old spelling: write ";

/// What is said of an old spelling.
pub(super) fn advice(instead: &str) -> String {
    format!("{FORMER}{instead}")
}

/// Marks `schema` as something to be read and not to be written.
pub(super) fn deprecated(mut schema: Value, message: &str) -> Value {
    if !schema.is_object() {
        schema = json!({});
    }
    schema["deprecated"] = true.into();
    schema["deprecationMessage"] = message.into();
    schema["doNotSuggest"] = true.into();
    schema
}

/// Adds `description` in the two forms that editors know; without the second they show escapes.
pub(super) fn describe(schema: &mut Map<String, Value>, description: &str) {
    schema.insert("description".into(), description.into());
    schema.insert("markdownDescription".into(), description.into());
}

/// Gives an `enum` schema a description for each value, in the two forms.
pub(super) fn describe_values(schema: &mut Map<String, Value>, descriptions: &[String]) {
    if descriptions.iter().any(|text| !text.is_empty()) {
        schema.insert("enumDescriptions".into(), descriptions.into());
        schema.insert("markdownEnumDescriptions".into(), descriptions.into());
    }
}

struct Writing<'a> {
    known: Option<&'a Map<String, Value>>,
    prefix: &'a str,
    /// Names of the definitions that are being written in place of their references.
    inside: Vec<String>,
}

impl<'a> Writing<'a> {
    fn of(document: &'a Value, prefix: &'a str) -> Self {
        let known = document.get("definitions").and_then(Value::as_object);
        Self { known, prefix, inside: Vec::new() }
    }

    fn define(&mut self, mut needed: Vec<String>, definitions: &mut Map<String, Value>) {
        while let Some(name) = needed.pop() {
            let full_name = format!("{}{name}", self.prefix);
            if definitions.contains_key(&full_name) {
                continue;
            }
            let part = self.known.and_then(|known| known.get(&name));
            let definition = part.map_or(Value::Bool(true), |part| self.schema(part));
            needed.extend(references(&definition, self.prefix));
            definitions.insert(full_name, definition);
        }
    }

    fn schema(&mut self, schema: &Value) -> Value {
        let Some(written) = schema.as_object() else { return schema.clone() };
        let depth = self.inside.len();
        let mut map = self.joined(written.clone());
        let mut result = Map::new();
        for (keyword, value) in &map {
            if let Some(value) = self.keyword(keyword, value) {
                result.insert(keyword.clone(), value);
            }
        }
        collapse(&mut result);
        if let Some(values) = map.remove(UNAVAILABLE_VALUES) {
            take_values(&mut result, &values);
        }
        if let Some(Value::String(description)) = result.get("description").cloned() {
            describe(&mut result, &description);
            quiet_alternatives(&mut result);
        }
        add_marked_keys(&mut result, &map);
        self.inside.truncate(depth);
        Value::Object(result)
    }

    fn keyword(&mut self, keyword: &str, value: &Value) -> Option<Value> {
        Some(match keyword {
            silent if SILENT.contains(&silent) => return None,
            // What it holds is said key by key.
            "default" if value.is_null() || value.is_object() => return None,
            "format" if value.as_str().is_some_and(is_number_format) => return None,
            "$ref" => self.reference(value),
            "properties" => Value::Object(
                value
                    .as_object()?
                    .iter()
                    .map(|(key, property)| (key.clone(), self.schema(property)))
                    .collect(),
            ),
            "items" | "additionalProperties" | "not" | "if" | "then" | "else" => self.schema(value),
            "anyOf" | "oneOf" | "allOf" => {
                value.as_array()?.iter().map(|part| self.schema(part)).collect()
            }
            _ => value.clone(),
        })
    }

    fn reference(&self, target: &Value) -> Value {
        match target.as_str().and_then(|target| target.strip_prefix("#/definitions/")) {
            Some(name) => format!("#/definitions/{}{name}", self.prefix).into(),
            None => target.clone(),
        }
    }

    /// A field that is described beside a reference to its type, in one schema.
    fn joined(&mut self, mut map: Map<String, Value>) -> Map<String, Value> {
        loop {
            let is_nullable = map.contains_key("anyOf");
            let inner = match (alone(&map, "allOf"), optional(&map)) {
                (Some(inner), _) | (None, Some(inner)) => inner.clone(),
                (None, None) => return map,
            };
            let Some(mut joined) = self.resolved(&inner) else { return map };
            if is_nullable && !allow_null(&mut joined) && !add_null(&mut joined) {
                return map;
            }
            map.remove(if is_nullable { "anyOf" } else { "allOf" });
            joined.extend(map);
            map = joined;
        }
    }

    /// `schema`, or what it refers to unless that is being written already.
    fn resolved(&mut self, schema: &Value) -> Option<Map<String, Value>> {
        let map = schema.as_object()?;
        let target = map.get("$ref").and_then(Value::as_str);
        let Some(name) = target.and_then(|target| target.strip_prefix("#/definitions/")) else {
            return Some(map.clone());
        };
        if self.inside.iter().any(|inside| inside == name) {
            return None;
        }
        let found = self.known?.get(name)?.as_object()?.clone();
        self.inside.push(name.to_owned());
        Some(found)
    }
}

/// Names of the definitions that `schema` refers to and that start with `prefix`, without it.
pub(super) fn references(schema: &Value, prefix: &str) -> Vec<String> {
    let start = format!("#/definitions/{prefix}");
    match schema {
        Value::Object(map) => {
            let own = map.get("$ref").and_then(Value::as_str);
            let own = own.and_then(|target| target.strip_prefix(&start)).map(str::to_owned);
            let inner = map.values().flat_map(|part| references(part, prefix));
            own.into_iter().chain(inner).collect()
        }
        Value::Array(items) => items.iter().flat_map(|item| references(item, prefix)).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

fn is_number_format(format: &str) -> bool {
    format.starts_with("uint") || format.starts_with("int") || ["float", "double"].contains(&format)
}

/// The one part of `keyword`, when it has no other.
fn alone<'a>(map: &'a Map<String, Value>, keyword: &str) -> Option<&'a Value> {
    match map.get(keyword)?.as_array()?.as_slice() {
        [part] => Some(part),
        _ => None,
    }
}

/// The other part of an alternative to `null`.
fn optional(map: &Map<String, Value>) -> Option<&Value> {
    let null = json!({"type": "null"});
    match map.get("anyOf")?.as_array()?.as_slice() {
        [part, other] if *other == null => Some(part),
        _ => None,
    }
}

/// Lets `schema` be `null` too, if it has a form that can say so.
fn allow_null(schema: &mut Map<String, Value>) -> bool {
    collapse(schema);
    let Some(kind) = schema.get_mut("type") else { return false };
    match kind {
        Value::String(name) => *kind = json!([name, "null"]),
        Value::Array(names) if !names.contains(&"null".into()) => names.push("null".into()),
        _ => {}
    }
    if let Some(values) = schema.get_mut("enum").and_then(Value::as_array_mut)
        && !values.contains(&Value::Null)
    {
        values.push(Value::Null);
        for keyword in ["enumDescriptions", "markdownEnumDescriptions"] {
            if let Some(texts) = schema.get_mut(keyword).and_then(Value::as_array_mut) {
                texts.push("".into());
            }
        }
    }
    true
}

/// Adds `null` to alternatives.
fn add_null(schema: &mut Map<String, Value>) -> bool {
    let parts = schema.get_mut("anyOf").and_then(Value::as_array_mut);
    parts.map(|parts| parts.push(json!({"type": "null"}))).is_some()
}

/// Alternatives that are all text constants become one `enum`.
fn collapse(schema: &mut Map<String, Value>) {
    let keyword = if schema.contains_key("oneOf") { "oneOf" } else { "anyOf" };
    let Some(parts) = schema.get(keyword).and_then(Value::as_array) else { return };
    let (mut values, mut descriptions) = (Vec::new(), Vec::new());
    for part in parts {
        let constant = part.get("const").map(std::slice::from_ref);
        let Some(named) = constant.or_else(|| part.get("enum")?.as_array().map(Vec::as_slice))
        else {
            return;
        };
        if !named.iter().all(Value::is_string) {
            return;
        }
        let own = part.get("enumDescriptions").and_then(Value::as_array);
        let text = part.get("description").and_then(Value::as_str).unwrap_or_default();
        for (index, value) in named.iter().enumerate() {
            let own = own.and_then(|own| own.get(index)?.as_str());
            descriptions.push(own.unwrap_or(text).to_owned());
            values.push(value.clone());
        }
    }
    schema.remove(keyword);
    schema.insert("type".into(), "string".into());
    schema.insert("enum".into(), values.into());
    describe_values(schema, &descriptions);
}

/// Editors show what an alternative says instead of what its field says.
fn quiet_alternatives(schema: &mut Map<String, Value>) {
    let parts = schema.get_mut("anyOf").and_then(Value::as_array_mut).into_iter().flatten();
    for part in parts.filter_map(Value::as_object_mut) {
        part.remove("description");
        part.remove("markdownDescription");
    }
}

/// Takes the keys of `unavailable` out of every `enum` of `schema`.
fn take_values(schema: &mut Map<String, Value>, unavailable: &Value) {
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        let is_kept = |value: &Value| value.as_str().is_none_or(|v| unavailable.get(v).is_none());
        let kept: Vec<bool> = values.iter().map(is_kept).collect();
        for keyword in ["enum", "enumDescriptions", "markdownEnumDescriptions"] {
            if let Some(items) = schema.get_mut(keyword).and_then(Value::as_array_mut) {
                let mut kept = kept.iter();
                items.retain(|_| *kept.next().unwrap_or(&true));
            }
        }
    }
    if let Some(items) = schema.get_mut("items").and_then(Value::as_object_mut) {
        take_values(items, unavailable);
    }
    for keyword in ["anyOf", "oneOf", "allOf"] {
        let parts = schema.get_mut(keyword).and_then(Value::as_array_mut);
        for part in parts.into_iter().flatten().filter_map(Value::as_object_mut) {
            take_values(part, unavailable);
        }
    }
}

/// Adds the keys that the marks of `marked` tell of to the properties of `schema`.
fn add_marked_keys(schema: &mut Map<String, Value>, marked: &Map<String, Value>) {
    let mut more = Map::new();
    let properties = marked.get("properties").and_then(Value::as_object);
    for (key, property) in properties.into_iter().flatten() {
        let old_names = property.get(RENAMED_FROM).and_then(Value::as_array).into_iter().flatten();
        for old in old_names.filter_map(Value::as_str) {
            let same = schema.get("properties").and_then(|known| known.get(key)).cloned();
            let property = former(same.unwrap_or_default(), &format!("`{key}`"));
            more.insert(old.to_owned(), property);
        }
    }
    for (key, mark) in marked.get(IGNORED).and_then(Value::as_object).into_iter().flatten() {
        let message = format!("`{key}` has no effect: {}", reason(mark));
        more.insert(key.clone(), deprecated(json!({}), &message));
    }
    for (key, mark) in marked.get(UNAVAILABLE).and_then(Value::as_object).into_iter().flatten() {
        let message = format!("`{key}` is not available: {}", reason(mark));
        let property = match mark.get("unless") {
            Some(harmless) => json!({"enum": harmless}),
            None => json!({"not": {}}),
        };
        let mut property = deprecated(property, &message);
        property["errorMessage"] = message.into();
        more.insert(key.clone(), property);
    }
    if more.is_empty() {
        return;
    }
    let properties = schema.entry("properties").or_insert_with(|| json!({}));
    for (key, property) in more {
        if let Some(properties) = properties.as_object_mut()
            && (!properties.contains_key(&key)
                || marked.get(UNAVAILABLE).is_some_and(|m| m.get(&key).is_some()))
        {
            properties.insert(key, property);
        }
    }
}

fn reason(mark: &Value) -> &str {
    mark.get("reason").unwrap_or(mark).as_str().unwrap_or("it is not used")
}
