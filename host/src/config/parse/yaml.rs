//! Parsing YAML 1.2 into a tree with places.
//!
//! Scalars are read by the core schema. Aliases are copies of what they name, within a budget;
//! merge keys (`<<`) take over the entries of other mappings. A file holds one document.

mod places;
mod scalar;
mod merge;
mod wording;

use std::collections::BTreeMap;
use std::ops::Range;

use saphyr_parser::{Event, Parser, ScalarStyle, Span, Tag};
use serde_json::Value;

use super::{DEPTH_LIMIT, duplicate_keys, syntax_error, too_deep};
use crate::config::Finding;
use crate::config::node::{Entry, Node, NodeValue};
use places::Places;

/// Values that aliases and what they name may take together.
const COPIES_LIMIT: usize = 100_000;

/// Parses `text`, which holds one mapping.
///
/// A syntax error gives no tree; a key that is written twice gives one with both entries.
pub(super) fn parse(text: &str, findings: &mut Vec<Finding>) -> Option<Node> {
    try_parse(text, findings).map_err(|finding| findings.push(finding)).ok()
}

fn try_parse(text: &str, findings: &mut Vec<Finding>) -> Result<Node, Finding> {
    let mut tree = Tree { places: Places::new(text), ..Tree::default() };
    for step in Parser::new_from_str(text) {
        let (event, span) = step.map_err(|error| wording::explain(&error, &mut tree.places))?;
        tree.take(event, span)?;
    }
    findings.append(&mut tree.findings);
    let Some(node) = tree.root else {
        return Err(syntax_error("the file holds no YAML value", 0..0));
    };
    if node.entries().is_none() {
        return Err(syntax_error("a config is a YAML mapping", node.range));
    }
    Ok(node)
}

/// A tree that grows with each event.
#[derive(Default)]
struct Tree<'a> {
    places: Places<'a>,
    /// Collections that are not closed yet.
    open: Vec<Open>,
    /// What aliases may name.
    anchors: BTreeMap<usize, Anchored>,
    num_copies: usize,
    num_documents: usize,
    root: Option<Node>,
    findings: Vec<Finding>,
}

struct Open {
    start: usize,
    anchor: usize,
    is_flow: bool,
    content: Content,
}

enum Content {
    Items(Vec<Node>),
    Entries { entries: Vec<Entry>, key: Option<(String, Range<usize>)> },
}

/// A value with a name.
struct Anchored {
    node: Node,
    size: usize,
    height: usize,
}

