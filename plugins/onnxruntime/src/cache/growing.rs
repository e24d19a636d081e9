//! A cache that every run replaces by a larger one.

use std::iter::zip;

use ort::memory::{Allocator, MemoryInfo};
use ort::session::{IoBinding, SessionOutputs};
use ort::value::{DynTensor, DynValue, TensorElementType};

use super::{TensorNames, tensor_names};
use crate::genai_config::DecoderSection;

/// What the last run gave as present is the past of the next; it lies in the processor's memory.
///
/// Where a layer has a window, both are as long as the window.
pub(crate) struct Growing {
    slots: Vec<(TensorNames, DynTensor)>,
    pub(super) len: usize,
}

impl Growing {
    pub(super) fn new(decoder: &DecoderSection, dtype: TensorElementType) -> ort::Result<Self> {
        let slots = tensor_names(decoder).map(|names| {
            let positions = decoder.least_positions(names.layer);
            let shape = [1, decoder.num_key_value_heads, positions, decoder.head_size];
            Ok((names, DynTensor::new(&Allocator::default(), dtype, shape)?))
        });
        Ok(Self { slots: slots.collect::<ort::Result<_>>()?, len: 0 })
    }

    /// Lets the run make new tensors; otherwise it would write into those of the run before.
    pub(super) fn reserve(&self, binding: &mut IoBinding) -> ort::Result<()> {
        let memory = MemoryInfo::default();
        for (names, empty) in &self.slots {
            if self.len == 0 {
                binding.bind_input(names.past.as_str(), empty)?;
            }
            binding.bind_output_to_device(names.present.as_str(), &memory)?;
        }
        Ok(())
    }

    pub(super) fn select(&self, mut outputs: SessionOutputs<'_>) -> Vec<DynValue> {
        self.slots.iter().filter_map(|(names, _)| outputs.remove(&names.present)).collect()
    }

    pub(super) fn keep(
        &mut self,
        presents: &[DynValue],
        len: usize,
        binding: &mut IoBinding,
    ) -> ort::Result<()> {
        for ((names, _), present) in zip(&self.slots, presents) {
            binding.bind_input(names.past.as_str(), present)?;
        }
        self.len = len;
        Ok(())
    }
}
