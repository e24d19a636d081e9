//! Diagnostics and errors as text for people.
//!
//! Colour repeats what words say and never carries meaning alone.

pub mod lines;
pub mod json;
pub mod sarif;
mod uri;
mod drawing;
mod excerpt;
mod width;

pub(crate) use width::char_width;
pub use width::{plain, width};

use std::io::{self, BufWriter, Write};

use olive_schemas::diagnostic::{Diagnostic, Severity};
use olive_schemas::error::PluginError;

use crate::config::{Finding, Source};
use drawing::Drawing;
use lines::{Lines, Position};

/// A file that was checked, and what was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedFile {
    /// Path and text; the text of a file that cannot be read is empty.
    pub source: Source,
    /// What was found.
    pub findings: Vec<Finding>,
    /// Whether the file could be read.
    pub is_readable: bool,
}

/// How a piece of text is set off on a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Something failed.
    Error,
    /// Something may surprise.
    Warning,
    /// Something is worth knowing.
    Note,
    /// Something went well.
    Good,
    /// Marks around what is said.
    Frame,
    /// What is said.
    Strong,
    /// What may be skipped.
    Faint,
}

/// `text` in `style`, or as it is without `color`.
pub fn paint(text: &str, style: Style, color: bool) -> String {
    if !color {
        return text.to_owned();
    }
    let code = match style {
        Style::Error => "1;31",
        Style::Warning => "1;33",
        Style::Note => "1;36",
        Style::Good => "32",
        Style::Frame => "1;34",
        Style::Strong => "1",
        Style::Faint => "2",
    };
    format!("\u{1b}[{code}m{text}\u{1b}[0m")
}

/// Writes `findings` as rustc writes its own: message, place, source lines with marks, help.
///
/// Notes come first and take one line. The last line counts what was found.
///
/// # Errors
/// When `out` cannot be written to.
pub fn findings(
    source: &Source,
    findings: &[Finding],
    out: &mut dyn Write,
    color: bool,
) -> io::Result<()> {
    let mut out = BufWriter::new(out);
    listing(source, findings, &mut out, color)?;
    if let Some(counts) = count(findings) {
        writeln!(out, "{}", paint(&counts, Style::Strong, color))?;
    }
    out.flush()
}

/// Writes what was found in several files; the last line counts it.
///
/// # Errors
/// When `out` cannot be written to.
pub fn files(files: &[CheckedFile], out: &mut dyn Write, color: bool) -> io::Result<()> {
    let mut out = BufWriter::new(out);
    for file in files {
        if file.is_readable {
            listing(&file.source, &file.findings, &mut out, color)?;
        } else {
            for found in &file.findings {
                diagnostic(&found.diagnostic, &mut out, color)?;
                writeln!(out)?;
            }
        }
    }
    if let Some(mut counts) = count(files.iter().flat_map(|file| &file.findings)) {
        if files.len() > 1 {
            let with = files.iter().filter(|file| !file.findings.is_empty()).count();
            counts = format!("{counts} in {with} of {} files", files.len());
        }
        writeln!(out, "{}", paint(&counts, Style::Strong, color))?;
    }
    out.flush()
}

/// Writes a diagnostic that has no place in a text.
///
/// # Errors
/// When `out` cannot be written to.
pub fn diagnostic(diagnostic: &Diagnostic, out: &mut dyn Write, color: bool) -> io::Result<()> {
    headline(diagnostic, out, color)?;
    help(diagnostic.help.as_deref(), 2, out, color)
}

/// Writes why a plugin could not do its work: message, causes, help.
///
/// `what` names the step and its end, such as ``` `evaluate input model` failed ```.
///
/// # Errors
/// When `out` cannot be written to.
pub fn plugin_error(
    what: &str,
    error: &PluginError,
    out: &mut dyn Write,
    color: bool,
) -> io::Result<()> {
    let label = paint(&format!("error[{}]", plain(&error.code)), Style::Error, color);
    let message = format!("{what}: {}", error.message);
    writeln!(out, "{label}: {}", paint(&plain(&message), Style::Strong, color))?;
    for cause in &error.causes {
        let mark = paint("= caused by:", Style::Frame, color);
        writeln!(out, "  {mark} {}", indented(cause, 15))?;
    }
    help(error.help.as_deref(), 2, out, color)
}

