//! The config file, from text to a checked workflow.
//!
//! `read` gives a [`Source`], `parse` a tree of [`Node`]s with positions, `check` a
//! [`CheckedWorkflow`] and every [`Finding`]. Nothing here runs a plugin or opens a model.

pub mod source;
pub mod node;
pub mod parse;
pub mod upgrade;
pub mod schema;
pub mod references;
pub mod check;

pub use check::{CheckedWorkflow, check};
pub use node::Node;
pub use parse::parse;
pub use source::{ReadError, Source, read};

use std::ops::Range;

use olive_schemas::diagnostic::{Diagnostic, Severity};

/// A diagnostic with its place in the source text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What is wrong.
    pub diagnostic: Diagnostic,
    /// Bytes of the source it is about.
    pub range: Range<usize>,
}

impl Finding {
    /// A finding about `range`.
    pub fn new(diagnostic: Diagnostic, range: Range<usize>) -> Self {
        Self { diagnostic, range }
    }

    /// Whether the run cannot start.
    pub fn is_error(&self) -> bool {
        self.diagnostic.severity == Severity::Error
    }
}
