//! The schema of a thing's settings: valid, documented, closed, with true defaults and marks.

mod marks;

use jsonschema::draft7;
use olive_schemas::diagnostic::Diagnostic;
use olive_schemas::pointer::escape;
use serde_json::{Map, Value};

use super::report::{Finding, Report, counted, failed, skipped, unless_any};
use crate::config::defaults::fill;
use crate::config::references::parts;
use crate::config::schema::violations;

/// Longest first sentence of a setting's documentation, in letters.
const SENTENCE_LETTERS: usize = 90;

/// Whose settings a schema is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    /// Those of a packager, of which few marks are read.
    Packagers,
    /// Those of anything else.
    Others,
}

/// Checks `schema`, which is that of `name`.
pub(super) fn check(name: &str, whose: Whose, schema: &Value, report: &mut Report<'_>) {
    if !report.add(format!("{name}/schema"), validity(schema)) {
        return;
    }
    report.add(format!("{name}/documented"), documentation(schema));
    report.add(format!("{name}/closed"), closedness(schema));
    report.add(format!("{name}/defaults"), defaults(schema));
    report.add(format!("{name}/marks"), marks::check(whose, schema));
    report.add(format!("{name}/examples"), examples(schema));
}

/// The configs that `schema` gives as examples.
pub(super) fn example_configs(schema: &Value) -> Vec<Value> {
    schema.get("examples").and_then(Value::as_array).cloned().unwrap_or_default()
}

fn validity(schema: &Value) -> Finding {
    if let Err(error) = draft7::meta::validate(schema) {
        let place = error.instance_path().to_string();
        return failed(format!("no JSON schema of draft-07: `{place}`: {error}"));
    }
    if let Err(error) = draft7::new(schema) {
        return failed(format!("the schema cannot be used: {error}"));
    }
    let version = schema.get("$schema").and_then(Value::as_str).unwrap_or_default();
    if !version.is_empty() && !version.contains("draft-07") {
        return failed(format!("`$schema` is `{version}`, not draft-07"));
    }
    if schema.get("type") != Some(&"object".into()) {
        return failed("the settings are no object: `type` must be `object`");
    }
    let count = settings(schema).len();
    Ok(format!("draft-07, {}", counted(count, "setting")))
}

/// A setting: its place, and its schema.
struct Setting<'a> {
    /// Names from the root, joined by `.`: `training_args.seed`.
    place: String,
    schema: &'a Value,
}

/// Every setting of `schema`, at any depth.
fn settings(schema: &Value) -> Vec<Setting<'_>> {
    let mut found = Vec::new();
    collect(schema, schema, "", &mut Vec::new(), &mut found);
    found
}

/// Calls itself for what is below `schema`; `above` holds the schemas it came through, so that one
/// that holds itself is seen once.
fn collect<'a>(
    schema: &'a Value,
    document: &'a Value,
    place: &str,
    above: &mut Vec<*const Value>,
    found: &mut Vec<Setting<'a>>,
) {
    for part in parts(schema, document) {
        if above.contains(&std::ptr::from_ref(part)) {
            continue;
        }
        above.push(part);
        let properties = part.get("properties").and_then(Value::as_object);
        for (key, property) in properties.into_iter().flatten() {
            let place = if place.is_empty() { key.clone() } else { format!("{place}.{key}") };
            found.push(Setting { place: place.clone(), schema: property });
            collect(property, document, &place, above, found);
        }
        for keyword in ["items", "additionalProperties"] {
            if let Some(inner) = part.get(keyword).filter(|inner| inner.is_object()) {
                collect(inner, document, &format!("{place}[]"), above, found);
            }
        }
        above.pop();
    }
}

fn documentation(schema: &Value) -> Finding {
    let problems = settings(schema).into_iter().filter_map(|setting| {
        let parts = parts(setting.schema, schema);
        let told = parts.iter().find_map(|part| part.get("description")?.as_str());
        let place = setting.place;
        let Some(told) = told.filter(|told| !told.trim().is_empty()) else {
            return Some(format!("`{place}` has no description"));
        };
        let letters = first_sentence(told).chars().count();
        (letters > SENTENCE_LETTERS).then(|| {
            format!("the first sentence on `{place}` has {letters} letters, {SENTENCE_LETTERS} fit")
        })
    });
    unless_any(problems.collect(), "every setting has a description that starts short")
}

/// The first sentence of the first paragraph, with single spaces.
fn first_sentence(text: &str) -> String {
    let paragraph = text.split("\n\n").next().unwrap_or_default();
    let words: Vec<&str> = paragraph.split_whitespace().collect();
    let end = words.iter().position(|word| word.ends_with('.') && !is_abbreviation(word));
    words[..end.map_or(words.len(), |end| end + 1)].join(" ")
}

fn is_abbreviation(word: &str) -> bool {
    ["e.g.", "i.e.", "etc.", "vs."].contains(&word.trim_start_matches('('))
}

