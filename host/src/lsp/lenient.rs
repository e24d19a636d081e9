//! Reading JSON that is being written: whatever is there gives a tree, and the cursor its place.
//!
//! Nothing is an error here. A text ends with its line, what is open ends with the file, a value
//! that is not there yet is `null`, and what stands where nothing may is passed over.

mod tokens;
mod slots;

use std::ops::Range;

use serde_json::Value;

use super::cursor::Slot;
use crate::config::Node;
use crate::config::node::{Entry, NodeValue};
use tokens::{Kind, Token, tokens};

/// Levels of nesting that are read.
const DEPTH_LIMIT: usize = 100;

/// The tree of `text`.
pub(super) fn parse(text: &str) -> Option<Node> {
    Reader::new(text, None).read().0
}

/// The tree of `text` without what is being written at `cursor`, and what may be written there.
pub(super) fn parse_at(text: &str, cursor: usize) -> (Option<Node>, Option<Slot>) {
    Reader::new(text, Some(cursor)).read()
}

struct Reader<'a> {
    text: &'a str,
    /// The cursor, until its place is found.
    cursor: Option<usize>,
    slot: Option<Slot>,
    open: Vec<Open>,
    root: Option<Node>,
    /// End of the last piece that counts.
    last: usize,
}

/// A container that is not closed yet.
struct Open {
    start: usize,
    content: Content,
    /// Whether a comma belongs before the next member.
    needs_comma: bool,
    /// Whether the member under way is what is being written at the cursor.
    is_skipped: bool,
}

enum Content {
    Items(Vec<Node>),
    Entries { entries: Vec<Entry>, key: Option<Key> },
}

/// A key whose value has not come yet.
struct Key {
    text: String,
    range: Range<usize>,
    has_colon: bool,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str, cursor: Option<usize>) -> Self {
        Self { text, cursor, slot: None, open: Vec::new(), root: None, last: 0 }
    }

    fn read(mut self) -> (Option<Node>, Option<Slot>) {
        let tokens = tokens(self.text);
        for (index, token) in tokens.iter().enumerate() {
            let mut next = tokens[index + 1..].iter().filter(|next| next.kind != Kind::Comment);
            let next = next.next();
            self.meet(token, next);
            self.take(token, next);
            if self.root.is_some() || self.open.len() > DEPTH_LIMIT {
                break;
            }
        }
        if self.root.is_none() {
            if self.cursor.take().is_some() {
                self.slot = self.slot_between(self.text.len(), None);
            }
            while let Some(open) = self.open.pop() {
                self.close(open, self.text.len());
            }
        }
        (self.root, self.slot)
    }

    fn take(&mut self, token: &Token, next: Option<&Token>) {
        match token.kind {
            Kind::Comment => return,
            Kind::Open => self.begin(token),
            Kind::Close => self.end(token),
            Kind::Comma => self.comma(),
            Kind::Colon => {
                if let Some(Open { content: Content::Entries { key: Some(key), .. }, .. }) =
                    self.open.last_mut()
                {
                    key.has_colon = true;
                }
            }
            Kind::Text { is_closed } => {
                let text = decode(&self.text[token.range.clone()], is_closed);
                let is_key = next.is_some_and(|next| next.kind == Kind::Colon);
                self.word(text.into(), &token.range, is_key);
            }
            Kind::Word => {
                let text = &self.text[token.range.clone()];
                let value = serde_json::from_str(text).unwrap_or_else(|_| text.into());
                let is_key = next.is_some_and(|next| next.kind == Kind::Colon);
                self.word(value, &token.range, is_key);
            }
        }
        self.last = token.range.end;
    }

    fn begin(&mut self, token: &Token) {
        let is_object = self.text[token.range.clone()] == *"{";
        let content = if is_object {
            Content::Entries { entries: Vec::new(), key: None }
        } else {
            Content::Items(Vec::new())
        };
        let start = token.range.start;
        self.open.push(Open { start, content, needs_comma: false, is_skipped: false });
    }

    fn end(&mut self, token: &Token) {
        let closes_object = self.text[token.range.clone()] == *"}";
        let is_partner =
            |open: &Open| matches!(open.content, Content::Entries { .. }) == closes_object;
        if !self.open.iter().any(is_partner) {
            return;
        }
        while let Some(open) = self.open.pop() {
            let is_partner = is_partner(&open);
            self.close(open, if is_partner { token.range.end } else { token.range.start });
            if is_partner {
                return;
            }
        }
    }

    fn comma(&mut self) {
        if let Some(open) = self.open.last_mut() {
            open.settle();
            open.needs_comma = false;
        }
    }

    /// A text, number or keyword, which is a key or a value.
    fn word(&mut self, value: Value, range: &Range<usize>, is_key: bool) {
        let Some(open) = self.open.last_mut() else { return };
        let is_value = match &open.content {
            Content::Items(_) => true,
            Content::Entries { key, .. } => {
                key.as_ref().is_some_and(|key| key.has_colon) && !is_key
            }
        };
        if is_value {
            open.put(Node::scalar(value, range.clone()));
            return;
        }
        // Whether it is this key that is being written, not the value of the one before.
        let is_slot = self
            .slot
            .as_ref()
            .is_some_and(|slot| range.start <= slot.range.start && slot.range.start <= range.end);
        let is_skipped = open.is_skipped && is_slot;
        open.is_skipped &= !is_slot;
        open.settle();
        if let Content::Entries { key, .. } = &mut open.content {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            *key = Some(Key { text, range: range.clone(), has_colon: false });
            open.is_skipped = is_skipped;
        }
    }

    fn close(&mut self, mut open: Open, end: usize) {
        open.settle();
        let value = match open.content {
            Content::Items(items) => NodeValue::Array(items),
            Content::Entries { entries, .. } => NodeValue::Object(entries),
        };
        let node = Node { value, range: open.start..end };
        match self.open.last_mut() {
            Some(outer) => outer.put(node),
            None => self.root = Some(node),
        }
    }
}

