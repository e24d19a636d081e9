//! Whitespace and comments between the values of a JSON text.

use std::ops::Range;

/// The first place from `from` on that is neither whitespace nor comment.
pub(super) fn skip(text: &str, from: usize) -> usize {
    let mut at = from;
    loop {
        at = skip_blank(text, at);
        match comment_at(text, at) {
            Some(comment) => at = comment.end,
            None => return at,
        }
    }
}

/// The first place from `from` on that is no whitespace.
pub(super) fn skip_blank(text: &str, from: usize) -> usize {
    text.len() - text[from..].trim_start().len()
}

/// Where the whitespace that ends at `to` starts.
pub(super) fn start_of_blank(text: &str, to: usize) -> usize {
    text[..to].trim_end().len()
}

/// Where the whitespace that ends at `to` starts, on the same line.
pub(super) fn start_of_spaces(text: &str, to: usize) -> usize {
    to - text[..to].bytes().rev().take_while(|byte| matches!(byte, b' ' | b'\t')).count()
}

/// The end of the comments that start on the line of `from`; `from` when there is none.
pub(super) fn end_of_comments_on_line(text: &str, from: usize) -> usize {
    let mut end = from;
    loop {
        let is_blank = |letter: char| letter.is_whitespace() && !"\r\n".contains(letter);
        match comment_at(text, text.len() - text[end..].trim_start_matches(is_blank).len()) {
            Some(comment) => end = comment.end,
            None => return end,
        }
    }
}

/// The comments of `range`, which holds nothing else but whitespace and commas.
pub(super) fn comments(text: &str, range: Range<usize>) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = range.start;
    while at < range.end {
        match comment_at(text, at) {
            Some(comment) => {
                at = comment.end;
                found.push(comment);
            }
            None => at += 1,
        }
    }
    found
}

/// The comment that starts at `at`; a line comment ends before its newline.
pub(super) fn comment_at(text: &str, at: usize) -> Option<Range<usize>> {
    let rest = text.get(at..)?;
    let len = if rest.starts_with("//") {
        rest.find(['\n', '\r']).unwrap_or(rest.len())
    } else if rest.starts_with("/*") {
        rest.find("*/").map_or(rest.len(), |end| end + 2)
    } else {
        return None;
    };
    Some(at..at + len)
}

/// The YAML comment that starts at `at`.
pub(super) fn hash_comment_at(text: &str, at: usize) -> Option<Range<usize>> {
    let rest = text.get(at..)?.strip_prefix('#')?;
    let is_apart = text[..at].ends_with(char::is_whitespace) || at == 0;
    let end = rest.find(['\n', '\r']).unwrap_or(rest.len());
    is_apart.then_some(at..at + 1 + end)
}

/// Whitespace at the start of the line of `at`.
pub(super) fn indent(text: &str, at: usize) -> &str {
    let start = line_start(text, at);
    let len = text[start..].bytes().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    &text[start..(start + len).min(at)]
}

/// Spaces up to the column of `at`.
pub(super) fn column(text: &str, at: usize) -> String {
    " ".repeat(text[line_start(text, at)..at].chars().count())
}

/// Whether only whitespace stands before `at` on its line.
pub(super) fn is_first_on_line(text: &str, at: usize) -> bool {
    let start = line_start(text, at);
    start > 0 && text[start..at].bytes().all(|byte| matches!(byte, b' ' | b'\t'))
}

/// Whether nothing but whitespace stands after `at` on its line.
pub(super) fn is_last_on_line(text: &str, at: usize) -> bool {
    let blank = text[at..].bytes().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r')).count();
    text[at + blank..].starts_with('\n') || at + blank == text.len()
}

/// The newline before the line of `at`, where the line before it ends.
pub(super) fn end_of_line_before(text: &str, at: usize) -> usize {
    let start = line_start(text, at);
    let end = text[..start].strip_suffix('\n').unwrap_or(&text[..start]);
    end.strip_suffix('\r').unwrap_or(end).len()
}

/// Whether a newline stands in `range`.
pub(super) fn has_newline(text: &str, range: Range<usize>) -> bool {
    text[range].contains('\n')
}

fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |newline| newline + 1)
}

#[cfg(test)]
mod tests {
    use super::{comments, end_of_comments_on_line, skip};

    #[test]
    fn comments_are_told_from_values() {
        let text = "1 /* a */ // b\n // c\r\n, 2";
        assert_eq!(&text[skip(text, 1)..], ", 2");
        assert_eq!(&text[..end_of_comments_on_line(text, 1)], "1 /* a */ // b");
        let found = comments(text, 1..text.len() - 3);
        let found: Vec<&str> = found.into_iter().map(|comment| &text[comment]).collect();
        assert_eq!(found, ["/* a */", "// b", "// c"]);
    }
}
