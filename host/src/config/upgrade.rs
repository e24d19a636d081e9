//! Upgrading a config of any era to the one normalized form.
//!
//! Works on the tree with places, so that every later finding still points into the text the user
//! wrote. Each old spelling that is read becomes a note. Checks nothing: what no upgrade
//! understands is left for the check.

mod sections;
mod model;
mod data;
mod passes;
mod engine;

use std::ops::Range;

use olive_schemas::diagnostic::{Diagnostic, Severity};

use super::Finding;
use super::node::{Entry, Node};
use crate::plugin::Catalog;

/// Upgrades `root` in place; gives what was read differently from how it is written.
pub fn upgrade(root: &mut Node, catalog: &Catalog) -> Vec<Finding> {
    let mut notes = Notes::default();
    sections::upgrade(root, &mut notes);
    if let Some(model) = root.get_mut("input_model") {
        model::upgrade(model, &mut notes);
    }
    if let Some(configs) = root.get_mut("data_configs") {
        data::upgrade(configs, &mut notes);
    }
    if let Some(passes) = root.get_mut("passes") {
        passes::upgrade(passes, catalog, &mut notes);
    }
    engine::upgrade(root, &mut notes);
    notes.findings
}

/// Keys that may stand at the root of a config of any era.
pub fn root_keys() -> impl Iterator<Item = &'static str> {
    sections::SECTIONS.into_iter().chain(sections::ENGINE_KEYS)
}

/// What was read differently from how it is written.
#[derive(Default)]
pub(super) struct Notes {
    findings: Vec<Finding>,
}

impl Notes {
    /// An old spelling was read.
    fn renamed(&mut self, range: &Range<usize>, old: &str, new: &str) {
        let message = format!("`{old}` is an old spelling");
        let diagnostic = Diagnostic::new(Severity::Note, "old-spelling", "", message)
            .with_help(format!("write `{new}`"));
        self.findings.push(Finding::new(diagnostic, range.clone()));
    }

    /// A setting was left out.
    fn ignored(&mut self, range: &Range<usize>, what: &str, why: &str) {
        let message = format!("`{what}` has no effect: {why}");
        let diagnostic =
            Diagnostic::new(Severity::Warning, "ignored-key", "", message).with_help("remove it");
        self.findings.push(Finding::new(diagnostic, range.clone()));
    }

    /// Something cannot be upgraded.
    fn refused(&mut self, range: &Range<usize>, code: &str, message: String, help: &str) {
        let diagnostic = Diagnostic::error(code, "", message).with_help(help);
        self.findings.push(Finding::new(diagnostic, range.clone()));
    }
}

/// Moves the entries of the object `wrapper` inside `node` up into `node`; the inner value wins.
fn flatten(node: &mut Node, wrapper: &str, notes: &mut Notes) {
    let is_object = node.get(wrapper).is_some_and(|inner| inner.entries().is_some());
    if !is_object {
        return;
    }
    let Some(mut taken) = node.take(wrapper) else { return };
    let inner = std::mem::take(taken.node.entries_mut().unwrap_or(&mut Vec::new()));
    for entry in inner {
        if let Some(outer) = node.take(&entry.key) {
            let why = format!("`{wrapper}.{}` is set too and wins", entry.key);
            notes.ignored(&outer.range(), &outer.key, &why);
        }
        insert(node, entry);
    }
}

/// Renames the entry `old` to `new`, with a note; an entry already called `new` wins.
fn rename(node: &mut Node, old: &str, new: &str, notes: &mut Notes) {
    let Some(entry) = node.take(old) else { return };
    notes.renamed(&entry.key_range, old, new);
    if node.get(new).is_some() {
        notes.ignored(&entry.range(), old, &format!("`{new}` is set too and wins"));
        return;
    }
    insert(node, entry.renamed(new));
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

/// Spells the string at `key` as one of `names` when it differs only in case.
fn fix_case(node: &mut Node, key: &str, names: &[&str]) {
    let Some(value) = node.get_mut(key) else { return };
    let Some(written) = value.as_str() else { return };
    if let Some(name) = names.iter().find(|name| name.eq_ignore_ascii_case(written)) {
        *value = Node::scalar(*name, value.range.clone());
    }
}
