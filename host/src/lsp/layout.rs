//! Places of a text as the protocol counts them: lines, and code units of a line.

use std::ops;

use lsp_types::{Position, Range};

/// What a column counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    /// Bytes.
    Utf8,
    /// Code units of UTF-16.
    Utf16,
}

/// Where the lines of a text start.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    encoding: Encoding,
    starts: Vec<usize>,
}

impl Layout {
    /// The lines of `text`, whose columns are counted in `encoding`.
    pub(super) fn new(text: &str, encoding: Encoding) -> Self {
        let bytes = text.as_bytes();
        let is_break = |&(index, byte): &(usize, &u8)| {
            *byte == b'\n' || (*byte == b'\r' && bytes.get(index + 1) != Some(&b'\n'))
        };
        let after_breaks = bytes.iter().enumerate().filter(is_break).map(|(index, _)| index + 1);
        Self { encoding, starts: std::iter::once(0).chain(after_breaks).collect() }
    }

    /// The byte offset of `position` in `text`; the end of the line or text when it lies beyond.
    pub(super) fn offset(&self, text: &str, position: Position) -> usize {
        let line = position.line as usize;
        let Some(&start) = self.starts.get(line) else { return text.len() };
        let end = self.starts.get(line + 1).copied().unwrap_or(text.len());
        let content = text[start..end].trim_end_matches(['\n', '\r']);
        let column = position.character as usize;
        let mut units = 0;
        for (offset, character) in content.char_indices() {
            if units >= column {
                return start + offset;
            }
            units += self.units(character);
        }
        start + content.len()
    }

    /// The position of a byte offset in `text`; of the end of the text when it lies beyond.
    pub(super) fn position(&self, text: &str, offset: usize) -> Position {
        let offset = text.floor_char_boundary(offset);
        let line = self.starts.partition_point(|&start| start <= offset) - 1;
        let before = &text[self.starts[line]..offset];
        let units: usize = before.chars().map(|character| self.units(character)).sum();
        Position { line: count(line), character: count(units) }
    }

    /// The range of bytes of `text`.
    pub(super) fn range(&self, text: &str, bytes: &ops::Range<usize>) -> Range {
        Range { start: self.position(text, bytes.start), end: self.position(text, bytes.end) }
    }

    fn units(&self, character: char) -> usize {
        match self.encoding {
            Encoding::Utf8 => character.len_utf8(),
            Encoding::Utf16 => character.len_utf16(),
        }
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use lsp_types::Position;

    use super::{Encoding, Layout};

    #[track_caller]
    fn check(encoding: Encoding, offset: usize, line: u32, character: u32) {
        let text = "a\r\né😀x\rb\n";
        let layout = Layout::new(text, encoding);
        let position = Position { line, character };
        assert_eq!(layout.position(text, offset), position);
        assert_eq!(layout.offset(text, position), offset);
    }

    #[test]
    fn columns_count_code_units() {
        check(Encoding::Utf16, 0, 0, 0);
        check(Encoding::Utf16, 1, 0, 1);
        check(Encoding::Utf16, 3, 1, 0);
        check(Encoding::Utf16, 5, 1, 1);
        check(Encoding::Utf16, 9, 1, 3);
        check(Encoding::Utf8, 9, 1, 6);
        check(Encoding::Utf16, 10, 1, 4);
        check(Encoding::Utf16, 11, 2, 0);
        check(Encoding::Utf16, 13, 3, 0);
    }

    #[test]
    fn what_lies_beyond_is_the_end() {
        let text = "ab\ncd";
        let layout = Layout::new(text, Encoding::Utf16);
        for (line, character, offset) in [(0, 9, 2), (1, 9, 5), (7, 0, 5), (0, u32::MAX, 2)] {
            assert_eq!(layout.offset(text, Position { line, character }), offset);
        }
        // The middle of a character is its start or end, never inside.
        let text = "😀";
        let layout = Layout::new(text, Encoding::Utf16);
        assert_eq!(layout.offset(text, Position { line: 0, character: 1 }), 4);
    }
}
