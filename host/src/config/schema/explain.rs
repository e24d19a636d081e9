//! A violation of a schema in the words of a person, with the way out.

use std::collections::BTreeMap;

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{ValidationError, draft7};
use olive_schemas::diagnostic::Diagnostic;
use olive_schemas::pointer::escape;
use serde_json::{Value, json};

use super::lookup::{nested_home, owner, values_of};
use super::{nearest, quoted, suggest};
use crate::config::check::Problem;
use crate::config::references::{IGNORED, RENAMED_FROM, UNAVAILABLE};

/// Keyword with what a pattern means, which editors know too.
const PATTERN_MESSAGE: &str = "patternErrorMessage";

/// Keyword with what to write, in place of what the keywords of a field say; editors know it too.
const WAY_OUT: &str = "errorMessage";

/// Keyword of a field whose value is nobody else's business; editors know it too.
const SECRET: &str = "writeOnly";

/// Way out of a list where one value belongs.
const SEARCH: &str =
    "keep one value, or let a search try them: \"search_strategy\": {\"sampler\": \"sequential\"}";

/// What is wrong by `error`, which `schema` gave, with the way out.
pub(super) fn explain(error: &ValidationError<'_>, schema: &Value) -> Vec<Problem> {
    let path = error.schema_path().as_str();
    let field = path.rsplit_once('/').map(|(_, keyword)| owner(schema, path, keyword));
    let is_secret = field.and_then(|field| field.get(SECRET)) == Some(&Value::Bool(true));
    let mut problems = explain_kind(error, schema, is_secret);
    let way_out = field.and_then(|field| field.get(WAY_OUT)).and_then(Value::as_str);
    for problem in &mut problems {
        problem.is_secret |= is_secret;
        let Diagnostic { pointer, help, .. } = &mut problem.diagnostic;
        if *pointer == error.instance_path().as_str() && help.is_none() {
            *help = way_out.map(str::to_owned);
        }
    }
    problems
}

fn explain_kind(error: &ValidationError<'_>, schema: &Value, is_secret: bool) -> Vec<Problem> {
    let pointer = error.instance_path().as_str();
    let schema_path = error.schema_path().as_str();
    let value = if is_secret { "what is written".into() } else { brief(error.instance()) };
    let (message, help) = match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            let object = owner(schema, schema_path, "additionalProperties");
            return unexpected
                .iter()
                .map(|key| unknown_key(pointer, key, object, schema))
                .collect();
        }
        ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context } => {
            return explain_alternatives(error, context, schema);
        }
        ValidationErrorKind::Required { property } => {
            let key = property.as_str().unwrap_or_default();
            let object = owner(schema, schema_path, "required");
            return vec![missing_key(pointer, key, &values_of(key, object, schema))];
        }
        ValidationErrorKind::Enum { options } => {
            let options = options.as_array().map(Vec::as_slice).unwrap_or_default();
            return vec![unknown_value(pointer, error.instance(), options)];
        }
        ValidationErrorKind::Constant { expected_value } => {
            let options = [Value::clone(expected_value)];
            return vec![unknown_value(pointer, error.instance(), &options)];
        }
        ValidationErrorKind::Type { kind } => return vec![wrong_type(error, kind)],
        ValidationErrorKind::Minimum { limit } => {
            (format!("{value} is less than the minimum of {}", number(limit)), None)
        }
        ValidationErrorKind::Maximum { limit } => {
            (format!("{value} is more than the maximum of {}", number(limit)), None)
        }
        ValidationErrorKind::ExclusiveMinimum { limit } => {
            (format!("{value} is not above {}", number(limit)), None)
        }
        ValidationErrorKind::ExclusiveMaximum { limit } => {
            (format!("{value} is not below {}", number(limit)), None)
        }
        ValidationErrorKind::Pattern { pattern } => {
            let own = owner(schema, schema_path, "pattern").get(PATTERN_MESSAGE);
            let own = own.and_then(Value::as_str).map(|meant| format!("{value} is not {meant}"));
            let own = own.unwrap_or_else(|| format!("{value} does not match `{pattern}`"));
            let meant = mended(error.instance(), pattern).filter(|_| !is_secret);
            (own, meant.map(|meant| format!("write `{meant}`")))
        }
        ValidationErrorKind::MinItems { limit } => {
            (format!("the list has fewer than {limit} items"), Some("add one".to_owned()))
        }
        ValidationErrorKind::MaxItems { limit } => return vec![too_many(pointer, *limit)],
        ValidationErrorKind::PropertyNames { error } => return wrong_name(pointer, error, schema),
        ValidationErrorKind::Not { .. } => (format!("{value} is not allowed here"), None),
        _ => (error.to_string(), None),
    };
    vec![Problem::error("wrong-value", pointer, message, help)]
}

