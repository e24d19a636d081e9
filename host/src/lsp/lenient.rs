//! Reading JSON that is being written: whatever is there gives a tree, and the cursor its place.
//!
//! Nothing is an error here. A text ends with its line, what is open ends with the file, a value
//! that is not there yet is `null`, and what stands where nothing may is passed over.

mod tokens;

use std::ops::Range;

use serde_json::Value;

use super::cursor::{Role, Slot, Spelling};
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

    /// Finds out whether the cursor is before or in `token`.
    fn meet(&mut self, token: &Token, next: Option<&Token>) {
        let Some(cursor) = self.cursor else { return };
        let Range { start, end } = token.range;
        let is_inside = match token.kind {
            Kind::Word => start <= cursor && cursor <= end,
            Kind::Text { is_closed } => {
                start < cursor && (cursor < end || !is_closed && cursor == end)
            }
            Kind::Comment => {
                let is_line = self.text[start..].starts_with("//");
                start < cursor && (cursor < end || is_line && cursor == end)
            }
            Kind::Open | Kind::Close | Kind::Comma | Kind::Colon => false,
        };
        if is_inside {
            self.cursor = None;
            self.slot = match token.kind {
                Kind::Comment => None,
                _ => self.slot_in(token, cursor, next),
            };
        } else if cursor <= start {
            self.cursor = None;
            self.slot = self.slot_between(cursor, Some(token).filter(|t| t.kind != Kind::Comment));
        }
    }

    /// What may be written at `cursor`, between the last piece and `next`.
    fn slot_between(&mut self, cursor: usize, next: Option<&Token>) -> Option<Slot> {
        let gap = &self.text[self.last.min(cursor)..cursor];
        let starts_member = next
            .is_some_and(|next| matches!(next.kind, Kind::Text { .. } | Kind::Word | Kind::Open));
        let path = self.path();
        let open = self.open.last_mut()?;
        let role = match &open.content {
            Content::Entries { key: Some(key), .. } if key.has_colon => Role::Value,
            Content::Entries { key: Some(_), .. } => return None,
            Content::Entries { key: None, .. } => Role::Key { has_value: false },
            Content::Items(_) => Role::Value,
        };
        let is_pending = matches!(&open.content, Content::Entries { key: Some(_), .. });
        if open.needs_comma && !is_pending && !gap.contains('\n') {
            return None;
        }
        // A value whose key is written already stands before the next key.
        open.is_skipped = is_pending;
        Some(Slot {
            path,
            role,
            range: cursor..cursor,
            spelling: Spelling::Bare,
            typed: String::new(),
            comma_at: (open.needs_comma && !is_pending).then_some(self.last),
            is_tight: self.text[..cursor].ends_with(':'),
            is_followed: starts_member,
        })
    }

    /// What may be written instead of `token`.
    fn slot_in(&mut self, token: &Token, cursor: usize, next: Option<&Token>) -> Option<Slot> {
        let path = self.path();
        let open = self.open.last_mut()?;
        let is_key = match &open.content {
            Content::Entries { key, .. } => key.as_ref().is_none_or(|key| !key.has_colon),
            Content::Items(_) => false,
        };
        let has_value = next.is_some_and(|next| next.kind == Kind::Colon);
        let (spelling, range) = match token.kind {
            Kind::Text { is_closed: true } => {
                (Spelling::Quoted, token.range.start + 1..token.range.end)
            }
            Kind::Text { is_closed: false } => (Spelling::Quoted, token.range.start + 1..cursor),
            _ => (Spelling::Bare, token.range.clone()),
        };
        let typed = self.text[range.start.min(cursor)..cursor].to_owned();
        open.is_skipped = true;
        let starts_member = next
            .is_some_and(|next| matches!(next.kind, Kind::Text { .. } | Kind::Word | Kind::Open));
        let is_pending = matches!(&open.content, Content::Entries { key: Some(_), .. });
        Some(Slot {
            path,
            role: if is_key { Role::Key { has_value } } else { Role::Value },
            range,
            spelling,
            typed,
            comma_at: (open.needs_comma && !is_pending).then_some(self.last),
            is_tight: false,
            is_followed: starts_member,
        })
    }

    /// Keys and indices that lead to where the next piece goes; to the object for a key.
    fn path(&self) -> Vec<String> {
        let token = |open: &Open| match &open.content {
            Content::Items(items) => Some(items.len().to_string()),
            Content::Entries { key, .. } => {
                key.as_ref().filter(|key| key.has_colon).map(|key| key.text.clone())
            }
        };
        self.open.iter().filter_map(token).collect()
    }

    fn take(&mut self, token: &Token, next: Option<&Token>) {
        match token.kind {
            Kind::Comment => return,
            Kind::Open => self.begin(token),
            Kind::Close => self.end(token),
            Kind::Comma => self.comma(token),
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

    fn comma(&mut self, token: &Token) {
        if let Some(open) = self.open.last_mut() {
            open.settle(token.range.start);
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
        let is_skipped = open.is_skipped;
        open.settle(range.start);
        if let Content::Entries { key, .. } = &mut open.content {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            *key = Some(Key { text, range: range.clone(), has_colon: false });
            // Settling ends what was before; the mark may be about this key.
            let is_this = self.slot.as_ref().is_some_and(|slot| {
                slot.range.start >= range.start && slot.range.start <= range.end
            });
            open.is_skipped = is_skipped && is_this;
        }
    }

    fn close(&mut self, mut open: Open, end: usize) {
        open.settle(end);
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
    fn settle(&mut self, at: usize) {
        if let Content::Entries { key: Some(key), .. } = &self.content {
            let end = key.range.end;
            self.put(Node::scalar(Value::Null, end..at.max(end).min(end)));
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
