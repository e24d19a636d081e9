//! Saying in plain words what is wrong with a YAML text, and how to mend it.

use saphyr_parser::ScanError;

use super::places::Places;
use crate::config::Finding;
use crate::config::parse::quotes::left_open;
use crate::config::parse::{syntax_error, told, too_deep};

/// What the parser says (a part of it), what is true, and what to try.
const WORDS: [(&str, &str, &str); 22] = [
    ("tab", "a tab stands where the line is indented", "indent with spaces"),
    (
        "mapping values are not allowed",
        "`:` does not belong here",
        "quote text that holds `: `, or indent the line as its neighbors",
    ),
    ("illegal placement of ':'", "`:` does not belong here", "quote text that holds `: `"),
    (
        "mapping keys are not allowed",
        "a key does not belong here",
        "begin a mapping on a line of its own",
    ),
    (
        "did not find expected key",
        "this line is not indented as those above",
        "indent the keys of one mapping alike",
    ),
    (
        "block sequence entries are not allowed",
        "a list does not begin here",
        "begin a list on the line below its key",
    ),
    (
        "expected '-' indicator",
        "this line is not indented as the list above",
        "begin each item of one list with `- `, indented alike",
    ),
    ("',' or '}'", "`,` or `}` is missing before this", "close each `{` with `}`"),
    ("',' or ']'", "`,` or `]` is missing before this", "close each `[` with `]`"),
    ("found unexpected end of stream", "the text is not closed", "write its closing quote"),
    ("found unexpected document indicator", "the text is not closed", "write its closing quote"),
    ("invalid trailing content", "this follows a closing quote", "quote the whole text"),
    ("invalid indentation in quoted", "the text is not closed", "write its closing quote"),
    (
        "anchor or alias",
        "an anchor or alias has no name here",
        "quote text that begins with `&` or `*`",
    ),
    (
        "scanning a block scalar",
        "text follows `|` or `>` on the next line",
        "write it there, indented",
    ),
    ("expected node content", "a value is missing before this", "write one, or remove the comma"),
    ("<document start>", "a directive is followed by `---`", "remove the line with `%`"),
    ("indent", "this line is not indented as its neighbors", "indent it alike"),
    ("misplaced bracket", "this bracket closes nothing", "remove it"),
    ("unexpected character", "an unquoted text cannot begin like this", "quote it"),
    ("unprintable", "a control character does not belong here", "remove it"),
    (
        "comment intercepting",
        "a comment cuts this text in two",
        "quote the text, or move the comment",
    ),
];

/// The one finding for a text that the parser stopped in.
pub(super) fn explain(error: &ScanError, places: &mut Places<'_>) -> Finding {
    let start = places.byte(error.marker().index());
    let end = places.byte(error.marker().index() + 1);
    if let Some(range) = left_open(places.whole(), start) {
        return told(range, "the text is not closed", "write its closing quote");
    }
    let said = error.info();
    if said.contains("recursion limit") {
        return too_deep(start..end);
    }
    if said.contains("unknown anchor") {
        return unknown_anchor(places, start);
    }
    if said.contains("simple key expect") {
        return no_entry(places, start);
    }
    if said.contains("escape") || said.contains("hexadecimal") {
        return wrong_escape(places, start);
    }
    let known = WORDS.iter().find(|(part, ..)| said.contains(part));
    let mut finding = match known {
        Some(("tab", message, _)) if !places.tabs(start).is_empty() => {
            syntax_error(*message, places.tabs(start))
        }
        Some((_, message, _)) => syntax_error(*message, start..end),
        None => syntax_error(said.to_owned(), start..end),
    };
    finding.diagnostic.help = known.map(|(.., help)| (*help).to_owned());
    finding
}

/// The line before `start` is no entry.
fn no_entry(places: &Places<'_>, start: usize) -> Finding {
    let before = places.text(&(0..start)).trim_end();
    let line = before.lines().next_back().unwrap_or_default().trim_start();
    let range = before.len() - line.len()..before.len();
    told(range, "this line is no `key: value`", "write `:` and a blank after the key")
}

/// A backslash in the text at `start` that begins no escape, most often of a path of Windows.
fn wrong_escape(places: &Places<'_>, start: usize) -> Finding {
    let range = places.wrong_escape(start);
    let message = format!("`{}` is no escape of YAML", places.text(&range));
    told(range, &message, "write paths with `/`, or the text in single quotes")
}

