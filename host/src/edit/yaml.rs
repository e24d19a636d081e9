//! Edits of a YAML text: block mappings and sequences line by line, flow collections as in JSON.
//!
//! Whether an edit was right is seen by parsing the result: an anchor, an alias or a tag in the
//! way makes it say something else, and it is refused.

use std::ops::Range;

use serde_json::Value;

use super::Splice;
use super::json::{Fill, Json};
use super::style::{Style, Writing};
use super::trivia::{column, end_of_line_before, indent, is_first_on_line};
use crate::config::Node;
use crate::config::node::{Entry, NodeValue};

/// A YAML text and how it is laid out.
pub(super) struct Yaml<'a> {
    text: &'a str,
    flow: Json<'a>,
    style: Style,
}

impl<'a> Yaml<'a> {
    /// For edits of `text`, whose tree is `root`.
    pub(super) fn new(text: &'a str, root: &'a Node) -> Self {
        let style = Style { writing: Writing::Yaml, ..Style::of(text, root) };
        Self { text, flow: Json::with_style(text, root, style.clone()), style }
    }

    /// Writes `value` in place of the member of `container` at `index`.
    pub(super) fn replace(&self, container: &Node, index: usize, value: &Value) -> Option<Splice> {
        let (node, key) = match &container.value {
            NodeValue::Object(entries) => (&entries[index].node, Some(&entries[index].key_range)),
            NodeValue::Array(items) => (&items[index], None),
            NodeValue::Scalar(_) => return None,
        };
        if self.is_flow(container) {
            return Some(self.flow.replace_node(node, key, value));
        }
        let start = self.start(container, index)?;
        let mark = match key {
            Some(key) => self.after_colon(key)?,
            None => start + 1,
        };
        let is_block = !matches!(node.value, NodeValue::Scalar(_)) && !self.is_flow(node);
        let end = self.end(node).max(mark);
        if is_block {
            let base = column(self.text, start);
            return Some(edit(mark..end, self.style.block(value, &base, key.is_some())));
        }
        let written = self.style.member(None, value, None);
        let between = self.text.get(mark..node.range.start).unwrap_or_default();
        let header = between.trim_start();
        if header.starts_with(['|', '>']) || mark == end {
            return Some(edit(mark..end, format!(" {written}")));
        }
        // An anchor or a tag would go with the new value.
        header.is_empty().then(|| edit(node.range.start..end, written))
    }

    /// Adds a member to `container`, before the one at `index`.
    pub(super) fn insert(
        &self,
        container: &Node,
        index: usize,
        (key, value): (Option<&str>, &Value),
        fill: Fill,
    ) -> Option<Vec<Splice>> {
        if self.is_flow(container) {
            return Some(self.insert_flow(container, index, (key, value), fill));
        }
        let base = column(self.text, self.start(container, 0)?);
        let member = match key {
            Some(key) => {
                format!("{}:{}", self.style.key(key), self.style.block(value, &base, true))
            }
            None => format!("-{}", self.style.block(value, &base, false)),
        };
        let newline = self.style.newline;
        let Some(before) = index.checked_sub(1) else {
            let start = self.start(container, 0)?;
            return Some(vec![edit(start..start, format!("{member}{newline}{base}"))]);
        };
        let at = self.end_of_line(self.end_of_member(container, before)?);
        Some(vec![edit(at..at, format!("{newline}{base}{member}"))])
    }

    /// Takes the member at `index` out of `container`.
    pub(super) fn remove(&self, container: &Node, index: usize) -> Option<Vec<Splice>> {
        if self.is_flow(container) {
            return Some(self.flow.remove(container, index));
        }
        let start = self.start(container, index)?;
        let end = self.end_of_member(container, index)?;
        let num_members = super::json::children(container).len();
        if num_members == 1 {
            let empty = if container.entries().is_some() { "{}" } else { "[]" };
            let from = self.text[..start].trim_end().len();
            let is_after_mark = self.text[..from].ends_with([':', '-']);
            let range = if is_after_mark { from..end } else { start..end };
            let space = if is_after_mark { " " } else { "" };
            return Some(vec![edit(range, format!("{space}{empty}"))]);
        }
        let line_end = self.end_of_line(end);
        if is_first_on_line(self.text, start) {
            return Some(vec![edit(end_of_line_before(self.text, start)..line_end, String::new())]);
        }
        let is_start_of_text = self.text[..start].trim().is_empty();
        let next = self.start(container, index + 1)?;
        let has_comment = self.text.get(line_end..next).is_none_or(|gap| gap.contains('#'));
        if has_comment && !is_start_of_text {
            return None;
        }
        let next = if is_start_of_text { self.next_line(line_end) } else { next };
        Some(vec![edit(start..next, String::new())])
    }

