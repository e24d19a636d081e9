//! The config file, from text to a checked workflow.
//!
//! [`read`] gives a [`Source`], [`parse()`] trees of [`Node`]s with positions, [`upgrade()`] one of
//! these in its normalized form, and [`check()`] a [`CheckedWorkflow`] and every [`Finding`];
//! [`examine`](crate::examine) goes all the way. Nothing here runs native code or reads weights.

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
pub mod variants;
pub mod missing;
pub mod locate;
pub mod codes;
mod builds;

pub use check::{CheckedWorkflow, Local, Scope, check};
pub use node::Node;
pub use parse::{Parsed, parse};
pub use source::{ReadError, Source, read};
pub use upgrade::{Upgraded, upgrade};

use std::ops::Range;

use olive_schemas::diagnostic::{Diagnostic, Severity};

/// A diagnostic with its place in the source text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What is wrong; its pointers lead into the config as it is written.
    pub diagnostic: Diagnostic,
    /// Bytes of the source it is about.
    pub range: Range<usize>,
    /// Whether what stands there is not to be shown.
    pub is_secret: bool,
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

/// The warnings among `findings`.
pub fn warnings<'a>(findings: impl Iterator<Item = &'a Finding>) -> Vec<Diagnostic> {
    let told = findings.map(|finding| &finding.diagnostic);
    told.filter(|told| told.severity == Severity::Warning).cloned().collect()
}

impl Finding {
    /// A finding about `range`.
    pub fn new(diagnostic: Diagnostic, range: Range<usize>) -> Self {
        let (related, choices) = (Vec::new(), Vec::new());
        Self { diagnostic, range, is_secret: false, related, fix: None, choices }
    }

    /// Whether the run cannot start.
    pub fn is_error(&self) -> bool {
        self.diagnostic.severity == Severity::Error
    }
}