/// A style for a severity.
pub fn style_of(severity: Severity) -> Style {
    match severity {
        Severity::Error => Style::Error,
        Severity::Warning => Style::Warning,
        Severity::Note => Style::Note,
    }
}

/// The word for a severity.
pub fn label_of(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

fn listing(
    source: &Source,
    findings: &[Finding],
    out: &mut dyn Write,
    color: bool,
) -> io::Result<()> {
    let lines = Lines::new(&source.text);
    let path = plain(&source.path.display().to_string());
    let (notes, others): (Vec<_>, Vec<_>) =
        findings.iter().partition(|found| found.diagnostic.severity == Severity::Note);
    for found in &notes {
        note(found, &path, &lines, out, color)?;
    }
    if !notes.is_empty() && !others.is_empty() {
        writeln!(out)?;
    }
    others.iter().try_for_each(|found| finding(found, &path, &lines, out, color))
}

fn note(
    found: &Finding,
    path: &str,
    lines: &Lines<'_>,
    out: &mut dyn Write,
    color: bool,
) -> io::Result<()> {
    let Diagnostic { code, message, help, .. } = &found.diagnostic;
    let Position { line, column } = lines.position(found.range.start);
    let label = paint(&format!("note[{}]", plain(code)), Style::Note, color);
    let help = help.as_ref().map(|help| format!("; {help}")).unwrap_or_default();
    let text = plain(&format!("{message}{help}")).replace('\n', " ");
    writeln!(out, "{label}: {path}:{line}:{column}: {text}")
}

fn finding(
    found: &Finding,
    path: &str,
    lines: &Lines<'_>,
    out: &mut dyn Write,
    color: bool,
) -> io::Result<()> {
    let Position { line, column } = lines.position(found.range.start);
    let Drawing { margin, body } = drawing::draw(found, path, lines, color);
    headline(&found.diagnostic, out, color)?;
    let arrow = paint("-->", Style::Frame, color);
    writeln!(out, "{}{arrow} {path}:{line}:{column}", " ".repeat(margin))?;
    writeln!(out, "{body}\n")
}

fn headline(diagnostic: &Diagnostic, out: &mut dyn Write, color: bool) -> io::Result<()> {
    let Diagnostic { severity, code, message, .. } = diagnostic;
    let label = format!("{}[{}]", label_of(*severity), plain(code));
    let label = paint(&label, style_of(*severity), color);
    writeln!(out, "{label}: {}", paint(&plain(message), Style::Strong, color))
}

fn help(text: Option<&str>, indent: usize, out: &mut dyn Write, color: bool) -> io::Result<()> {
    let Some(text) = text else { return Ok(()) };
    let mark = paint("= help:", Style::Frame, color);
    writeln!(out, "{}{mark} {}", " ".repeat(indent), indented(text, indent + 8))
}

/// Text whose further lines start below its first.
fn indented(text: &str, indent: usize) -> String {
    let next_line = format!("\n{}", " ".repeat(indent));
    plain(text).lines().collect::<Vec<_>>().join(&next_line)
}

/// `2 errors, 1 warning`; nothing when nothing was found.
fn count<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> Option<String> {
    let severities: Vec<Severity> =
        findings.into_iter().map(|found| found.diagnostic.severity).collect();
    let counts = [Severity::Error, Severity::Warning, Severity::Note].map(|severity| {
        let number = severities.iter().filter(|&&other| other == severity).count();
        let plural = if number == 1 { "" } else { "s" };
        (number > 0).then(|| format!("{number} {}{plural}", label_of(severity)))
    });
    let counts: Vec<String> = counts.into_iter().flatten().collect();
    (!counts.is_empty()).then(|| counts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_findings(text: &str, found: &[Finding], expected: &str) {
        let source = Source { path: "olive-config.json".into(), text: text.into() };
        let mut out = Vec::new();
        findings(&source, found, &mut out, false).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    fn at(text: &str, needle: &str, diagnostic: Diagnostic) -> Finding {
        let start = text.find(needle).unwrap();
        Finding::new(diagnostic, start..start + needle.len())
    }

    #[test]
    fn every_severity_has_its_form() {
        let text = "{\n  \"passes\": {\n\t\"a\": {\"rr\": 64, \"b\": 1}\n  }\n}\n";
        let error = Diagnostic::error("unknown-key", "/passes/a/rr", "`rr` is not a setting")
            .with_help("did you mean `r`?");
        let warning = Diagnostic::new(Severity::Warning, "no-effect", "", "`b` has no effect");
        let note = Diagnostic::new(Severity::Note, "renamed-key", "", "`b` is `bits` today");
        let found = [at(text, "\"rr\"", error), at(text, "1", warning), at(text, "\"b\"", note)];
        check_findings(
            text,
            &found,
            r#"note[renamed-key]: olive-config.json:3:18: `b` is `bits` today

error[unknown-key]: `rr` is not a setting
 --> olive-config.json:3:8
  |
3 |     "a": {"rr": 64, "b": 1}
  |           ^^^^
  |
  = help: did you mean `r`?

warning[no-effect]: `b` has no effect
 --> olive-config.json:3:23
  |
3 |     "a": {"rr": 64, "b": 1}
  |                          ^

1 error, 1 warning, 1 note
"#,
        );
    }

    #[test]
    fn several_files_are_counted_together() {
        let source = |name: &str| Source { path: name.into(), text: "{}".into() };
        let file = |name: &str, findings: Vec<Finding>| CheckedFile {
            source: source(name),
            findings,
            is_readable: name != "gone.json",
        };
        let warning = Diagnostic::new(Severity::Warning, "no-effect", "", "`a` has no effect");
        let error = Diagnostic::error("read", "", "cannot read config `gone.json`");
        let all = [
            file("a.json", vec![Finding::new(warning, 0..1)]),
            file("b.json", Vec::new()),
            file("gone.json", vec![Finding::new(error, 0..0)]),
        ];
        let mut out = Vec::new();
        files(&all, &mut out, false).unwrap();
        let expected = "warning[no-effect]: `a` has no effect\n --> a.json:1:1\n  |\n1 | {}\n  | ^\n\n\
            error[read]: cannot read config `gone.json`\n\n\
            1 error, 1 warning in 2 of 3 files\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn without_findings_nothing_is_written() {
        check_findings("{}", &[], "");
    }

    #[test]
    fn control_characters_reach_no_terminal() {
        let text = "{\"a\u{1b}[2J\": 1}";
        let error = Diagnostic::error("x\u{7}", "", "bad \u{1b}]0;title");
        let mut out = Vec::new();
        let source = Source { path: "c.json".into(), text: text.into() };
        findings(&source, &[Finding::new(error, 1..4)], &mut out, false).unwrap();
        let written = String::from_utf8(out).unwrap();
        assert!(!written.contains(['\u{1b}', '\u{7}']), "{written}");
    }

    #[test]
    fn colors_only_wrap_the_text() {
        assert_eq!(paint("x", Style::Good, true), "\u{1b}[32mx\u{1b}[0m");
        let error = Diagnostic::error("c", "", "m").with_help("h");
        let (mut colored, mut simple) = (Vec::new(), Vec::new());
        diagnostic(&error, &mut colored, true).unwrap();
        diagnostic(&error, &mut simple, false).unwrap();
        let mut colored = String::from_utf8(colored).unwrap();
        for code in ["\u{1b}[1;31m", "\u{1b}[1;34m", "\u{1b}[1m", "\u{1b}[0m"] {
            colored = colored.replace(code, "");
        }
        assert_eq!(colored, String::from_utf8(simple).unwrap());
    }

    #[test]
    fn a_plugin_error_shows_causes_and_help() {
        let mut error = PluginError::new("shape-mismatch", "`w` has shape [2, 3]")
            .with_help("use the folder\nthe model came from");
        error.causes = vec!["expected [3, 2]".into()];
        let mut out = Vec::new();
        plugin_error("`evaluate input model` failed", &error, &mut out, false).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "error[shape-mismatch]: `evaluate input model` failed: `w` has shape [2, 3]\n  \
             = caused by: expected [3, 2]\n  \
             = help: use the folder\n          the model came from\n"
        );
    }
}
