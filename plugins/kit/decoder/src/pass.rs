//! What makes one pass differ from that of the base model.

use olive_kit_adapters::Adapters;

use crate::dropout::Masks;
use crate::observer::GradientObserver;

/// Adapters of a pass and what is dropped in it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pass<'a> {
    pub(crate) adapters: &'a Adapters,
    /// Masks, while training.
    pub(crate) masks: Option<Masks>,
    /// Who looks on in the backward.
    pub(crate) observer: Option<&'a dyn GradientObserver>,
}

impl<'a> Pass<'a> {
    /// A pass in which nothing is dropped.
    pub(crate) fn inference(adapters: &'a Adapters) -> Self {
        Self { adapters, masks: None, observer: None }
    }

    /// The same, with somebody who looks on in the backward.
    pub(crate) fn observed(adapters: &'a Adapters, observer: &'a dyn GradientObserver) -> Self {
        Self { observer: Some(observer), ..Self::inference(adapters) }
    }

    /// A training pass; the same seed drops the same.
    pub(crate) fn training(adapters: &'a Adapters, seed: u64) -> Self {
        Self { adapters, masks: Some(Masks::new(seed)), observer: None }
    }
}
