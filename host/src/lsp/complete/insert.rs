//! The text that a completion writes.

use std::ops::Range;

use serde_json::Value;

use super::super::cursor::{Slot, Spelling};
use crate::config::navigate::{Choice, Place};

/// Values that a snippet lets one choose from.
const CHOICES_LIMIT: usize = 12;

/// The text that a completion writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Insert {
    /// Bytes that it replaces.
    pub(super) range: Range<usize>,
    /// The text, or the snippet.
    pub(super) text: String,
    /// Whether it holds places to fill in.
    pub(super) is_snippet: bool,
    /// What is compared with what is typed, instead of the label.
    pub(super) filter: Option<String>,
}

/// A value with a place to fill in.
struct Template {
    before: &'static str,
    /// What to fill in, the first of these to begin with.
    inside: Vec<String>,
    after: &'static str,
}

/// The key, and a value for it unless it has one.
pub(super) fn key(
    slot: &Slot,
    key: &str,
    has_value: bool,
    about: &Place<'_>,
    has_snippets: bool,
) -> Insert {
    let quoted = Value::from(key).to_string();
    let head = match slot.spelling {
        Spelling::Bare => quoted,
        Spelling::Quoted => quoted[1..].to_owned(),
        Spelling::Plain => yaml(key),
        Spelling::PlainQuoted(quote) => format!("{quote}{key}{quote}"),
    };
    let is_json = matches!(slot.spelling, Spelling::Bare | Spelling::Quoted);
    let is_snippet = has_snippets && !has_value;
    let tail = if is_json && slot.is_followed { "," } else { "" };
    let template = template(about, is_json);
    let text = match (has_value, is_snippet) {
        (true, _) => head,
        (false, true) => {
            format!("{}: {}{tail}", escape(&head), template.snippet())
        }
        (false, false) => format!("{head}: {}{tail}", template.plain()),
    };
    Insert { range: slot.range.clone(), text, is_snippet, filter: filter(slot, key) }
}

/// The value; none where it cannot be written.
pub(super) fn value(slot: &Slot, value: &Value) -> Option<Insert> {
    let text = match (slot.spelling, value) {
        (Spelling::Quoted, Value::String(_)) => value.to_string()[1..].to_owned(),
        (Spelling::Plain, Value::String(text)) => yaml(text),
        (Spelling::Quoted, _) => return None,
        (Spelling::PlainQuoted(_), value) if !value.is_string() => return None,
        (Spelling::Bare | Spelling::Plain | Spelling::PlainQuoted(_), _) => value.to_string(),
    };
    let is_json = matches!(slot.spelling, Spelling::Bare | Spelling::Quoted);
    let space = if slot.is_tight { " " } else { "" };
    let comma = if is_json && slot.is_followed { "," } else { "" };
    let label = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    Some(Insert {
        range: slot.range.clone(),
        text: format!("{space}{text}{comma}"),
        is_snippet: false,
        filter: filter(slot, &label),
    })
}

/// The path; behind a quote the one at the end stays, so that one can go on.
pub(super) fn path(slot: &Slot, path: &str, text: &str) -> Option<Insert> {
    let mut insert = value(slot, &path.into())?;
    if slot.spelling == Spelling::Quoted {
        let is_closed = text[slot.range.clone()].ends_with('"');
        insert.range.end -= usize::from(is_closed);
        insert.text = insert.text.trim_end_matches(',').trim_end_matches('"').to_owned();
    }
    Some(insert)
}

/// What quotes of YAML make different between the label and the text.
fn filter(slot: &Slot, label: &str) -> Option<String> {
    match slot.spelling {
        Spelling::PlainQuoted(quote) => Some(format!("{quote}{label}{quote}")),
        Spelling::Bare | Spelling::Quoted | Spelling::Plain => None,
    }
}

fn template(about: &Place<'_>, is_json: bool) -> Template {
    let values = values(about);
    let kinds = about.types();
    let kind = match values.first() {
        Some(Value::String(_)) => "string",
        Some(Value::Object(_)) => "object",
        Some(Value::Array(_)) => "array",
        Some(_) => "other",
        None => kinds.iter().copied().find(|kind| *kind != "null").unwrap_or_default(),
    };
    let (before, after) = match (kind, is_json) {
        ("string", true) => ("\"", "\""),
        ("object", true) => ("{", "}"),
        ("array", true) => ("[", "]"),
        _ => ("", ""),
    };
    let mut inside: Vec<String> = Vec::new();
    for text in values.iter().filter_map(|value| written(value, is_json)) {
        if !inside.contains(&text) {
            inside.push(text);
        }
    }
    Template { before, inside, after }
}

/// The default, then the values to choose from when these are few and of one kind.
fn values(about: &Place<'_>) -> Vec<Value> {
    let default = about.default().filter(|value| !value.is_null()).cloned();
    let is_value = |choice: &Choice<'_>| !choice.is_example && !choice.value.is_null();
    let named = about.choices().into_iter().filter(is_value);
    let named: Vec<Value> = named.map(|choice| choice.value).collect();
    let is_like = named.iter().all(Value::is_string) || named.iter().all(Value::is_boolean);
    let named = if is_like && named.len() <= CHOICES_LIMIT { named } else { Vec::new() };
    default.into_iter().chain(named).collect()
}

/// A plain value without its quotes.
fn written(value: &Value, is_json: bool) -> Option<String> {
    match value {
        Value::Object(_) | Value::Array(_) => None,
        Value::String(text) if !is_json => Some(yaml(text)),
        Value::String(_) => {
            let quoted = value.to_string();
            Some(quoted[1..quoted.len() - 1].to_owned())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
    }
}

impl Template {
    fn plain(&self) -> String {
        let inside = self.inside.first().map(String::as_str).unwrap_or_default();
        format!("{}{inside}{}", self.before, self.after)
    }

    fn snippet(&self) -> String {
        let is_choice = |text: &String| !text.contains([',', '|', '\\', '$', '}']);
        let inside = match self.inside.as_slice() {
            [] => "$1".to_owned(),
            several if several.len() > 1 && several.iter().all(is_choice) => {
                format!("${{1|{}|}}", several.join(","))
            }
            [first, ..] => format!("${{1:{}}}", escape(first).replace('}', "\\}")),
        };
        format!("{}{inside}{}", self.before, self.after)
    }
}

/// Text as a snippet has it outside of its places.
fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('$', "\\$")
}

/// Text as YAML has it, in quotes where it would be something else without.
fn yaml(text: &str) -> String {
    let is_letter = |c: char| c.is_alphanumeric() || "_-./ ".contains(c);
    let is_plain = text.starts_with(char::is_alphanumeric)
        && text.chars().all(is_letter)
        && !text.ends_with(' ')
        && text.parse::<f64>().is_err()
        && !["true", "false", "null", "yes", "no", "on", "off"]
            .contains(&text.to_lowercase().as_str());
    if is_plain { text.to_owned() } else { Value::from(text).to_string() }
}
