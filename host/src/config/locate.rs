//! Places of findings: from a pointer into the normalized tree to the text that the user wrote.

use std::ops::Range;

use olive_schemas::diagnostic::Diagnostic;
use serde_json::Value;

use super::check::Problem;
use super::node::Node;
use super::{Finding, Fix, Place, Source, TextEdit};

/// The finding that `diagnostic` is, whose pointer leads into the normalized `tree` of `source`.
pub fn located(diagnostic: Diagnostic, tree: &Node, source: &Source) -> Finding {
    locate(Problem::new(diagnostic), tree, &source.text)
}

/// Gives a problem its place: the nearest part of the tree that was written.
pub fn locate(problem: Problem, tree: &Node, text: &str) -> Finding {
    let Problem { diagnostic, is_about_key, is_secret, replacement, raw_replacement } = problem;
    let (mut range, is_exact) = place(&diagnostic.pointer, is_about_key, tree);
    if range.end < text.len() {
        range.end = text.ceil_char_boundary(range.end);
    }
    let related = diagnostic.related.iter().map(|related| Place {
        range: place(&related.pointer, false, tree).0,
        message: related.message.clone(),
    });
    let related = related.collect();
    let fix = |title: &str, text: String| Fix {
        title: format!("write `{title}`"),
        edits: vec![TextEdit { range: range.clone(), text }],
    };
    let fix = match (replacement, raw_replacement) {
        (Some(name), _) if is_exact => Some(fix(&name, quoted_as(text, range.start, &name))),
        (None, Some(raw)) if is_exact => Some(fix(&raw, raw.clone())),
        _ => None,
    };
    let mut finding = Finding { diagnostic, range, is_secret, related, fix, choices: Vec::new() };
    put_first_use_first(&mut finding);
    finding
}

/// `name` in the quotes of what stands at `start` of `text`.
pub(super) fn quoted_as(text: &str, start: usize, name: &str) -> String {
    match text.as_bytes().get(start) {
        Some(b'"') => Value::String(name.to_owned()).to_string(),
        Some(b'\'') => format!("'{}'", name.replace('\'', "''")),
        _ => name.to_owned(),
    }
}

/// Of several uses of one thing, the first in the text is the main place.
fn put_first_use_first(finding: &mut Finding) {
    let Finding { diagnostic, range, related, fix, .. } = finding;
    if related.iter().any(|place| !place.message.ends_with(" too")) {
        return;
    }
    for (place, told) in related.iter_mut().zip(&mut diagnostic.related) {
        if place.range.start < range.start {
            std::mem::swap(&mut place.range, range);
            std::mem::swap(&mut told.pointer, &mut diagnostic.pointer);
        }
    }
    for edit in fix.iter_mut().flat_map(|fix| &mut fix.edits) {
        edit.range = range.clone();
    }
}

/// Bytes of the text that `pointer` leads to, and whether they are all that is there.
fn place(pointer: &str, is_about_key: bool, tree: &Node) -> (Range<usize>, bool) {
    let mut nearest = pointer;
    loop {
        if let Some((node, key_range)) = tree.find(nearest) {
            let is_exact = nearest == pointer;
            return match key_range {
                Some(key) if is_about_key || node.entries().is_some() => (key.clone(), is_exact),
                None if nearest.is_empty() => (node.range.start..node.range.start + 1, false),
                _ => (node.range.clone(), is_exact),
            };
        }
        nearest = &nearest[..nearest.rfind('/').unwrap_or(0)];
    }
}

/// Points `finding` into the tree as it is written, where that says what its place says.
pub(super) fn point_into(written: &Node, finding: &mut Finding) {
    if let Some(pointer) = written.pointer_of(&finding.range) {
        finding.diagnostic.pointer = pointer;
    }
    for (related, place) in finding.diagnostic.related.iter_mut().zip(&finding.related) {
        if let Some(pointer) = written.pointer_of(&place.range) {
            related.pointer = pointer;
        }
    }
}
