//! A cache that is written in place.

use std::iter::zip;

use half::{bf16, f16};
use ort::memory::Allocator;
use ort::session::IoBinding;
use ort::value::{DynTensor, PrimitiveTensorElementType, TensorElementType};

use super::{TensorNames, tensor_names};
use crate::genai_config::DecoderSection;

/// Positions of the smallest cache.
const LEAST_CAPACITY: usize = 256;

/// Keys and values of every layer, `[1, kv_heads, capacity, head_size]` each.
///
/// One tensor is bound as the graph's past and as its present, so that attention writes new
/// positions in place: no copy of the cache per token. Positions from `len` on hold no data.
pub(crate) struct InPlace {
    slots: Vec<Slot>,
    dtype: TensorElementType,
    num_heads: usize,
    head_size: usize,
    limit: usize,
    capacity: usize,
    pub(super) len: usize,
}

struct Slot {
    names: TensorNames,
    tensor: DynTensor,
}

impl InPlace {
    /// An empty cache for a model of `limit` positions, bound to `binding`.
    pub(super) fn new(
        decoder: &DecoderSection,
        dtype: TensorElementType,
        limit: usize,
        binding: &mut IoBinding,
    ) -> ort::Result<Self> {
        let layers = 0..decoder.num_hidden_layers;
        let least = layers.map(|layer| decoder.least_positions(layer)).max().unwrap_or(0);
        let mut cache = Self {
            slots: Vec::new(),
            dtype,
            num_heads: decoder.num_key_value_heads,
            head_size: decoder.head_size,
            limit,
            capacity: LEAST_CAPACITY.min(limit).max(least),
            len: 0,
        };
        for names in tensor_names(decoder) {
            let mut slot = Slot { names, tensor: cache.zeros(cache.capacity)? };
            slot.bind(binding)?;
            cache.slots.push(slot);
        }
        Ok(cache)
    }

    /// Sees to room for `len` positions.
    pub(super) fn reserve(&mut self, len: usize, binding: &mut IoBinding) -> ort::Result<()> {
        if len <= self.capacity {
            return Ok(());
        }
        let capacity = len.next_power_of_two().min(self.limit.max(len));
        let heads = Heads {
            old: self.capacity * self.head_size,
            new: capacity * self.head_size,
            used: self.len * self.head_size,
        };
        for index in 0..self.slots.len() {
            let mut larger = self.zeros(capacity)?;
            let slot = &mut self.slots[index];
            match self.dtype {
                TensorElementType::Float16 => heads.copy::<f16>(&slot.tensor, &mut larger)?,
                TensorElementType::Bfloat16 => heads.copy::<bf16>(&slot.tensor, &mut larger)?,
                _ => heads.copy::<f32>(&slot.tensor, &mut larger)?,
            }
            slot.tensor = larger;
            slot.bind(binding)?;
        }
        self.capacity = capacity;
        Ok(())
    }

    /// A tensor of zeros for `capacity` positions.
    fn zeros(&self, capacity: usize) -> ort::Result<DynTensor> {
        let shape = [1, self.num_heads, capacity, self.head_size];
        DynTensor::new(&Allocator::default(), self.dtype, shape)
    }
}

impl Slot {
    fn bind(&mut self, binding: &mut IoBinding) -> ort::Result<()> {
        binding.bind_input(self.names.past.as_str(), &self.tensor)?;
        binding.bind_output(self.names.present.as_str(), &mut self.tensor)
    }
}

/// Values of a head, in all of which only the first `used` hold data.
struct Heads {
    old: usize,
    new: usize,
    used: usize,
}

impl Heads {
    fn copy<T>(&self, from: &DynTensor, to: &mut DynTensor) -> ort::Result<()>
    where
        T: PrimitiveTensorElementType + Copy,
    {
        let (_, old) = from.try_extract_tensor::<T>()?;
        let (_, new) = to.try_extract_tensor_mut::<T>()?;
        for (old, new) in zip(old.chunks(self.old), new.chunks_mut(self.new)) {
            new[..self.used].copy_from_slice(&old[..self.used]);
        }
        Ok(())
    }
}
