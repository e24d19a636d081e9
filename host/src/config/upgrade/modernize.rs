//! Old spellings, rewritten as Olive writes them today.
//!
//! Which era wrote what: Olive's releases up to v0.5 (2023), v0.6 (2024), v0.7 and later; the
//! numbers in brackets are pull requests of microsoft/Olive.

mod model;
mod data;
mod passes;
mod engine;

use super::Notes;
use crate::config::Finding;
use crate::config::node::Node;
use crate::plugin::Catalog;

/// Rewrites the old spellings of `root`; gives a note for each.
pub fn modernize(root: &mut Node, catalog: &Catalog) -> Vec<Finding> {
    let mut notes = Notes::default();
    if let Some(model) = root.get_mut("input_model") {
        model::modernize(model, &mut notes);
    }
    data::modernize(root, &mut notes);
    if let Some(passes) = root.get_mut("passes") {
        passes::modernize(passes, catalog, &mut notes);
    }
    engine::modernize(root, &mut notes);
    notes.findings
}
