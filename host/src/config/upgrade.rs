//! From a config of any era to the one normalized form.
//!
//! [`modernize()`] rewrites old spellings as Olive writes them today; each becomes a note, and the
//! result can be written back to the file. [`normalize()`] then brings the several forms that are
//! right today into one, and plain ids become references to the sources that take them. All work on the tree with places, so that every later finding still
//! points into the text the user wrote. What none understands is left for the check.

mod modernize;
mod normalize;
mod ids;
mod marks;

pub use modernize::modernize;
pub use normalize::{kind_of, normalize, root_keys};

use std::ops::Range;

use olive_schemas::diagnostic::{Diagnostic, Severity};

use super::check::Problem;
use super::locate::{locate, point_into, quoted_as};
use super::node::{Entry, Node, NodeValue};
use super::schema::quoted;
use super::{Finding, Fix, Source, TextEdit};
use crate::plugin::Catalog;

/// A config in its normalized form, beside the form it is written in.
#[derive(Debug, Clone)]
pub struct Upgraded {
    /// As it is written.
    pub written: Node,
    /// As it is meant: the one form that the check looks at, with places in the text.
    pub tree: Node,
}

/// Modernizes and normalizes `written`, a config of `source`, and reads its ids; gives what was read differently from
/// how it is written.
pub fn upgrade(written: Node, source: &Source, catalog: &Catalog) -> (Upgraded, Vec<Finding>) {
    let text = &source.text;
    let mut tree = written.clone();
    let mut findings = modernize(&mut tree, catalog);
    findings.extend(normalize(&mut tree, catalog));
    let mut notes = Notes::default();
    ids::refer(&mut tree, &source.folder(), catalog, &mut notes);
    findings.extend(notes.findings);
    for told in &mut findings {
        told.range.end = text.ceil_char_boundary(told.range.end);
        for edit in told.fix.iter_mut().flat_map(|fix| &mut fix.edits) {
            edit.text = quoted_as(text, edit.range.start, &edit.text);
        }
        point_into(&written, told);
    }
    (Upgraded { written, tree }, findings)
}

impl Upgraded {
    /// The finding that `diagnostic` is, whose pointer leads into the normalized form.
    pub fn finding(&self, diagnostic: Diagnostic, source: &Source) -> Finding {
        self.located(Problem::new(diagnostic), source)
    }

    /// The finding that `problem` is.
    pub fn located(&self, problem: Problem, source: &Source) -> Finding {
        let mut finding = locate(problem, &self.tree, &source.text);
        point_into(&self.written, &mut finding);
        finding
    }
}

/// What was read differently from how it is written.
#[derive(Default)]
struct Notes {
    findings: Vec<Finding>,
}

impl Notes {
    /// An old spelling was read.
    fn renamed(&mut self, range: &Range<usize>, old: &str, new: &str) {
        let names: Vec<&str> = new.split(", ").collect();
        let message = format!("`{old}` is an old spelling");
        let diagnostic = Diagnostic::new(Severity::Note, "old-spelling", "", message)
            .with_help(format!("write {}", quoted(&names)));
        self.findings.push(Finding::new(diagnostic, range.clone()));
    }

    /// An old spelling was read whose whole change is another name at its place; its fix has the
    /// name without quotes.
    fn respelled(&mut self, range: &Range<usize>, old: &str, new: &str) {
        self.renamed(range, old, new);
        if let Some(finding) = self.findings.last_mut() {
            let edits = vec![TextEdit { range: range.clone(), text: new.to_owned() }];
            finding.fix = Some(Fix { title: format!("write `{new}`"), edits });
        }
    }

    /// An old form was read; `old` and `new` are words, not names.
    fn reshaped(&mut self, range: &Range<usize>, old: &str, new: &str) {
        let message = format!("{old} is an old form");
        let diagnostic = Diagnostic::new(Severity::Note, "old-spelling", "", message)
            .with_help(format!("write {new}"));
        self.findings.push(Finding::new(diagnostic, range.clone()));
    }

