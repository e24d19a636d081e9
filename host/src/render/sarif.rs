//! Findings as SARIF 2.1.0, which code hosts show beside the changed lines.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::ops::Range;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::CheckedFile;
use super::json::Span;
use super::label_of;
use super::lines::Lines;
use super::uri::uri;
use crate::config::{Finding, codes};

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// A file as results refer to it.
struct Artifact<'a> {
    uri: String,
    lines: Lines<'a>,
    is_readable: bool,
}

/// Writes one log with the findings of all `files`; paths below `folder` are relative to it.
///
/// # Errors
/// When `out` cannot be written to.
pub fn write(files: &[CheckedFile], folder: &Path, out: &mut dyn Write) -> io::Result<()> {
    let found = files.iter().flat_map(|file| &file.findings);
    let names: BTreeSet<&str> = found.map(|found| found.diagnostic.code.as_str()).collect();
    let mut results = Vec::new();
    for file in files {
        let artifact = Artifact {
            uri: uri(&file.source.path, folder),
            lines: Lines::new(&file.source.text),
            is_readable: file.is_readable,
        };
        results.extend(file.findings.iter().map(|found| {
            let code = found.diagnostic.code.as_str();
            result(found, names.range(..code).count(), &artifact)
        }));
    }
    let driver = json!({
        "name": "olive",
        "version": env!("CARGO_PKG_VERSION"),
        "informationUri": env!("CARGO_PKG_REPOSITORY"),
        "rules": names.iter().map(|name| rule(name)).collect::<Vec<_>>(),
    });
    let run = json!({
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": results,
    });
    let log = json!({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]});
    writeln!(out, "{log:#}")
}

fn rule(name: &str) -> Value {
    let summary = codes::find(name).map_or("finding of a plugin", |code| code.summary);
    json!({"id": name, "shortDescription": {"text": summary}})
}

fn result(found: &Finding, rule: usize, artifact: &Artifact<'_>) -> Value {
    let diagnostic = &found.diagnostic;
    let help = diagnostic.help.as_ref().map(|help| format!("; {help}")).unwrap_or_default();
    let mut location = artifact.location(&found.range);
    location.insert(
        "logicalLocations".into(),
        json!([{"fullyQualifiedName": diagnostic.pointer, "kind": "property"}]),
    );
    let mut result = json!({
        "ruleId": diagnostic.code,
        "ruleIndex": rule,
        "level": label_of(diagnostic.severity),
        "message": {"text": format!("{}{help}", diagnostic.message)},
        "locations": [location],
    });
    if !found.related.is_empty() {
        result["relatedLocations"] = related(found, artifact);
    }
    if let Some(fix) = &found.fix {
        let replacements = fix.edits.iter().map(|edit| {
            let region = region(&edit.range, &artifact.lines);
            json!({"deletedRegion": region, "insertedContent": {"text": edit.text}})
        });
        result["fixes"] = json!([{
            "description": {"text": fix.title},
            "artifactChanges": [{
                "artifactLocation": {"uri": artifact.uri},
                "replacements": replacements.collect::<Vec<_>>(),
            }],
        }]);
    }
    result
}

fn related(found: &Finding, artifact: &Artifact<'_>) -> Value {
    let locations = found.related.iter().enumerate().map(|(index, place)| {
        let mut location = artifact.location(&place.range);
        location.insert("id".into(), (index + 1).into());
        location.insert("message".into(), json!({"text": place.message}));
        Value::Object(location)
    });
    locations.collect()
}

impl Artifact<'_> {
    fn location(&self, range: &Range<usize>) -> Map<String, Value> {
        let mut place = json!({"artifactLocation": {"uri": self.uri}});
        if self.is_readable {
            place["region"] = region(range, &self.lines);
        }
        Map::from_iter([("physicalLocation".to_owned(), place)])
    }
}

fn region(range: &Range<usize>, lines: &Lines<'_>) -> Value {
    let Span { line, column, end_line, end_column } = Span::new(range, lines);
    json!({
        "startLine": line,
        "startColumn": column,
        "endLine": end_line,
        "endColumn": end_column,
    })
}