impl Tree<'_> {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Finding> {
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
            Event::DocumentStart(_) => self.begin_document(span),
            Event::Alias(anchor) => self.copy(anchor, span),
            Event::Scalar(text, style, anchor, tag) => {
                let is_text = self.is_text(tag.as_deref(), span)?;
                let has_properties = anchor != 0 || tag.is_some();
                let range = self.places.scalar(span, style, has_properties);
                let value = match style {
                    ScalarStyle::Plain if !is_text => scalar::plain(&text, &range)?,
                    _ => Value::String(text.into_owned()),
                };
                self.finish(Node::scalar(value, range), anchor)
            }
            Event::SequenceStart(anchor, tag) => {
                self.is_text(tag.as_deref(), span)?;
                self.begin(span, anchor, Content::Items(Vec::new()))
            }
            Event::MappingStart(anchor, tag) => {
                self.is_text(tag.as_deref(), span)?;
                self.begin(span, anchor, Content::Entries { entries: Vec::new(), key: None })
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(span),
        }
    }

    fn begin_document(&mut self, span: Span) -> Result<(), Finding> {
        self.num_documents += 1;
        if self.num_documents == 1 {
            return Ok(());
        }
        let range = self.places.range(span);
        let mut finding = syntax_error("a second YAML document begins here", range);
        finding.diagnostic.help = Some("write one config in a file".into());
        Err(finding)
    }

    /// Whether `tag` makes a text of what looks like something else.
    fn is_text(&mut self, tag: Option<&Tag>, span: Span) -> Result<bool, Finding> {
        let Some(tag) = tag else { return Ok(false) };
        if tag.is_yaml_core_schema() {
            match tag.suffix.as_str() {
                "str" => return Ok(true),
                "null" | "bool" | "int" | "float" | "seq" | "map" => return Ok(false),
                _ => {}
            }
        }
        if tag.handle.is_empty() && tag.suffix == "!" {
            return Ok(true);
        }
        let range = self.places.tag(span);
        let message = format!("tag `{}` has no meaning in a config", self.places.text(&range));
        let mut finding = syntax_error(message, range);
        finding.diagnostic.help = Some("remove it".into());
        Err(finding)
    }

    fn copy(&mut self, anchor: usize, span: Span) -> Result<(), Finding> {
        let range = self.places.range(span);
        let Some(Anchored { node, size, height }) = self.anchors.get(&anchor) else {
            let message =
                format!("alias `{}` stands inside what it names", self.places.text(&range));
            return Err(syntax_error(message, range));
        };
        if self.open.len() + height > DEPTH_LIMIT {
            return Err(too_deep(range));
        }
        let (size, copy) = (*size, Node { value: node.value.clone(), range: range.clone() });
        self.count(size, &range)?;
        self.finish(copy, 0)
    }

    fn count(&mut self, size: usize, range: &Range<usize>) -> Result<(), Finding> {
        self.num_copies += size;
        if self.num_copies <= COPIES_LIMIT {
            return Ok(());
        }
        let message = format!("anchors and aliases stand for more than {COPIES_LIMIT} values");
        Err(syntax_error(message, range.clone()))
    }

    fn begin(&mut self, span: Span, anchor: usize, content: Content) -> Result<(), Finding> {
        let (start, is_flow) = self.places.collection(span);
        if self.open.len() >= DEPTH_LIMIT {
            return Err(too_deep(self.places.character(start)));
        }
        self.open.push(Open { start, anchor, is_flow, content });
        Ok(())
    }

    fn end(&mut self, span: Span) -> Result<(), Finding> {
        let Some(Open { start, anchor, is_flow, content }) = self.open.pop() else { return Ok(()) };
        let closed = if is_flow { self.places.closing(span) } else { None };
        let (start, last, value) = match content {
            Content::Items(items) => {
                let first = items.first().map(|item| item.range.start);
                let start = if is_flow { start } else { self.places.dash(start, first) };
                let last = items.last().map(|item| item.range.end);
                (start, last, NodeValue::Array(items))
            }
            Content::Entries { entries, .. } => {
                let last = entries.last().map(|entry| entry.range().end);
                self.findings.extend(duplicate_keys(&entries));
                (start, last, NodeValue::Object(merge::merge(entries)?))
            }
        };
        let end = closed.or(last).unwrap_or(start).max(start);
        self.finish(Node { value, range: start..end }, anchor)
    }

    /// Puts a whole value where it belongs, and keeps it when it has a name.
    fn finish(&mut self, node: Node, anchor: usize) -> Result<(), Finding> {
        if anchor != 0 {
            let (size, height) = measure(&node);
            self.count(size, &node.range)?;
            self.anchors.insert(anchor, Anchored { node: node.clone(), size, height });
        }
        match self.open.last_mut().map(|open| &mut open.content) {
            None => self.root = Some(node),
            Some(Content::Items(items)) => items.push(node),
            Some(Content::Entries { entries, key }) => match key.take() {
                Some((key, key_range)) => entries.push(Entry { key, key_range, node }),
                None => *key = Some(self.places.key(node)?),
            },
        }
        Ok(())
    }
}

