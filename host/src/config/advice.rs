//! What a schema says beyond types: settings that will surprise, options that are not available.
//!
//! Everything here reads marks of a plugin's schema and needs no plugin. Pointers start at the
//! settings that are looked at.

use olive_schemas::advice::Advice;
use olive_schemas::diagnostic::{Diagnostic, Severity};
use olive_schemas::pointer::escape;
use serde::Deserialize;
use serde_json::Value;

use super::references::{ADVICE, UNAVAILABLE, UNAVAILABLE_VALUES, parts};
use super::schema::{plain, quoted};

/// The warnings that `schema` has for `settings`, which hold the defaults of what is not
/// `written`.
pub fn advice(settings: &Value, written: &Value, schema: &Value) -> Vec<Diagnostic> {
    let marks = schema.get(ADVICE).and_then(Value::as_array).into_iter().flatten();
    // Advice with a condition from the future is not given.
    let all = marks.filter_map(|mark| Advice::deserialize(mark).ok());
    let given = all.filter(|advice| {
        written.pointer(&advice.at).is_some()
            && is_fit(settings, advice.condition.as_ref())
            && advice.above.as_ref().is_none_or(|pair| is_above(settings, pair))
    });
    given.map(|advice| tell(&advice, settings, written)).collect()
}

/// Options in `settings` that `schema` says are known but not available, here and below.
pub fn unavailable(settings: &Value, schema: &Value) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    walk(settings, schema, schema, "", &mut found);
    found
}

/// Whether `value` asks for nothing, by the mark of an option that is not available.
pub(super) fn is_harmless(value: &Value, mark: &Value) -> bool {
    mark.get("unless").and_then(Value::as_array).is_some_and(|harmless| harmless.contains(value))
}

/// Whether `settings` fit `condition`, which is a schema; anything fits none, nothing a wrong one.
pub(super) fn is_fit(settings: &Value, condition: Option<&Value>) -> bool {
    condition.is_none_or(|schema| {
        jsonschema::draft7::new(schema).is_ok_and(|validator| validator.is_valid(settings))
    })
}

/// `text` with what stands in braces replaced: pointers by values of `settings`, names by `names`.
pub(super) fn filled(text: &str, settings: &Value, names: &[(&str, &str)]) -> String {
    let mut parts = text.split('{');
    let mut filled = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let replaced = part.split_once('}').and_then(|(inner, rest)| {
            let name = names.iter().find(|(name, _)| *name == inner);
            let value = name.map(|(_, value)| (*value).to_owned());
            Some((value.or_else(|| plain(settings.pointer(inner)?).into())?, rest))
        });
        match replaced {
            Some((value, rest)) => filled.extend([value.as_str(), rest]),
            None => filled.extend(["{", part]),
        }
    }
    filled
}

fn is_above(settings: &Value, [greater, less]: &[String; 2]) -> bool {
    let number = |pointer: &str| settings.pointer(pointer).and_then(Value::as_f64);
    matches!((number(greater), number(less)), (Some(greater), Some(less)) if greater > less)
}

fn tell(advice: &Advice, settings: &Value, written: &Value) -> Diagnostic {
    let message = filled(&advice.message, settings, &[]);
    let mut told = Diagnostic::new(Severity::Warning, &advice.code, &advice.at, message);
    told.help = advice.help.as_ref().map(|help| filled(help, settings, &[]));
    for pointer in &advice.related {
        if let Some(value) = written.pointer(pointer) {
            let message = format!("`{}` is {}", name_at(pointer), plain(value));
            told = told.with_related(pointer, message);
        }
    }
    told
}

