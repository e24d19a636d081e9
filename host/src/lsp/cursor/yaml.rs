//! The cursor in YAML: what is being written is replaced by a mark, and found in the tree.

use std::ops::Range;

use serde_json::{Map, Value};

use super::{Cursor, Role, Slot, Spelling};
use crate::config::node::NodeValue;
use crate::config::{Node, Source, parse};

/// Stands in the text for what is being written.
const MARK: &str = "xOliveCursorx";

/// The cursor at `offset` of `source`, in block mappings and lists.
pub(super) fn cursors(source: &Source, offset: usize) -> Option<Vec<Cursor>> {
    let line = Line::of(&source.text, offset)?;
    let text = &source.text;
    let end = text[offset..].find('\n').map_or(text.len(), |end| offset + end);
    let whole = line.marked(text, text.len());
    // What follows the line may be broken; what is before it has to be whole.
    let tree = tree(source, whole).or_else(|| tree(source, line.marked(text, end)))?;
    let mut path = Vec::new();
    let is_key = find(&tree, &mut path)?;
    let mut root = tree.to_value();
    remove(&mut root, &path);
    if !is_key {
        return Some(vec![Cursor { root, slot: line.slot(text, offset, path, Role::Value) }]);
    }
    path.pop();
    let role = Role::Key { has_value: line.has_colon };
    let mut found =
        vec![Cursor { root: root.clone(), slot: line.slot(text, offset, path.clone(), role) }];
    let is_alone = lookup(&root, &path).and_then(Value::as_object).is_some_and(Map::is_empty);
    if is_alone && !line.has_colon {
        // What looks like the first key may be a value of its own.
        remove(&mut root, &path);
        found.push(Cursor { root, slot: line.slot(text, offset, path, Role::Value) });
    }
    Some(found)
}

/// The line of the cursor.
struct Line {
    /// Bytes of the key or value under way.
    range: Range<usize>,
    spelling: Spelling,
    /// Whether it is the value of a key on the same line.
    is_value: bool,
    /// Whether a colon follows.
    has_colon: bool,
}

impl Line {
    /// None when the cursor is in a comment.
    fn of(text: &str, offset: usize) -> Option<Self> {
        let start = text[..offset].rfind('\n').map_or(0, |newline| newline + 1);
        let end = text[offset..].find(['\n', '\r']).map_or(text.len(), |end| offset + end);
        let before = &text[start..offset];
        if before.trim_start().starts_with('#') || before.contains(" #") {
            return None;
        }
        let mut begin = start + (before.len() - before.trim_start().len());
        while text[begin..offset].starts_with("- ") {
            begin += 2;
            begin += text[begin..offset].len() - text[begin..offset].trim_start().len();
        }
        let colon = text[begin..offset].find(": ").map(|colon| begin + colon + 1);
        let colon = colon.or_else(|| text[begin..offset].ends_with(':').then_some(offset));
        if let Some(colon) = colon {
            let written = &text[colon..end];
            let value = colon + written.len() - written.trim_start().len();
            let comment = text[value.min(end)..end].find(" #").map_or(end, |at| value + at);
            let stop = value + text[value.min(end)..comment].trim_end().len();
            let range = value.min(offset)..stop.max(offset);
            let spelling = spelling(&text[range.clone()]);
            return Some(Self { range, spelling, is_value: true, has_colon: false });
        }
        let rest = &text[offset..end];
        let word = rest.find([':', ' ', '#']).unwrap_or(rest.len());
        let range = begin..offset + word;
        let has_colon = rest[word..].starts_with(':');
        let spelling = spelling(&text[range.clone()]);
        Some(Self { range, spelling, is_value: false, has_colon })
    }

    /// What may be written there, with the cursor at `offset`.
    fn slot(&self, text: &str, offset: usize, path: Vec<String>, role: Role) -> Slot {
        let typed = &text[self.range.start.min(offset)..offset];
        Slot {
            path,
            role,
            range: self.range.clone(),
            spelling: self.spelling,
            typed: typed.trim_start_matches(['"', '\'']).to_owned(),
            comma_at: None,
            is_tight: text[..self.range.start].ends_with(':'),
            is_followed: false,
        }
    }

    /// The text to `end` with the mark in place of what is being written.
    fn marked(&self, text: &str, end: usize) -> String {
        let colon = if self.is_value || self.has_colon { "" } else { ":" };
        let space = if text[..self.range.start].ends_with(':') { " " } else { "" };
        let (before, after) =
            (&text[..self.range.start], &text[self.range.end..end.max(self.range.end)]);
        format!("{before}{space}{MARK}{colon}{after}")
    }
}

