//! Pieces of a JSON text, also of one that is wrong.

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
    /// A text in double quotes, to the end of the file when it is not closed.
    Text,
    /// Anything else without white space in it.
    Word,
}

/// A piece of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    /// What it is.
    pub(super) kind: Kind,
    /// Bytes of the source.
    pub(super) range: Range<usize>,
}

/// Pieces of `text`; white space and comments are left out.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let mut found = Vec::new();
    let mut start = 0;
    while let Some(first) = text[start..].chars().next() {
        let rest = &text[start..];
        let (kind, length) = match first {
            '{' | '[' => (Some(Kind::Open), 1),
            '}' | ']' => (Some(Kind::Close), 1),
            ',' => (Some(Kind::Comma), 1),
            ':' => (Some(Kind::Colon), 1),
            '"' => (Some(Kind::Text), quoted(rest)),
            _ if rest.starts_with("//") => (None, rest.find('\n').unwrap_or(rest.len())),
            _ if rest.starts_with("/*") => {
                (None, rest.find("*/").map_or(rest.len(), |end| end + 2))
            }
            _ if first.is_whitespace() => (None, first.len_utf8()),
            _ => (Some(Kind::Word), word(rest)),
        };
        found.extend(kind.map(|kind| Token { kind, range: start..start + length }));
        start += length;
    }
    found
}

/// Bytes of the quoted text at the start of `rest`.
fn quoted(rest: &str) -> usize {
    let mut is_escaped = false;
    let end = rest.bytes().skip(1).position(|byte| {
        let ends = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        ends
    });
    end.map_or(rest.len(), |end| end + 2)
}

/// Bytes of the word at the start of `rest`.
fn word(rest: &str) -> usize {
    let first = rest.chars().next().map_or(0, char::len_utf8);
    let ends = |character: char| character.is_whitespace() || "{}[],:\"".contains(character);
    rest[first..].find(ends).map_or(rest.len(), |end| first + end)
}

#[cfg(test)]
mod tests {
    use super::tokens;

    #[test]
    fn pieces_are_cut_at_marks() {
        for (text, pieces) in [
            ("{\"a\\\"\": [1]}", &["{", "\"a\\\"\"", ":", "[", "1", "]", "}"][..]),
            ("“é” // \"x\n/* , */ -1.5e3,", &["“é”", "-1.5e3", ","]),
            ("\"open\n}", &["\"open\n}"]),
            ("/* open", &[]),
        ] {
            let found = tokens(text);
            let found: Vec<&str> = found.iter().map(|token| &text[token.range.clone()]).collect();
            assert_eq!(found, pieces);
        }
    }
}