/// Whether objects with named settings refuse other names.
fn closedness(schema: &Value) -> Finding {
    let mut places = vec![(String::new(), schema)];
    places.extend(settings(schema).into_iter().map(|setting| (setting.place, setting.schema)));
    let open = places.into_iter().filter(|(_, inner)| is_open(inner, schema));
    let problems = open.map(|(place, _)| match place.as_str() {
        "" => "unknown settings are not refused: add `deny_unknown_fields`".to_owned(),
        place => format!("unknown settings in `{place}` are not refused"),
    });
    unless_any(problems.collect(), "unknown settings are refused")
}

/// Whether an object with named settings takes others too, here or in items of a list.
fn is_open(schema: &Value, document: &Value) -> bool {
    let parts = parts(schema, document);
    let has = |key: &str| parts.iter().any(|part| part.get(key).is_some());
    let mut items = parts.iter().filter_map(|part| part.get("items"));
    (has("properties") && !has("additionalProperties")) || items.any(|item| is_open(item, document))
}

fn defaults(schema: &Value) -> Finding {
    let mut count = 0;
    let mut problems = Vec::new();
    for Setting { place, schema: setting } in settings(schema) {
        let Some(default) = setting.get("default") else { continue };
        count += 1;
        if let Some(why) = misfit(default, setting, schema) {
            problems.push(format!("the default {default} of `{place}` does not fit: {why}"));
        }
    }
    if problems.is_empty() && schema.get("required").is_none() {
        let mut filled = Value::Object(Map::new());
        fill(&mut filled, schema);
        let wrong = violations(&filled, schema);
        problems.extend(wrong.into_iter().map(|problem| problem.diagnostic.message));
    }
    unless_any(problems, format!("{} in order", counted(count, "default")))
}

/// Why `value` does not fit `part`, whose `$ref`s point into `document`.
fn misfit(value: &Value, part: &Value, document: &Value) -> Option<String> {
    let mut alone = part.as_object()?.clone();
    for keyword in ["definitions", "$defs"] {
        if let Some(definitions) = document.get(keyword) {
            alone.insert(keyword.into(), definitions.clone());
        }
    }
    let alone = Value::Object(alone);
    let validator = draft7::new(&alone).ok()?;
    validator.validate(value).err().map(|error| error.to_string())
}

fn examples(schema: &Value) -> Finding {
    let whole = example_configs(schema);
    let mut problems = Vec::new();
    for (index, example) in whole.iter().enumerate() {
        for problem in violations(example, schema) {
            let Diagnostic { message, pointer, .. } = problem.diagnostic;
            problems.push(format!("example {index} at `{pointer}`: {message}"));
        }
    }
    let mut count = whole.len();
    for Setting { place, schema: setting } in settings(schema) {
        for example in setting.get("examples").and_then(Value::as_array).into_iter().flatten() {
            count += 1;
            if let Some(why) = misfit(example, setting, schema) {
                problems.push(format!("the example {example} of `{place}` does not fit: {why}"));
            }
        }
    }
    if count == 0 {
        skipped("the schema has no examples")
    } else {
        unless_any(problems, format!("{} in order", counted(count, "example")))
    }
}

/// Names of settings that `schema` requires and `config` lacks.
pub(super) fn missing(config: &Map<String, Value>, schema: &Value) -> Vec<String> {
    let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
    let required = required.filter_map(Value::as_str);
    required.filter(|key| !config.contains_key(*key)).map(str::to_owned).collect()
}

