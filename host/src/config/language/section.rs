//! Sections whose `type` selects what else they take.

use serde_json::{Map, Value, json};

use super::written::{advice, describe, describe_values, written};

/// On settings that may stand in two places: the keys that must stand in either.
pub(super) const REQUIRED: &str = "x-olive-required";

/// A type of a section.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kind<'a> {
    /// Name a config selects it by; matched without case.
    pub(super) name: &'a str,
    /// One sentence on what it is.
    pub(super) summary: &'a str,
    /// JSON schema (draft-07) of its normalized settings, without `type`.
    pub(super) schema: &'a Value,
}

/// A section by its `type`.
pub(super) struct Section<'a> {
    /// Word for the section, which starts the names of its definitions.
    pub(super) word: &'a str,
    /// What the section is.
    pub(super) description: &'a str,
    /// What `type` is.
    pub(super) type_description: &'a str,
    /// Key below which settings may stand too.
    pub(super) wrapper: &'a str,
    /// Keys that every type has.
    pub(super) common: Map<String, Value>,
    /// Former names of types, each with the name of today.
    pub(super) former_names: Vec<(&'a str, &'a str)>,
}

impl Section<'_> {
    /// The section for `kinds`; what it needs goes to `definitions`.
    pub(super) fn of(&self, kinds: &[Kind<'_>], definitions: &mut Map<String, Value>) -> Value {
        let branches: Vec<Value> =
            kinds.iter().map(|kind| self.branch(kind, kinds, definitions)).collect();
        let mut section = json!({
            "type": "object",
            "properties": {"type": self.type_schema(kinds)},
            "required": ["type"],
        });
        if let Some(section) = section.as_object_mut() {
            describe(section, self.description);
            if !kinds.is_empty() {
                section.insert("allOf".into(), branches.into());
                section.insert("defaultSnippets".into(), kinds.iter().map(snippet).collect());
            }
        }
        section
    }

    /// What holds when `type` is `kind`.
    fn branch(
        &self,
        kind: &Kind<'_>,
        kinds: &[Kind<'_>],
        definitions: &mut Map<String, Value>,
    ) -> Value {
        let index = kinds.iter().position(|known| known.name == kind.name).unwrap_or_default();
        let name = definition_name(self.word, kind.name, index, definitions);
        let settings = written(kind.schema, &format!("{name}."), definitions);
        let mut form = both_forms(&name, settings, self.wrapper, &self.common, definitions);
        if let Some(form) = form.as_object_mut() {
            form.remove("markdownDescription");
            describe(form, kind.summary);
        }
        definitions.insert(name.clone(), form);
        let former = self.former_names.iter().filter(|(_, today)| *today == kind.name);
        let patterns: Vec<String> = std::iter::once(any_case(kind.name))
            .chain(former.map(|(old, _)| any_case(old)))
            .collect();
        json!({
            "if": {
                "properties": {"type": {"pattern": format!("^(?:{})$", patterns.join("|"))}},
                "required": ["type"]
            },
            "then": reference(&name)
        })
    }

    /// The names of `kinds`, each with what it is; other cases are right but not proposed.
    fn type_schema(&self, kinds: &[Kind<'_>]) -> Value {
        if kinds.is_empty() {
            let message = "no installed plugin has one";
            return json!({"not": {}, "errorMessage": message, "doNotSuggest": true});
        }
        let names: Vec<&str> = kinds.iter().map(|kind| kind.name).collect();
        let mut named = json!({ "enum": names });
        let summaries: Vec<String> = kinds.iter().map(|kind| kind.summary.to_owned()).collect();
        if let Some(named) = named.as_object_mut() {
            describe_values(named, &summaries);
        }
        let former = self.former_names.iter().map(|(old, _)| any_case(old));
        let patterns: Vec<String> = names.iter().map(|name| any_case(name)).chain(former).collect();
        let pattern = format!("^(?:{})$", patterns.join("|"));
        let mut schema = json!({
            "anyOf": [named, {"type": "string", "pattern": pattern, "doNotSuggest": true}]
        });
        if let Some(schema) = schema.as_object_mut() {
            describe(schema, self.type_description);
        }
        schema
    }
}

/// What an editor writes for a section of `kind`: its type, and the settings it must have.
fn snippet(kind: &Kind<'_>) -> Value {
    let mut body = Map::new();
    body.insert("type".into(), kind.name.into());
    let required = kind.schema.get("required").and_then(Value::as_array).into_iter().flatten();
    for (index, key) in required.filter_map(Value::as_str).enumerate() {
        body.insert(key.to_owned(), format!("${}", index + 1).into());
    }
    json!({"label": kind.name, "description": kind.summary, "body": body})
}

/// A section of one type in its two forms: settings beside the `common` keys, and below `wrapper`.
///
/// The settings become the definition `<name>.<wrapper>`.
pub(super) fn both_forms(
    name: &str,
    settings: Value,
    wrapper: &str,
    common: &Map<String, Value>,
    definitions: &mut Map<String, Value>,
) -> Value {
    let inner = format!("{name}.{wrapper}");
    let required = required_keys(&settings);
    let own = settings.get("properties").and_then(Value::as_object).into_iter().flat_map(Map::keys);
    let own = own.map(|key| {
        let pointer = format!("{inner}/properties/{}", olive_schemas::pointer::escape(key));
        (key.clone(), reference(&pointer))
    });
    // In the order in which editors offer them.
    let kind = common.get_key_value("type").map(|(key, kind)| (key.clone(), kind.clone()));
    let mut properties: Map<String, Value> = kind.into_iter().chain(own).collect();
    properties.extend(common.clone());
    properties.insert(wrapper.into(), reference(&inner));
    let mut form = json!({"type": "object", "properties": properties});
    if let Some(form) = form.as_object_mut() {
        if let Some(others) = settings.get("additionalProperties") {
            form.insert("additionalProperties".into(), others.clone());
        }
        if let Some(description) = settings.get("description").and_then(Value::as_str) {
            describe(form, description);
        }
        if let Some(keys) = settings.get("required") {
            form.insert(REQUIRED.into(), keys.clone());
            let rules = required.iter().map(|names| in_either_form(names, wrapper));
            form.insert("allOf".into(), rules.collect());
        }
    }
    let mut settings = settings;
    if let Some(settings) = settings.as_object_mut() {
        if let Some(required) = settings.remove("required") {
            settings.insert(REQUIRED.into(), required);
        }
        settings.insert("type".into(), json!(["object", "null"]));
    }
    definitions.insert(inner, settings);
    form
}

/// A reference to a definition, or to a place in one.
pub(super) fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/definitions/{name}")})
}

/// Required keys, each with the old names that do as well.
fn required_keys(settings: &Value) -> Vec<Vec<String>> {
    let required = settings.get("required").and_then(Value::as_array).into_iter().flatten();
    let old_names = |key: &str| {
        let message = Value::String(advice(&format!("`{key}`")));
        let properties = settings.get("properties").and_then(Value::as_object);
        let old = properties
            .into_iter()
            .flatten()
            .filter(move |(_, property)| property.get("deprecationMessage") == Some(&message));
        old.map(|(old, _)| old.clone()).collect::<Vec<_>>()
    };
    let names = |key: &str| std::iter::once(key.to_owned()).chain(old_names(key)).collect();
    required.filter_map(Value::as_str).map(names).collect()
}

/// The rule that one of `names` is written, in whichever form is used.
fn in_either_form(names: &[String], wrapper: &str) -> Value {
    let has_one = match names {
        [name] => json!({"required": [name]}),
        several => json!({
            "anyOf": several.iter().map(|name| json!({"required": [name]})).collect::<Vec<_>>()
        }),
    };
    json!({
        "if": {
            "properties": {wrapper: {"type": "object"}},
            "required": [wrapper],
            "not": has_one
        },
        "then": {"properties": {wrapper: has_one}},
        "else": has_one
    })
}

/// A name for the definition of a type that no definition has.
fn definition_name(word: &str, kind: &str, index: usize, taken: &Map<String, Value>) -> String {
    let plain: String = kind.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
    let name = format!("{word}.{plain}");
    if plain == kind && !taken.contains_key(&name) { name } else { format!("{name}{index}") }
}

/// A regular expression for `name` in any case.
pub(super) fn any_case(name: &str) -> String {
    let mut pattern = String::new();
    for letter in name.chars() {
        if letter.is_ascii_alphabetic() {
            let (upper, lower) = (letter.to_ascii_uppercase(), letter.to_ascii_lowercase());
            pattern.extend(['[', upper, lower, ']']);
        } else if letter.is_alphanumeric() || ['_', '-', ' '].contains(&letter) {
            pattern.push(letter);
        } else {
            pattern.extend(['\\', letter]);
        }
    }
    pattern
}
