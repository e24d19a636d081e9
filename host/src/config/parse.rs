//! Parsing a config's text into trees with places.

mod quotes;
mod json;
mod yaml;
mod markdown;
#[cfg(test)]
mod hostile;

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

use olive_schemas::diagnostic::Diagnostic;

use super::node::Entry;
use super::source::Format;
use super::{Finding, Node, Place, Source, conda};

/// Levels of nesting a config may have.
const DEPTH_LIMIT: usize = 100;

/// What a text holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    /// The config; several when the text shows alternatives, none when it cannot be parsed.
    pub documents: Vec<Node>,
    /// What is wrong with the text itself.
    pub findings: Vec<Finding>,
}

/// Parses the text of `source`.
pub fn parse(source: &Source) -> Parsed {
    let mut findings = Vec::new();
    let text = without_mark(&source.text);
    let documents = match source.format() {
        Format::Json => json::parse(&text, &mut findings).into_iter().collect(),
        Format::Yaml => parse_yaml(&text, &mut findings).into_iter().collect(),
        Format::Markdown => markdown::parse(&text, &mut findings),
    };
    Parsed { documents, findings }
}

/// Blanks a byte order mark, so that places stay.
fn without_mark(text: &str) -> Cow<'_, str> {
    match text.strip_prefix('\u{feff}') {
        Some(rest) => format!("   {rest}").into(),
        None => text.into(),
    }
}

fn parse_yaml(text: &str, findings: &mut Vec<Finding>) -> Option<Node> {
    let node = yaml::parse(text, findings)?;
    if !conda::is_environment(&node) {
        return Some(node);
    }
    findings.extend(conda::check(&node, text));
    let error = Diagnostic::error("no-config", "", "this is a conda environment, not a config")
        .with_help("give the config that uses it");
    let key = node.entry(conda::DEPENDENCIES).map(|entry| entry.key_range.clone());
    findings.push(Finding::new(error, key.unwrap_or(node.range)));
    None
}

fn syntax_error(message: impl Into<String>, range: Range<usize>) -> Finding {
    Finding::new(Diagnostic::error("syntax", "", message), range)
}

/// A slip, and what to write instead.
fn told(range: Range<usize>, message: &str, help: &str) -> Finding {
    let mut finding = syntax_error(message, range);
    finding.diagnostic.help = Some(help.to_owned());
    finding
}

fn too_deep(range: Range<usize>) -> Finding {
    syntax_error(format!("nested deeper than {DEPTH_LIMIT} levels"), range)
}

/// The object of `entry` has its key already at `first`.
fn duplicate_key(entry: &Entry, first: &Range<usize>) -> Finding {
    let message = format!("key `{}` is written twice", entry.key);
    let help = match entry.node.entries() {
        Some(_) => "give one of them another name, or remove it",
        None => "remove one of them",
    };
    let diagnostic = Diagnostic::error("duplicate-key", "", message).with_help(help);
    let mut finding = Finding::new(diagnostic, entry.key_range.clone());
    finding.related.push(Place { range: first.clone(), message: "first written here".into() });
    finding
}

/// Finds the keys that `entries` holds more than once.
fn duplicate_keys(entries: &[Entry]) -> Vec<Finding> {
    let mut seen: HashMap<&str, &Range<usize>> = HashMap::new();
    let mut found = Vec::new();
    for entry in entries {
        match seen.get(entry.key.as_str()) {
            Some(first) => found.push(duplicate_key(entry, first)),
            None => {
                seen.insert(&entry.key, &entry.key_range);
            }
        }
    }
    found
}

/// What is written, what is said of it, at which place, and what is advised.
#[cfg(test)]
type SlipCase = (&'static str, &'static str, &'static str, &'static str);

/// Checks that each text has one finding.
#[cfg(test)]
fn check_slips(parse: fn(&str, &mut Vec<Finding>) -> Option<Node>, slips: &[SlipCase]) {
    for &(text, message, place, help) in slips {
        let mut findings = Vec::new();
        assert_eq!(parse(text, &mut findings), None, "{text}");
        assert_eq!(findings.len(), 1, "{text}");
        let found = &findings[0];
        assert_eq!(found.diagnostic.message, message, "{text}");
        assert_eq!(&text[found.range.clone()], place, "{text}");
        assert_eq!(found.diagnostic.help.as_deref(), Some(help), "{text}");
    }
}