/// Whether the setting at `key` of the root names something of this kind.
pub(super) fn is_reference(schema: &Value, key: &str, kind: &str) -> bool {
    let property = schema.pointer(&format!("/properties/{}", escape(key)));
    let mark = crate::config::references::REFERENCE;
    property.is_some_and(|property| {
        parts(property, schema).iter().any(|part| part.get(mark) == Some(&kind.into()))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::{Whose, check, first_sentence, is_reference, missing};
    use crate::conformance::report::{Check, Report, Verdict};

    /// Checks that exactly one check of `schema` fails, and what it says; none when nothing is
    /// expected.
    #[track_caller]
    fn check_fails(schema: &Value, expected: Option<(&str, &str)>) {
        check_fails_of(Whose::Others, schema, expected);
    }

    /// The same for settings of these.
    #[track_caller]
    fn check_fails_of(whose: Whose, schema: &Value, expected: Option<(&str, &str)>) {
        let mut failed = Vec::new();
        let mut tell = |check: &Check| {
            if check.verdict == Verdict::Failed {
                failed.push((check.name.clone(), check.detail.clone()));
            }
        };
        check("Pass", whose, schema, &mut Report::new(&mut tell));
        match (&failed[..], expected) {
            ([], None) => {}
            ([(name, detail)], Some((expected, part))) => {
                assert_eq!(name, &format!("Pass/{expected}"), "{detail}");
                assert!(detail.contains(part), "{detail}");
            }
            (failed, expected) => panic!("{failed:?} is not {expected:?}"),
        }
    }

    /// A sound schema with this setting.
    fn with(setting: &Value) -> Value {
        json!({
            "type": "object",
            "additionalProperties": false,
            "properties": {"a": setting},
            "definitions": {
                "Inner": {
                    "type": "object",
                    "properties": {"b": {"type": "integer", "description": "B.", "default": 1}},
                    "additionalProperties": false
                }
            }
        })
    }

    #[test]
    fn a_sound_schema_passes() {
        check_fails(&with(&json!({"description": "A.", "$ref": "#/definitions/Inner"})), None);
        check_fails(&with(&json!({"description": "A.", "type": "integer", "examples": [1]})), None);
        check_fails(&json!({"type": "object", "additionalProperties": false}), None);
    }

    #[test]
    fn what_is_no_schema_is_told() {
        let wrong = with(&json!({"description": "A.", "type": "number-or-so"}));
        check_fails(&wrong, Some(("schema", "/properties/a/type")));
        check_fails(&json!({"type": "string"}), Some(("schema", "`type` must be `object`")));
        let new =
            json!({"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object"});
        check_fails(&new, Some(("schema", "2020-12")));
    }

    #[test]
    fn settings_are_documented_and_closed() {
        check_fails(&with(&json!({"type": "integer"})), Some(("documented", "`a` has no")));
        let long = format!("{} end.", "word ".repeat(20));
        let long = with(&json!({"type": "integer", "description": long}));
        check_fails(&long, Some(("documented", "104 letters")));
        let open = json!({"type": "object", "properties": {}});
        check_fails(&open, Some(("closed", "deny_unknown_fields")));
        let inner = json!({"description": "A.", "type": "object", "properties": {}});
        check_fails(&with(&inner), Some(("closed", "in `a`")));
        let list = json!({"description": "A.", "type": "array", "items": inner});
        check_fails(&with(&list), Some(("closed", "in `a`")));
    }

    #[test]
    fn defaults_examples_and_marks_are_true() {
        let wrong = json!({"description": "A.", "type": "integer", "default": "1"});
        check_fails(&with(&wrong), Some(("defaults", "of `a` does not fit")));
        let wrong = json!({"description": "A.", "type": "integer", "examples": ["1"]});
        check_fails(&with(&wrong), Some(("examples", "of `a` does not fit")));
        for (mark, value, why) in [
            ("x-olive-path", json!("in"), "is none of"),
            ("x-olive-reference", json!(1), "is none of"),
            ("x-olive-renamed-from", json!("b"), "is no list"),
            ("x-olive-ignored", json!({"b": 1}), "is no reason"),
            ("x-olive-advice", json!([]), "at the root only"),
            ("x-olive-new", json!(1), "no such mark"),
        ] {
            let setting = json!({"description": "A.", "type": "string", mark: value});
            check_fails(&with(&setting), Some(("marks", why)));
        }
        let mut rooted = with(&json!({"description": "A.", "type": "integer"}));
        rooted["x-olive-advice"] = json!([{"code": "c", "at": "/z", "message": "m"}]);
        check_fails(&rooted, Some(("marks", "`/z` is no setting")));
        rooted["x-olive-advice"] = json!([{"code": "c", "at": "/a", "message": "m"}]);
        check_fails(&rooted, None);
    }

    #[test]
    fn marks_that_nobody_reads_of_a_packager_are_told() {
        for (mark, value, why) in [
            ("x-olive-path", json!("input"), None),
            ("x-olive-unavailable-values", json!({"b": "it is not there"}), None),
            ("x-olive-reference", json!("data_config"), Some("not read of a packager")),
            ("x-olive-renamed-from", json!(["b"]), Some("not read of a packager")),
        ] {
            let setting = json!({"description": "A.", "type": "string", mark: value});
            let expected = why.map(|why| ("marks", why));
            check_fails_of(Whose::Packagers, &with(&setting), expected);
        }
    }

    #[test]
    fn sentences_end_at_their_period() {
        for (text, sentence) in [
            ("One. Two.", "One."),
            ("One,\ne.g. two. Three", "One, e.g. two."),
            ("One\n\nTwo.", "One"),
            ("0.5 of it.", "0.5 of it."),
        ] {
            assert_eq!(first_sentence(text), sentence);
        }
    }

    #[test]
    fn required_settings_that_nothing_gives_are_found() {
        let schema = json!({
            "required": ["a", "b"],
            "properties": {"a": {"x-olive-reference": "data_config"}, "b": {}}
        });
        let config = Map::from_iter([("b".to_owned(), json!(1))]);
        assert_eq!(missing(&config, &schema), ["a"]);
        assert!(is_reference(&schema, "a", "data_config"));
        assert!(!is_reference(&schema, "b", "data_config"));
    }
}
