//! The lines of a source that a finding is about, in a form that is safe and short to show.

use std::collections::BTreeMap;
use std::ops::Range;

use super::lines::Lines;
use super::width::{char_width, plain_char};
use crate::config::Place;

/// Columns a source line may take.
const COLUMNS: usize = 100;
/// Columns kept before the mark of a line that is cut.
const BEFORE: usize = 30;
/// Lines between a finding and a related place that is shown with it.
const REACH: usize = 10_000;
/// Related places that are shown with a finding.
const PLACES: usize = 5;
const TAB: &str = "    ";
const CUT: &str = "…";

/// Lines of a source, and what of them is marked.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Excerpt<'a> {
    /// The lines from the first to the last that is marked, each with its line break; those that
    /// are far from every mark are blank.
    pub(super) text: String,
    /// Number of the first line.
    pub(super) first_line: usize,
    /// Number of the last line.
    pub(super) last_line: usize,
    /// Bytes of `text` that the finding is about, never empty.
    pub(super) mark: Range<usize>,
    /// Bytes of `text` that have to do with it, and what is there.
    pub(super) related: Vec<(Range<usize>, &'a str)>,
    /// Related places that are not on these lines.
    pub(super) left_out: Vec<&'a Place>,
}

/// The lines around `range` and the places `related` to it, cut to what a screen holds.
pub(super) fn excerpt<'a>(
    lines: &Lines<'_>,
    range: &Range<usize>,
    related: &'a [Place],
) -> Excerpt<'a> {
    let line = lines.number(range.start.min(lines.text().len()));
    let is_near = |place: &Place| lines.number(place.range.start).abs_diff(line) <= REACH;
    let (near, left_out): (Vec<_>, Vec<_>) = related.iter().partition(|place| is_near(place));
    let mut marked: BTreeMap<usize, Vec<&Place>> = BTreeMap::from([(line, Vec::new())]);
    for place in near.iter().take(PLACES) {
        marked.entry(lines.number(place.range.start)).or_default().push(place);
    }
    let bounds = marked.keys().next().copied().zip(marked.keys().next_back().copied());
    let (first_line, last_line) = bounds.unwrap_or((line, line));
    let mut excerpt = Excerpt {
        text: String::new(),
        first_line,
        last_line,
        mark: 0..0,
        related: Vec::new(),
        left_out,
    };
    excerpt.left_out.extend(near.iter().skip(PLACES));
    for number in first_line..=last_line {
        let main = (number == line).then_some(range);
        match marked.get(&number) {
            Some(places) => excerpt.push(lines, number, main, places),
            None if marked.contains_key(&(number - 1)) && marked.contains_key(&(number + 1)) => {
                excerpt.push(lines, number, None, &[]);
            }
            None => excerpt.text.push('\n'),
        }
    }
    excerpt
}

impl<'a> Excerpt<'a> {
    /// Appends a line with its marks; `main` is the finding's own.
    fn push(
        &mut self,
        lines: &Lines<'_>,
        number: usize,
        main: Option<&Range<usize>>,
        places: &[&'a Place],
    ) {
        let whole = lines.range(number);
        let anchor = main.or_else(|| places.first().map(|place| &place.range));
        let anchor = anchor.map_or(whole.start, |range| range.start.clamp(whole.start, whole.end));
        let line = Shown::new(lines.text(), &whole, anchor, self.text.len());
        self.text.push_str(&line.text);
        if let Some(range) = main {
            self.mark = line.mark(range).unwrap_or_else(|| line.start..line.start + 1);
        }
        for place in places {
            match line.mark(&place.range) {
                Some(mark) => self.related.push((mark, &place.message)),
                None => self.left_out.push(place),
            }
        }
        // An empty place, such as the end of a text, is marked as one column.
        let marks = self.related.iter_mut().map(|(mark, _)| mark).chain([&mut self.mark]);
        if marks.filter(|mark| mark.start == self.text.len()).count() > 0 {
            self.text.push(' ');
        }
        self.text.push('\n');
    }
}

/// What of a line is shown.
struct Shown<'a> {
    /// The shown text: plain, tabs as spaces.
    text: String,
    /// Where it starts in the excerpt.
    start: usize,
    /// Bytes of the source it shows.
    window: Range<usize>,
    /// Bytes of the whole line.
    whole: &'a Range<usize>,
    source: &'a str,
}

impl<'a> Shown<'a> {
    /// The line at `whole`, cut around `anchor` when it is long.
    fn new(source: &'a str, whole: &'a Range<usize>, anchor: usize, start: usize) -> Self {
        let window = window(source, whole, anchor);
        let mut text = String::new();
        if window.start > whole.start {
            text.push_str(CUT);
        }
        text.push_str(&shown(&source[window.clone()]));
        if window.end < whole.end {
            text.push_str(CUT);
        }
        Self { text, start, window, whole, source }
    }