    /// Whether `container` is written as one that was made for its only member.
    pub(super) fn is_made_for_one(&self, container: &Node) -> bool {
        if self.is_flow(container) {
            return self.flow.is_made_for_one(container);
        }
        let Some([entry]) = container.entries() else { return false };
        let before = self.text[..entry.key_range.start].trim_end();
        before.ends_with(':') && is_first_on_line(self.text, entry.key_range.start)
    }

    fn insert_flow(
        &self,
        container: &Node,
        index: usize,
        (key, value): (Option<&str>, &Value),
        fill: Fill,
    ) -> Vec<Splice> {
        let is_empty = super::json::children(container).is_empty();
        if is_empty && fill == Fill::Lines && self.text[..container.range.start].ends_with(": ") {
            let base = indent(self.text, container.range.start).to_owned();
            let whole = match key {
                Some(key) => Value::Object([(key.to_owned(), value.clone())].into_iter().collect()),
                None => Value::Array(vec![value.clone()]),
            };
            let range = container.range.start - 1..container.range.end;
            return vec![edit(range, self.style.block(&whole, &base, true))];
        }
        self.flow.insert(container, index, (key, value), fill)
    }

    /// Where the member at `index` starts: its key or its dash.
    fn start(&self, container: &Node, index: usize) -> Option<usize> {
        match &container.value {
            NodeValue::Object(entries) => Some(entries.get(index)?.key_range.start),
            NodeValue::Array(items) => {
                let before = self.text[..items.get(index)?.range.start].trim_end();
                before.ends_with('-').then(|| before.len() - 1)
            }
            NodeValue::Scalar(_) => None,
        }
    }

    fn end_of_member(&self, container: &Node, index: usize) -> Option<usize> {
        match &container.value {
            NodeValue::Object(entries) => self.end_of_entry(&entries[index]),
            NodeValue::Array(items) => {
                Some(self.end(&items[index]).max(self.start(container, index)? + 1))
            }
            NodeValue::Scalar(_) => None,
        }
    }

    fn end_of_entry(&self, entry: &Entry) -> Option<usize> {
        Some(self.end(&entry.node).max(self.after_colon(&entry.key_range)?))
    }

    /// Where the last text of a value ends.
    fn end(&self, node: &Node) -> usize {
        let is_flow = self.is_flow(node);
        let last = match &node.value {
            NodeValue::Array(items) if !is_flow => items.last().map(|item| self.end(item)),
            NodeValue::Object(entries) if !is_flow => {
                entries.last().and_then(|entry| self.end_of_entry(entry))
            }
            NodeValue::Array(_) | NodeValue::Object(_) | NodeValue::Scalar(_) => None,
        };
        last.unwrap_or_else(|| node.range.start + self.text[node.range.clone()].trim_end().len())
    }

    fn after_colon(&self, key: &Range<usize>) -> Option<usize> {
        let colon = self.text[key.end..].find(':')?;
        self.text[key.end..key.end + colon].trim().is_empty().then_some(key.end + colon + 1)
    }

    fn is_flow(&self, node: &Node) -> bool {
        !matches!(node.value, NodeValue::Scalar(_))
            && self.text[node.range.start..].starts_with(['{', '['])
    }

    fn end_of_line(&self, at: usize) -> usize {
        let end = self.text[at..].find('\n').map_or(self.text.len(), |newline| at + newline);
        end - usize::from(self.text[at..end].ends_with('\r'))
    }

    fn next_line(&self, line_end: usize) -> usize {
        let rest = &self.text[line_end..];
        line_end + rest.find('\n').map_or(rest.len(), |newline| newline + 1)
    }
}

