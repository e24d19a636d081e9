//! Checking a value against a JSON schema, in the words of a person.

mod explain;
mod lookup;

use std::sync::OnceLock;

use jsonschema::{Validator, draft7};
use olive_schemas::diagnostic::Diagnostic;
use olive_schemas::types;
use olive_schemas::workflow::Workflow;
use serde_json::Value;

use super::check::Problem;
use explain::explain;

/// JSON schema (draft-07) of the normalized workflow; sections with a `type` are open.
pub fn workflow_schema() -> &'static Value {
    static SCHEMA: OnceLock<Value> = OnceLock::new();
    SCHEMA.get_or_init(types::schema_of::<Workflow>)
}

/// Names a hint lists.
const MANY: usize = 24;

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
                let errors = validator.iter_errors(value);
                one_cause(errors.flat_map(|error| explain(&error, schema)).collect())
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

/// The one name in `known` that `written` is most likely a slip of.
pub fn nearest<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    match near(written, known)[..] {
        [name] => Some(name),
        _ => None,
    }
}

/// A hint that names the nearest of `known`, or else all of them.
pub fn suggest<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let known: Vec<&str> = known.into_iter().collect();
    match near(written, known.iter().copied())[..] {
        [] if known.is_empty() => None,
        [] if known.len() > MANY => {
            let more = known.len() - MANY;
            Some(format!("known here: {} and {more} more", quoted(&known[..MANY])))
        }
        [] => Some(format!("known here: {}", quoted(&known))),
        [name] => Some(format!("did you mean `{name}`?")),
        [ref first @ .., last] => Some(format!("did you mean {} or `{last}`?", quoted(first))),
    }
}

/// The names in `known` that `written` is most likely a slip or the start of, all as likely.
fn near<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let written = written.to_lowercase();
    let limit = 1 + written.chars().count() / 4;
    let (mut best, mut names) = (limit, Vec::new());
    let mut longer = Vec::new();
    for name in known {
        let lower = name.to_lowercase();
        let distance = strsim::damerau_levenshtein(&written, &lower);
        if distance < best {
            names.clear();
        }
        let longest = lower.chars().count().max(written.chars().count());
        if distance <= best && distance < longest {
            best = distance;
            names.push(name);
        }
        if written.len() > 2 && lower.starts_with(&written) {
            longer.push(name);
        }
    }
    names.dedup();
    if names.is_empty() && longer.len() <= 3 { longer } else { names }
}

/// Names in backticks, separated by commas.
pub fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// A value as it stands in a sentence: text without quotes.
pub fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Leaves out what follows from another problem: a key is not missing where it is misspelled.
fn one_cause(mut problems: Vec<Problem>) -> Vec<Problem> {
    let meant: Vec<(String, String)> = problems
        .iter()
        .filter(|problem| problem.diagnostic.code == "unknown-key")
        .filter_map(|problem| {
            let (parent, key) = problem.diagnostic.pointer.rsplit_once('/')?;
            let name = problem.replacement.clone().unwrap_or_else(|| key.to_owned());
            Some((parent.to_owned(), name))
        })
        .collect();
    problems.retain(|problem| {
        let Diagnostic { code, pointer, message, .. } = &problem.diagnostic;
        let is_meant = |(parent, name): &(String, String)| {
            let is_near = parent == pointer || parent.is_empty() || pointer.is_empty();
            is_near && *message == explain::missing(name)
        };
        code != "missing-key" || !meant.iter().any(is_meant)
    });
    problems
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
    fn everything_wrong_with_an_optional_object_is_told() {
        check(
            &json!({"precision": "int4", "nested": {"learning_rate": "x", "seeed": 1}}),
            &[
                ("/nested/learning_rate", "\"x\" is not a number", None),
                ("/nested/seeed", "unknown key `seeed`", Some("known here: `learning_rate`")),
            ],
        );
    }

    #[test]
    fn a_name_that_is_none_is_told_at_its_place() {
        let name = json!({"pattern": "^[A-Z_]+$", "patternErrorMessage": "the name of a variable"});
        let schema = json!({"properties": {"variables": {"propertyNames": name}}});
        let found = violations(&json!({"variables": {"WORD": "a", "A-B": "b"}}), &schema);
        let [problem] = &found[..] else { panic!("{} problems", found.len()) };
        let told = &problem.diagnostic;
        assert_eq!(told.pointer, "/variables/A-B");
        assert_eq!(told.message, "\"A-B\" is not the name of a variable");
        assert_eq!(told.help.as_deref(), Some("write `A_B`"));
    }

    #[test]
    fn a_slip_of_a_key_that_is_left_out_is_named_too() {
        let schema = json!({
            "additionalProperties": false,
            "properties": {"max_steps": {}, "alpha": {"x-olive-renamed-from": ["lora_alpha"]}},
            "x-olive-unavailable": {"deepspeed": "one process"},
            "x-olive-ignored": {"report_to": "the host reports"}
        });
        for (slip, meant, fix) in [
            ("max_step", "max_steps", Some("max_steps")),
            ("deep_speed", "deepspeed", None),
            ("report_too", "report_to", None),
            ("lora_alhpa", "alpha", Some("alpha")),
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
                ("", "key `precision` is missing", Some("add `precision`, one of `fp32`, `int4`")),
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
