//! The place of the cursor among the pieces of a text.

use std::ops::Range;

use super::tokens::{Kind, Token};
use super::{Content, Open, Reader};
use crate::lsp::cursor::{Role, Slot, Spelling};

impl Reader<'_> {
    /// Finds out whether the cursor is before or in `token`.
    pub(super) fn meet(&mut self, token: &Token, next: Option<&Token>) {
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
    pub(super) fn slot_between(&mut self, cursor: usize, next: Option<&Token>) -> Option<Slot> {
        let gap = &self.text[self.last.min(cursor)..cursor];
        let (path, last) = (self.path(), self.last);
        let open = self.open.last_mut()?;
        let (role, is_pending) = match &open.content {
            Content::Entries { key: Some(key), .. } if key.has_colon => (Role::Value, true),
            Content::Entries { key: Some(_), .. } => return None,
            Content::Entries { key: None, .. } => (Role::Key { has_value: false }, false),
            Content::Items(_) => (Role::Value, false),
        };
        let needs_comma = open.needs_comma && !is_pending;
        if needs_comma && !gap.contains('\n') {
            return None;
        }
        // The key that waits for its value is not followed by it.
        open.is_skipped = is_pending;
        Some(Slot {
            path,
            role,
            range: cursor..cursor,
            spelling: Spelling::Bare,
            typed: String::new(),
            comma_at: needs_comma.then_some(last),
            is_tight: self.text[..cursor].ends_with(':'),
            is_followed: next.is_some_and(starts_member),
        })
    }

    /// What may be written instead of `token`.
    fn slot_in(&mut self, token: &Token, cursor: usize, next: Option<&Token>) -> Option<Slot> {
        let has_value = next.is_some_and(|next| next.kind == Kind::Colon);
        let (mut path, last) = (self.path(), self.last);
        let open = self.open.last_mut()?;
        let (is_key, is_pending) = match &open.content {
            Content::Entries { key: Some(key), .. } => (!key.has_colon || has_value, key.has_colon),
            Content::Entries { key: None, .. } => (true, false),
            Content::Items(_) => (false, false),
        };
        if is_key && is_pending {
            path.pop();
        }
        open.is_skipped = true;
        let comma_at = (open.needs_comma && !is_pending).then_some(last);
        let (spelling, range) = match token.kind {
            Kind::Text { is_closed: true } => {
                (Spelling::Quoted, token.range.start + 1..token.range.end)
            }
            Kind::Text { is_closed: false } => (Spelling::Quoted, token.range.start + 1..cursor),
            _ => (Spelling::Bare, token.range.clone()),
        };
        let reaches_end = spelling == Spelling::Bare || range.end == token.range.end;
        Some(Slot {
            path,
            role: if is_key { Role::Key { has_value } } else { Role::Value },
            typed: self.text[range.start.min(cursor)..cursor].to_owned(),
            range,
            spelling,
            comma_at,
            is_tight: false,
            is_followed: reaches_end && next.is_some_and(starts_member),
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
}

/// Whether a key or a value begins with `token`.
fn starts_member(token: &Token) -> bool {
    matches!(token.kind, Kind::Text { .. } | Kind::Word | Kind::Open)
}
