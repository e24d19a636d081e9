//! How a text is laid out, and values printed in the same way.

use serde_json::Value;

use super::trivia::{has_newline, indent, is_first_on_line};
use crate::config::Node;
use crate::config::node::NodeValue;

/// Columns that a list of scalars may take on one line.
const LINE_COLUMNS: usize = 80;

/// How a text is laid out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Style {
    /// How scalars and keys are written.
    pub(super) writing: Writing,
    /// What ends a line.
    pub(super) newline: &'static str,
    /// Indentation of one level.
    pub(super) unit: String,
    /// What stands between key and value.
    pub(super) colon: String,
    /// What stands between two values on one line.
    pub(super) comma: String,
}

/// How scalars and keys are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Writing {
    /// As JSON.
    Json,
    /// Without quotes where YAML needs none.
    Yaml,
}

impl Style {
    /// The style of `text`, whose tree is `root`.
    pub(super) fn of(text: &str, root: &Node) -> Self {
        let is_crlf = text.split_inclusive('\n').next().is_some_and(|line| line.ends_with("\r\n"));
        let colon = first(root, &|node| colon(text, node)).unwrap_or(": ");
        let fallback = if colon.ends_with(':') { "," } else { ", " };
        Self {
            writing: Writing::Json,
            newline: if is_crlf { "\r\n" } else { "\n" },
            unit: first(root, &|node| unit(text, node)).unwrap_or("  ").to_owned(),
            colon: colon.to_owned(),
            comma: first(root, &|node| comma(text, node)).unwrap_or(fallback).to_owned(),
        }
    }

    /// The text of an entry or, without `key`, of an item.
    ///
    /// `lines` is the indentation of the line it starts on; without it all stays on one line.
    pub(super) fn member(&self, key: Option<&str>, value: &Value, lines: Option<&str>) -> String {
        let value = self.print(value, lines);
        match key {
            Some(key) => format!("{}{}{value}", self.key(key), self.colon),
            None => value,
        }
    }

    /// A key.
    pub(super) fn key(&self, key: &str) -> String {
        self.scalar(&Value::from(key))
    }

    /// A value in YAML's block style, from the space after the mark of its entry (`is_entry`) or
    /// item on; `base` is the indentation of that mark.
    pub(super) fn block(&self, value: &Value, base: &str, is_entry: bool) -> String {
        let inner = if is_entry { format!("{base}{}", self.unit) } else { format!("{base}  ") };
        let start = format!("{}{inner}", self.newline);
        let entry = |(key, value): (&String, &Value)| {
            format!("{}:{}", self.key(key), self.block(value, &inner, true))
        };
        match value {
            Value::Object(map) if !map.is_empty() => {
                let entries: Vec<String> = map.iter().map(entry).collect();
                let first = if is_entry { start.as_str() } else { " " };
                format!("{first}{}", entries.join(&start))
            }
            Value::Array(items) if is_entry && items.iter().any(Value::is_object) => {
                let item = |item| format!("{start}-{}", self.block(item, &inner, false));
                items.iter().map(item).collect()
            }
            other => format!(" {}", self.member(None, other, None)),
        }
    }

    /// A scalar.
    pub(super) fn scalar(&self, value: &Value) -> String {
        match (self.writing, value) {
            (Writing::Yaml, Value::String(text)) if is_plain(text) => text.clone(),
            _ => value.to_string(),
        }
    }

    fn print(&self, value: &Value, lines: Option<&str>) -> String {
        let (open, close, members): (_, _, Vec<(Option<&str>, &Value)>) = match value {
            Value::Object(map) => {
                ('{', '}', map.iter().map(|(key, value)| (Some(key.as_str()), value)).collect())
            }
            Value::Array(items) => ('[', ']', items.iter().map(|item| (None, item)).collect()),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                return self.scalar(value);
            }
        };
        let is_flat = |value: &Value| !(value.is_object() || value.is_array());
        if let Some(indent) = lines.filter(|_| !members.is_empty()) {
            let is_short = || value.to_string().chars().count() <= LINE_COLUMNS;
            let is_one_line =
                value.is_array() && members.iter().all(|(_, item)| is_flat(item)) && is_short();
            if !is_one_line {
                return self.print_lines((open, close), &members, indent);
            }
        }
        let members: Vec<String> =
            members.into_iter().map(|(key, value)| self.member(key, value, None)).collect();
        format!("{open}{}{close}", members.join(&self.comma))
    }

    fn print_lines(
        &self,
        (open, close): (char, char),
        members: &[(Option<&str>, &Value)],
        indent: &str,
    ) -> String {
        let inner = format!("{indent}{}", self.unit);
        let start = format!("{}{inner}", self.newline);
        let members: Vec<String> = members
            .iter()
            .map(|(key, value)| format!("{start}{}", self.member(*key, value, Some(&inner))))
            .collect();
        format!("{open}{}{}{indent}{close}", members.join(","), self.newline)
    }
}

/// Whether YAML of any version reads `text`, without quotes, as this text.
fn is_plain(text: &str) -> bool {
    let is_word = |letter: char| letter.is_ascii_alphanumeric() || "_-./".contains(letter);
    let starts_word = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    let meanings = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"];
    starts_word && text.chars().all(is_word) && !meanings.contains(&text.to_lowercase().as_str())
}

/// What `look` finds first, in the order of the text.
fn first<'a>(node: &Node, look: &dyn Fn(&Node) -> Option<&'a str>) -> Option<&'a str> {
    look(node).or_else(|| match &node.value {
        NodeValue::Scalar(_) => None,
        NodeValue::Array(items) => items.iter().find_map(|item| first(item, look)),
        NodeValue::Object(entries) => entries.iter().find_map(|entry| first(&entry.node, look)),
    })
}

fn colon<'a>(text: &'a str, node: &Node) -> Option<&'a str> {
    node.entries()?.iter().find_map(|entry| {
        let between = text.get(entry.key_range.end..entry.node.range.start)?;
        (between.trim() == ":" && !between.contains('\n')).then_some(between)
    })
}

fn unit<'a>(text: &'a str, node: &Node) -> Option<&'a str> {
    let child = match &node.value {
        NodeValue::Scalar(_) => return None,
        NodeValue::Array(items) => items.first()?.range.start,
        NodeValue::Object(entries) => entries.first()?.range().start,
    };
    if !is_first_on_line(text, child) {
        return None;
    }
    let unit = indent(text, child).strip_prefix(indent(text, node.range.start))?;
    (!unit.is_empty()).then_some(unit)
}

fn comma<'a>(text: &'a str, node: &Node) -> Option<&'a str> {
    let children: Vec<_> = match &node.value {
        NodeValue::Scalar(_) => return None,
        NodeValue::Array(items) => items.iter().map(|item| item.range.clone()).collect(),
        NodeValue::Object(entries) => {
            entries.iter().map(crate::config::node::Entry::range).collect()
        }
    };
    children.windows(2).find_map(|pair| {
        let range = pair[0].end..pair[1].start;
        let between = text.get(range.clone())?;
        (between.trim() == "," && !has_newline(text, range)).then_some(between)
    })
}
