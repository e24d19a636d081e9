//! A quoted text without its closing quote, told by what closes it instead.

use std::ops::Range;

/// The first line of a text that ends right before `at`, by the quote that begins another one.
///
/// Such a text ends with a mark that stands between two texts, and its first line has an odd number
/// of quotes.
pub(super) fn left_open(text: &str, at: usize) -> Option<Range<usize>> {
    let before = text.get(..at)?;
    let quote = before.chars().next_back().filter(|last| ['"', '\''].contains(last))?;
    let close = at - 1;
    let open = before[..close].rfind(quote)?;
    let swallowed = before[open + 1..close].trim_end();
    if !swallowed.ends_with([',', ':', '[', '{', '-']) {
        return None;
    }
    let line_start = before[..open].rfind('\n').map_or(0, |newline| newline + 1);
    let line = text[line_start..].lines().next().unwrap_or_default();
    let escaped = line.matches(&format!("\\{quote}")).count();
    let is_odd = (line.matches(quote).count() - escaped) % 2 == 1;
    let first_line = swallowed.lines().next().unwrap_or_default().trim_end();
    is_odd.then(|| open..open + 1 + first_line.len())
}

#[cfg(test)]
mod tests {
    use super::left_open;

    #[test]
    fn only_a_text_that_swallowed_the_next_one_is_left_open() {
        for (marked, expected) in [
            (r#"{"a": "x, "|b": "y"}"#, Some("\"x,")),
            (r#"{"a: 1, "|b": 2}"#, Some("\"a: 1,")),
            ("a: 'x\nb: '|y'", Some("'x")),
            // A quote within a text, and a comma that is missing.
            (r#"{"a": "say, "|hi" now"}"#, None),
            (r#"{"a": "x"|y, "b": 1}"#, None),
            (r#"{"a": "x," |b": 1}"#, None),
            ("|a", None),
        ] {
            let at = marked.find('|').unwrap();
            let text = marked.replacen('|', "", 1);
            let found = left_open(&text, at).map(|range| text[range].to_owned());
            assert_eq!(found.as_deref(), expected, "{marked}");
        }
    }
}