    /// A key of former times was read that has no effect any more.
    fn dropped(&mut self, entry: &Entry, why: &str) {
        let message = format!("`{}` is an old key without effect: {why}", entry.key);
        let diagnostic =
            Diagnostic::new(Severity::Note, "old-spelling", "", message).with_help("remove it");
        self.findings.push(Finding::new(diagnostic, entry.key_range.clone()));
    }

    /// A setting was left out; a harmless one is not missed.
    fn ignored(&mut self, range: &Range<usize>, what: &str, why: &str, is_harmless: bool) {
        let message = format!("`{what}` has no effect: {why}");
        let severity = if is_harmless { Severity::Note } else { Severity::Warning };
        let diagnostic =
            Diagnostic::new(severity, "ignored-key", "", message).with_help("remove it");
        self.findings.push(Finding::new(diagnostic, range.clone()));
    }

    /// A key was left out whose value is plain.
    fn guessed(&mut self, range: &Range<usize>, key: &str, value: &str) {
        let message = format!("`{key}` is left out and read as `{value}`");
        let diagnostic = Diagnostic::new(Severity::Note, "guessed-value", "", message)
            .with_help(format!("write `\"{key}\": \"{value}\"`"));
        self.findings.push(Finding::new(diagnostic, range.clone()));
    }
}

/// The object that holds the settings of `node`: the one called `wrapper` inside it, or itself.
fn settings<'a>(node: &'a mut Node, wrapper: &str) -> &'a mut Node {
    let is_wrapped = node.get(wrapper).is_some_and(|inner| inner.entries().is_some());
    if !is_wrapped {
        return node;
    }
    let Some(index) = node.index_of(wrapper) else { return node };
    match &mut node.value {
        NodeValue::Object(entries) => &mut entries[index].node,
        NodeValue::Array(_) | NodeValue::Scalar(_) => unreachable!("only objects have entries"),
    }
}

/// Renames the entry `old` to `new` where it stands; an entry already called `new` wins.
fn rename(node: &mut Node, old: &str, new: &str, notes: &mut Notes) {
    let Some(index) = node.index_of(old) else { return };
    let is_taken = node.get(new).is_some();
    let Some(entries) = node.entries_mut() else { return };
    if is_taken {
        let entry = entries.remove(index);
        notes.ignored(&entry.key_range, old, &format!("`{new}` is set too and wins"), false);
    } else {
        notes.respelled(&entries[index].key_range, old, new);
        new.clone_into(&mut entries[index].key);
    }
}

/// Adds an entry to an object.
fn insert(node: &mut Node, entry: Entry) {
    if let Some(entries) = node.entries_mut() {
        entries.push(entry);
    }
}

/// Sets `key` to a made-up value that stands at `range`, unless it is set.
fn set_default(
    node: &mut Node,
    key: &str,
    value: impl Into<serde_json::Value>,
    range: &Range<usize>,
) {
    if node.get(key).is_none() {
        insert(node, Entry::new(key, Node::scalar(value, range.clone())));
    }
}

/// The value of `key` in an object, as an empty object made at `range` when it is not there.
fn object_at<'a>(node: &'a mut Node, key: &str, range: &Range<usize>) -> Option<&'a mut Node> {
    if node.get(key).is_none() {
        insert(node, Entry::new(key, Node::object(Vec::new(), range.clone())));
    }
    node.get_mut(key)
}

/// The values of a map.
fn values_mut<'a>(node: &'a mut Node, section: &str) -> impl Iterator<Item = &'a mut Node> {
    let entries = node.get_mut(section).and_then(Node::entries_mut);
    entries.into_iter().flatten().map(|entry| &mut entry.node)
}

/// The items of a list, or the one value itself.
fn items_or_self(node: &mut Node) -> &mut [Node] {
    match node.value {
        NodeValue::Array(_) => match &mut node.value {
            NodeValue::Array(items) => items,
            NodeValue::Object(_) | NodeValue::Scalar(_) => &mut [],
        },
        NodeValue::Object(_) | NodeValue::Scalar(_) => std::slice::from_mut(node),
    }
}
