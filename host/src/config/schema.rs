//! Checking a value against a JSON schema, in the words of a person.

use std::sync::OnceLock;

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{ValidationError, Validator, draft7};
use olive_schemas::diagnostic::Diagnostic;
use olive_schemas::types;
use olive_schemas::workflow::Workflow;
use serde_json::Value;

use super::check::Problem;
use super::references::{IGNORED, UNAVAILABLE};

/// JSON schema (draft-07) of the normalized workflow; sections with a `type` are open.
pub fn workflow_schema() -> &'static Value {
    static SCHEMA: OnceLock<Value> = OnceLock::new();
    SCHEMA.get_or_init(types::schema_of::<Workflow>)
}

/// Validators of schemas, each compiled at its first use.
#[derive(Default)]
pub struct Validators<'a>(Vec<(&'a Value, Option<Validator>)>);

impl<'a> Validators<'a> {
    /// Every way in which `value` does not fit `schema` (draft-07).
    ///
    /// A schema that is itself wrong is one violation at the root.
    pub fn violations(&mut self, value: &Value, schema: &'a Value) -> Vec<Problem> {
        let index = self.0.iter().position(|(known, _)| std::ptr::eq(*known, schema));
        let index = index.unwrap_or_else(|| {
            self.0.push((schema, draft7::new(schema).ok()));
            self.0.len() - 1
        });
        match &self.0[index].1 {
            Some(validator) => {
                validator.iter_errors(value).flat_map(|error| explain(&error, schema)).collect()
            }
            None => {
                let message = "the schema for this section is wrong".to_owned();
                let help = Some("report it to the plugin's author".to_owned());
                vec![Problem::error("plugin-schema", "", message, help)]
            }
        }
    }
}

/// Every way in which `value` does not fit `schema` (draft-07).
pub fn violations(value: &Value, schema: &Value) -> Vec<Problem> {
    Validators::default().violations(value, schema)
}

/// The name in `known` that `written` is most likely a slip of.
pub fn nearest<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let written = written.to_lowercase();
    let scored = known
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(&written, &name.to_lowercase()), name));
    let (distance, name) = scored.min_by_key(|&(distance, _)| distance)?;
    (distance <= 1 + written.chars().count() / 4).then_some(name)
}

/// A hint that names the nearest of `known`, or else all of them.
pub fn suggest<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let known: Vec<&str> = known.into_iter().collect();
    match nearest(written, known.iter().copied()) {
        Some(name) => Some(format!("did you mean `{name}`?")),
        None if known.is_empty() => None,
        None => Some(format!("known here: {}", quoted(&known))),
    }
}

/// Names in backticks, separated by commas.
pub fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn explain(error: &ValidationError<'_>, schema: &Value) -> Vec<Problem> {
    let pointer = error.instance_path().as_str();
    let value = brief(error.instance());
    let message = match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            let object = object_schema(schema, error.schema_path().as_str());
            return unexpected.iter().map(|key| unknown_key(pointer, key, object)).collect();
        }
        ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context } => {
            return vec![explain_alternatives(error, context, schema)];
        }
        ValidationErrorKind::Required { property } => {
            let key = property.as_str().unwrap_or_default();
            return vec![Problem::new(
                Diagnostic::error("missing-key", pointer, format!("key `{key}` is missing"))
                    .with_help(format!("add `{key}`")),
            )];
        }
        ValidationErrorKind::Enum { options } => {
            let options = options.as_array().map(Vec::as_slice).unwrap_or_default();
            let names: Vec<String> = options.iter().map(brief).collect();
            return vec![unknown_value(pointer, error.instance(), &names)];
        }
        ValidationErrorKind::Constant { expected_value } => {
            return vec![unknown_value(pointer, error.instance(), &[brief(expected_value)])];
        }
        ValidationErrorKind::Type { kind } => format!("{value} is not {}", type_name(kind)),
        ValidationErrorKind::Minimum { limit } => {
            format!("{value} is less than the minimum of {limit}")
        }
        ValidationErrorKind::Maximum { limit } => {
            format!("{value} is more than the maximum of {limit}")
        }
        ValidationErrorKind::ExclusiveMinimum { limit } => format!("{value} is not above {limit}"),
        ValidationErrorKind::ExclusiveMaximum { limit } => format!("{value} is not below {limit}"),
        ValidationErrorKind::Pattern { pattern } => format!("{value} does not match `{pattern}`"),
        ValidationErrorKind::MinItems { limit } => format!("the list has less than {limit} items"),
        ValidationErrorKind::MaxItems { limit } => format!("the list has more than {limit} items"),
        _ => error.to_string(),
    };
    vec![Problem::new(Diagnostic::error("wrong-value", pointer, message))]
}

