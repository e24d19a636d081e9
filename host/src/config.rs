//! The config file, from text to a checked workflow.
//!
//! `read` gives a [`Source`], `parse` trees of [`Node`]s with positions, `check` a
//! [`CheckedWorkflow`] and every [`Finding`]; [`examine`] is `parse`, `check`, and what the installed
//! [validators](crate::validate) find. Nothing here runs native code or reads weights.

pub mod source;
pub mod node;
pub mod parse;
pub mod conda;
pub mod upgrade;
pub mod schema;
pub mod language;
pub mod navigate;
pub mod references;
pub mod defaults;
pub mod advice;
pub mod fit;
pub mod check;
pub mod missing;
pub mod codes;
mod builds;

pub use check::{CheckedWorkflow, Scope, check};
pub use node::Node;
pub use parse::{Parsed, parse};
pub use source::{ReadError, Source, read};

use std::ops::Range;

use olive_schemas::diagnostic::{Diagnostic, Severity};

use crate::plugin::Catalog;
use crate::validate::validate;

/// A diagnostic with its place in the source text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What is wrong; its pointers lead into the config as it is written.
    pub diagnostic: Diagnostic,
    /// Bytes of the source it is about.
    pub range: Range<usize>,
    /// Other places that have to do with it.
    pub related: Vec<Place>,
    /// A change of the text that mends it, when there is one beyond doubt.
    pub fix: Option<Fix>,
    /// Changes of the text that may mend it, for a person to choose from.
    pub choices: Vec<Fix>,
}

/// A place in the source that has to do with a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Bytes of the source.
    pub range: Range<usize>,
    /// What is there.
    pub message: String,
}

/// A change of the text that mends a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// What it does, imperative: ``write `precision` ``.
    pub title: String,
    /// What to replace; ranges do not overlap.
    pub edits: Vec<TextEdit>,
}

/// Text in place of a range of the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextEdit {
    /// Bytes of the source that go.
    pub range: Range<usize>,
    /// What comes instead.
    pub text: String,
}

impl Finding {
    /// A finding about `range`.
    pub fn new(diagnostic: Diagnostic, range: Range<usize>) -> Self {
        Self { diagnostic, range, related: Vec::new(), fix: None, choices: Vec::new() }
    }

    /// Whether the run cannot start.
    pub fn is_error(&self) -> bool {
        self.diagnostic.severity == Severity::Error
    }
}

/// Parses, checks and validates the whole of `source`.
///
/// Gives every finding in the order of the text, and the workflow when none of them is an error.
/// Of a text that shows alternatives every one is checked; the first is the workflow.
pub fn examine(source: &Source, catalog: &Catalog) -> (Option<CheckedWorkflow>, Vec<Finding>) {
    examine_for(source, catalog, Scope::WHOLE)
}

/// Parses `source` and checks what of it matters to `scope`.
pub fn examine_for(
    source: &Source,
    catalog: &Catalog,
    scope: Scope,
) -> (Option<CheckedWorkflow>, Vec<Finding>) {
    let Parsed { documents, mut findings } = parse(source);
    let mut workflow = None;
    for document in &documents {
        let (checked, found) = check(document, source, catalog, scope);
        findings.extend(found);
        if let Some(checked) = &checked
            && scope.has_passes
        {
            findings.extend(validate(checked, source, catalog, scope));
        }
        workflow = workflow.or(checked);
    }
    findings.sort_by_key(|finding| (finding.range.start, finding.diagnostic.severity));
    if documents.len() > 1 {
        // Alternatives share most of their text; what is told of it once is enough.
        findings.sort_by_key(|told| (told.range.start, std::cmp::Reverse(told.related.len())));
        let mut told: Vec<(String, std::ops::Range<usize>)> = Vec::new();
        findings.retain(|finding| {
            let cause = (finding.diagnostic.code.clone(), finding.range.clone());
            let is_new = !told.contains(&cause);
            told.push(cause);
            is_new
        });
        findings.sort_by_key(|finding| (finding.range.start, finding.diagnostic.severity));
    }
    findings.dedup();
    let has_errors = findings.iter().any(Finding::is_error);
    (workflow.filter(|_| !has_errors), findings)
}
