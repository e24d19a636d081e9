//! Findings as the protocol tells them.

use lsp_types::{
    Diagnostic, DiagnosticRelatedInformation, DiagnosticSeverity, DiagnosticTag, Location,
};
use olive_schemas::diagnostic::Severity;

use super::document::Document;
use crate::config::{Finding, Place};

/// Who tells.
const SOURCE: &str = "olive";

/// Everything that is wrong with `document`.
pub(super) fn diagnostics(document: &Document) -> Vec<Diagnostic> {
    document.findings.iter().map(|finding| diagnostic(document, finding)).collect()
}

/// A finding about `document`.
pub(super) fn diagnostic(document: &Document, finding: &Finding) -> Diagnostic {
    let told = &finding.diagnostic;
    let message = match &told.help {
        Some(help) => format!("{}\nhelp: {help}", told.message),
        None => told.message.clone(),
    };
    let related = finding.related.iter().map(|place| related(document, place));
    let related: Vec<_> = related.collect();
    Diagnostic {
        range: document.range(&finding.range),
        severity: Some(match told.severity {
            Severity::Error => DiagnosticSeverity::Error,
            Severity::Warning => DiagnosticSeverity::Warning,
            Severity::Note => DiagnosticSeverity::Information,
        }),
        code: Some(told.code.clone().into()),
        source: Some(SOURCE.to_owned()),
        message: message.into(),
        tags: tag(&told.code).map(|tag| vec![tag]),
        related_information: (!related.is_empty()).then_some(related),
        ..Diagnostic::default()
    }
}

fn related(document: &Document, place: &Place) -> DiagnosticRelatedInformation {
    DiagnosticRelatedInformation {
        location: Location { uri: document.uri.clone(), range: document.range(&place.range) },
        message: place.message.clone(),
    }
}

/// How editors draw what a finding is about.
fn tag(code: &str) -> Option<DiagnosticTag> {
    match code {
        "old-spelling" => Some(DiagnosticTag::Deprecated),
        "ignored-key" => Some(DiagnosticTag::Unnecessary),
        _ => None,
    }
}