/// What is wrong by `error` with the name of a value of the object at `pointer`.
fn wrong_name(pointer: &str, error: &ValidationError<'_>, schema: &Value) -> Vec<Problem> {
    let pointer = format!("{pointer}/{}", escape(error.instance().as_str().unwrap_or_default()));
    let of_name = |mut problem: Problem| {
        problem.diagnostic.pointer.clone_from(&pointer);
        problem.about_key()
    };
    explain_kind(error, schema, false).into_iter().map(of_name).collect()
}

/// A name with `_` in place of what names have not, when `pattern` allows that.
fn mended(name: &Value, pattern: &str) -> Option<String> {
    let plain = |letter: char| if letter.is_ascii_alphanumeric() { letter } else { '_' };
    let meant: String = name.as_str()?.trim().chars().map(plain).collect();
    let has_letters = meant.chars().any(|letter| letter != '_');
    // What ends in other signs is no name with a slip.
    let is_name = has_letters && !meant.ends_with('_');
    (is_name && draft7::is_valid(&json!({ "pattern": pattern }), &json!(meant))).then_some(meant)
}

/// Says that `key` is missing.
pub(super) fn missing(key: &str) -> String {
    format!("key `{key}` is missing")
}

fn missing_key(pointer: &str, key: &str, values: &[String]) -> Problem {
    let names: Vec<&str> = values.iter().map(String::as_str).collect();
    let help = match names[..] {
        [] => format!("add `{key}`"),
        [value] => format!("add `\"{key}\": \"{value}\"`"),
        _ => format!("add `{key}`, one of {}", quoted(&names)),
    };
    Problem::error("missing-key", pointer, missing(key), Some(help))
}

fn too_many(pointer: &str, limit: u64) -> Problem {
    let (message, help) = if limit == 1 {
        ("the list has more than one item".to_owned(), "keep one".to_owned())
    } else {
        (format!("the list has more than {limit} items"), format!("keep {limit}"))
    };
    Problem::error("wrong-value", &format!("{pointer}/{limit}"), message, Some(help))
}

