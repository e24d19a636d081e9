//! A cache that is written in place.

use std::iter::zip;

use ort::memory::Allocator;
use ort::session::IoBinding;
use ort::value::Tensor;

use super::tensor_names;
use crate::genai_config::DecoderSection;

/// Positions of the smallest cache.
const LEAST_CAPACITY: usize = 256;

/// Keys and values of every layer, f32 `[1, kv_heads, capacity, head_size]` each.
///
/// One tensor is bound as the graph's past and as its present, so that attention writes new
/// positions in place: no copy of the cache per token. Positions from `len` on hold no data.
pub(crate) struct InPlace {
    slots: Vec<Slot>,
    num_heads: usize,
    head_size: usize,
    limit: usize,
    capacity: usize,
    pub(super) len: usize,
}

struct Slot {
    past_name: String,
    present_name: String,
    tensor: Tensor<f32>,
}

impl InPlace {
    /// An empty cache for a model of `limit` positions, bound to `binding`.
    pub(super) fn new(
        decoder: &DecoderSection,
        limit: usize,
        binding: &mut IoBinding,
    ) -> ort::Result<Self> {
        let (num_heads, head_size) = (decoder.num_key_value_heads, decoder.head_size);
        let capacity = LEAST_CAPACITY.min(limit);
        let slots = tensor_names(decoder).map(|(past_name, present_name)| {
            let tensor = zeros(num_heads, capacity, head_size)?;
            let mut slot = Slot { past_name, present_name, tensor };
            slot.bind(binding)?;
            Ok(slot)
        });
        let slots = slots.collect::<ort::Result<_>>()?;
        Ok(Self { slots, num_heads, head_size, limit, capacity, len: 0 })
    }

    /// Sees to room for `len` positions.
    pub(super) fn reserve(&mut self, len: usize, binding: &mut IoBinding) -> ort::Result<()> {
        if len <= self.capacity {
            return Ok(());
        }
        let capacity = len.next_power_of_two().min(self.limit.max(len));
        let (old_head, new_head) = (self.capacity * self.head_size, capacity * self.head_size);
        let used = self.len * self.head_size;
        for slot in &mut self.slots {
            let mut larger = zeros(self.num_heads, capacity, self.head_size)?;
            let (_, old) = slot.tensor.extract_tensor();
            let (_, new) = larger.extract_tensor_mut();
            for (old, new) in zip(old.chunks(old_head), new.chunks_mut(new_head)) {
                new[..used].copy_from_slice(&old[..used]);
            }
            slot.tensor = larger;
            slot.bind(binding)?;
        }
        self.capacity = capacity;
        Ok(())
    }
}

impl Slot {
    fn bind(&mut self, binding: &mut IoBinding) -> ort::Result<()> {
        binding.bind_input(self.past_name.as_str(), &self.tensor)?;
        binding.bind_output(self.present_name.as_str(), &mut self.tensor)
    }
}

fn zeros(num_heads: usize, capacity: usize, head_size: usize) -> ort::Result<Tensor<f32>> {
    let mut tensor = Tensor::new(&Allocator::default(), [1, num_heads, capacity, head_size])?;
    tensor.extract_tensor_mut().1.fill(0.0);
    Ok(tensor)
}
