//! What a walk tells while it runs.

use crate::site::Site;

/// Hears of a walk through a model and may end it.
pub trait Observer {
    /// Takes a site that was visited.
    fn visited(&mut self, _progress: &Progress) {}

    /// Whether the walk should stop; asked before every few sequences.
    fn is_cancelled(&self) -> bool;
}

/// How far a walk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The layer, from 0; `None` at the logits.
    pub layer: Option<usize>,
    /// The site that was visited.
    pub site: Site,
    /// Sites that were visited, this one included.
    pub done: usize,
    /// Sites of the model.
    pub total: usize,
}

/// Hears nothing and ends nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {
    fn is_cancelled(&self) -> bool {
        false
    }
}
