//! What a schema says about a place of a value: which keys and values may stand there.
//!
//! The schema is one draft-07 document. On the way to a place `$ref`, `allOf`, `anyOf`, `oneOf`
//! and `if`/`then`/`else` are followed as far as the value that is written decides them, so that
//! the options of a section are those of the `type` it has.

mod fit;
mod place;
mod words;

pub use place::{Choice, Place};

use serde_json::Value;

use fit::{fits, may_fit, target};

/// References in a row that are followed.
const REFERENCES_LIMIT: usize = 32;

/// A schema document that is asked about places.
#[derive(Debug, Clone, Copy)]
pub struct Guide<'a> {
    document: &'a Value,
}

impl<'a> Guide<'a> {
    /// A guide to `document`, a whole draft-07 schema.
    pub fn new(document: &'a Value) -> Self {
        Self { document }
    }

    /// The place that the tokens of `path` lead to in `root`, which need not hold it yet.
    pub fn at(self, root: &Value, path: &[String]) -> Place<'a> {
        let mut here = Some(root);
        let mut parts = self.expand(self.document, here);
        for token in path {
            let inner = here.and_then(|value| child(value, token));
            let is_list = here.is_some_and(Value::is_array);
            let below = parts.iter().filter_map(|part| step(part, token, is_list));
            parts = below.flat_map(|schema| self.expand(schema, inner)).collect();
            here = inner;
        }
        Place { guide: self, parts }
    }

    /// `schema` and every part of it that applies to `value`; to any value when none is given.
    fn expand(self, schema: &'a Value, value: Option<&Value>) -> Vec<&'a Value> {
        let mut parts = Vec::new();
        self.gather(schema, value, REFERENCES_LIMIT, &mut parts);
        parts
    }

    fn gather(
        self,
        schema: &'a Value,
        value: Option<&Value>,
        limit: usize,
        parts: &mut Vec<&'a Value>,
    ) {
        if limit == 0 || parts.iter().any(|part| std::ptr::eq(*part, schema)) {
            return;
        }
        parts.push(schema);
        let mut follow = |inner: &'a Value| self.gather(inner, value, limit - 1, parts);
        if let Some(inner) = target(schema, self.document) {
            follow(inner);
        }
        list(schema, "allOf").for_each(&mut follow);
        for keyword in ["anyOf", "oneOf"] {
            self.alternatives(schema, keyword, value).into_iter().for_each(&mut follow);
        }
        self.branches(schema, value).into_iter().for_each(&mut follow);
    }

    /// What holds by the `if` of `schema`.
    fn branches(self, schema: &'a Value, value: Option<&Value>) -> Vec<&'a Value> {
        let Some(condition) = schema.get("if") else { return Vec::new() };
        let branch = |keyword| schema.get(keyword);
        match value {
            Some(value) if fits(value, condition, self.document) => branch("then"),
            Some(_) => branch("else"),
            None => {
                let both = [branch("then"), branch("else")].into_iter().flatten();
                return both.filter(|part| is_plain(condition) && !is_hidden(part)).collect();
            }
        }
        .into_iter()
        .collect()
    }

    /// The alternatives that `value` may be meant for, or that are proposed; all when it fits none.
    fn alternatives(
        self,
        schema: &'a Value,
        keyword: &str,
        value: Option<&Value>,
    ) -> Vec<&'a Value> {
        let all: Vec<&Value> = list(schema, keyword).collect();
        let is_meant = |inner: &&Value| match value {
            Some(value) => may_fit(value, inner, self.document),
            None => !is_hidden(inner),
        };
        let meant: Vec<&Value> = all.iter().copied().filter(is_meant).collect();
        if meant.is_empty() { all } else { meant }
    }
}

/// Whether `schema` is for what is read and not to be written.
fn is_hidden(schema: &Value) -> bool {
    ["deprecated", "doNotSuggest"].iter().any(|mark| schema.get(mark) == Some(&Value::Bool(true)))
}

/// Whether `condition` is about what kind of value it is, not about its keys.
fn is_plain(condition: &Value) -> bool {
    let keywords = condition.as_object().into_iter().flatten();
    let mut keywords = keywords.map(|(keyword, _)| keyword.as_str());
    keywords.all(|keyword| ["type", "const", "enum", "pattern"].contains(&keyword))
}

/// The schema of what `token` leads to from a value that `part` describes.
fn step<'a>(part: &'a Value, token: &str, is_list: bool) -> Option<&'a Value> {
    if is_list {
        return match part.get("items")? {
            Value::Array(schemas) => {
                let index = token.parse().unwrap_or(usize::MAX);
                schemas.get(index).or_else(|| part.get("additionalItems"))
            }
            schema => Some(schema),
        };
    }
    let named = part.get("properties").and_then(|properties| properties.get(token));
    named.or_else(|| by_pattern(part, token)).or_else(|| part.get("additionalProperties"))
}

fn by_pattern<'a>(part: &'a Value, key: &str) -> Option<&'a Value> {
    let patterns = part.get("patternProperties")?.as_object()?;
    patterns.iter().find(|(pattern, _)| fit::matches(key, pattern)).map(|(_, schema)| schema)
}

/// What `token` leads to in `value`.
fn child<'a>(value: &'a Value, token: &str) -> Option<&'a Value> {
    match value {
        Value::Array(items) => items.get(token.parse::<usize>().ok()?),
        other => other.get(token),
    }
}