/// Of several alternatives that all fail, tells the constants, else the one that went deepest.
fn explain_alternatives(
    error: &ValidationError<'_>,
    context: &[Vec<ValidationError<'static>>],
    schema: &Value,
) -> Problem {
    let mut constants = Vec::new();
    for nested in context.iter().flatten() {
        collect_constants(nested, &mut constants);
    }
    let pointer = error.instance_path().as_str();
    if !constants.is_empty() && error.instance().is_string() {
        return unknown_value(pointer, error.instance(), &constants);
    }
    let is_null_alternative = |nested: &&ValidationError<'_>| {
        matches!(nested.kind(), ValidationErrorKind::Type { kind: TypeKind::Single(t) }
            if t.as_str() == "null")
    };
    let deepest = context
        .iter()
        .flatten()
        .filter(|nested| !is_null_alternative(nested))
        .max_by_key(|nested| nested.instance_path().as_str().len());
    let explained = deepest.and_then(|nested| explain(nested, schema).into_iter().next());
    explained.unwrap_or_else(|| {
        let message = format!("{} fits none of what is allowed here", brief(error.instance()));
        Problem::new(Diagnostic::error("wrong-value", pointer, message))
    })
}

fn collect_constants(error: &ValidationError<'_>, constants: &mut Vec<String>) {
    match error.kind() {
        ValidationErrorKind::Constant { expected_value } => constants.push(brief(expected_value)),
        ValidationErrorKind::Enum { options } => {
            constants.extend(options.as_array().into_iter().flatten().map(brief));
        }
        ValidationErrorKind::OneOfNotValid { context } | ValidationErrorKind::AnyOf { context } => {
            for nested in context.iter().flatten() {
                collect_constants(nested, constants);
            }
        }
        _ => {}
    }
}

/// A key that is neither a setting of `object` nor known to be left out of it.
fn unknown_key(pointer: &str, key: &str, object: &Value) -> Problem {
    let names = |keyword| {
        let map = object.get(keyword).and_then(Value::as_object);
        map.into_iter().flat_map(|map| map.keys().map(String::as_str))
    };
    let settings: Vec<&str> = names("properties").collect();
    let known = settings.iter().copied().chain(names(UNAVAILABLE)).chain(names(IGNORED));
    let near = nearest(key, known);
    let pointer = format!("{pointer}/{}", super::node::escape(key));
    let mut diagnostic = Diagnostic::error("unknown-key", pointer, format!("unknown key `{key}`"));
    diagnostic.help = match near {
        Some(name) => Some(format!("did you mean `{name}`?")),
        None => suggest(key, settings.iter().copied()),
    };
    let near = near.filter(|name| settings.contains(name));
    Problem::new(diagnostic).about_key().replaced_by(near)
}

fn unknown_value(pointer: &str, value: &Value, known: &[String]) -> Problem {
    let names: Vec<&str> = known.iter().map(|name| name.trim_matches('"')).collect();
    let message = format!("{} is not one of {}", brief(value), quoted(&names));
    let mut diagnostic = Diagnostic::error("unknown-value", pointer, message);
    let near = value.as_str().and_then(|written| nearest(written, names.iter().copied()));
    diagnostic.help = near.map(|name| format!("did you mean `{name}`?"));
    Problem::new(diagnostic).replaced_by(near)
}

