//! LoRA adapters on the linear layers of a decoder.
//!
//! Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models" (2021).

use std::collections::BTreeMap;

use candle_core::{DType, Device, Tensor};
use olive_kit_checkpoint::{Adapter, Decoder, Linear};

use crate::error::DecoderError;

/// The LoRA factors of some linear layers, by module path.
#[derive(Debug, Clone, Default)]
pub struct Adapters {
    layers: BTreeMap<String, LoraLayer>,
}

/// What is added to a linear layer: `y = W x + scale * B (A dropout(x))`.
#[derive(Debug, Clone)]
pub struct LoraLayer {
    /// `A`, f32 `[rank, in_features]`.
    pub a: Tensor,
    /// `B`, f32 `[out_features, rank]`.
    pub b: Tensor,
    /// Factor on `B A`.
    pub scale: f64,
    /// Probability that an entry of `x` is dropped while training, below 1.
    pub dropout: f64,
}

impl Adapters {
    /// No adapters: the base model.
    pub fn none() -> Self {
        Self::default()
    }

    /// The adapter as stored, not to be trained: its factors are no variables.
    ///
    /// # Errors
    /// When its weights cannot be read.
    pub fn from_peft(adapter: &Adapter) -> Result<Self, DecoderError> {
        let dropout = adapter.config().lora_dropout;
        let mut adapters = Self::none();
        for module in adapter.modules() {
            let Some(pair) = adapter.pair(module)? else { continue };
            let tensor = |stored: &olive_kit_checkpoint::Tensor<'_>| {
                Tensor::from_vec(stored.to_f32().into_owned(), stored.shape, &Device::Cpu)
            };
            let (a, b) = (tensor(&pair.a)?, tensor(&pair.b)?);
            adapters.insert(module, LoraLayer { a, b, scale: pair.scale, dropout });
        }
        Ok(adapters)
    }

    /// Adapts the layer at this module path, such as `model.layers.0.self_attn.qkv_proj`; replaces
    /// what was there.
    pub fn insert(&mut self, module: impl Into<String>, layer: LoraLayer) {
        self.layers.insert(module.into(), layer);
    }

    /// What adapts the layer at this module path.
    pub fn get(&self, module: &str) -> Option<&LoraLayer> {
        self.layers.get(module)
    }

    /// Module paths and what adapts them, sorted.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &LoraLayer)> {
        self.layers.iter().map(|(module, layer)| (module.as_str(), layer))
    }

    /// Whether nothing is adapted.
    pub fn is_empty(&self) -> bool {
        self.layers.is_empty()
    }

    /// The same values off the tape.
    #[must_use]
    pub fn detached(&self) -> Self {
        let detach =
            |layer: &LoraLayer| LoraLayer { a: layer.a.detach(), b: layer.b.detach(), ..*layer };
        let layers = self.layers.iter().map(|(module, layer)| (module.clone(), detach(layer)));
        Self { layers: layers.collect() }
    }

    /// Checks that every adapted layer is one of `decoder` and its factors fit.
    ///
    /// # Errors
    /// When a module path is unknown or a shape or type is another.
    pub fn check(&self, decoder: &Decoder) -> Result<(), DecoderError> {
        let linears: BTreeMap<_, _> = (0..decoder.num_layers)
            .flat_map(|layer| decoder.linears(layer))
            .map(|linear| (linear.name.clone(), linear))
            .collect();
        for (module, layer) in &self.layers {
            let Some(linear) = linears.get(module) else {
                let num_layers = decoder.num_layers;
                return Err(DecoderError::UnknownModule { module: module.clone(), num_layers });
            };
            layer.check(linear)?;
        }
        Ok(())
    }
}

impl LoraLayer {
    fn check(&self, linear: &Linear) -> Result<(), DecoderError> {
        let (a, b) = (self.a.dims(), self.b.dims());
        let is_f32 = self.a.dtype() == DType::F32 && self.b.dtype() == DType::F32;
        if is_f32
            && let (&[rank, in_features], &[out_features, b_rank]) = (a, b)
            && rank == b_rank
            && (out_features, in_features) == (linear.out_features, linear.in_features)
        {
            return Ok(());
        }
        Err(DecoderError::AdapterShape {
            module: linear.name.clone(),
            out_features: linear.out_features,
            in_features: linear.in_features,
            a: a.to_vec(),
            b: b.to_vec(),
        })
    }
}
