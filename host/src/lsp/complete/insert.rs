//! The text that a completion writes.

use std::ops::Range;

use serde_json::Value;

use super::super::cursor::{Slot, Spelling};
use crate::config::navigate::Place;

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
    let text = if has_value {
        head
    } else if is_snippet {
        let template = template(about, is_json);
        let tail = if is_json && slot.is_followed { "," } else { "" };
        format!("{}: {}{tail}", escape(&head), template.snippet()).trim_end().to_owned()
    } else {
        let template = template(about, is_json);
        let tail = if is_json && slot.is_followed { "," } else { "" };
        format!("{head}: {}{tail}", template.plain())
    };
    Insert { range: slot.range.clone(), text, is_snippet, filter: filter(slot, key) }
}

/// The value; none where it cannot be written.
pub(super) fn value(slot: &Slot, value: &Value) -> Option<Insert> {
    let text = match (slot.spelling, value) {
        (Spelling::Bare, value) => value.to_string(),
        (Spelling::Quoted, Value::String(_)) => value.to_string()[1..].to_owned(),
        (Spelling::Plain, Value::String(text)) => yaml(text),
        (Spelling::PlainQuoted(_), Value::String(_)) => value.to_string(),
        (Spelling::Quoted | Spelling::PlainQuoted(_), _) => return None,
        (Spelling::Plain, value) => value.to_string(),
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
    let default = about.default().filter(|value| !value.is_null());
    let named = about.choices().into_iter().filter(|choice| !choice.is_example);
    let named: Vec<Value> = named.map(|choice| choice.value).collect();
    let is_text = |value: &Value| value.is_string();
    let first = default.into_iter().cloned();
    let mut inside: Vec<Value> = first.collect();
    let has_choices = named.len() <= CHOICES_LIMIT && !named.is_empty();
    if has_choices && (named.iter().all(is_text) || named.iter().all(Value::is_boolean)) {
        inside.extend(named);
    }
    let kinds = about.types();
    let kind = kinds.iter().copied().find(|kind| *kind != "null").unwrap_or_default();
    let kind = match inside.first() {
        Some(Value::String(_)) => "string",
        Some(Value::Object(_)) => "object",
        Some(Value::Array(_)) => "array",
        Some(_) => "other",
        None => kind,
    };
    let (before, after) = match (kind, is_json) {
        ("string", true) => ("\"", "\""),
        ("object", true) => ("{", "}"),
        ("array", true) => ("[", "]"),
        _ => ("", ""),
    };
    let is_plain = |value: &Value| !value.is_object() && !value.is_array();
    let mut texts: Vec<String> = Vec::new();
    for value in inside.iter().filter(|value| is_plain(value)) {
        let text = match value {
            Value::String(text) if is_json => {
                let quoted = Value::from(text.as_str()).to_string();
                quoted[1..quoted.len() - 1].to_owned()
            }
            Value::String(text) => yaml(text),
            other => other.to_string(),
        };
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    Template { before, inside: texts, after }
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
            [first, ..] => format!("${{1:{}}}", escape(first)),
        };
        format!("{}{inside}{}", escape(self.before), escape(self.after))
    }
}

/// Text as a snippet has it.
fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('$', "\\$").replace('}', "\\}")
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