fn edit(range: Range<usize>, text: String) -> Splice {
    Splice { range, text }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::config::{Source, parse};
    use crate::edit::{EditError, Language, Path, set, unset};
    use crate::plugin::Catalog;

    fn edited(text: &str, path: &str, value: Option<&Value>) -> Result<String, EditError> {
        let source = Source { path: "c.yaml".into(), text: text.into() };
        let tree = parse(&source).documents.remove(0);
        let (catalog, path) = (Catalog::default(), Path::parse(path).unwrap());
        let language = Language::new(&catalog);
        let edited = match value {
            Some(value) => set(&source, &tree, &language, &path, value),
            None => unset(&source, &tree, &language, &path),
        };
        edited.map(|edited| edited.text)
    }

    #[track_caller]
    #[expect(clippy::needless_pass_by_value, reason = "rows are read, not run often")]
    fn check_set(text: &str, path: &str, value: Value, expected: &str) {
        let new = edited(text, path, Some(&value));
        assert_eq!(new.unwrap(), expected, "set");
        assert_eq!(edited(expected, path, None).unwrap(), text, "unset");
    }

    #[track_caller]
    #[expect(clippy::needless_pass_by_value, reason = "rows are read, not run often")]
    fn check(text: &str, path: &str, value: Option<Value>, expected: &str) {
        assert_eq!(edited(text, path, value.as_ref()).unwrap(), expected);
    }

    #[test]
    fn new_keys_get_lines_of_their_own() {
        check_set("a: 1 # one\n# end\n", "b", json!(2), "a: 1 # one\nb: 2\n# end\n");
        check_set("a:\r\n    x: 1", "a.z", json!("yes"), "a:\r\n    x: 1\r\n    z: \"yes\"");
        check_set("a: 1\n", "b.c.d", json!([1, 2]), "a: 1\nb:\n  c:\n    d: [1, 2]\n");
        check_set("a: {}\n", "a.b.c", json!(1), "a: { b: {c: 1} }\n");
        check_set("a: {x: 1}\n", "a.b", json!({"c": "d e"}), "a: {x: 1, b: {c: \"d e\"}}\n");
        check_set(
            "l:\n- n: x\n  k: 1\n- n: y\n",
            "l.0.z",
            json!(1),
            "l:\n- n: x\n  k: 1\n  z: 1\n- n: y\n",
        );
        check_set(
            "l:\n  - 1 # x\ne: 2\n",
            "l.1",
            json!({"a": 1, "b": [{"c": 2}]}),
            "l:\n  - 1 # x\n  - a: 1\n    b:\n      - c: 2\ne: 2\n",
        );
        check_set("t: |\n  text\n\ne: 2", "z", json!(null), "t: |\n  text\n\ne: 2\nz: null");
    }

    #[test]
    fn values_are_replaced_in_place() {
        check("a: 1 # one\n", "a", Some(json!("x")), "a: x # one\n");
        check("a:\nb: 2\n", "a", Some(json!(1)), "a: 1\nb: 2\n");
        check("a: |\n  text\n  more\nb: 2\n", "a", Some(json!("x: y")), "a: \"x: y\"\nb: 2\n");
        check(
            "a:\n  x: 1\nb: 2\n",
            "a",
            Some(json!({"w": {"z": 1}})),
            "a:\n  w:\n    z: 1\nb: 2\n",
        );
        check("a:\n- 1\n- 2\n", "a", Some(json!(3)), "a: 3\n");
        check("a: {x: 1, y: 2}\n", "a.x", Some(json!([1])), "a: {x: [1], y: 2}\n");
    }

    #[test]
    fn removal_takes_the_line() {
        check("a: 1 # one\n# about b\nb: 2\n", "a", None, "# about b\nb: 2\n");
        check("a: 1\nb:\n  c: 1\n  d: 2\n", "b.c", None, "a: 1\nb:\n  d: 2\n");
        check("a: 1\nb:\n  c: 1\n", "b.c", None, "a: 1\n");
        check("l:\n- n: x\n  k: 1\n- n: y\n", "l.0.n", None, "l:\n- k: 1\n- n: y\n");
        check("l:\n- n: x\n- n: y\n", "l.0", None, "l:\n- n: y\n");
        check("l:\n- n: x\n", "l.0", None, "l: []\n");
        check("l:\n- n: x\n- n: y\n", "l.1.n", None, "l:\n- n: x\n- {}\n");
        check("a: {x: 1, y: 2}\n", "a.x", None, "a: {y: 2}\n");
    }

    #[test]
    fn what_is_named_or_copied_is_left_alone() {
        for (text, path, value) in [
            ("a: &x {b: 1}\nc: *x\n", "a.b", Some(json!(2))),
            ("a: &x {b: 1}\nc: *x\n", "c.b", Some(json!(2))),
            ("a: &x {b: 1}\nc: *x\n", "a", None),
            ("a: &x\n  b: 1\nc:\n  <<: *x\n  d: 1\n", "c.b", None),
            ("a: !!str 5\n", "a", Some(json!(2))),
        ] {
            let error = edited(text, path, value.as_ref()).unwrap_err();
            assert!(matches!(error, EditError::Unsupported { .. }), "{text}: {error}");
        }
    }
}
