//! Edits of a JSON text: each keeps comments, order, indentation and commas around it.
//!
//! What [`Json::insert`] adds at the end of a container, [`Json::remove`] takes away to the byte.

use std::ops::Range;

use serde_json::Value;

use super::Splice;
use super::style::Style;
use super::trivia::{
    comments, end_of_comments_on_line, end_of_line_before, has_newline, indent, is_first_on_line,
    is_last_on_line, skip, skip_blank, start_of_blank, start_of_spaces,
};
use crate::config::Node;
use crate::config::node::{Entry, NodeValue};

/// A JSON text and how it is laid out.
pub(super) struct Json<'a> {
    text: &'a str,
    root: &'a Node,
    style: Style,
}

/// How an empty container gets its first member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fill {
    /// On the line it is on, padded: `{ "a": 1 }`.
    Line,
    /// On lines of their own.
    Lines,
}

impl<'a> Json<'a> {
    /// For edits of `text`, whose tree is `root`.
    pub(super) fn new(text: &'a str, root: &'a Node) -> Self {
        Self::with_style(text, root, Style::of(text, root))
    }

    /// The same with a style of one's own.
    pub(super) fn with_style(text: &'a str, root: &'a Node, style: Style) -> Self {
        Self { text, root, style }
    }

    /// Writes `value` in place of the member of `container` at `index`.
    pub(super) fn replace(&self, container: &Node, index: usize, value: &Value) -> Option<Splice> {
        let (node, key) = match &container.value {
            NodeValue::Object(entries) => (&entries[index].node, Some(&entries[index].key_range)),
            NodeValue::Array(items) => (&items[index], None),
            NodeValue::Scalar(_) => return None,
        };
        Some(self.replace_node(node, key, value))
    }

    /// Writes `value` in place of `node`.
    pub(super) fn replace_node(
        &self,
        node: &Node,
        key: Option<&Range<usize>>,
        value: &Value,
    ) -> Splice {
        let start = key.map_or(node.range.start, |key| key.start);
        let is_one_line = children(node)
            .first()
            .is_some_and(|child| !has_newline(self.text, node.range.start..child.start));
        let lines = is_first_on_line(self.text, start) && !is_one_line;
        let lines = lines.then(|| indent(self.text, start));
        edit(node.range.clone(), self.style.member(None, value, lines))
    }

    /// Adds a member to `container`, before the one at `index`; without `key` to a list.
    pub(super) fn insert(
        &self,
        container: &Node,
        index: usize,
        (key, value): (Option<&str>, &Value),
        fill: Fill,
    ) -> Vec<Splice> {
        let members = children(container);
        if members.is_empty() {
            return vec![self.fill(container, (key, value), fill)];
        }
        let lines = self.lines(container, &members);
        let member = self.style.member(key, value, lines.as_deref());
        let start = lines.map(|indent| format!("{}{indent}", self.style.newline));
        match index.checked_sub(1).and_then(|before| members.get(before)) {
            None => vec![self.insert_first(container, &members[0], &member, start)],
            Some(before) => self.insert_after(before, members.get(index), &member, start),
        }
    }

    /// Takes the member at `index` out of `container`.
    pub(super) fn remove(&self, container: &Node, index: usize) -> Vec<Splice> {
        let members = children(container);
        let member = &members[index];
        let comma = skip(self.text, member.end);
        let has_comma = self.text[comma..].starts_with(',');
        let after = if has_comma { comma + 1 } else { member.end };
        if members.len() == 1 {
            return vec![self.remove_only(container, member, after)];
        }
        if let Some(before) = index.checked_sub(1).filter(|_| !has_comma) {
            let start = skip(self.text, members[before].end);
            let comma = start..start + usize::from(self.text[start..].starts_with(','));
            let blank = start_of_blank(self.text, member.start);
            let range = self.span(comma.end, member, blank..after);
            return vec![edit(comma, String::new()), edit(range, String::new())];
        }
        let has_line = |next: &Range<usize>| has_newline(self.text, after..next.start);
        let is_alone = members.get(index + 1).is_none_or(has_line);
        let range = if is_first_on_line(self.text, member.start) && is_alone {
            let from = index.checked_sub(1).map_or(container.range.start + 1, |i| members[i].end);
            self.span(from, member, end_of_line_before(self.text, member.start)..after)
        } else if is_alone {
            start_of_blank(self.text, member.start)..after
        } else {
            member.start..skip_blank(self.text, after)
        };
        vec![edit(range, String::new())]
    }

