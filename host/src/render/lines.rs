//! Lines of a text, found by byte offset and by number.

use std::ops::Range;

use serde::Serialize;

/// Where the lines of a text start.
pub struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

/// A place in a text as people count it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Position {
    /// Line, from 1.
    pub line: usize,
    /// Character of the line, from 1.
    pub column: usize,
}

impl<'a> Lines<'a> {
    /// The lines of `text`.
    pub fn new(text: &'a str) -> Self {
        let after_breaks = text.match_indices('\n').map(|(offset, _)| offset + 1);
        Self { text, starts: std::iter::once(0).chain(after_breaks).collect() }
    }

    /// Line and column of a byte offset; of the end of the text when it lies beyond.
    pub fn position(&self, offset: usize) -> Position {
        let offset = self.text.floor_char_boundary(offset);
        let line = self.number(offset);
        let column = self.text[self.starts[line - 1]..offset].chars().count() + 1;
        Position { line, column }
    }

    /// Number of the line, from 1, that holds a byte offset.
    pub fn number(&self, offset: usize) -> usize {
        self.starts.partition_point(|&start| start <= offset)
    }

    /// Bytes of the line with this number, without its line break.
    pub fn range(&self, number: usize) -> Range<usize> {
        let end = self.text.len();
        let start = self.starts.get(number - 1).copied().unwrap_or(end);
        let next = self.starts.get(number).copied().unwrap_or(end);
        let line = &self.text[start..next];
        let line = line.strip_suffix('\n').map_or(line, |line| line.trim_end_matches('\r'));
        start..start + line.len()
    }

    /// The text.
    pub fn text(&self) -> &'a str {
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::{Lines, Position};

    #[test]
    fn positions_count_lines_and_characters() {
        let lines = Lines::new("{\r\n  \"é\": 1\n");
        for (offset, line, column) in [
            (0, 1, 1),
            (2, 1, 3),
            (3, 2, 1),
            (6, 2, 4),
            (7, 2, 4),
            (8, 2, 5),
            (13, 3, 1),
            (99, 3, 1),
        ] {
            assert_eq!(lines.position(offset), Position { line, column }, "{offset}");
        }
    }

    #[test]
    fn lines_end_before_their_break() {
        let lines = Lines::new("a\r\nbc\n");
        let ranges = [1, 2, 3, 4].map(|number| lines.range(number));
        assert_eq!(ranges, [0..1, 3..5, 6..6, 6..6]);
        assert_eq!(Lines::new("").range(1), 0..0);
    }
}
