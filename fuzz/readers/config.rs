//! No text makes the reader of configs panic, and every place it tells lies in the text.
//!
//! The first byte of the input is the format: `0` JSON, `1` YAML, `2` Markdown, the remainder of its
//! value by three. The rest is the text.

use std::ops::Range;

use olive::config::node::NodeValue;
use olive::config::{Finding, Node, Scope, Source, parse};
use olive::examine::examine;
use olive::plugin::Catalog;
use olive::render;

const PATHS: [&str; 3] = ["config.json", "config.yaml", "config.md"];

/// Reads `input` as a config, checks it, and renders what is found.
///
/// # Panics
/// When a place is outside the text.
pub fn read(input: &[u8]) {
    let Some((&format, text)) = input.split_first() else { return };
    let path = PATHS[usize::from(format) % PATHS.len()].into();
    let source = Source { path, text: String::from_utf8_lossy(text).into_owned() };
    let parsed = parse(&source);
    parsed.documents.iter().for_each(|document| check_node(document, &source));
    assert!(!parsed.documents.is_empty() || !parsed.findings.is_empty());
    let (_, findings) = examine(&source, &Catalog::default(), Scope::WHOLE);
    parsed.findings.iter().chain(&findings).for_each(|finding| check_finding(finding, &source));
    render::findings(&source, &findings, &mut Vec::new(), true).expect("memory can be written");
}

fn check_node(node: &Node, source: &Source) {
    check_range(&node.range, source);
    match &node.value {
        NodeValue::Scalar(_) => {}
        NodeValue::Array(items) => items.iter().for_each(|item| check_node(item, source)),
        NodeValue::Object(entries) => {
            for entry in entries {
                check_range(&entry.key_range, source);
                check_node(&entry.node, source);
            }
        }
    }
}

fn check_finding(finding: &Finding, source: &Source) {
    check_range(&finding.range, source);
    finding.related.iter().for_each(|place| check_range(&place.range, source));
    let edits = finding.fix.iter().flat_map(|fix| &fix.edits);
    edits.for_each(|edit| check_range(&edit.range, source));
}

fn check_range(range: &Range<usize>, source: &Source) {
    assert!(source.text.get(range.clone()).is_some(), "{range:?}");
    source.position(range.start);
}