    /// Whether `container` is written as one that was made for its only member: without comments,
    /// on lines of its own or without padding.
    pub(super) fn is_made_for_one(&self, container: &Node) -> bool {
        let members = children(container);
        let ([member], Some(_)) = (members.as_slice(), container.entries()) else { return false };
        let (before, after) =
            (container.range.start + 1..member.start, member.end..container.range.end - 1);
        let has_comments = |range: Range<usize>| !comments(self.text, range).is_empty();
        let is_padded = !before.is_empty() && !has_newline(self.text, before.clone());
        !is_padded && !has_comments(before) && !has_comments(after)
    }

    fn fill(&self, container: &Node, member: (Option<&str>, &Value), fill: Fill) -> Splice {
        let (open, close) = (container.range.start + 1, container.range.end - 1);
        let base = indent(self.text, container.range.start);
        let inner = format!("{base}{}", self.style.unit);
        let print = |lines| self.style.member(member.0, member.1, lines);
        let newline = self.style.newline;
        if !comments(self.text, open..close).is_empty() {
            if !is_first_on_line(self.text, close) {
                return edit(close..close, format!(" {} ", print(None)));
            }
            let at = end_of_line_before(self.text, close);
            return edit(at..at, format!("{newline}{inner}{}", print(Some(&inner))));
        }
        let is_root = container.range == self.root.range;
        let has_lines = has_newline(self.text, self.root.range.clone());
        let added = if is_root || (fill == Fill::Lines && has_lines) {
            format!("{newline}{inner}{}{newline}{base}", print(Some(&inner)))
        } else if member.0.is_some() {
            format!(" {} ", print(None))
        } else {
            print(None)
        };
        edit(open..open, added)
    }

    fn insert_first(
        &self,
        container: &Node,
        first: &Range<usize>,
        member: &str,
        start: Option<String>,
    ) -> Splice {
        match start {
            Some(start) if is_first_on_line(self.text, first.start) => {
                let at = end_of_comments_on_line(self.text, container.range.start + 1);
                edit(at..at, format!("{start}{member},"))
            }
            _ => edit(first.start..first.start, format!("{member}{}", self.style.comma)),
        }
    }

    fn insert_after(
        &self,
        before: &Range<usize>,
        next: Option<&Range<usize>>,
        member: &str,
        start: Option<String>,
    ) -> Vec<Splice> {
        let gap = self.style.comma.trim_start_matches([' ', '\t']).trim_start_matches(',');
        let start = start.unwrap_or_else(|| gap.to_owned());
        let comma = skip(self.text, before.end);
        if !self.text[comma..].starts_with(',') {
            let at = end_of_comments_on_line(self.text, before.end);
            return vec![
                edit(before.end..before.end, ",".to_owned()),
                edit(at..at, format!("{start}{member}")),
            ];
        }
        let is_alone = next.is_none_or(|next| has_newline(self.text, comma..next.start));
        let at = if is_alone { end_of_comments_on_line(self.text, comma + 1) } else { comma + 1 };
        vec![edit(at..at, format!("{start}{member},"))]
    }

    /// Indentation of members that stand on lines of their own.
    fn lines(&self, container: &Node, members: &[Range<usize>]) -> Option<String> {
        let on_line = members.iter().rev().find(|member| is_first_on_line(self.text, member.start));
        if let Some(member) = on_line {
            return Some(indent(self.text, member.start).to_owned());
        }
        let last = members.last()?.end;
        let ends_line = |comment: &Range<usize>| self.text[comment.clone()].starts_with("//");
        let has_line_comment =
            comments(self.text, last..container.range.end - 1).iter().any(ends_line);
        let base = indent(self.text, container.range.start);
        has_line_comment.then(|| format!("{base}{}", self.style.unit))
    }