fn unknown_anchor(places: &Places<'_>, start: usize) -> Finding {
    let range = places.word(start);
    let alias = places.text(&range);
    let message = format!("alias `{alias}` names no anchor");
    let name = alias.trim_start_matches('*');
    let help = format!("write `&{name}` before the value it stands for, or quote `{alias}`");
    told(range, &message, &help)
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use crate::config::parse::{SlipCase, check_slips};

    const SLIPS: &[SlipCase] = &[
        ("a:\n\tb: 1\n", "a tab stands where the line is indented", "\t", "indent with spaces"),
        (
            "a:\n  b: 1\n\tc: 1\n",
            "a tab stands where the line is indented",
            "\t",
            "indent with spaces",
        ),
        (
            "a: b: c",
            "`:` does not belong here",
            ":",
            "quote text that holds `: `, or indent the line as its neighbors",
        ),
        (
            "a: 1\nb\nc: 2",
            "this line is no `key: value`",
            "b",
            "write `:` and a blank after the key",
        ),
        (
            "a:1\nb: 2",
            "`:` does not belong here",
            ":",
            "quote text that holds `: `, or indent the line as its neighbors",
        ),
        (
            "a: 1\n  b: 2",
            "`:` does not belong here",
            ":",
            "quote text that holds `: `, or indent the line as its neighbors",
        ),
        (
            "a:\n    b: 1\n  c: 2\n",
            "this line is not indented as those above",
            "c",
            "indent the keys of one mapping alike",
        ),
        (
            "a:\n  - b\n c: 1",
            "this line is not indented as those above",
            "c",
            "indent the keys of one mapping alike",
        ),
        ("a: - b", "a list does not begin here", "-", "begin a list on the line below its key"),
        (
            "a:\n  - b\n  c",
            "this line is no `key: value`",
            "c",
            "write `:` and a blank after the key",
        ),
        ("a: {b: 1\nc: 2", "`,` or `}` is missing before this", ":", "close each `{` with `}`"),
        ("a: [b, 1\nc: 2", "`:` does not belong here", ":", "quote text that holds `: `"),
        ("a: [b, 1", "`,` or `]` is missing before this", "", "close each `[` with `]`"),
        ("a: {b: 1, c", "`,` or `}` is missing before this", "", "close each `{` with `}`"),
        ("a: \"x\nb: 1", "the text is not closed", "\"", "write its closing quote"),
        ("a: 'x\nb: 1", "the text is not closed", "'", "write its closing quote"),
        ("a: [\"x, \"y\"]", "the text is not closed", "\"x,", "write its closing quote"),
        ("{\"a\": \"x, \"b\": \"y\"}", "the text is not closed", "\"x,", "write its closing quote"),
        (
            "a: \"C:\\models\"",
            "`\\m` is no escape of YAML",
            "\\m",
            "write paths with `/`, or the text in single quotes",
        ),
        (
            "a: \"C:\\users\"",
            "`\\u` is no escape of YAML",
            "\\u",
            "write paths with `/`, or the text in single quotes",
        ),
        ("a: 'x' y", "this follows a closing quote", "y", "quote the whole text"),
        ("a: \"x\" y", "this follows a closing quote", "y", "quote the whole text"),
        ("a: @x", "an unquoted text cannot begin like this", "@", "quote it"),
        ("a: `x`", "an unquoted text cannot begin like this", "`", "quote it"),
        ("a: %x", "an unquoted text cannot begin like this", "%", "quote it"),
        ("a: ]", "this bracket closes nothing", "]", "remove it"),
        ("a: }", "this bracket closes nothing", "}", "remove it"),
        ("a: b\n]", "this bracket closes nothing", "]", "remove it"),
        ("a: {b: 1}}", "this bracket closes nothing", "}", "remove it"),
        (
            "a: b\n  # c\n  d",
            "this line is not indented as those above",
            "d",
            "indent the keys of one mapping alike",
        ),
        (
            "{\"a\": 1 \"b\": 2}",
            "`,` or `}` is missing before this",
            ":",
            "close each `{` with `}`",
        ),
        (
            "a: *",
            "an anchor or alias has no name here",
            "*",
            "quote text that begins with `&` or `*`",
        ),
        (
            "a: &",
            "an anchor or alias has no name here",
            "&",
            "quote text that begins with `&` or `*`",
        ),
        ("a: |x\n  b", "text follows `|` or `>` on the next line", "|", "write it there, indented"),
        ("a: >\n\tb", "a tab stands where the line is indented", "\t", "indent with spaces"),
        (
            "a: b\n--- c\n",
            "a second YAML document begins here",
            "---",
            "write one config in a file",
        ),
        ("%FOO\na: 1", "a directive is followed by `---`", "a", "remove the line with `%`"),
        (
            "- a\nb: 1",
            "this line is not indented as the list above",
            "b",
            "begin each item of one list with `- `, indented alike",
        ),
        (
            "a: 1\n- b",
            "this line is not indented as those above",
            "b",
            "indent the keys of one mapping alike",
        ),
        (
            "“a”: 1\nb 2",
            "this line is no `key: value`",
            "b 2",
            "write `:` and a blank after the key",
        ),
        (
            "a: # x\nb: [1,, 2]",
            "a value is missing before this",
            ",",
            "write one, or remove the comma",
        ),
        ("a: [1,\n2]", "this line is not indented as its neighbors", "2", "indent it alike"),
        (
            "a: *.onnx",
            "alias `*.onnx` names no anchor",
            "*.onnx",
            "write `&.onnx` before the value it stands for, or quote `*.onnx`",
        ),
        (
            "a: **",
            "alias `**` names no anchor",
            "**",
            "write `&` before the value it stands for, or quote `**`",
        ),
        (
            "a:\n  b:\n c: 1",
            "this line is not indented as those above",
            "c",
            "indent the keys of one mapping alike",
        ),
        (
            "é: \"C:\\é\"",
            "`\\é` is no escape of YAML",
            "\\é",
            "write paths with `/`, or the text in single quotes",
        ),
        (
            "a: \"\\ud800\"",
            "`\\u` is no escape of YAML",
            "\\u",
            "write paths with `/`, or the text in single quotes",
        ),
        (
            "a: x\n b: y\n",
            "`:` does not belong here",
            ":",
            "quote text that holds `: `, or indent the line as its neighbors",
        ),
        (
            "a:\n- b: 1\n   c: 2\n",
            "`:` does not belong here",
            ":",
            "quote text that holds `: `, or indent the line as its neighbors",
        ),
        (
            "key: value: x",
            "`:` does not belong here",
            ":",
            "quote text that holds `: `, or indent the line as its neighbors",
        ),
        ("a:\n  b: 'it's'\n", "this follows a closing quote", "s", "quote the whole text"),
    ];

    #[test]
    fn each_slip_is_one_clear_sentence() {
        check_slips(parse, SLIPS);
    }
}