/// The object schema whose keyword stands at `schema_path`.
fn object_schema<'a>(schema: &'a Value, schema_path: &str) -> &'a Value {
    let mut here = schema;
    for token in schema_path.trim_end_matches("/additionalProperties").split('/').skip(1) {
        if let Some(target) = here.get("$ref").and_then(Value::as_str) {
            here = schema.pointer(target.trim_start_matches('#')).unwrap_or(here);
        }
        if token == "$ref" {
            continue;
        }
        let key = token.replace("~1", "/").replace("~0", "~");
        let next = key.parse::<usize>().ok().and_then(|index| here.get(index));
        let Some(next) = next.or_else(|| here.get(&key)) else { return &Value::Null };
        here = next;
    }
    if let Some(target) = here.get("$ref").and_then(Value::as_str) {
        here = schema.pointer(target.trim_start_matches('#')).unwrap_or(here);
    }
    here
}

fn type_name(kind: &TypeKind) -> String {
    let name = |name: &str| match name {
        "integer" => "a whole number".to_owned(),
        "array" => "a list".to_owned(),
        "object" => "an object".to_owned(),
        "null" => "null".to_owned(),
        other => format!("a {other}"),
    };
    match kind {
        TypeKind::Single(single) => name(single.as_str()),
        TypeKind::Multiple(set) => {
            let mut names: Vec<String> = set.iter().map(|t| name(t.as_str())).collect();
            names.sort_by_key(|name| name == "null");
            names.join(" or ")
        }
    }
}

/// A value as text, cut short when long.
fn brief(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= 60 {
        return text;
    }
    format!("{}…", text.chars().take(57).collect::<String>())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::violations;

    fn check(value: &Value, expected: &[(&str, &str, Option<&str>)]) {
        let schema = json!({
            "type": "object",
            "additionalProperties": false,
            "required": ["precision"],
            "properties": {
                "precision": {"$ref": "#/definitions/Precision"},
                "block": {"type": ["integer", "null"], "minimum": 16},
                "nested": {"anyOf": [{"$ref": "#/definitions/Nested"}, {"type": "null"}]}
            },
            "definitions": {
                "Precision": {"oneOf": [{"const": "fp32"}, {"const": "int4"}]},
                "Nested": {"type": "object", "additionalProperties": false,
                           "properties": {"learning_rate": {"type": "number"}}}
            }
        });
        let found = violations(value, &schema);
        let mut found: Vec<(&str, &str, Option<&str>)> = found
            .iter()
            .map(|v| &v.diagnostic)
            .map(|d| (d.pointer.as_str(), d.message.as_str(), d.help.as_deref()))
            .collect();
        found.sort_unstable();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_slip_is_named_with_what_was_meant() {
        check(
            &json!({"precision": "int5", "blok": 1}),
            &[
                ("/blok", "unknown key `blok`", Some("did you mean `block`?")),
                (
                    "/precision",
                    "\"int5\" is not one of `fp32`, `int4`",
                    Some("did you mean `int4`?"),
                ),
            ],
        );
    }

    #[test]
    fn a_slip_of_a_key_that_is_left_out_is_named_too() {
        let schema = json!({
            "additionalProperties": false,
            "properties": {"max_steps": {}},
            "x-olive-unavailable": {"deepspeed": "one process"},
            "x-olive-ignored": {"report_to": "the host reports"}
        });
        for (slip, meant, fix) in [
            ("max_step", "max_steps", Some("max_steps")),
            ("deep_speed", "deepspeed", None),
            ("report_too", "report_to", None),
        ] {
            let found = violations(&json!({ slip: 1 }), &schema).remove(0);
            let help = format!("did you mean `{meant}`?");
            assert_eq!(found.diagnostic.help, Some(help));
            assert_eq!(found.replacement.as_deref(), fix);
        }
    }

    #[test]
    fn limits_and_types_are_told_with_both_numbers() {
        check(
            &json!({"block": 8, "nested": {"learning_rte": 1}}),
            &[
                ("", "key `precision` is missing", Some("add `precision`")),
                ("/block", "8 is less than the minimum of 16", None),
                (
                    "/nested/learning_rte",
                    "unknown key `learning_rte`",
                    Some("did you mean `learning_rate`?"),
                ),
            ],
        );
        check(
            &json!({"precision": "int4", "block": "x"}),
            &[("/block", "\"x\" is not a whole number or null", None)],
        );
    }
}