    /// Where the first line of `range` is in the excerpt; nothing when it was cut off.
    fn mark(&self, range: &Range<usize>) -> Option<Range<usize>> {
        let Range { start, end } = &self.window;
        let is_at_end = range.start >= self.whole.end && *end == self.whole.end;
        if !is_at_end && !(*start..*end).contains(&range.start) {
            return None;
        }
        let from = self.source.floor_char_boundary(range.start.min(*end));
        let content = self.source[self.whole.clone()].trim_end().len();
        let to = range.end.min(self.whole.start + content).min(*end).max(from);
        let mut to = self.source.ceil_char_boundary(to);
        if to == from {
            to = self.source.ceil_char_boundary((from + 1).min(*end));
        }
        let at = |offset| self.at(offset);
        Some(at(from)..at(to).max(at(from) + 1))
    }

    /// Where a byte of the source stands in the excerpt.
    fn at(&self, offset: usize) -> usize {
        let cut = if self.window.start > self.whole.start { CUT.len() } else { 0 };
        self.start + cut + shown(&self.source[self.window.start..offset]).len()
    }
}

/// Bytes of the line at `whole` that are shown: all when they fit, else those around `anchor`.
fn window(source: &str, whole: &Range<usize>, anchor: usize) -> Range<usize> {
    let anchor = source.floor_char_boundary(anchor);
    let all = whole.start + fitting(source[whole.clone()].chars(), COLUMNS);
    if all == whole.end {
        return whole.clone();
    }
    let before = &source[whole.start..anchor];
    let is_near = fitting(before.chars(), COLUMNS - BEFORE) == before.len();
    let start = if is_near { whole.start } else { anchor - fitting(before.chars().rev(), BEFORE) };
    start..start + fitting(source[start..whole.end].chars(), COLUMNS)
}

/// Bytes of the characters that fit into so many columns.
fn fitting(characters: impl Iterator<Item = char>, columns: usize) -> usize {
    let mut taken = 0;
    let fits = |character: &char| {
        taken += columns_of(*character);
        taken <= columns
    };
    characters.take_while(fits).map(char::len_utf8).sum()
}

fn columns_of(character: char) -> usize {
    if character == '\t' { TAB.len() } else { char_width(plain_char(character)) }
}

/// A part of a line without characters that steer a terminal.
fn shown(part: &str) -> String {
    let mut text = String::with_capacity(part.len());
    for character in part.chars() {
        match character {
            '\t' => text.push_str(TAB),
            other => text.push(plain_char(other)),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, range: Range<usize>, expected: &str, marked: &str) {
        let excerpt = excerpt(&Lines::new(text), &range, &[]);
        assert_eq!(excerpt.text, expected);
        assert_eq!(&excerpt.text[excerpt.mark], marked, "{text:?}");
    }

    #[test]
    fn the_range_is_marked() {
        check("{\n  \"a\": 1\n}", 4..7, "  \"a\": 1\n", "\"a\"");
        check("\t\"a\"", 1..4, "    \"a\"\n", "\"a\"");
        check("漢字: 1", 3..6, "漢字: 1\n", "字");
        check("\"שלום\": 1", 3..5, "\"שלום\": 1\n", "ל");
        check("e\u{301}x", 3..4, "e\u{301}x\n", "x");
        check("a\u{1b}[2Jb", 1..2, "a\u{fffd}[2Jb\n", "\u{fffd}");
    }

    #[test]
    fn a_range_over_lines_ends_with_its_first_line() {
        check("{\"a\": {  \r\n  }}", 6..14, "{\"a\": {  \n", "{");
    }

    #[test]
    fn an_empty_range_marks_one_column() {
        check("", 0..0, " \n", " ");
        check("{\n", 2..2, " \n", " ");
        check("{}", 1..1, "{}\n", "}");
        check("{ ", 2..9, "{  \n", " ");
        check("{ ", 99..99, "{  \n", " ");
        check("{}\r\n", 3..3, "{} \n", " ");
    }

    #[test]
    fn long_lines_are_cut_around_the_range() {
        let text = format!("{}\"key\"{}", "a".repeat(500), "b".repeat(500));
        let expected = format!("…{}\"key\"{}…\n", "a".repeat(30), "b".repeat(65));
        check(&text, 500..505, &expected, "\"key\"");
        let all = format!("{}…\n", "a".repeat(100));
        check(&text, 0..1000, &all, &"a".repeat(100));
        let near = format!("{}…\n", &text[..100]);
        check(&text, 60..62, &near, "aa");
        let end = format!("…{} \n", "b".repeat(30));
        check(&text, 1005..1005, &end, " ");
    }

    #[test]
    fn related_places_that_cannot_be_shown_are_left_out() {
        let text = format!("first\n\n\n{}{}far", "x".repeat(200), "\n".repeat(20_000));
        let place = |range| Place { range, message: "here".into() };
        let places = [place(150..151), place(8..9), place(text.len() - 3..text.len())];
        let excerpt = excerpt(&Lines::new(&text), &(0..5), &places);
        assert_eq!((excerpt.first_line, excerpt.last_line), (1, 4));
        assert!(excerpt.text.starts_with("first\n\n\n…xxx"), "{}", excerpt.text);
        assert_eq!(&excerpt.text[excerpt.mark], "first");
        let related: Vec<&str> =
            excerpt.related.iter().map(|(range, _)| &excerpt.text[range.clone()]).collect();
        assert_eq!(related, ["x"]);
        assert_eq!(excerpt.left_out, [&places[2], &places[1]]);
    }
}
