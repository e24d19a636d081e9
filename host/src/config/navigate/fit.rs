//! Whether a value fits a schema, as far as that decides which parts of a schema apply.

use jsonschema::draft7;
use serde_json::Value;

/// References and combinations that are followed below each other.
const DEPTH_LIMIT: usize = 32;

/// Whether `value` fits `condition`; text is compared without regard to case.
pub(super) fn fits(value: &Value, condition: &Value, document: &Value) -> bool {
    Fit { document, is_lenient: false }.check(value, condition, DEPTH_LIMIT)
}

/// Whether `value` may be meant for `schema`: it has its JSON type, and no other constants.
pub(super) fn may_fit(value: &Value, schema: &Value, document: &Value) -> bool {
    Fit { document, is_lenient: true }.check(value, schema, DEPTH_LIMIT)
}

/// What the `$ref` of `schema` leads to.
pub(super) fn target<'a>(schema: &Value, document: &'a Value) -> Option<&'a Value> {
    document.pointer(schema.get("$ref")?.as_str()?.strip_prefix('#')?)
}

/// Whether `text` matches a regular expression as JSON schemas write it.
pub(super) fn matches(text: &str, pattern: &str) -> bool {
    let schema = serde_json::json!({ "pattern": pattern });
    draft7::new(&schema).is_ok_and(|validator| validator.is_valid(&text.into()))
}

struct Fit<'a> {
    document: &'a Value,
    /// Whether only what tells alternatives apart counts.
    is_lenient: bool,
}

impl Fit<'_> {
    fn check(&self, value: &Value, schema: &Value, limit: usize) -> bool {
        let Some(keywords) = schema.as_object().filter(|_| limit > 0) else {
            return schema != &Value::Bool(false);
        };
        keywords.iter().all(|(keyword, says)| self.holds(value, keyword, says, schema, limit - 1))
    }

    fn holds(
        &self,
        value: &Value,
        keyword: &str,
        says: &Value,
        schema: &Value,
        limit: usize,
    ) -> bool {
        let each = |schemas: &Value| schemas.as_array().cloned().unwrap_or_default();
        match keyword {
            "type" => has_type(value, says),
            "const" => is_same(value, says),
            "enum" => each(says).iter().any(|choice| is_same(value, choice)),
            "$ref" => {
                target(schema, self.document).is_none_or(|inner| self.check(value, inner, limit))
            }
            "allOf" => each(says).iter().all(|inner| self.check(value, inner, limit)),
            "anyOf" | "oneOf" => each(says).iter().any(|inner| self.check(value, inner, limit)),
            "properties" => {
                let properties = says.as_object().into_iter().flatten();
                let written = properties.filter_map(|(key, inner)| Some((value.get(key)?, inner)));
                let tells = |inner: &Value| !self.is_lenient || is_constant(inner);
                written
                    .into_iter()
                    .all(|(found, inner)| !tells(inner) || self.check(found, inner, limit))
            }
            "additionalProperties" if !self.is_lenient => {
                let named =
                    |key: &str| schema.get("properties").is_some_and(|p| p.get(key).is_some());
                let others = value.as_object().into_iter().flatten().filter(|(key, _)| !named(key));
                others.into_iter().all(|(_, other)| self.check(other, says, limit))
            }
            "not" if !self.is_lenient => !self.check(value, says, limit),
            "required" if !self.is_lenient => {
                let keys = each(says);
                let mut keys = keys.iter().filter_map(Value::as_str);
                !value.is_object() || keys.all(|key| value.get(key).is_some())
            }
            "pattern" => {
                value.as_str().is_none_or(|text| matches(text, says.as_str().unwrap_or_default()))
            }
            _ => true,
        }
    }
}

fn is_constant(schema: &Value) -> bool {
    schema.get("const").is_some() || schema.get("enum").is_some()
}

fn is_same(value: &Value, other: &Value) -> bool {
    match (value, other) {
        (Value::String(text), Value::String(other)) => text.eq_ignore_ascii_case(other),
        _ => value == other,
    }
}

fn has_type(value: &Value, kind: &Value) -> bool {
    match kind {
        Value::Array(kinds) => kinds.iter().any(|kind| has_type(value, kind)),
        kind => match kind.as_str().unwrap_or_default() {
            "null" => value.is_null(),
            "boolean" => value.is_boolean(),
            "string" => value.is_string(),
            "array" => value.is_array(),
            "object" => value.is_object(),
            "number" => value.is_number(),
            "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
            _ => true,
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{fits, may_fit};

    #[track_caller]
    fn check(value: &Value, schema: &Value, fit: bool, meant: bool) {
        let document = json!({"definitions": {"Text": {"type": "string"}}});
        assert_eq!(fits(value, schema, &document), fit, "{value} {schema}");
        assert_eq!(may_fit(value, schema, &document), meant, "{value} {schema}");
    }

    #[test]
    fn conditions_are_decided() {
        check(&json!("a"), &json!({"const": "A"}), true, true);
        check(&json!("a"), &json!({"$ref": "#/definitions/Text"}), true, true);
        check(&json!(1), &json!({"$ref": "#/definitions/Text"}), false, false);
        check(&json!(1), &json!({"type": ["string", "integer"]}), true, true);
        check(&json!({"b": 1}), &json!({"required": ["a"]}), false, true);
        check(&json!({"b": 1}), &json!({"not": {"required": ["a"]}}), true, true);
        check(&json!({"t": "x"}), &json!({"properties": {"t": {"enum": ["y"]}}}), false, false);
        check(&json!({"t": 1}), &json!({"properties": {"t": {"type": "string"}}}), false, true);
        check(&json!("abc"), &json!({"pattern": "^[aA]b"}), true, true);
        check(&json!("bc"), &json!({"pattern": "^a"}), false, false);
        check(&json!(1), &json!(false), false, false);
        check(&json!(1), &json!({"anyOf": [{"type": "null"}, true]}), true, true);
    }
}
