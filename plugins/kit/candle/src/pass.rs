//! What makes one pass differ from that of the base model.

use olive_kit_adapters::{Adapters, Layer};
use olive_kit_decoder::dropout::Masks;

use crate::parameters::Parameters;

/// Adapters of a pass, their values on the device, and what is dropped in it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pass<'a> {
    pub(crate) adapters: &'a Adapters,
    pub(crate) parameters: &'a Parameters,
    /// Masks, while training.
    pub(crate) masks: Option<Masks>,
}

impl<'a> Pass<'a> {
    /// What adapts the layer at this module path.
    pub(crate) fn layer(&self, module: &str) -> Option<&'a Layer> {
        self.adapters.layers.get(module)
    }
}
