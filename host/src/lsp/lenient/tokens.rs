//! Pieces of a JSON text that is being written.

use std::ops::Range;

/// What a piece is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `{` or `[`.
    Open,
    /// `}` or `]`.
    Close,
    /// `,`.
    Comma,
    /// `:`.
    Colon,
    /// A text in double quotes, to the end of its line when it is not closed.
    Text {
        /// Whether the quote at its end is there.
        is_closed: bool,
    },
    /// A number, a keyword, or anything else without white space in it.
    Word,
    /// A comment.
    Comment,
}

/// A piece of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    /// What it is.
    pub(super) kind: Kind,
    /// Bytes of the source.
    pub(super) range: Range<usize>,
}

/// Pieces of `text`; white space is left out.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let mut found = Vec::new();
    let mut start = 0;
    while let Some(first) = text[start..].chars().next() {
        if first.is_whitespace() {
            start += first.len_utf8();
            continue;
        }
        let (kind, length) = piece(first, &text[start..]);
        found.push(Token { kind, range: start..start + length });
        start += length;
    }
    found
}

fn piece(first: char, rest: &str) -> (Kind, usize) {
    match first {
        '{' | '[' => (Kind::Open, 1),
        '}' | ']' => (Kind::Close, 1),
        ',' => (Kind::Comma, 1),
        ':' => (Kind::Colon, 1),
        '"' => quoted(rest),
        '/' if rest.starts_with("//") => (Kind::Comment, rest.find('\n').unwrap_or(rest.len())),
        '/' if rest.starts_with("/*") => {
            (Kind::Comment, rest.find("*/").map_or(rest.len(), |end| end + 2))
        }
        _ => {
            let is_end = |next: char| next.is_whitespace() || "{}[],:\"".contains(next);
            (Kind::Word, rest.find(is_end).unwrap_or(rest.len()))
        }
    }
}

fn quoted(rest: &str) -> (Kind, usize) {
    let mut is_escaped = false;
    for (offset, byte) in rest.bytes().enumerate().skip(1) {
        match byte {
            b'\n' | b'\r' => return (Kind::Text { is_closed: false }, offset),
            b'"' if !is_escaped => return (Kind::Text { is_closed: true }, offset + 1),
            _ => is_escaped = byte == b'\\' && !is_escaped,
        }
    }
    (Kind::Text { is_closed: false }, rest.len())
}
