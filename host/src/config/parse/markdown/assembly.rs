//! Putting the shown members of a config together.

use std::collections::HashSet;
use std::ops::Range;

use indexmap::IndexMap;
use olive_schemas::diagnostic::Diagnostic;

use super::fragment::{Fragment, Part};
use crate::config::Finding;
use crate::config::node::{Entry, Node, NodeValue};

/// Sections whose members may be shown alone.
const MEMBER_SECTIONS: [&str; 2] = ["passes", "systems"];
/// Alternatives that a document may show.
const ALTERNATIVES_LIMIT: usize = 100;
/// Bytes of configs that are assembled; each alternative is a whole one.
const BYTES_LIMIT: usize = 32 << 20;

/// The config that `fragments` show, and one more for each alternative to a part of it.
///
/// A whole config is never mixed with another.
pub(super) fn assemble(mut fragments: Vec<Fragment>, findings: &mut Vec<Finding>) -> Vec<Node> {
    let whole = fragments.iter().position(Fragment::is_whole);
    let mut base = fragments.remove(whole.unwrap_or_default());
    let mut shown: HashSet<Place> = base.parts.iter().flat_map(taken).collect();
    let mut alternatives = Vec::new();
    for fragment in fragments {
        let is_shown = |part: &Part| needed(part).iter().any(|place| shown.contains(place));
        if fragment.is_whole() || fragment.parts.iter().any(is_shown) {
            alternatives.push(fragment);
        } else {
            shown.extend(fragment.parts.iter().flat_map(taken));
            base.parts.extend(fragment.parts);
        }
    }
    if let Some(excess) = excess(&base, &alternatives) {
        findings.push(excess);
        return Vec::new();
    }
    let mut documents = vec![document(&base.parts, &[], base.range.clone())];
    documents.extend(alternatives.iter().map(|fragment| {
        if fragment.is_whole() {
            document(&fragment.parts, &[], fragment.range.clone())
        } else {
            document(&base.parts, &fragment.parts, base.range.clone())
        }
    }));
    documents
}

/// Something that is shown: a key of the root, a member of a section, or that a section has some.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Place {
    Root(String),
    Member(&'static str, String),
    Section(&'static str),
}

/// What `part` shows.
fn taken(part: &Part) -> Vec<Place> {
    let key = part.entry.key.clone();
    match part.section {
        None => vec![Place::Root(key)],
        Some(section) => vec![Place::Member(section, key), Place::Section(section)],
    }
}

/// What is shown already where `part` is an alternative.
fn needed(part: &Part) -> Vec<Place> {
    let key = part.entry.key.clone();
    match part.section {
        None => {
            let section = MEMBER_SECTIONS.into_iter().find(|section| *section == key);
            [Some(Place::Root(key)), section.map(Place::Section)].into_iter().flatten().collect()
        }
        Some(section) => vec![Place::Member(section, key), Place::Root(section.into())],
    }
}

fn excess(base: &Fragment, alternatives: &[Fragment]) -> Option<Finding> {
    let bytes = base.parts.iter().map(|part| part.entry.range().len()).sum::<usize>().max(1);
    let limit = ALTERNATIVES_LIMIT.min(BYTES_LIMIT / bytes);
    let first = alternatives.get(limit)?;
    let message = format!("the document shows more than {limit} alternatives");
    let error = Diagnostic::error("too-many-alternatives", "", message)
        .with_help("show each part of the config once");
    Some(Finding::new(error, first.range.clone()))
}

/// The parts of a config, with those of `alternative` in place of theirs.
fn document(parts: &[Part], alternative: &[Part], range: Range<usize>) -> Node {
    let mut root: IndexMap<&str, Entry> = IndexMap::new();
    let mut sections: IndexMap<&str, IndexMap<&str, Entry>> = IndexMap::new();
    for Part { section, entry } in parts.iter().chain(alternative) {
        let Some(section) = section else {
            sections.shift_remove(entry.key.as_str());
            root.insert(&entry.key, entry.clone());
            continue;
        };
        // The place of the section is kept; its members are put in at the end.
        let made = || Entry::new(*section, Node::object(Vec::new(), entry.range()));
        root.entry(section).or_insert_with(made);
        sections.entry(section).or_default().insert(&entry.key, entry.clone());
    }
    let mut entries: Vec<Entry> = root.into_values().collect();
    for entry in &mut entries {
        if let Some(members) = sections.shift_remove(entry.key.as_str()) {
            add_members(&mut entry.node, members);
        }
    }
    Node::object(entries, range)
}

/// Puts `members` into a section, each in place of the one of its name.
fn add_members(section: &mut Node, members: IndexMap<&str, Entry>) {
    let own = match std::mem::replace(&mut section.value, NodeValue::Object(Vec::new())) {
        NodeValue::Object(entries) => entries,
        NodeValue::Array(_) | NodeValue::Scalar(_) => Vec::new(),
    };
    let mut all: IndexMap<String, Entry> =
        own.into_iter().map(|entry| (entry.key.clone(), entry)).collect();
    all.extend(members.into_iter().map(|(key, entry)| (key.to_owned(), entry)));
    section.value = NodeValue::Object(all.into_values().collect());
}