/// Of several alternatives that all fail, tells all of the only one beside `null`, else the values
/// they name, else the one that went deepest.
fn explain_alternatives(
    error: &ValidationError<'_>,
    context: &[Vec<ValidationError<'static>>],
    schema: &Value,
) -> Vec<Problem> {
    let mut meant = context.iter().filter(|nested| !nested.iter().all(is_about_null));
    if let (Some(only), None) = (meant.next(), meant.next()) {
        return only.iter().flat_map(|nested| explain(nested, schema)).collect();
    }
    let mut options = Vec::new();
    for nested in context.iter().flatten() {
        collect_options(nested, &mut options);
    }
    let pointer = error.instance_path().as_str();
    let is_scalar = !error.instance().is_object() && !error.instance().is_array();
    let values = error.instance().as_array().filter(|values| !values.is_empty());
    if values.is_some_and(|values| values.iter().all(|value| options.contains(value))) {
        let message = "a list is not one value".to_owned();
        return vec![Problem::error("wrong-value", pointer, message, Some(SEARCH.to_owned()))];
    }
    if !options.is_empty() && is_scalar {
        return vec![unknown_value(pointer, error.instance(), &options)];
    }
    let deepest = context
        .iter()
        .flatten()
        .filter(|nested| !is_about_null(nested))
        .max_by_key(|nested| nested.instance_path().as_str().len());
    let explained = deepest.and_then(|nested| explain(nested, schema).into_iter().next());
    let explained = explained.unwrap_or_else(|| {
        let message = format!("{} fits none of what is allowed here", brief(error.instance()));
        Problem::new(Diagnostic::error("wrong-value", pointer, message))
    });
    vec![explained]
}

fn is_about_null(nested: &ValidationError<'_>) -> bool {
    matches!(nested.kind(), ValidationErrorKind::Type { kind: TypeKind::Single(kind) }
        if kind.as_str() == "null")
}

fn collect_options(error: &ValidationError<'_>, options: &mut Vec<Value>) {
    match error.kind() {
        ValidationErrorKind::Constant { expected_value } => {
            options.push(Value::clone(expected_value));
        }
        ValidationErrorKind::Enum { options: named } => {
            options.extend(named.as_array().into_iter().flatten().cloned());
        }
        ValidationErrorKind::OneOfNotValid { context } | ValidationErrorKind::AnyOf { context } => {
            for nested in context.iter().flatten() {
                collect_options(nested, options);
            }
        }
        _ => {}
    }
}

/// A value of a type that its place does not take.
fn wrong_type(error: &ValidationError<'_>, kind: &TypeKind) -> Problem {
    let (pointer, value): (_, &Value) = (error.instance_path().as_str(), error.instance());
    let accepts = |name: &str| match kind {
        TypeKind::Single(single) => single.as_str() == name,
        TypeKind::Multiple(set) => set.iter().any(|known| known.as_str() == name),
    };
    let takes_numbers = accepts("number") || accepts("integer");
    let unquoted = value.as_str().and_then(|text| {
        let meant: Value = serde_json::from_str(text.trim()).ok()?;
        let fits = meant.is_boolean() && accepts("boolean")
            || meant.is_i64() && takes_numbers
            || meant.is_number() && accepts("number");
        fits.then(|| text.trim().to_owned())
    });
    let (help, raw) = match value {
        Value::String(_) if unquoted.is_some() => {
            (Some("write it without quotes".to_owned()), unquoted)
        }
        Value::String(_) | Value::Object(_) if accepts("array") => {
            (Some("put it in `[ ]`".to_owned()), None)
        }
        Value::Array(items) if items.len() == 1 => {
            (Some("remove the `[ ]` around it".to_owned()), None)
        }
        Value::Array(items) if !items.is_empty() && items.iter().all(|item| is_of(kind, item)) => {
            (Some(SEARCH.to_owned()), None)
        }
        Value::Number(number) if accepts("boolean") => {
            let meant = number.as_f64() != Some(0.0);
            (Some(format!("write `{meant}`")), Some(meant.to_string()))
        }
        Value::Number(_) if accepts("string") => (Some("put it in quotes".to_owned()), None),
        _ => (None, None),
    };
    let shown = match value {
        Value::Object(_) => "an object".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        scalar => brief(scalar),
    };
    let message = format!("{shown} is not {}", type_name(kind));
    let mut problem = Problem::error("wrong-value", pointer, message, help);
    problem.raw_replacement = raw;
    problem
}

fn is_of(kind: &TypeKind, value: &Value) -> bool {
    let fits = |name: &str| match value {
        Value::Null => name == "null",
        Value::Bool(_) => name == "boolean",
        Value::Number(number) => name == "number" || name == "integer" && number.is_i64(),
        Value::String(_) => name == "string",
        Value::Array(_) => name == "array",
        Value::Object(_) => name == "object",
    };
    match kind {
        TypeKind::Single(single) => fits(single.as_str()),
        TypeKind::Multiple(set) => set.iter().any(|known| fits(known.as_str())),
    }
}

/// A key that is neither a setting of `object` nor known to be left out of it.
fn unknown_key(pointer: &str, key: &str, object: &Value, document: &Value) -> Problem {
    let names = |keyword| {
        let map = object.get(keyword).and_then(Value::as_object);
        map.into_iter().flat_map(|map| map.keys().map(String::as_str))
    };
    let settings: Vec<&str> = names("properties").collect();
    let old = old_names(object);
    let known = settings.iter().copied().chain(names(UNAVAILABLE)).chain(names(IGNORED));
    let near = nearest(key, known.chain(old.keys().copied()));
    let near = near.map(|name| old.get(name).copied().unwrap_or(name));
    let pointer = format!("{pointer}/{}", escape(key));
    // In a setting of the object itself, or in one beside it.
    let home = nested_home(key, object, document).or_else(|| nested_home(key, document, document));
    let help = match (home, near) {
        (Some(home), _) => Some(format!("it belongs in `{home}`")),
        (None, Some(name)) => Some(format!("did you mean `{name}`?")),
        (None, None) => suggest(key, settings.iter().copied()),
    };
    let problem = Problem::error("unknown-key", &pointer, format!("unknown key `{key}`"), help);
    problem.about_key().replaced_by(near.filter(|name| settings.contains(name)))
}

/// Settings of `object` by the names that they had.
fn old_names(object: &Value) -> BTreeMap<&str, &str> {
    let settings = object.get("properties").and_then(Value::as_object).into_iter().flatten();
    let names = settings.flat_map(|(name, setting)| {
        let old = setting.get(RENAMED_FROM).and_then(Value::as_array).into_iter().flatten();
        old.filter_map(Value::as_str).map(move |old| (old, name.as_str()))
    });
    names.collect()
}

fn unknown_value(pointer: &str, value: &Value, options: &[Value]) -> Problem {
    let written = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let mut names: Vec<String> =
        options.iter().filter(|option| !option.is_null()).map(written).collect();
    names.dedup();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let message = format!("{} is not one of {}", brief(value), quoted(&names));
    let near = value.as_str().and_then(|written| nearest(written, names.iter().copied()));
    let help = value.as_str().and_then(|written| suggest(written, names.iter().copied()));
    let help = help.filter(|help| help.starts_with("did you mean"));
    Problem::error("unknown-value", pointer, message, help).replaced_by(near)
}

fn type_name(kind: &TypeKind) -> String {
    let name = |name: &str| match name {
        "integer" => "a whole number".to_owned(),
        "array" => "a list".to_owned(),
        "object" => "an object".to_owned(),
        "null" => "null".to_owned(),
        "boolean" => "`true` or `false`".to_owned(),
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

/// A limit without a fraction of zero.
fn number(limit: &Value) -> String {
    let text = limit.to_string();
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

/// A value as text, cut short when long.
fn brief(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= 60 {
        return text;
    }
    format!("{}…", text.chars().take(57).collect::<String>())
}
