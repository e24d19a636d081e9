//! A finding drawn by the renderer that draws rustc's own: source lines, marks, labels, help.

use annotate_snippets::renderer::{AnsiColor, Effects};
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use olive_schemas::diagnostic::Severity;

use super::excerpt::{Excerpt, excerpt};
use super::lines::{Lines, Position};
use super::width::plain;
use crate::config::{Finding, Place};

/// Related places named below the source lines that do not show them.
const NAMED: usize = 3;
/// More columns than any line that is drawn; lines are cut before.
const UNLIMITED: usize = 1 << 20;

/// What stands below the headline of a finding.
pub(super) struct Drawing {
    /// Columns that line numbers take.
    pub(super) margin: usize,
    /// Source lines and footers, without a line break at the end.
    pub(super) body: String,
}

/// Draws the lines that `found` is about.
pub(super) fn draw(found: &Finding, path: &str, lines: &Lines<'_>, color: bool) -> Drawing {
    let Excerpt { mut text, first_line, last_line, mark, related, left_out } =
        excerpt(lines, &found.range, &found.related);
    if found.is_secret {
        text.replace_range(mark.clone(), &hidden(&text[mark.clone()]));
    }
    let related = related.into_iter().map(|(range, message)| {
        let label = Some(plain(message)).filter(|label| !label.is_empty());
        AnnotationKind::Context.span(range).label(label)
    });
    let snippet = Snippet::source(text)
        .line_start(first_line)
        .annotation(AnnotationKind::Primary.span(mark))
        .annotations(related);
    let help = found.diagnostic.help.as_deref();
    let help = help.or_else(|| found.fix.as_ref().map(|fix| fix.title.as_str()));
    let group = Group::with_level(level(found.diagnostic.severity))
        .element(snippet)
        .elements(elsewhere(&left_out, path, lines).map(|text| Level::NOTE.message(text)))
        .elements(help.map(|help| Level::HELP.message(plain(help))));
    let body = renderer(color).render(&[group]);
    let body: Vec<&str> = body.lines().map(str::trim_end).collect();
    Drawing { margin: last_line.to_string().len(), body: body.join("\n") }
}

/// As many bytes that say nothing but where quotes stand.
fn hidden(secret: &str) -> String {
    let hide = |byte: u8| if matches!(byte, b'"' | b'\'') { char::from(byte) } else { '*' };
    secret.bytes().map(hide).collect()
}

/// Names the first of the places that no line shows, and how many more there are.
fn elsewhere(places: &[&Place], path: &str, lines: &Lines<'_>) -> impl Iterator<Item = String> {
    let name = |place: &&Place| {
        let Position { line, column } = lines.position(place.range.start);
        plain(&format!("{path}:{line}:{column}: {}", place.message))
    };
    let more = places.len().saturating_sub(NAMED);
    let rest = (more > 0).then(|| match more {
        1 => "1 more place".to_owned(),
        _ => format!("{more} more places"),
    });
    places.iter().take(NAMED).map(name).chain(rest).collect::<Vec<_>>().into_iter()
}

fn level(severity: Severity) -> Level<'static> {
    match severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    }
}

