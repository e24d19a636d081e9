//! The key-value cache of a decoder graph.
//!
//! The runtime's own kernels for the processor write new positions into the tensor they read old
//! ones from ([`in_place`]). Other execution providers are not bound to do so: they get the
//! positions there are, and give a larger tensor back ([`growing`]).
//!
//! The cache of a layer with a sliding window has room for at least the window from the start. One
//! with room for all positions holds them as any other does; one with less room drops the oldest.

mod growing;
mod in_place;

use ort::session::{IoBinding, SessionOutputs};
use ort::value::{DynValue, TensorElementType};

use crate::genai_config::{DecoderSection, layer_name};
use growing::Growing;
use in_place::InPlace;

/// Keys and values of every layer, `[1, kv_heads, positions, head_size]` each, bound to the inputs
/// and outputs of a graph.
pub(crate) enum KeyValueCache {
    InPlace(InPlace),
    Growing(Growing),
}

impl KeyValueCache {
    /// Types of values that a cache may have.
    pub(crate) const DTYPES: [TensorElementType; 3] =
        [TensorElementType::Float32, TensorElementType::Float16, TensorElementType::Bfloat16];

    /// An empty cache of `dtype` for a model of `limit` positions, written in place.
    pub(crate) fn in_place(
        decoder: &DecoderSection,
        dtype: TensorElementType,
        limit: usize,
        binding: &mut IoBinding,
    ) -> ort::Result<Self> {
        InPlace::new(decoder, dtype, limit, binding).map(Self::InPlace)
    }

    /// An empty cache of `dtype` that every run replaces by a larger one.
    pub(crate) fn growing(decoder: &DecoderSection, dtype: TensorElementType) -> ort::Result<Self> {
        Growing::new(decoder, dtype).map(Self::Growing)
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

    /// Forgets all but the first `len` positions, where it can.
    pub(crate) fn truncate(&mut self, len: usize) -> bool {
        match self {
            Self::InPlace(cache) => {
                cache.len = len;
                true
            }
            Self::Growing(_) => false,
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

/// What a graph calls the keys, or the values, of a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TensorNames {
    /// The layer, counted from 0.
    pub(crate) layer: usize,
    /// The input: before the run.
    pub(crate) past: String,
    /// The output: after the run.
    pub(crate) present: String,
}

/// Names of the keys and values of every layer.
pub(crate) fn tensor_names(decoder: &DecoderSection) -> impl Iterator<Item = TensorNames> + '_ {
    let (inputs, outputs) = (&decoder.inputs, &decoder.outputs);
    let patterns = [
        (&inputs.past_key_names, &outputs.present_key_names),
        (&inputs.past_value_names, &outputs.present_value_names),
    ];
    (0..decoder.num_hidden_layers).flat_map(move |layer| {
        patterns.map(|(past, present)| TensorNames {
            layer,
            past: layer_name(past, layer),
            present: layer_name(present, layer),
        })
    })
}