fn spelling(written: &str) -> Spelling {
    match written.chars().next() {
        Some(quote @ ('"' | '\'')) => Spelling::PlainQuoted(quote),
        _ => Spelling::Plain,
    }
}

fn tree(source: &Source, text: String) -> Option<Node> {
    let marked = Source { path: source.path.clone(), text };
    parse(&marked).documents.into_iter().next()
}

/// The path of the mark, and whether it is a key.
fn find(node: &Node, path: &mut Vec<String>) -> Option<bool> {
    match &node.value {
        NodeValue::Scalar(value) => (value == MARK).then_some(false),
        NodeValue::Array(items) => items.iter().enumerate().find_map(|(index, item)| {
            path.push(index.to_string());
            let found = find(item, path);
            found.or_else(|| {
                path.pop();
                None
            })
        }),
        NodeValue::Object(entries) => entries.iter().find_map(|entry| {
            path.push(entry.key.clone());
            let found = if entry.key == MARK { Some(true) } else { find(&entry.node, path) };
            found.or_else(|| {
                path.pop();
                None
            })
        }),
    }
}

fn lookup<'a>(root: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(root, |value, token| match value {
        Value::Array(items) => items.get(token.parse::<usize>().ok()?),
        other => other.get(token),
    })
}

fn remove(root: &mut Value, path: &[String]) {
    let Some((last, above)) = path.split_last() else { return };
    let holder = above.iter().try_fold(root, |value, token| match value {
        Value::Array(items) => items.get_mut(token.parse::<usize>().ok()?),
        other => other.get_mut(token),
    });
    match holder {
        Some(Value::Object(map)) => {
            map.shift_remove(last);
        }
        Some(Value::Array(items)) => {
            if let Some(index) = last.parse().ok().filter(|&index| index < items.len()) {
                items.remove(index);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Role, cursors};
    use crate::config::Source;

    /// Checks the cursor at `|`: what may be written, what it replaces, and the rest.
    #[track_caller]
    fn check(marked: &str, slots: &[(&str, Role)], replaced: &str, rest: &Value) {
        let offset = marked.find('|').unwrap();
        let source = Source { path: "c.yaml".into(), text: marked.replacen('|', "", 1) };
        let found = cursors(&source, offset).unwrap_or_default();
        let at: Vec<_> =
            found.iter().map(|cursor| (cursor.slot.path.join("/"), cursor.slot.role)).collect();
        let slots: Vec<_> = slots.iter().map(|&(path, role)| (path.to_owned(), role)).collect();
        assert_eq!(at, slots, "{marked}");
        assert_eq!(&source.text[found[0].slot.range.clone()], replaced, "{marked}");
        assert_eq!(found[0].root, *rest, "{marked}");
    }

    #[test]
    fn keys_and_values_are_found() {
        let key = Role::Key { has_value: false };
        let named = Role::Key { has_value: true };
        check("a: 1\npas|\n", &[("", key)], "pas", &json!({"a": 1}));
        check(
            "a:\n  type: LoRA\n  |\nb: 1\n",
            &[("a", key)],
            "",
            &json!({"a": {"type": "LoRA"}, "b": 1}),
        );
        check(
            "a:\n  type: Lo|\n  r: 1\n",
            &[("a/type", Role::Value)],
            "Lo",
            &json!({"a": {"r": 1}}),
        );
        check("a:\n  type: |\n", &[("a/type", Role::Value)], "", &json!({"a": {}}));
        check("a:\n  type:|\n", &[("a/type", Role::Value)], "", &json!({"a": {}}));
        check("a: \"x|\" # c\n", &[("a", Role::Value)], "\"x\"", &json!({}));
        check("a:\n  ty|: x\n", &[("a", named)], "ty", &json!({"a": {}}));
        check("a:\n  - na|\n", &[("a/0", key), ("a/0", Role::Value)], "na", &json!({"a": [{}]}));
        check("a:\n  - name: |\n", &[("a/0/name", Role::Value)], "", &json!({"a": [{}]}));
        check("a:\n  b|\n c: [\n", &[("a", key), ("a", Role::Value)], "b", &json!({"a": {}}));
    }

    #[test]
    fn comments_are_left_alone() {
        for text in ["# |", "a: 1 # |"] {
            let offset = text.find('|').unwrap();
            let source = Source { path: "c.yaml".into(), text: text.replace('|', "") };
            assert_eq!(cursors(&source, offset), None);
        }
    }
}
