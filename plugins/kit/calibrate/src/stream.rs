//! The walk through a model.

use olive_kit_checkpoint::Checkpoint;

use crate::calibration::Calibration;
use crate::error::CalibrateError;
use crate::inputs::Inputs;
use crate::layers::Walk;
use crate::memory::Memory;
use crate::observer::{Observer, Progress};
use crate::order::Order;
use crate::site::Site;
use crate::visitor::Visitor;
use crate::weights::LayerWeights;

/// Walks through the layers of `checkpoint` with the hidden states of the calibration data, and
/// has `visitor` look at each site.
///
/// # Errors
/// When there is nothing to read or the model cannot read it, an input is not finite, a state or
/// a weight cannot be read, the observer asks to stop, or the visitor fails.
pub fn stream<V: Visitor>(
    checkpoint: &Checkpoint,
    calibration: &Calibration,
    memory: &Memory,
    order: Order,
    visitor: &mut V,
    observer: &mut dyn Observer,
) -> Result<(), V::Error> {
    let decoder = checkpoint.decoder();
    checkpoint.validate().map_err(CalibrateError::from)?;
    calibration.check(decoder)?;
    let mut walk = Walk::new(decoder, calibration, memory, order, observer)?;
    walk.embed(checkpoint, calibration, |rows| visitor.embedding(rows))?;
    let total = decoder.num_layers * Site::OF_LAYER.len() + 1;
    let mut stream = Stream { visitor, walk, done: 0, total };
    for index in 0..decoder.num_layers {
        let layer = LayerWeights::of_layer(checkpoint, index, order)?;
        match order {
            Order::TrueSequential => stream.site_by_site(layer)?,
            Order::WholeLayer => stream.whole_layer(layer)?,
        }
    }
    stream.visit(Site::LmHead, &mut LayerWeights::of_logits(checkpoint)?)
}

struct Stream<'a, V> {
    visitor: &'a mut V,
    walk: Walk<'a>,
    /// Sites that were visited.
    done: usize,
    total: usize,
}

impl<V: Visitor> Stream<'_, V> {
    fn site_by_site(&mut self, mut layer: LayerWeights<'_>) -> Result<(), V::Error> {
        self.visit(Site::Qkv, &mut layer)?;
        self.walk.attend(layer.stages())?;
        self.visit(Site::Output, &mut layer)?;
        if layer.is_outdated() {
            self.walk.attend(layer.stages())?;
        }
        self.walk.add_attention(layer.stages())?;
        self.visit(Site::GateUp, &mut layer)?;
        self.walk.gate(layer.stages())?;
        self.visit(Site::Down, &mut layer)?;
        if layer.is_outdated() {
            self.walk.gate(layer.stages())?;
        }
        Ok(self.walk.add_mlp(layer.stages())?)
    }

    /// Stages go before the visits that may replace what they are computed with.
    fn whole_layer(&mut self, mut layer: LayerWeights<'_>) -> Result<(), V::Error> {
        self.walk.attend(layer.stages())?;
        self.walk.add_attention(layer.stages())?;
        self.visit(Site::Qkv, &mut layer)?;
        self.visit(Site::Output, &mut layer)?;
        self.walk.gate(layer.stages())?;
        self.visit(Site::GateUp, &mut layer)?;
        self.visit(Site::Down, &mut layer)?;
        Ok(self.walk.pass(layer.stages())?)
    }

    fn visit(&mut self, site: Site, layer: &mut LayerWeights<'_>) -> Result<(), V::Error> {
        layer.begin(site);
        let Walk { pieces, hidden, middle, inner, observer, .. } = &mut self.walk;
        let states = match site {
            Site::Qkv | Site::LmHead => hidden,
            Site::GateUp => middle.as_mut().unwrap_or(hidden),
            Site::Output | Site::Down => inner,
        };
        let (norm, index) = (layer.norm(site).cloned(), layer.index());
        let mut inputs = Inputs { states, pieces, norm, layer: index, site, observer: &**observer };
        self.visitor.visit(site, layer, &mut inputs)?;
        self.done += 1;
        let progress = Progress { layer: index, site, done: self.done, total: self.total };
        observer.visited(&progress);
        Ok(())
    }
}
