//! Where in the text the parser's events stand, in bytes.
//!
//! The parser counts characters, lets a value begin at its anchor or tag, and ends quoted texts
//! only at what follows them.

use std::ops::Range;

use saphyr_parser::{ScalarStyle, Span};

use crate::config::Finding;
use crate::config::node::Node;
use crate::config::parse::syntax_error;

/// A text with the place that was last asked for.
#[derive(Default)]
pub(super) struct Places<'a> {
    text: &'a str,
    num_chars: usize,
    bytes: usize,
}

impl<'a> Places<'a> {
    /// The places of `text`.
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, num_chars: 0, bytes: 0 }
    }

    /// The whole text.
    pub(super) fn whole(&self) -> &'a str {
        self.text
    }

    /// What is written at `range`.
    pub(super) fn text(&self, range: &Range<usize>) -> &'a str {
        &self.text[range.clone()]
    }

    /// The byte that `num_chars` characters stand before.
    pub(super) fn byte(&mut self, num_chars: usize) -> usize {
        while self.num_chars > num_chars {
            let before = self.text[..self.bytes].chars().next_back();
            self.bytes -= before.map_or(0, char::len_utf8);
            self.num_chars -= 1;
        }
        while self.num_chars < num_chars {
            let Some(next) = self.text[self.bytes..].chars().next() else { break };
            self.bytes += next.len_utf8();
            self.num_chars += 1;
        }
        self.bytes
    }

    /// The bytes of `span`.
    pub(super) fn range(&mut self, span: Span) -> Range<usize> {
        let start = self.byte(span.start.index());
        start..self.byte(span.end.index()).max(start)
    }

    /// Bytes of a scalar without its anchor and tag.
    pub(super) fn scalar(
        &mut self,
        span: Span,
        style: ScalarStyle,
        has_properties: bool,
    ) -> Range<usize> {
        let Range { mut start, end } = self.range(span);
        if has_properties {
            start += properties(&self.text[start..end]);
        }
        let written = &self.text[start..];
        let length = match style {
            ScalarStyle::SingleQuoted => single_quoted(written),
            ScalarStyle::DoubleQuoted => double_quoted(written),
            ScalarStyle::Plain if is_empty(written) => 0,
            ScalarStyle::Plain | ScalarStyle::Literal | ScalarStyle::Folded => {
                self.text[start..end].trim_end().len()
            }
        };
        if length == 0 && written.starts_with(':') {
            // What is left out stands at the colon for the parser, and belongs after it.
            start += 1;
        }
        start..start + length
    }

    /// Where a collection begins, and whether brackets are around it.
    pub(super) fn collection(&mut self, span: Span) -> (usize, bool) {
        let Range { start, end } = self.range(span);
        // The parser takes blanks and comments after a bracket as part of it.
        let begun = start + properties(&self.text[start..end]);
        let is_flow = self.text[begun..end].starts_with(['[', '{']);
        (if is_flow { begun } else { end }, is_flow)
    }

    /// Where a collection in brackets ends.
    ///
    /// The parser takes blanks and comments after a bracket as part of it.
    pub(super) fn closing(&mut self, span: Span) -> Option<usize> {
        let start = self.byte(span.start.index());
        self.text[start..].starts_with([']', '}']).then_some(start + 1)
    }

    /// Where a list begins whose first item does at `first`.
    ///
    /// A list that is indented as its key begins with that item, as the parser tells.
    pub(super) fn dash(&self, start: usize, first: Option<usize>) -> usize {
        match first {
            Some(first) if first <= start => self.text[..first].rfind('-').unwrap_or(start),
            _ => start,
        }
    }

    /// The tag before a value.
    pub(super) fn tag(&mut self, span: Span) -> Range<usize> {
        let Range { start, .. } = self.range(span);
        let before = self.text[start..].find('!').unwrap_or_default();
        self.word(start + before)
    }

    /// The anchor, alias or tag that begins at `start`.
    pub(super) fn word(&self, start: usize) -> Range<usize> {
        let length = self.text[start..].find(ends_property);
        start..length.map_or(self.text.len(), |length| start + length)
    }

    /// The character at `start`.
    pub(super) fn character(&self, start: usize) -> Range<usize> {
        let next = self.text[start..].chars().next();
        start..start + next.map_or(0, char::len_utf8)
    }

    /// The tabs that indent the line of `place`, or the next ones.
    pub(super) fn tabs(&self, place: usize) -> Range<usize> {
        let line = self.text[..place].rfind('\n').map_or(0, |newline| newline + 1);
        let start = self.text[line..].find('\t').map_or(place, |before| line + before);
        let rest = self.text[start..].trim_start_matches('\t');
        start..self.text.len() - rest.len()
    }

    /// The first backslash and what follows it that is no escape, in the quoted text at `start`.
    pub(super) fn wrong_escape(&self, start: usize) -> Range<usize> {
        let written = &self.text[start..];
        let mut rest = written;
        while let Some(before) = rest.find('\\') {
            let at = &rest[before..];
            let length = escape(at);
            if length == 0 {
                let start = start + written.len() - at.len();
                let end = at.chars().take(2).map(char::len_utf8).sum::<usize>();
                return start..start + end;
            }
            rest = &at[length..];
        }
        self.character(start)
    }

    /// A value as the key of an entry.
    pub(super) fn key(&self, node: Node) -> Result<(String, Range<usize>), Finding> {
        if let Some(key) = node.as_str() {
            return Ok((key.to_owned(), node.range));
        }
        let written = self.text(&node.range);
        let is_scalar = node.entries().is_none() && node.items().is_none();
        let (message, help) = match (is_scalar, written) {
            (true, "") => ("a key is missing here".into(), None),
            (true, _) => {
                (format!("key `{written}` is not text"), Some(format!("write `\"{written}\"`")))
            }
            (false, _) => ("a key is text, not a collection".into(), None),
        };
        let mut finding = syntax_error(message, node.range);
        finding.diagnostic.help = help;
        Err(finding)
    }
}

