//! What passes do for a shortcut, as their schemas say.

use olive_schemas::descriptor::PassDescriptor;
use olive_schemas::model::ModelKind;
use olive_schemas::shortcut::{Offer, Shortcut};
use serde::Deserialize;
use serde_json::Value;

use crate::config::references::SHORTCUTS;
use crate::plugin::{Catalog, PassEntry};

/// A pass and one thing it does.
#[derive(Debug, Clone)]
pub struct Offered<'a> {
    /// The pass.
    pub pass: PassEntry<'a>,
    /// What it does.
    pub offer: Offer,
}

impl Offered<'_> {
    /// Type of the pass.
    pub fn name(&self) -> &str {
        &self.pass.descriptor.name
    }

    /// Whether the pass has the setting `key`.
    pub fn has_setting(&self, key: &str) -> bool {
        self.pass.descriptor.schema["properties"].get(key).is_some()
    }
}

/// What the installed passes that take models of `kind` do for `shortcut`, in the order in which they
/// are found.
///
/// What a pass offers that makes models of one kind of others is about those others.
pub fn offers(catalog: &Catalog, shortcut: Shortcut, kind: ModelKind) -> Vec<Offered<'_>> {
    let passes = catalog.passes().filter(|pass| {
        let PassDescriptor { accepts, produces, .. } = pass.descriptor;
        let changes_kind = accepts.iter().any(|accepted| accepted != produces);
        accepts.contains(&kind) && !(changes_kind && kind == *produces)
    });
    let offered = passes.flat_map(|pass| {
        let marks = pass.descriptor.schema.get(SHORTCUTS).and_then(Value::as_array);
        let offers = marks.into_iter().flatten().filter_map(|mark| Offer::deserialize(mark).ok());
        offers.map(move |offer| Offered { pass, offer })
    });
    offered.filter(|offered| offered.offer.shortcut == shortcut).collect()
}
