//! What a schema says about one place.

use serde_json::Value;

use super::words::words;
use super::{Guide, list, step};

/// What the schema says about one place.
#[derive(Debug, Clone)]
pub struct Place<'a> {
    pub(super) guide: Guide<'a>,
    /// Every subschema that applies, the nearest first.
    pub(super) parts: Vec<&'a Value>,
}

/// A value that may stand at a place.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice<'a> {
    /// The value.
    pub value: Value,
    /// What it means.
    pub description: Option<&'a str>,
    /// Whether other values may stand there as well.
    pub is_example: bool,
}

impl<'a> Place<'a> {
    /// Whether the schema says nothing about the place, or that nothing may stand there.
    pub fn is_unknown(&self) -> bool {
        self.parts.is_empty() || self.is_refused()
    }

    /// Keys that an object here may have, in the schema's order, each with what it says of them.
    pub fn keys(&self) -> Vec<(&'a str, Place<'a>)> {
        let maps = self.parts.iter().filter_map(|part| part.get("properties")?.as_object());
        let mut found: Vec<(&str, Place<'_>)> = Vec::new();
        for (key, schema) in maps.flatten() {
            let parts = self.guide.expand(schema, None);
            match found.iter_mut().find(|(known, _)| known == key) {
                Some((_, place)) => place.parts.extend(parts),
                None => found.push((key, Place { guide: self.guide, parts })),
            }
        }
        found.retain(|(_, place)| !place.is_refused());
        found
    }

    /// Whether an object here must have `key`.
    pub fn requires(&self, key: &str) -> bool {
        self.parts.iter().flat_map(|part| list(part, "required")).any(|required| required == key)
    }

    /// Values that may stand here, with `true` and `false` where those may.
    pub fn choices(&self) -> Vec<Choice<'a>> {
        let mut found: Vec<Choice<'_>> = Vec::new();
        for choice in self.parts.iter().flat_map(|part| choices(part)) {
            match found.iter_mut().find(|known| known.value == choice.value) {
                Some(known) => known.description = known.description.or(choice.description),
                None => found.push(choice),
            }
        }
        found
    }

    /// What the value is for.
    pub fn description(&self) -> Option<&'a str> {
        self.says("description").and_then(Value::as_str)
    }

    /// What is taken when the value is left out.
    pub fn default(&self) -> Option<&'a Value> {
        self.says("default")
    }

    /// Whether the key is one of former times.
    pub fn is_deprecated(&self) -> bool {
        self.says("deprecated") == Some(&Value::Bool(true))
            || self.says("deprecationMessage").is_some()
    }

    /// Whether the schema asks not to propose the key.
    pub fn is_silent(&self) -> bool {
        self.says("doNotSuggest") == Some(&Value::Bool(true))
    }

    /// What the schema says here under `keyword`, the first part that does.
    pub fn says(&self, keyword: &str) -> Option<&'a Value> {
        self.parts.iter().find_map(|part| part.get(keyword))
    }

    /// JSON types that a value here may have, each once.
    pub fn types(&self) -> Vec<&'a str> {
        let mut found = Vec::new();
        for part in &self.parts {
            let named: Vec<&str> = match part.get("type") {
                Some(Value::String(name)) => vec![name],
                Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
                _ => Vec::new(),
            };
            for name in named {
                if !found.contains(&name) {
                    found.push(name);
                }
            }
        }
        found
    }

    /// Type, range and values in words: ``whole number from 1 to 64 or null``.
    pub fn words(&self) -> String {
        words(self)
    }

    /// What the schema says about the items of a list here.
    #[must_use]
    pub fn item(&self) -> Self {
        let items = self.parts.iter().filter_map(|part| step(part, "0", true));
        let parts = items.flat_map(|schema| self.guide.expand(schema, None)).collect();
        Self { guide: self.guide, parts }
    }

    fn is_refused(&self) -> bool {
        self.parts.iter().any(|part| **part == Value::Bool(false))
    }
}

fn choices(part: &Value) -> Vec<Choice<'_>> {
    let own = part.get("description").and_then(Value::as_str);
    let descriptions: Vec<Option<&str>> =
        list(part, "enumDescriptions").map(Value::as_str).collect();
    let named = list(part, "enum").enumerate().map(|(index, value)| {
        let description = descriptions.get(index).copied().flatten();
        Choice { value: value.clone(), description, is_example: false }
    });
    let constant = part.get("const").into_iter();
    let constant =
        constant.map(|value| Choice { value: value.clone(), description: own, is_example: false });
    let examples = list(part, "examples").chain(part.get("default"));
    let examples = examples
        .filter(|value| !value.is_object() && !value.is_array() && !value.is_null())
        .map(|value| Choice { value: value.clone(), description: None, is_example: true });
    let is_switch = part.get("type").is_some_and(|kind| {
        kind == "boolean" || kind.as_array().is_some_and(|kinds| kinds.contains(&"boolean".into()))
    });
    let switch = [true, false].into_iter().filter(|_| is_switch);
    let switch = switch.map(|on| Choice { value: on.into(), description: None, is_example: false });
    named.chain(constant).chain(switch).chain(examples).collect()
}
