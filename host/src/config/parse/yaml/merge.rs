//! Merge keys: `<<: *common` takes over the entries of another mapping.

use std::collections::HashMap;

use crate::config::Finding;
use crate::config::node::{Entry, Node, NodeValue};
use crate::config::parse::syntax_error;

const MERGE_KEY: &str = "<<";

/// The entries of a mapping with what its merge keys take over.
///
/// What is taken over comes first; what the mapping says itself wins, and of a list the first.
pub(super) fn merge(entries: Vec<Entry>) -> Result<Vec<Entry>, Finding> {
    if entries.iter().all(|entry| entry.key != MERGE_KEY) {
        return Ok(entries);
    }
    let (merged, own): (Vec<_>, Vec<_>) =
        entries.into_iter().partition(|entry| entry.key == MERGE_KEY);
    let mut taken: Vec<Entry> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for entry in merged.into_iter().map(|entry| mapping_entries(entry.node)) {
        for entry in entry? {
            if !places.contains_key(&entry.key) {
                places.insert(entry.key.clone(), taken.len());
                taken.push(entry);
            }
        }
    }
    for entry in own {
        match places.get(&entry.key) {
            Some(&place) => taken[place] = entry,
            None => taken.push(entry),
        }
    }
    Ok(taken)
}

/// The entries of a mapping, or of a list of them.
fn mapping_entries(node: Node) -> Result<Vec<Entry>, Finding> {
    let refused = |range| {
        let message = format!("`{MERGE_KEY}` takes a mapping, or a list of mappings");
        Err(syntax_error(message, range))
    };
    match node.value {
        NodeValue::Object(entries) => Ok(entries),
        NodeValue::Array(items) => {
            let mut found = Vec::new();
            for item in items {
                match item.value {
                    NodeValue::Object(entries) => found.extend(entries),
                    NodeValue::Array(_) | NodeValue::Scalar(_) => return refused(item.range),
                }
            }
            Ok(found)
        }
        NodeValue::Scalar(_) => refused(node.range),
    }
}
