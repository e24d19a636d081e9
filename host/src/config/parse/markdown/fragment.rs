//! What one code block shows: a config, some members of one, or something else.

use std::ops::Range;

use olive_schemas::known_packs::{PartKind, canonical};

use super::blocks::Block;
use crate::config::node::{Entry, Node, NodeValue};
use crate::config::parse::json::{self, Shape};
use crate::config::parse::yaml;
use crate::config::upgrade::root_keys;
use crate::config::{Finding, conda};

/// Keys that tell a config from other objects.
const SECTIONS: [&str; 8] = [
    "input_model",
    "data_configs",
    "systems",
    "evaluators",
    "passes",
    "pass_flows",
    "engine",
    "auto_optimizer_config",
];

/// What a code block shows.
pub(super) enum Shown {
    /// A config, or members of one.
    Config(Fragment),
    /// A config with a syntax error.
    Broken,
    /// Something else.
    Nothing,
}

/// A config, or members of one.
pub(super) struct Fragment {
    /// The members.
    pub(super) parts: Vec<Part>,
    /// Bytes of the document.
    pub(super) range: Range<usize>,
}

/// A member of a config.
#[derive(Clone)]
pub(super) struct Part {
    /// The section it belongs to, unless it stands at the root.
    pub(super) section: Option<&'static str>,
    /// The member.
    pub(super) entry: Entry,
}

impl Fragment {
    /// Whether this is a config by itself.
    pub(super) fn is_whole(&self) -> bool {
        let has = |key: &str| {
            self.parts.iter().any(|part| part.section.is_none() && part.entry.key == key)
        };
        has("input_model") && ["passes", "builds", "auto_optimizer_config"].into_iter().any(has)
    }
}

/// Reads `block` of the document `text`.
pub(super) fn read(block: &Block, text: &str, findings: &mut Vec<Finding>) -> Shown {
    match block.language.as_str() {
        "json" | "jsonc" | "json5" | "" => read_json(block, text, findings),
        "yaml" | "yml" => read_yaml(block, text, findings),
        _ => Shown::Nothing,
    }
}

fn read_json(block: &Block, text: &str, findings: &mut Vec<Finding>) -> Shown {
    let written = block.text.trim_end().trim_end_matches(',');
    let mut found = Vec::new();
    let shape = json::shape(written);
    let parsed = match shape {
        Shape::Object => json::parse(written, &mut found),
        Shape::Words if block.language.is_empty() => return Shown::Nothing,
        Shape::Members | Shape::Words => json::parse_members(written, &mut found),
        Shape::Other => return Shown::Nothing,
    };
    let Some(node) = parsed else {
        let is_config = match shape {
            Shape::Object => SECTIONS.into_iter().any(|key| is_quoted_in(written, key)),
            _ => root_keys().chain(["type"]).any(|key| is_quoted_in(written, key)),
        };
        return broken(is_config, found, block.start, text, findings);
    };
    let parts = parts(node, shape != Shape::Object);
    config(parts, found, block.start, text, findings)
}

fn read_yaml(block: &Block, text: &str, findings: &mut Vec<Finding>) -> Shown {
    let written = block.text.get(1..).unwrap_or_default();
    let start = block.start + 1;
    let mut found = Vec::new();
    let Some(node) = yaml::parse(written, &mut found) else {
        let is_section = |line: &str| {
            let key = line.trim_start().split_once(':').map(|(key, _)| key);
            key.is_some_and(|key| SECTIONS.contains(&key))
        };
        return broken(written.lines().any(is_section), found, start, text, findings);
    };
    if conda::is_environment(&node) {
        let found = conda::check(&node, written);
        findings.extend(found.into_iter().map(|finding| moved(finding, start, text)));
        return Shown::Nothing;
    }
    config(parts(node, false), found, start, text, findings)
}

