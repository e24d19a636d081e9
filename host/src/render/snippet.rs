//! The line a finding is about, with the carets below it.

use std::ops::Range;

use super::width::{char_width, plain_char};

/// Columns a source line may take.
const COLUMNS: usize = 100;
/// Columns kept before the carets of a line that is cut.
const BEFORE: usize = 30;
const TAB: &str = "    ";
const CUT: &str = "…";

/// A source line and where its carets stand.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Snippet {
    /// The line, cut when it is long.
    pub(super) text: String,
    /// Columns before the carets.
    pub(super) indent: usize,
    /// One caret a column.
    pub(super) carets: String,
}

/// A piece of the line that is shown or left out as a whole.
struct Cell {
    shown: String,
    columns: usize,
    is_marked: bool,
}

/// The first line of `range` with carets below the part that `range` covers.
pub(super) fn snippet(text: &str, range: &Range<usize>) -> Snippet {
    let mut cells = cells(text, range);
    if !cells.iter().any(|cell| cell.is_marked) {
        cells.push(Cell { shown: String::new(), columns: 1, is_marked: true });
    }
    let first_marked = cells.iter().take_while(|cell| !cell.is_marked).count();
    let (first, last) = window(&cells, first_marked);
    let shown = &cells[first..last];
    let (mut line, mut indent) = (String::new(), 0);
    if first > 0 {
        line.push_str(CUT);
        indent += 1;
    }
    line.extend(shown.iter().map(|cell| cell.shown.as_str()));
    if last < cells.len() {
        line.push_str(CUT);
    }
    indent += columns(&cells[first..first_marked]);
    let marked = shown.iter().filter(|cell| cell.is_marked).map(|cell| cell.columns).sum();
    Snippet { text: line, indent, carets: "^".repeat(Ord::max(marked, 1)) }
}

fn cells(text: &str, range: &Range<usize>) -> Vec<Cell> {
    let start = text.floor_char_boundary(range.start);
    let line_start = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
    let line = text[line_start..].lines().next().unwrap_or_default();
    let end = range.end.min(line_start + line.trim_end().len()).max(start + 1);
    let cell = |(offset, character): (usize, char)| {
        let is_marked = (start..end).contains(&(line_start + offset));
        if character == '\t' {
            return Cell { shown: TAB.into(), columns: TAB.len(), is_marked };
        }
        let shown = plain_char(character);
        Cell { shown: shown.into(), columns: char_width(shown), is_marked }
    };
    line.char_indices().map(cell).collect()
}

/// Which cells are shown: all of them when they fit, else those around the carets.
fn window(cells: &[Cell], first_marked: usize) -> (usize, usize) {
    if columns(cells) <= COLUMNS {
        return (0, cells.len());
    }
    let mut first = first_marked;
    while first > 0 && columns(&cells[first - 1..first_marked]) <= BEFORE {
        first -= 1;
    }
    let mut last = first;
    let mut width = 0;
    while last < cells.len() && width + cells[last].columns <= COLUMNS {
        width += cells[last].columns;
        last += 1;
    }
    (first, last)
}

fn columns(cells: &[Cell]) -> usize {
    cells.iter().map(|cell| cell.columns).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, range: Range<usize>, expected: &str, indent: usize, carets: usize) {
        let snippet = snippet(text, &range);
        assert_eq!(snippet.text, expected);
        assert_eq!((snippet.indent, snippet.carets.len()), (indent, carets), "{text:?}");
    }

    #[test]
    fn carets_stand_below_the_range() {
        check("{\n  \"a\": 1\n}", 4..7, "  \"a\": 1", 2, 3);
        check("\t\"a\"", 1..4, "    \"a\"", 4, 3);
        check("漢字: 1", 3..6, "漢字: 1", 2, 2);
        check("e\u{301}x", 3..4, "e\u{301}x", 1, 1);
    }

    #[test]
    fn a_range_over_lines_ends_with_its_first_line() {
        check("{\"a\": {  \r\n  }}", 6..14, "{\"a\": {  ", 6, 1);
    }

    #[test]
    fn an_empty_range_has_one_caret() {
        check("", 0..0, "", 0, 1);
        check("{\n", 2..2, "", 0, 1);
        check("{ ", 2..9, "{ ", 2, 1);
        check("{ ", 99..99, "{ ", 2, 1);
    }

    #[test]
    fn long_lines_are_cut_around_the_carets() {
        let text = format!("{}\"key\"{}", "a".repeat(500), "b".repeat(500));
        let expected = format!("…{}\"key\"{}…", "a".repeat(30), "b".repeat(65));
        check(&text, 500..505, &expected, 31, 5);
        let all = format!("{}…", "a".repeat(100));
        check(&text, 0..1000, &all, 0, 100);
    }
}
