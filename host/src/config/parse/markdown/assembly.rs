//! Putting the shown members of a config together.

use olive_schemas::diagnostic::Diagnostic;

use super::fragment::{Fragment, Part};
use crate::config::Finding;
use crate::config::node::{Entry, Node, NodeValue};

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
    let mut alternatives = Vec::new();
    for fragment in fragments {
        if fragment.is_whole() || fragment.parts.iter().any(|part| is_shown(&base, part)) {
            alternatives.push(fragment);
        } else {
            base.parts.extend(fragment.parts);
        }
    }
    if let Some(excess) = excess(&base, &alternatives) {
        findings.push(excess);
        return Vec::new();
    }
    let mut documents = vec![document(&base, None)];
    documents.extend(alternatives.iter().map(|fragment| match fragment.is_whole() {
        true => document(fragment, None),
        false => document(&base, Some(fragment)),
    }));
    documents
}

/// Whether `base` has `part`, or shows the whole section it belongs to.
fn is_shown(base: &Fragment, part: &Part) -> bool {
    let key = &part.entry.key;
    base.parts.iter().any(|shown| match (shown.section, part.section) {
        (None, None) => shown.entry.key == *key,
        (Some(one), Some(other)) => one == other && shown.entry.key == *key,
        (Some(section), None) => section == key,
        (None, Some(section)) => shown.entry.key == section,
    })
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

/// The parts of `base`, with those of `alternative` in place of theirs.
fn document(base: &Fragment, alternative: Option<&Fragment>) -> Node {
    let mut entries = Vec::new();
    for part in base.parts.iter().chain(alternative.iter().flat_map(|other| &other.parts)) {
        let entry = part.entry.clone();
        match part.section {
            None => put(&mut entries, entry),
            Some(section) => put(section_entries(&mut entries, section, &entry), entry),
        }
    }
    Node::object(entries, base.range.clone())
}

/// The entries of `section`, made where `member` stands when it is not there.
fn section_entries<'a>(
    entries: &'a mut Vec<Entry>,
    section: &str,
    member: &Entry,
) -> &'a mut Vec<Entry> {
    let place =
        entries.iter().position(|entry| entry.key == section && entry.node.entries().is_some());
    let place = place.unwrap_or_else(|| {
        put(entries, Entry::new(section, Node::object(Vec::new(), member.range())));
        entries.iter().position(|entry| entry.key == section).unwrap_or_default()
    });
    match &mut entries[place].node.value {
        NodeValue::Object(members) => members,
        NodeValue::Array(_) | NodeValue::Scalar(_) => unreachable!("it was made an object"),
    }
}

/// Puts `entry` in place of the one of its name.
fn put(entries: &mut Vec<Entry>, entry: Entry) {
    match entries.iter().position(|other| other.key == entry.key) {
        Some(place) => entries[place] = entry,
        None => entries.push(entry),
    }
}