/// Whether `text` holds `key` in quotes, be they the right ones or not.
fn is_quoted_in(text: &str, key: &str) -> bool {
    let is_quote = |character: Option<char>| character.is_some_and(|c| "\"'`“”‘’".contains(c));
    text.match_indices(key).any(|(start, _)| {
        is_quote(text[..start].chars().next_back())
            && is_quote(text[start + key.len()..].chars().next())
    })
}

/// The members of `node` where they belong, or nothing when it is no config.
///
/// Members without braces around them are more surely those of a config.
fn parts(node: Node, are_bare: bool) -> Option<Fragment> {
    let range = node.range;
    let NodeValue::Object(entries) = node.value else { return None };
    let is_root = |key: &str| root_keys().any(|known| known == key);
    let is_section = |key: &str| SECTIONS.contains(&key) || are_bare && is_near_section(key);
    let has_root =
        entries.iter().any(|entry| is_section(&entry.key) || are_bare && is_root(&entry.key));
    let part = |entry: Entry| {
        let section = if is_root(&entry.key) { None } else { section_of(&entry.node, are_bare) };
        Part { section, entry }
    };
    let parts: Vec<Part> = entries.into_iter().map(part).collect();
    let is_config = has_root || parts.iter().any(|part| part.section.is_some());
    let belongs = |part: &Part| has_root || part.section.is_some();
    is_config.then(|| Fragment { parts: parts.into_iter().filter(belongs).collect(), range })
}

/// Whether `key` is one slip away from a section.
fn is_near_section(key: &str) -> bool {
    SECTIONS.into_iter().any(|known| strsim::damerau_levenshtein(key, known) == 1)
}

/// The section whose member has the value `node`, by its type.
fn section_of(node: &Node, are_bare: bool) -> Option<&'static str> {
    let name = node.get("type")?.as_str()?;
    let is_known = |kind: PartKind| canonical(kind, name).is_some();
    if is_known(PartKind::Pass) {
        return Some("passes");
    }
    if is_known(PartKind::System) {
        return are_bare.then_some("systems");
    }
    let is_other = is_known(PartKind::Source) || is_known(PartKind::Model);
    (are_bare && !is_other).then_some("passes")
}

fn broken(
    is_config: bool,
    found: Vec<Finding>,
    start: usize,
    text: &str,
    findings: &mut Vec<Finding>,
) -> Shown {
    if !is_config {
        return Shown::Nothing;
    }
    findings.extend(found.into_iter().map(|finding| moved(finding, start, text)));
    Shown::Broken
}

fn config(
    fragment: Option<Fragment>,
    found: Vec<Finding>,
    start: usize,
    text: &str,
    findings: &mut Vec<Finding>,
) -> Shown {
    let Some(mut fragment) = fragment else { return Shown::Nothing };
    fragment.range = shifted(&fragment.range, start, text);
    for part in &mut fragment.parts {
        part.entry.key_range = shifted(&part.entry.key_range, start, text);
        move_node(&mut part.entry.node, start, text);
    }
    findings.extend(found.into_iter().map(|finding| moved(finding, start, text)));
    Shown::Config(fragment)
}

fn move_node(node: &mut Node, start: usize, text: &str) {
    node.range = shifted(&node.range, start, text);
    match &mut node.value {
        NodeValue::Scalar(_) => {}
        NodeValue::Array(items) => items.iter_mut().for_each(|item| move_node(item, start, text)),
        NodeValue::Object(entries) => {
            for entry in entries {
                entry.key_range = shifted(&entry.key_range, start, text);
                move_node(&mut entry.node, start, text);
            }
        }
    }
}

fn moved(mut finding: Finding, start: usize, text: &str) -> Finding {
    finding.range = shifted(&finding.range, start, text);
    for place in &mut finding.related {
        place.range = shifted(&place.range, start, text);
    }
    for edit in finding.fix.iter_mut().flat_map(|fix| &mut fix.edits) {
        edit.range = shifted(&edit.range, start, text);
    }
    finding
}

fn shifted(range: &Range<usize>, start: usize, text: &str) -> Range<usize> {
    let place = |offset: usize| text.floor_char_boundary(start + offset);
    place(range.start)..place(range.end)
}
