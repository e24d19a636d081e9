//! `{% generation %}` blocks, which hold what the assistant says.

use std::ops::Range;

/// The filter that a block becomes; Jinja has no statement of that name.
pub(super) const FILTER: &str = "generation";

/// Around what a block holds: characters that Unicode keeps out of all text for interchange.
const START: char = '\u{FDD0}';
const END: char = '\u{FDD1}';

/// `template` with its `generation` blocks as filter blocks, and whether there are any.
pub(super) fn as_filter(template: &str) -> (String, bool) {
    let mut made = String::with_capacity(template.len());
    let (mut rest, mut has_blocks) = (template, false);
    while let Some(open) = rest.find("{%") {
        let (before, tag) = rest.split_at(open + 2);
        made.push_str(before);
        rest = tag;
        let Some(close) = tag.find("%}") else { break };
        let (left, inner) =
            trimmed(&tag[..close], str::trim_start, |inner, c| inner.strip_prefix(c));
        let (right, word) = trimmed(inner, str::trim_end, |inner, c| inner.strip_suffix(c));
        let statement = match word {
            "generation" => format!("filter {FILTER}"),
            "endgeneration" => "endfilter".to_owned(),
            _ => continue,
        };
        has_blocks = true;
        made.extend([left, " ", &statement, " ", right, "%}"]);
        rest = &tag[close + 2..];
    }
    made.push_str(rest);
    (made, has_blocks)
}

/// The whitespace control on one side of a tag's inside, and the inside without it.
fn trimmed<'a>(
    inner: &'a str,
    trim: impl Fn(&'a str) -> &'a str,
    strip: impl Fn(&'a str, char) -> Option<&'a str>,
) -> (&'static str, &'a str) {
    for (sign, text) in [('-', "-"), ('+', "+")] {
        if let Some(rest) = strip(inner, sign) {
            return (text, trim(rest));
        }
    }
    ("", trim(inner))
}

/// What a block holds, with marks around it.
pub(super) fn mark(text: &str) -> String {
    format!("{START}{text}{END}")
}

/// `text` without marks, and the bytes of it that stood between them.
pub(super) fn take_marks(text: &str) -> (String, Vec<Range<usize>>) {
    let mut plain = String::with_capacity(text.len());
    let (mut ranges, mut start) = (Vec::new(), 0);
    for character in text.chars() {
        match character {
            START => start = plain.len(),
            END => ranges.push(start..plain.len()),
            other => plain.push(other),
        }
    }
    (plain, ranges)
}

#[cfg(test)]
mod tests {
    use super::{as_filter, mark, take_marks};

    #[test]
    fn blocks_become_filters_with_their_whitespace_control() {
        for (template, expected) in [
            (
                "a{% generation %}b{%- endgeneration -%}c",
                "a{% filter generation %}b{%- endfilter -%}c",
            ),
            ("{%-generation+%}", "{%- filter generation +%}"),
            ("{% if x %}{% endif %}{% generations %}", "{% if x %}{% endif %}{% generations %}"),
            ("{% open", "{% open"),
        ] {
            let (made, has_blocks) = as_filter(template);
            assert_eq!((made.as_str(), has_blocks), (expected, made != template));
        }
    }

    #[test]
    fn marks_are_taken_out_with_their_places() {
        let text = format!("ü{}b{}", mark("ab"), mark(""));
        assert_eq!(take_marks(&text), ("üabb".to_owned(), vec![2..4, 5..5]));
    }
}