fn walk(
    value: &Value,
    schema: &Value,
    document: &Value,
    pointer: &str,
    found: &mut Vec<Diagnostic>,
) {
    let parts = parts(schema, document);
    found.extend(unavailable_value(value, &parts, pointer));
    match value {
        Value::Array(items) => {
            let Some(schema) = parts.iter().find_map(|part| part.get("items")) else { return };
            for (index, item) in items.iter().enumerate() {
                walk(item, schema, document, &format!("{pointer}/{index}"), found);
            }
        }
        Value::Object(map) => {
            for (key, item) in map {
                let pointer = format!("{pointer}/{}", escape(key));
                let property = parts.iter().find_map(|part| part.get("properties")?.get(key));
                let others = || parts.iter().find_map(|part| part.get("additionalProperties"));
                if let Some(told) = unavailable_key(key, item, &parts, &pointer) {
                    found.push(told);
                } else if let Some(schema) = property.or_else(others) {
                    walk(item, schema, document, &pointer, found);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn unavailable_key(
    key: &str,
    value: &Value,
    parts: &[&Value],
    pointer: &str,
) -> Option<Diagnostic> {
    let mark = parts.iter().find_map(|part| part.get(UNAVAILABLE)?.get(key))?;
    if is_harmless(value, mark) {
        return None;
    }
    let reason = mark.get("reason").unwrap_or(mark).as_str()?;
    let message = format!("`{key}` is not available: {reason}");
    Some(Diagnostic::error("not-available", pointer, message).with_help("remove it"))
}

fn unavailable_value(value: &Value, parts: &[&Value], pointer: &str) -> Option<Diagnostic> {
    let marks = parts.iter().find_map(|part| part.get(UNAVAILABLE_VALUES))?;
    let written = plain(value);
    let reason = marks.get(&written)?.as_str()?;
    let message =
        format!("`{}` is `{written}`, which is not available: {reason}", name_at(pointer));
    let others: Vec<&str> = allowed(parts).filter(|name| marks.get(*name).is_none()).collect();
    let help = match others.as_slice() {
        [] => "choose another".to_owned(),
        [only] => format!("write `{only}`"),
        several => format!("choose one of {}", quoted(several)),
    };
    Some(Diagnostic::error("not-available", pointer, message).with_help(help))
}

/// The strings that a schema of these parts allows.
fn allowed<'a>(parts: &[&'a Value]) -> impl Iterator<Item = &'a str> {
    let lists = parts.iter().filter_map(|part| part.get("enum")?.as_array());
    let single = parts.iter().filter_map(|part| part.get("const")?.as_str());
    lists.flatten().filter_map(Value::as_str).chain(single).collect::<Vec<_>>().into_iter()
}

/// The key that a pointer ends with, or the one of the list it leads into.
fn name_at(pointer: &str) -> &str {
    let is_name = |token: &&str| token.parse::<usize>().is_err();
    pointer.rsplit('/').find(is_name).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use olive_schemas::advice::Advice;
    use olive_schemas::diagnostic::Diagnostic;
    use serde_json::{Value, json};

    use super::{advice, filled, is_harmless, unavailable};

    fn told(found: &[Diagnostic]) -> Vec<(&str, &str)> {
        found.iter().map(|told| (told.pointer.as_str(), told.message.as_str())).collect()
    }

    #[track_caller]
    fn check_advice(written: &Value, expected: &[(&str, &str)]) {
        let many = Advice::new("no-effect", "/eval_steps", "`eval_steps` {/eval_steps} > {/max}")
            .when(json!({"properties": {"strategy": {"const": "steps"}}}))
            .above("/eval_steps", "/max")
            .with_related("/max");
        let fast = Advice::new("unit", "/rate", "rate {/rate}")
            .when(json!({"properties": {"rate": {"minimum": 1}}}));
        let from_the_future = json!({"code": "x", "at": "", "message": "x", "on_weekdays": true});
        let schema = json!({"x-olive-advice": [many, fast, from_the_future]});
        let mut settings = json!({"strategy": "steps", "max": 10, "rate": 2});
        settings.as_object_mut().unwrap().extend(written.as_object().unwrap().clone());
        assert_eq!(told(&advice(&settings, written, &schema)), expected);
    }

    #[test]
    fn advice_is_given_when_all_conditions_hold() {
        let said = ("/eval_steps", "`eval_steps` 187 > 10");
        check_advice(&json!({"eval_steps": 187}), &[said]);
        check_advice(&json!({"eval_steps": 187, "strategy": "no"}), &[]);
        check_advice(&json!({"eval_steps": 10}), &[]);
        check_advice(&json!({"eval_steps": "many"}), &[]);
    }

    #[test]
    fn what_is_not_written_gets_no_advice() {
        check_advice(&json!({}), &[]);
        check_advice(&json!({"rate": 1.5}), &[("/rate", "rate 1.5")]);
    }

    #[test]
    fn related_settings_are_shown_where_they_are_written() {
        let schema =
            json!({"x-olive-advice": [Advice::new("c", "/a", "m").with_related("/deep/b")]});
        let related = |written: Value| advice(&written, &written, &schema)[0].related.clone();
        assert!(related(json!({"a": 1})).is_empty());
        assert_eq!(related(json!({"a": 1, "deep": {"b": 2}}))[0].message, "`b` is 2");
    }

    #[test]
    fn text_that_is_no_placeholder_stays() {
        let settings = json!({"a": {"b": "x"}});
        for (text, expected) in [
            ("{/a/b} and {ep}", "x and CPU"),
            ("{/a/c} {unknown} { {/a/b", "{/a/c} {unknown} { {/a/b"),
            ("}{}{{/a/b}}", "}{}{x}"),
        ] {
            let text = text.replace("{}", "{ }");
            let expected = expected.replace("{}", "{ }");
            assert_eq!(filled(&text, &settings, &[("ep", "CPU")]), expected);
        }
    }

    #[track_caller]
    fn check_unavailable(settings: &Value, expected: &[(&str, &str)]) {
        let schema = json!({
            "properties": {
                "precision": {
                    "anyOf": [{"$ref": "#/definitions/Precision"}, {"type": "null"}],
                    "x-olive-unavailable-values": {"int8": "not written yet"}
                },
                "ops": {"type": "array", "items": {
                    "enum": ["MatMul", "Gather"],
                    "x-olive-unavailable-values": {"Gather": "rows stay floats"}
                }},
                "args": {"$ref": "#/definitions/Args"}
            },
            "x-olive-unavailable": {"use_qdq": {"reason": "no such nodes", "unless": [false]}},
            "definitions": {
                "Precision": {"oneOf": [{"const": "fp32"}, {"enum": ["int4", "int8"]}]},
                "Args": {"x-olive-unavailable": {"deepspeed": "one process"}}
            }
        });
        let found = unavailable(settings, &schema);
        assert_eq!(told(&found), expected);
        assert!(found.iter().all(|told| told.code == "not-available"));
    }

    #[test]
    fn options_that_are_not_available_are_told_wherever_they_are() {
        check_unavailable(
            &json!({"use_qdq": true, "args": {"deepspeed": null}}),
            &[
                ("/use_qdq", "`use_qdq` is not available: no such nodes"),
                ("/args/deepspeed", "`deepspeed` is not available: one process"),
            ],
        );
        check_unavailable(&json!({"use_qdq": false, "precision": "int4", "args": {}}), &[]);
    }

    #[test]
    fn values_that_are_not_available_are_told_with_the_others() {
        let said = "`precision` is `int8`, which is not available: not written yet";
        check_unavailable(&json!({"precision": "int8"}), &[("/precision", said)]);
        let said = "`ops` is `Gather`, which is not available: rows stay floats";
        check_unavailable(&json!({"ops": ["MatMul", "Gather"]}), &[("/ops/1", said)]);
        let schema = json!({
            "enum": ["fp32", "int4", "int8"], "x-olive-unavailable-values": {"int8": "no"}
        });
        let help = unavailable(&json!("int8"), &schema)[0].help.clone();
        assert_eq!(help.as_deref(), Some("choose one of `fp32`, `int4`"));
    }

    #[test]
    fn only_listed_values_are_harmless() {
        let mark = json!({"reason": "no", "unless": [false, 0]});
        assert!(is_harmless(&json!(false), &mark) && is_harmless(&json!(0), &mark));
        assert!(!is_harmless(&json!(true), &mark) && !is_harmless(&json!(false), &json!("no")));
    }
}