    /// `range` and what else belongs to a member that stands after `from`.
    ///
    /// Comments on its line go with a member that has a line of its own. A line comment before it
    /// keeps the end of its line when something follows.
    fn span(&self, from: usize, member: &Range<usize>, range: Range<usize>) -> Range<usize> {
        if !is_first_on_line(self.text, member.start) {
            return range;
        }
        let end = end_of_comments_on_line(self.text, range.end);
        let comment = comments(self.text, from..member.start).pop();
        let is_after_line_comment = comment.is_some_and(|comment| {
            comment.end == range.start && self.text[comment].starts_with("//")
        });
        if is_after_line_comment && !is_last_on_line(self.text, end) {
            return start_of_spaces(self.text, member.start)..end;
        }
        range.start..end
    }

    fn remove_only(&self, container: &Node, member: &Range<usize>, after: usize) -> Splice {
        let (open, close) = (container.range.start + 1, container.range.end - 1);
        let has_comments = !comments(self.text, open..member.start).is_empty()
            || !comments(self.text, after..close).is_empty();
        let is_on_line = is_first_on_line(self.text, member.start);
        if has_comments && is_on_line {
            let start = end_of_line_before(self.text, member.start);
            return edit(self.span(open, member, start..after), String::new());
        }
        let is_space = |at: usize| self.text.as_bytes()[at] == b' ';
        if !is_on_line {
            let is_padded = (has_comments || container.entries().is_some())
                && member.start > open
                && is_space(member.start - 1)
                && is_space(after);
            let (start, end) =
                if is_padded { (member.start - 1, after + 1) } else { (member.start, after) };
            return edit(start..end, String::new());
        }
        let rest = &self.text[after..close];
        let base = indent(self.text, container.range.start);
        let kept = match rest.find('\n') {
            Some(newline) if rest[..newline].trim().is_empty() => {
                let kept = &rest[newline + 1..];
                kept.strip_prefix(base).unwrap_or(kept).len()
            }
            _ => 0,
        };
        edit(open..close - kept, String::new())
    }
}

/// Where the entries or items of a container stand.
pub(super) fn children(container: &Node) -> Vec<Range<usize>> {
    match &container.value {
        NodeValue::Scalar(_) => Vec::new(),
        NodeValue::Array(items) => items.iter().map(|item| item.range.clone()).collect(),
        NodeValue::Object(entries) => entries.iter().map(Entry::range).collect(),
    }
}