/// Bytes of anchors, tags, comments and blanks before a value.
fn properties(text: &str) -> usize {
    let mut rest = text.trim_start();
    loop {
        let end = match rest.chars().next() {
            Some('&' | '!') => rest.find(ends_property),
            Some('#') => rest.find('\n'),
            _ => return text.len() - rest.len(),
        };
        rest = rest[end.unwrap_or(rest.len())..].trim_start();
    }
}

/// Bytes of the escape at the start of `text`; 0 when it is none.
fn escape(text: &str) -> usize {
    let num_digits = match text.chars().nth(1) {
        Some('x') => 2,
        Some('u') => 4,
        Some('U') => 8,
        Some(other) if "0abtnvfre \"/\\N_LP\t\n\r".contains(other) => return 1 + other.len_utf8(),
        _ => return 0,
    };
    let digits =
        text.get(2..2 + num_digits).and_then(|digits| u32::from_str_radix(digits, 16).ok());
    if digits.and_then(char::from_u32).is_some() { 2 + num_digits } else { 0 }
}

fn ends_property(character: char) -> bool {
    character.is_whitespace() || ",[]{}".contains(character)
}

/// Whether no plain text begins here.
fn is_empty(written: &str) -> bool {
    written.starts_with([',', ']', '}', '\n', '\r'])
}

/// Bytes of a text in single quotes, where two stand for one.
fn single_quoted(written: &str) -> usize {
    let mut end = 1;
    while let Some(length) = written.get(end..).and_then(|rest| rest.find('\'')) {
        end += length + 1;
        if !written[end..].starts_with('\'') {
            return end;
        }
        end += 1;
    }
    written.len()
}

/// Bytes of a text in double quotes, where a backslash escapes.
fn double_quoted(written: &str) -> usize {
    let mut is_escaped = false;
    let end = written.bytes().skip(1).position(|byte| {
        let ends = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        ends
    });
    end.map_or(written.len(), |end| end + 2)
}
