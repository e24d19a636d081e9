//! Text with the part of it that is trained.

use std::ops::Range;

/// A text, and the bytes of it that are trained; all of them when `None`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Marked {
    pub(crate) text: String,
    pub(crate) trained: Option<Vec<Range<usize>>>,
}