fn edit(range: Range<usize>, text: String) -> Splice {
    Splice { range, text }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::config::{Source, parse};
    use crate::edit::{Language, Path, set, unset};
    use crate::plugin::Catalog;

    fn edited(text: &str, path: &str, value: Option<&Value>) -> String {
        let source = Source { path: "c.json".into(), text: text.into() };
        let tree = parse(&source).documents.remove(0);
        let (catalog, path) = (Catalog::default(), Path::parse(path).unwrap());
        let language = Language::new(&catalog);
        let edited = match value {
            Some(value) => set(&source, &tree, &language, &path, value),
            None => unset(&source, &tree, &language, &path),
        };
        edited.unwrap_or_else(|error| panic!("{path}: {error}\n{text}")).text
    }

    #[track_caller]
    #[expect(clippy::needless_pass_by_value, reason = "rows are read, not run often")]
    fn check_set(text: &str, path: &str, value: Value, expected: &str) {
        let new = edited(text, path, Some(&value));
        assert_eq!(new, expected, "set");
        assert_eq!(edited(&new, path, None), text, "unset");
    }

    #[track_caller]
    fn check_unset(text: &str, path: &str, expected: &str) {
        assert_eq!(edited(text, path, None), expected);
    }

    #[test]
    fn new_keys_take_the_style_around_them() {
        let lines = "{\n    \"a\": 1 // one\n    // end\n}\n";
        check_set(lines, "b", json!(2), "{\n    \"a\": 1, // one\n    \"b\": 2\n    // end\n}\n");
        let commas = "{\r\n\t\"a\": 1, // one\r\n}";
        check_set(commas, "b", json!(2), "{\r\n\t\"a\": 1, // one\r\n\t\"b\": 2,\r\n}");
        check_set("{\"a\":1,\"b\":2}", "c", json!([1, 2]), "{\"a\":1,\"b\":2,\"c\":[1,2]}");
        check_set("{ \"a\" : 1, }", "c", json!({"d": 1}), "{ \"a\" : 1, \"c\" : {\"d\" : 1}, }");
        check_set("{\"a\": 1 /* x */}", "c", json!("é\n"), "{\"a\": 1, /* x */ \"c\": \"é\\n\"}");
        check_set("{\"a\": 1 // x\n}", "c", json!(1), "{\"a\": 1, // x\n  \"c\": 1\n}");
        check_set("{\n  \"a\": 1}", "c", json!(1), "{\n  \"a\": 1,\n  \"c\": 1}");
    }

    #[test]
    fn objects_on_the_way_are_made() {
        check_set("{}", "a.b", json!(1), "{\n  \"a\": {\n    \"b\": 1\n  }\n}");
        check_set("{\"a\": {}}", "a.b", json!(1), "{\"a\": { \"b\": 1 }}");
        check_set("{\"x\": 0}", "a.b.c", json!(1), "{\"x\": 0, \"a\": {\"b\": {\"c\": 1}}}");
        check_set("{\n \"x\": {}\n}\n", "x.b.c", json!(1), "{\n \"x\": { \"b\": {\"c\": 1} }\n}\n");
        check_set(
            "{\n \"x\": {\n  // later\n }\n}\n",
            "x.b.c",
            json!(1),
            "{\n \"x\": {\n  // later\n  \"b\": {\n   \"c\": 1\n  }\n }\n}\n",
        );
    }

    #[test]
    fn empty_containers_of_any_layout_come_back() {
        let containers = ["{}", "{ }", "{\n}", "{\r\n  }", "{/*x*/}", "{ // x\n }", "{\n// x\n\n}"];
        for inner in containers {
            for text in [
                inner.to_owned(),
                format!("{{\"a\":{inner}}}"),
                format!("// head\n{{\n\t\"a\": {inner},\n}}"),
            ] {
                for path in ["b", "a.b", "a.b.c", "a.[x.y]"] {
                    let new = edited(&text, path, Some(&json!({"k": [1]})));
                    assert_eq!(edited(&new, path, None), text, "{path}: {new}");
                }
            }
        }
        check_set("{\"a\": []}", "a.0", json!(1), "{\"a\": [1]}");
    }

    #[test]
    fn removal_takes_the_line_and_its_comment() {
        let text =
            "{\n  // about a\n  \"a\": 1, // one\n\n  \"b\": 2, // two\n  \"c\": 3 // three\n}";
        check_unset(text, "a", "{\n  // about a\n\n  \"b\": 2, // two\n  \"c\": 3 // three\n}");
        check_unset(text, "c", "{\n  // about a\n  \"a\": 1, // one\n\n  \"b\": 2 // two\n}");
        check_unset("{\"a\": 1, \"b\": 2}", "a", "{\"b\": 2}");
        check_unset("{\"a\": [1, 2, 3]}", "a.1", "{\"a\": [1, 3]}");
        check_unset("{\"a\": [\n  1\n]}", "a.0", "{\"a\": []}");
        check_unset("{\"a\": 1, // x\n \"b\": 2}", "b", "{\"a\": 1 // x\n}");
        check_unset("{\"a\": 1, // x\n \"b\": 2, \"c\": 3}", "b", "{\"a\": 1, // x\n \"c\": 3}");
        check_unset("{\"a\": 1\n, \"b\": 2\n, \"c\": 3}", "b", "{\"a\": 1\n, \"c\": 3}");
        check_unset("{\"a\": 1\n, \"b\": 2 // x\n}", "b", "{\"a\": 1\n // x\n}");
    }

    #[test]
    fn objects_left_empty_go_unless_they_are_kept_open() {
        check_unset("{\"x\": 1, \"a\": {\"b\": {\"c\": 1}}}", "a.b.c", "{\"x\": 1}");
        check_unset("{\"x\": 1, \"a\": { \"b\": 1 }}", "a.b", "{\"x\": 1, \"a\": {}}");
        check_unset("{\"x\": [{\"b\": 1}]}", "x.0.b", "{\"x\": [{}]}");
    }

    #[test]
    fn replaced_values_keep_their_layout() {
        let text = "{\n  \"a\": 1, // one\n  \"b\": {\"c\": 1}\n}";
        let a = "{\n  \"a\": {\n    \"x\": []\n  }, // one\n  \"b\": {\"c\": 1}\n}";
        assert_eq!(edited(text, "a", Some(&json!({"x": []}))), a);
        let b = "{\n  \"a\": 1, // one\n  \"b\": {\"d\": 2}\n}";
        assert_eq!(edited(text, "b", Some(&json!({"d": 2}))), b);
    }
}