/// The items of the list under `keyword`.
fn list<'a>(schema: &'a Value, keyword: &str) -> impl Iterator<Item = &'a Value> {
    schema.get(keyword).and_then(Value::as_array).into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Guide, Place};

    /// A schema of the form that the whole language has.
    fn schema() -> Value {
        json!({
            "type": "object",
            "properties": {
                "passes": {
                    "type": "object",
                    "additionalProperties": {"anyOf": [
                        {"$ref": "#/definitions/Pass"},
                        {"type": "array", "items": {"$ref": "#/definitions/Pass"}}
                    ]}
                },
                "host": {
                    "if": {"type": "object"},
                    "then": {"$ref": "#/definitions/Pass"},
                    "else": {"type": ["string", "null"]}
                },
                "old": {"deprecated": true, "description": "Gone."},
                "loop": {"$ref": "#/definitions/Loop"}
            },
            "additionalProperties": false,
            "definitions": {
                "Loop": {"allOf": [{"$ref": "#/definitions/Loop"}]},
                "Pass": {
                    "type": "object",
                    "properties": {"type": {"anyOf": [
                        {"enum": ["LoRA", "Merge"], "enumDescriptions": ["Trains.", "Merges."]},
                        {"type": "string", "pattern": "^[lL]ora$", "doNotSuggest": true}
                    ]}},
                    "required": ["type"],
                    "allOf": [
                        {
                            "if": {"properties": {"type": {"enum": ["LoRA"]}}, "required": ["type"]},
                            "then": {
                                "if": {"required": ["config"]},
                                "then": {"properties": {
                                    "type": true, "config": {"$ref": "#/definitions/LoRA"}
                                }},
                                "else": {"$ref": "#/definitions/LoRA"}
                            }
                        },
                        {
                            "if": {"properties": {"type": {"enum": ["Merge"]}}, "required": ["type"]},
                            "then": {"properties": {"config": false, "fast": {"type": "boolean"}}}
                        }
                    ]
                },
                "LoRA": {"properties": {
                    "r": {"type": "integer", "minimum": 1, "default": 64, "description": "Rank."},
                    "targets": {"type": ["array", "null"], "items": {"enum": ["q", "k"]}}
                }}
            }
        })
    }

    fn path(pointer: &str) -> Vec<String> {
        pointer.split('/').skip(1).map(str::to_owned).collect()
    }

    fn keys<'a>(place: &Place<'a>) -> Vec<&'a str> {
        place.keys().into_iter().map(|(key, _)| key).collect()
    }

    #[track_caller]
    fn check_keys(value: &Value, pointer: &str, expected: &[&str]) {
        let schema = schema();
        assert_eq!(keys(&Guide::new(&schema).at(value, &path(pointer))), expected);
    }

    #[test]
    fn the_type_of_a_section_selects_its_keys() {
        check_keys(&json!({}), "", &["passes", "host", "old", "loop"]);
        check_keys(&json!({"passes": {"a": {}}}), "/passes/a", &["type"]);
        let pass = json!({"passes": {"a": {"type": "LoRA"}}});
        check_keys(&pass, "/passes/a", &["type", "r", "targets"]);
        let pass = json!({"passes": {"a": {"type": "lora"}}});
        check_keys(&pass, "/passes/a", &["type", "r", "targets"]);
        let pass = json!({"passes": {"a": {"type": "LoRA", "config": {}}}});
        check_keys(&pass, "/passes/a", &["type", "config"]);
        check_keys(&pass, "/passes/a/config", &["r", "targets"]);
        let pass = json!({"passes": {"a": [{"type": "Merge"}]}});
        check_keys(&pass, "/passes/a/0", &["type", "fast"]);
    }

    #[test]
    fn nothing_is_known_where_nothing_may_stand() {
        let schema = schema();
        let guide = Guide::new(&schema);
        assert!(guide.at(&json!({"host": "a"}), &path("/host/b/c")).is_unknown());
        assert!(keys(&guide.at(&json!({"loop": {}}), &path("/loop"))).is_empty());
        let place = guide.at(&json!({}), &path("/old"));
        assert!(place.is_deprecated());
        assert_eq!(place.description(), Some("Gone."));
    }

    #[track_caller]
    fn check_choices(value: &Value, pointer: &str, expected: &[(Value, Option<&str>)]) {
        let schema = schema();
        let place = Guide::new(&schema).at(value, &path(pointer));
        let found = place.choices().into_iter().map(|choice| (choice.value, choice.description));
        assert_eq!(found.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn values_come_with_their_descriptions() {
        check_choices(
            &json!({"passes": {"a": {}}}),
            "/passes/a/type",
            &[(json!("LoRA"), Some("Trains.")), (json!("Merge"), Some("Merges."))],
        );
        let pass = json!({"passes": {"a": {"type": "LoRA", "targets": []}}});
        check_choices(&pass, "/passes/a/targets/0", &[(json!("q"), None), (json!("k"), None)]);
        check_choices(&pass, "/passes/a/r", &[(json!(64), None)]);
        let pass = json!({"passes": {"a": {"type": "Merge"}}});
        check_choices(&pass, "/passes/a/fast", &[(json!(true), None), (json!(false), None)]);
    }

    #[test]
    fn types_are_told_in_words() {
        let schema = schema();
        let pass = json!({"passes": {"a": {"type": "LoRA"}}});
        for (pointer, words) in [
            ("/passes/a/r", "whole number from 1"),
            ("/passes/a/targets", "list of `q` or `k`, or null"),
            ("/passes/a", "object"),
            ("/passes/a/type", "`LoRA` or `Merge`"),
            ("/host", "object or text, or null"),
            ("/loop", "anything"),
        ] {
            assert_eq!(Guide::new(&schema).at(&pass, &path(pointer)).words(), words, "{pointer}");
        }
    }
}
