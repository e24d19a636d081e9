//! Findings for programs: one JSON document, or one object each.

use std::io::{self, Write};

use olive_schemas::diagnostic::Severity;
use schemars::JsonSchema;
use serde::Serialize;

use super::CheckedFile;
use super::lines::{Lines, Position};
use crate::config::Finding;

/// What `olive check --format json` says.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Checked<'a> {
    /// The files, in the order they were named.
    files: Vec<LocatedFile<'a>>,
}

/// A file with what was found in it.
#[derive(Debug, Serialize, JsonSchema)]
struct LocatedFile<'a> {
    /// Path as it was named.
    path: String,
    /// What was found, in the order of the text.
    diagnostics: Vec<Located<'a>>,
}

/// A finding with its places as lines and columns.
///
/// What a finding does not have is left out; nothing is `null`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Located<'a> {
    /// How bad it is.
    severity: Severity,
    /// Stable, documented name such as `unknown-key`.
    code: &'a str,
    /// What is true, with the value and the limit.
    message: &'a str,
    /// JSON pointer (RFC 6901) into the config as it is written.
    pointer: &'a str,
    #[serde(flatten)]
    span: Span,
    /// What to try, imperative.
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<&'a str>,
    /// Other places that have to do with it.
    related: Vec<RelatedPlace<'a>>,
    /// A change of the text that mends it, when there is one beyond doubt.
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<LocatedFix<'a>>,
}

/// Where something stands; the end lies after its last character.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Span {
    /// Line of the first character, from 1.
    pub line: usize,
    /// Column of the first character, from 1.
    pub column: usize,
    /// Line of the end.
    pub end_line: usize,
    /// Column of the end.
    pub end_column: usize,
}

/// A place that has to do with a finding.
#[derive(Debug, Serialize, JsonSchema)]
struct RelatedPlace<'a> {
    /// What is there.
    message: &'a str,
    /// JSON pointer (RFC 6901) into the config as it is written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pointer: Option<&'a str>,
    #[serde(flatten)]
    span: Span,
}

/// A change of the text that mends a finding.
#[derive(Debug, Serialize, JsonSchema)]
struct LocatedFix<'a> {
    /// What it does, imperative.
    title: &'a str,
    /// What to replace; places do not overlap.
    edits: Vec<LocatedEdit<'a>>,
}

/// Text in place of a part of the file.
#[derive(Debug, Serialize, JsonSchema)]
struct LocatedEdit<'a> {
    #[serde(flatten)]
    span: Span,
    /// What comes instead.
    text: &'a str,
}

/// Writes one document with the findings of all `files`.
///
/// # Errors
/// When `out` cannot be written to.
pub fn write(files: &[CheckedFile], out: &mut dyn Write) -> io::Result<()> {
    let checked = Checked { files: files.iter().map(located_file).collect() };
    serde_json::to_writer(&mut *out, &checked)?;
    writeln!(out)
}

/// The finding with its places in `lines`.
pub fn locate<'a>(found: &'a Finding, lines: &Lines<'_>) -> Located<'a> {
    let diagnostic = &found.diagnostic;
    let pointer = |index: usize, message: &str| {
        let related = diagnostic.related.get(index)?;
        (related.message == message).then_some(related.pointer.as_str())
    };
    let related = found.related.iter().enumerate().map(|(index, place)| RelatedPlace {
        message: &place.message,
        pointer: pointer(index, &place.message),
        span: Span::new(&place.range, lines),
    });
    let fix = found.fix.as_ref().map(|fix| LocatedFix {
        title: &fix.title,
        edits: fix
            .edits
            .iter()
            .map(|edit| LocatedEdit { span: Span::new(&edit.range, lines), text: &edit.text })
            .collect(),
    });
    Located {
        severity: diagnostic.severity,
        code: &diagnostic.code,
        message: &diagnostic.message,
        pointer: &diagnostic.pointer,
        span: Span::new(&found.range, lines),
        help: diagnostic.help.as_deref(),
        related: related.collect(),
        fix,
    }
}

fn located_file(file: &CheckedFile) -> LocatedFile<'_> {
    let lines = Lines::new(&file.source.text);
    LocatedFile {
        path: file.source.path.display().to_string(),
        diagnostics: file.findings.iter().map(|found| locate(found, &lines)).collect(),
    }
}

impl Span {
    /// Lines and columns of a range of bytes.
    pub fn new(range: &std::ops::Range<usize>, lines: &Lines<'_>) -> Self {
        let Position { line, column } = lines.position(range.start);
        let end = lines.position(range.end.max(range.start));
        Self { line, column, end_line: end.line, end_column: end.column }
    }
}

#[cfg(test)]
mod tests {
    use olive_schemas::diagnostic::Diagnostic;
    use serde_json::{Value, json};

    use super::write;
    use crate::config::{Finding, Fix, Place, Source, TextEdit};
    use crate::render::CheckedFile;

    #[test]
    fn a_finding_has_all_its_places_as_lines_and_columns() {
        let text = "{\n  \"é\": 1,\n  \"é\": 2\n}";
        let diagnostic = Diagnostic::error("duplicate-key", "/é", "written twice")
            .with_related("/é", "first here")
            .with_help("remove one");
        let mut found = Finding::new(diagnostic, 15..19);
        found.related = vec![Place { range: 4..8, message: "first here".into() }];
        let edits = vec![TextEdit { range: 11..22, text: String::new() }];
        found.fix = Some(Fix { title: "remove it".into(), edits });
        let bare = Finding::new(Diagnostic::error("syntax", "", "x"), 24..24);
        let source = Source { path: "a.json".into(), text: text.into() };
        let file = CheckedFile { source, findings: vec![found, bare], is_readable: true };
        let mut out = Vec::new();
        write(&[file], &mut out).unwrap();
        let document: Value = serde_json::from_slice(&out).unwrap();
        let expected = json!({"files": [{"path": "a.json", "diagnostics": [
            {
                "severity": "error", "code": "duplicate-key", "message": "written twice",
                "pointer": "/é", "line": 3, "column": 3, "end_line": 3, "end_column": 6,
                "help": "remove one",
                "related": [{
                    "message": "first here", "pointer": "/é",
                    "line": 2, "column": 3, "end_line": 2, "end_column": 6
                }],
                "fix": {"title": "remove it", "edits": [{
                    "line": 2, "column": 9, "end_line": 3, "end_column": 9, "text": ""
                }]}
            },
            {
                "severity": "error", "code": "syntax", "message": "x", "pointer": "",
                "line": 4, "column": 2, "end_line": 4, "end_column": 2, "related": []
            }
        ]}]});
        assert_eq!(document, expected);
    }
}