impl Open {
    /// Puts a value where it belongs; one without a key is passed over.
    fn put(&mut self, node: Node) {
        let is_skipped = std::mem::take(&mut self.is_skipped);
        match &mut self.content {
            Content::Items(items) if !is_skipped => items.push(node),
            Content::Entries { entries, key } => {
                if let Some(Key { text, range, .. }) = key.take().filter(|_| !is_skipped) {
                    entries.push(Entry { key: text, key_range: range, node });
                }
            }
            Content::Items(_) => {}
        }
        self.needs_comma = true;
    }

    /// Ends the member under way; a key without a value has `null`.
    fn settle(&mut self) {
        if let Content::Entries { key: Some(key), .. } = &self.content {
            let end = key.range.end;
            self.put(Node::scalar(Value::Null, end..end));
        }
        self.is_skipped = false;
    }
}

/// The text in quotes.
fn decode(written: &str, is_closed: bool) -> String {
    serde_json::from_str(written).unwrap_or_else(|_| {
        let end = written.len() - usize::from(is_closed);
        written.get(1..end).unwrap_or_default().to_owned()
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::cursor::Role;
    use super::{parse, parse_at};

    #[test]
    fn whatever_is_there_is_read() {
        for (text, expected) in [
            (r#"{"a": 1, "b": [true, "x"],}"#, json!({"a": 1, "b": [true, "x"]})),
            (
                r#"{"passes": {"a": {"type": "LoRA", ""#,
                json!({"passes": {"a": {"type": "LoRA", "": null}}}),
            ),
            ("{\"a\": \n \"b\": 1}", json!({"a": null, "b": 1})),
            ("{\"a\": \"x\n, \"b\": 2}", json!({"a": "x", "b": 2})),
            ("{\"a\": [1, {\"b\": 2 }", json!({"a": [1, {"b": 2}]})),
            ("{a: tru, // c\n b", json!({"a": "tru", "b": null})),
            ("{{\"a\": 1}, ] \"b\": 1}", json!({"b": 1})),
            ("{\"a\" 1 \"b\": 2", json!({"a": null, "1": null, "b": 2})),
        ] {
            assert_eq!(parse(text).unwrap().to_value(), expected, "{text}");
        }
        for text in ["", "x", "]", "\"", "/*", "1"] {
            assert_eq!(parse(text), None, "{text}");
        }
        parse(&"[".repeat(100_000));
    }

    /// Checks the cursor at `|`: the path, what may stand there, and the rest of the config.
    #[track_caller]
    fn check(marked: &str, path: &str, role: Role, rest: &Value) {
        let cursor = marked.find('|').unwrap();
        let text = marked.replacen('|', "", 1);
        let (root, slot) = parse_at(&text, cursor);
        let slot = slot.unwrap();
        assert_eq!((slot.path.join("/").as_str(), slot.role), (path, role), "{marked}");
        assert_eq!(root.unwrap().to_value(), *rest, "{marked}");
    }

    #[test]
    fn the_place_of_the_cursor_is_found() {
        let key = Role::Key { has_value: false };
        let named = Role::Key { has_value: true };
        for (marked, path, role, rest) in [
            ("{|}", "", key, json!({})),
            (
                r#"{"passes": {"a": {"type": "LoRA", "|"#,
                "passes/a",
                key,
                json!({"passes": {"a": {"type": "LoRA"}}}),
            ),
            (r#"{"a": {"type": "Lo|"}}"#, "a/type", Role::Value, json!({"a": {}})),
            (r#"{"a": {"type": "Lo|"#, "a/type", Role::Value, json!({"a": {}})),
            (r#"{"a": {"type": |}, "b": 1}"#, "a/type", Role::Value, json!({"a": {}, "b": 1})),
            ("{\"a\": |\n \"b\": 1}", "a", Role::Value, json!({"b": 1})),
            (r#"{"a": 1, "b|": 2, "c": 3}"#, "", named, json!({"a": 1, "c": 3})),
            ("{\"a\": 1\n |\n \"b\": 2}", "", key, json!({"a": 1, "b": 2})),
            (r#"{"a": [1, |]}"#, "a/1", Role::Value, json!({"a": [1]})),
            ("{\"a\": \n\"b|\": 1}", "", named, json!({"a": null})),
            (r#"{"a": ["x", "y|", "z"]}"#, "a/1", Role::Value, json!({"a": ["x", "z"]})),
            ("{\"a\": 1, b|\n}", "", key, json!({"a": 1})),
            (r#"{"a": {"x": 1, |}, "b": {}}"#, "a", key, json!({"a": {"x": 1}, "b": {}})),
            (r#"{|"a": 1}"#, "", key, json!({"a": 1})),
            ("{\"a\": tr|, \"b\": 1}", "a", Role::Value, json!({"b": 1})),
        ] {
            check(marked, path, role, &rest);
        }
    }

    #[test]
    fn nothing_may_be_written_in_comments_and_after_values() {
        for marked in ["{ // |\n}", "{\"a\": 1 |}", "{\"a\" |}", "|", "{}|", "{/* | */}"] {
            let cursor = marked.find('|').unwrap();
            let (_, slot) = parse_at(&marked.replacen('|', "", 1), cursor);
            assert_eq!(slot, None, "{marked}");
        }
    }
}
