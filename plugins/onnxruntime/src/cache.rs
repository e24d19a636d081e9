//! The key-value cache of a decoder graph.
//!
//! The runtime's own kernels for the processor write new positions into the tensor they read old
//! ones from ([`in_place`]). Other execution providers are not bound to do so: they get the
//! positions there are, and give a larger tensor back ([`growing`]).

mod growing;
mod in_place;

use ort::session::{IoBinding, SessionOutputs};
use ort::value::DynValue;

use crate::genai_config::{DecoderSection, layer_name};
use growing::Growing;
use in_place::InPlace;

/// Keys and values of every layer, f32 `[1, kv_heads, positions, head_size]` each, bound to the
/// inputs and outputs of a graph.
pub(crate) enum KeyValueCache {
    InPlace(InPlace),
    Growing(Growing),
}

impl KeyValueCache {
    /// An empty cache for a model of `limit` positions, written in place.
    pub(crate) fn in_place(
        decoder: &DecoderSection,
        limit: usize,
        binding: &mut IoBinding,
    ) -> ort::Result<Self> {
        InPlace::new(decoder, limit, binding).map(Self::InPlace)
    }

    /// An empty cache that every run replaces by a larger one.
    pub(crate) fn growing(decoder: &DecoderSection) -> ort::Result<Self> {
        Growing::new(decoder).map(Self::Growing)
    }

    /// Positions that hold data.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::InPlace(cache) => cache.len,
            Self::Growing(cache) => cache.len,
        }
    }

    /// Forgets all positions.
    pub(crate) fn clear(&mut self) {
        match self {
            Self::InPlace(cache) => cache.len = 0,
            Self::Growing(cache) => cache.len = 0,
        }
    }

    /// Prepares `binding` for a run after which there are `len` positions.
    pub(crate) fn reserve(&mut self, len: usize, binding: &mut IoBinding) -> ort::Result<()> {
        match self {
            Self::InPlace(cache) => cache.reserve(len, binding),
            Self::Growing(cache) => cache.reserve(binding),
        }
    }

    /// What of the `outputs` of a run is to be kept.
    pub(crate) fn select(&self, outputs: SessionOutputs<'_>) -> Vec<DynValue> {
        match self {
            Self::InPlace(_) => Vec::new(),
            Self::Growing(cache) => cache.select(outputs),
        }
    }

    /// Keeps what was selected of a run after which there are `len` positions.
    pub(crate) fn keep(
        &mut self,
        selected: &[DynValue],
        len: usize,
        binding: &mut IoBinding,
    ) -> ort::Result<()> {
        match self {
            Self::InPlace(cache) => {
                cache.len = len;
                Ok(())
            }
            Self::Growing(cache) => cache.keep(selected, len, binding),
        }
    }
}

/// Names of past and present of the keys and values of every layer.
pub(crate) fn tensor_names(
    decoder: &DecoderSection,
) -> impl Iterator<Item = (String, String)> + '_ {
    let (inputs, outputs) = (&decoder.inputs, &decoder.outputs);
    let patterns = [
        (&inputs.past_key_names, &outputs.present_key_names),
        (&inputs.past_value_names, &outputs.present_value_names),
    ];
    (0..decoder.num_hidden_layers).flat_map(move |layer| {
        patterns.map(|(past, present)| (layer_name(past, layer), layer_name(present, layer)))
    })
}