/// The renderer in the colors of [`paint`](super::paint).
fn renderer(color: bool) -> Renderer {
    let bold = |color: AnsiColor| color.on_default().effects(Effects::BOLD);
    if !color {
        return Renderer::plain().term_width(UNLIMITED);
    }
    Renderer::styled()
        .term_width(UNLIMITED)
        .error(bold(AnsiColor::Red))
        .warning(bold(AnsiColor::Yellow))
        .note(bold(AnsiColor::Cyan))
        .line_num(bold(AnsiColor::Blue))
        .context(bold(AnsiColor::Blue))
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use olive_schemas::diagnostic::Diagnostic;

    use super::{Finding, Lines, Place, draw};
    use crate::config::{Fix, TextEdit};

    fn range(text: &str, needle: &str) -> Range<usize> {
        let start = text.find(needle).unwrap();
        start..start + needle.len()
    }

    #[track_caller]
    fn check(text: &str, needle: &str, related: &[(&str, &str)], help: Option<&str>, body: &str) {
        let mut diagnostic = Diagnostic::error("c", "", "m");
        diagnostic.help = help.map(str::to_owned);
        let mut found = Finding::new(diagnostic, range(text, needle));
        let place = |&(needle, message): &(&str, &str)| Place {
            range: range(text, needle),
            message: message.into(),
        };
        found.related = related.iter().map(place).collect();
        let drawing = draw(&found, "a.json", &Lines::new(text), false);
        assert_eq!(format!("\n{}\n", drawing.body), body, "{}", drawing.body);
    }

    #[test]
    fn far_lines_are_left_out() {
        let lines = "\n".repeat(100);
        let text = format!("{{\n  \"aml\": 1,\n  \"x\": 2,{lines}\"host\": \"aml_\"\n}}");
        check(
            &text,
            "\"aml_\"",
            &[("\"aml\"", "this one is defined"), ("\"host\"", "")],
            Some("did you mean `aml`?\nor another"),
            r#"
    |
  2 |   "aml": 1,
    |   ----- this one is defined
...
103 | "host": "aml_"
    | ------  ^^^^^^
    |
    = help: did you mean `aml`?
            or another
"#,
        );
    }

    #[test]
    fn one_line_between_is_shown() {
        check(
            "{\n\t\"שלום\": 1,\n  \"x\u{1b}[2J\": 2,\r\n  \"漢字\": 3\r\n}",
            "3",
            &[("\"שלום\"", "here")],
            None,
            "\n  |\n2 |     \"שלום\": 1,\n  |     ------ here\n3 |   \"x\u{fffd}[2J\": 2,\n\
             4 |   \"漢字\": 3\n  |           ^\n",
        );
    }

    #[test]
    fn what_is_cut_off_is_named_below() {
        let text = format!("{{\"a\": 1,{}\"a\" : 2}}", " ".repeat(500));
        check(
            &text,
            "\"a\" :",
            &[("\"a\"", "first here")],
            Some("remove one of them"),
            &format!(
                "\n  |\n1 | …{}\"a\" : 2}}\n  |  {}^^^^^\n  |\n  \
                 = note: a.json:1:2: first here\n  = help: remove one of them\n",
                " ".repeat(30),
                " ".repeat(30),
            ),
        );
    }

    #[test]
    fn a_fix_helps_where_no_help_is() {
        let mut found = Finding::new(Diagnostic::error("c", "", "m"), 0..1);
        let edits = vec![TextEdit { range: 0..1, text: "[".into() }];
        found.fix = Some(Fix { title: "write `[`".into(), edits });
        let drawing = draw(&found, "a.json", &Lines::new("{}"), false);
        assert!(drawing.body.ends_with("= help: write `[`"), "{}", drawing.body);
    }

    #[test]
    fn any_range_of_any_text_is_drawn() {
        let texts = [
            "",
            "\n",
            "\r\n\r\n",
            "{\r}",
            "\t\u{301}",
            "e\u{301}\u{200d}👨‍👩‍👧\u{202e}ש\n\n漢",
            "a\n\tb\n\nc",
        ];
        for text in texts {
            for start in 0..text.len() + 2 {
                for end in start..text.len() + 3 {
                    let mut found = Finding::new(Diagnostic::error("c", "", "m"), start..end);
                    let place = Place { range: end / 2..end, message: "\u{1b}x\ny".into() };
                    found.related = vec![place.clone(), place];
                    let body = draw(&found, "p", &Lines::new(text), false).body;
                    assert!(body.contains('^') && !body.contains('\u{1b}'), "{text:?}\n{body}");
                }
            }
        }
    }

    #[test]
    fn a_line_without_an_end_is_drawn_short() {
        let text = format!("[{}]", "{\"key\":[\"value\",1,null]},".repeat(40_000));
        let lines = Lines::new(&text);
        for start in (0..text.len()).step_by(text.len() / 50) {
            let found = Finding::new(Diagnostic::error("c", "", "m"), start..text.len());
            let body = draw(&found, "p", &lines, true).body;
            assert!(body.len() < 1000, "{body}");
        }
    }
}