/// Values in `node`, itself included, and levels of collections.
fn measure(node: &Node) -> (usize, usize) {
    let below = |(size, height): (usize, usize), node: &Node| {
        let (more, levels) = measure(node);
        (size + more, height.max(levels))
    };
    let (size, height) = match &node.value {
        NodeValue::Scalar(_) => return (1, 0),
        NodeValue::Array(items) => items.iter().fold((0, 0), below),
        NodeValue::Object(entries) => entries.iter().map(|entry| &entry.node).fold((0, 0), below),
    };
    (size + 1, height + 1)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::parse;
    use crate::config::node::{Node, NodeValue};

    fn tree(text: &str) -> Node {
        let mut findings = Vec::new();
        let node = parse(text, &mut findings);
        assert_eq!(findings, [], "{text}");
        node.unwrap()
    }

    fn check_value(text: &str, expected: &Value) {
        assert_eq!(tree(text).to_value(), *expected, "{text}");
    }

    #[test]
    fn collections_of_both_styles_are_read() {
        check_value(
            "a:\n  - 1\n  - b: x\n    c: [y, {d: z}]\n",
            &json!({
                "a": [1, {"b": "x", "c": ["y", {"d": "z"}]}]
            }),
        );
        check_value(
            "---\na: |\n  x\n  y\nb: >-\n  z\n  w\n...\n",
            &json!({"a": "x\ny\n", "b": "z w"}),
        );
        check_value("{\"a\": 1, 'b': \"\\u00e9\"}", &json!({"a": 1, "b": "é"}));
        check_value("a: !!str 5\nb: ! 6\nc: !!int 7\n", &json!({"a": "5", "b": "6", "c": 7}));
    }

    #[test]
    fn aliases_and_merge_keys_are_copies() {
        check_value(
            "a: &x {b: 1}\nc: *x\nd: [*x]",
            &json!({"a": {"b": 1}, "c": {"b": 1}, "d": [{"b": 1}]}),
        );
        check_value(
            "a: &x {b: 1, c: 2}\ne: &y {c: 5, f: 6}\nd:\n  c: 3\n  <<: [*x, *y]\n  g: 4\n",
            &json!({
                "a": {"b": 1, "c": 2},
                "e": {"c": 5, "f": 6},
                "d": {"b": 1, "c": 3, "f": 6, "g": 4}
            }),
        );
    }

    /// Every value and key of the tree with its text.
    fn places(node: &Node, text: &str, found: &mut Vec<String>) {
        found.push(text[node.range.clone()].to_owned());
        match &node.value {
            NodeValue::Scalar(_) => {}
            NodeValue::Array(items) => items.iter().for_each(|item| places(item, text, found)),
            NodeValue::Object(entries) => {
                for entry in entries {
                    found.push(text[entry.key_range.clone()].to_owned());
                    places(&entry.node, text, found);
                }
            }
        }
    }

    #[test]
    fn places_are_bytes_of_what_is_written() {
        for (text, expected) in [
            (
                "a: { b: [ # c\n  d ] } # e\nf: &g { h: { } }",
                &[
                    "a: { b: [ # c\n  d ] } # e\nf: &g { h: { } }",
                    "a",
                    "{ b: [ # c\n  d ] }",
                    "b",
                    "[ # c\n  d ]",
                    "d",
                    "f",
                    "{ h: { } }",
                    "h",
                    "{ }",
                ][..],
            ),
            (
                "é: 'ü'   # c\n\"ключ\": [ж, \"я\\\"\" ]  \n",
                &[
                    "é: 'ü'   # c\n\"ключ\": [ж, \"я\\\"\" ]",
                    "é",
                    "'ü'",
                    "\"ключ\"",
                    "[ж, \"я\\\"\" ]",
                    "ж",
                    "\"я\\\"\"",
                ][..],
            ),
            (
                "a: &é\r\n  - 'it''s'  \r\n  - &u !!str 5 # n\r\n\r\n# foo\r\nb: *é\r\nc:\r\n",
                &[
                    "a: &é\r\n  - 'it''s'  \r\n  - &u !!str 5 # n\r\n\r\n# foo\r\nb: *é\r\nc:",
                    "a",
                    "- 'it''s'  \r\n  - &u !!str 5",
                    "'it''s'",
                    "5",
                    "b",
                    "*é",
                    "'it''s'",
                    "5",
                    "c",
                    "",
                ],
            ),
            (
                "a:\n- é\n-\n- [x]\nb: {}",
                &["a:\n- é\n-\n- [x]\nb: {}", "a", "- é\n-\n- [x]", "é", "", "[x]", "x", "b", "{}"],
            ),
            (
                "a: |\n  é\n  y\n\nb: x\n  y\n",
                &["a: |\n  é\n  y\n\nb: x\n  y", "a", "é\n  y", "b", "x\n  y"],
            ),
        ] {
            let mut found = Vec::new();
            places(&tree(text), text, &mut found);
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn one_mistake_is_one_finding_at_its_place() {
        let laughs = (1..12).fold("a0: &a0 [x, x]\n".to_owned(), |text, level| {
            let below = format!("*a{}, ", level - 1).repeat(8);
            format!("{text}a{level}: &a{level} [{below}]\n")
        });
        let deep = format!("a: {}", "- ".repeat(200));
        let deep_flow = format!("a: {}", "[".repeat(100_000));
        let chain = (1..200).fold("a0: &a0 [x]\n".to_owned(), |text, level| {
            format!("{text}a{level}: &a{level} [*a{}]\n", level - 1)
        });
        for (text, message, place) in [
            ("", "the file holds no YAML value", ""),
            ("- a", "a config is a YAML mapping", "- a"),
            ("é: 1\né: 2", "key `é` is written twice", "é"),
            ("a: 1\n---\nb: 2", "a second YAML document begins here", "---"),
            ("1: a", "key `1` is not text", "1"),
            ("yes: a\nnull: b", "key `null` is not text", "null"),
            ("[x]: a", "a key is text, not a collection", "[x]"),
            ("a: !foo x", "tag `!foo` has no meaning in a config", "!foo"),
            (
                "a: &x !!python/tuple [1]",
                "tag `!!python/tuple` has no meaning in a config",
                "!!python/tuple",
            ),
            ("a: .inf", "`.inf` is no number of a config", ".inf"),
            ("a: 1e999", "number `1e999` is too large", "1e999"),
            ("a: &x [*x]", "alias `*x` stands inside what it names", "*x"),
            ("a: *x", "alias `*x` names no anchor", "*x"),
            ("a: 1\n<<: 2", "`<<` takes a mapping, or a list of mappings", "2"),
            (&laughs, "anchors and aliases stand for more than 100000 values", "*a4"),
            (&deep, "a list does not begin here", "-"),
            (&deep_flow, "nested deeper than 100 levels", "["),
            (&chain, "nested deeper than 100 levels", "*a98"),
        ] {
            let mut findings = Vec::new();
            parse(text, &mut findings);
            assert_eq!(findings.len(), 1, "{text}: {findings:?}");
            assert_eq!(findings[0].diagnostic.message, message, "{text}");
            assert_eq!(&text[findings[0].range.clone()], place, "{text}");
        }
    }
}
