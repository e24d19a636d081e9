//! A cache that every run replaces by a larger one.

use std::iter::zip;

use ort::memory::{Allocator, MemoryInfo};
use ort::session::{IoBinding, SessionOutputs};
use ort::value::{DynValue, Tensor};

use super::tensor_names;
use crate::genai_config::DecoderSection;

/// What the last run gave as present is the past of the next; it lies in the processor's memory.
pub(crate) struct Growing {
    /// Names of past and present of each tensor.
    names: Vec<(String, String)>,
    /// f32 `[1, kv_heads, 0, head_size]`.
    empty: Tensor<f32>,
    pub(super) len: usize,
}

impl Growing {
    pub(super) fn new(decoder: &DecoderSection) -> ort::Result<Self> {
        let shape = [1, decoder.num_key_value_heads, 0, decoder.head_size];
        let empty = Tensor::new(&Allocator::default(), shape)?;
        Ok(Self { names: tensor_names(decoder).collect(), empty, len: 0 })
    }

    /// Lets the run make new tensors; otherwise it would write into those of the run before.
    pub(super) fn reserve(&self, binding: &mut IoBinding) -> ort::Result<()> {
        let memory = MemoryInfo::default();
        for (past, present) in &self.names {
            if self.len == 0 {
                binding.bind_input(past.as_str(), &self.empty)?;
            }
            binding.bind_output_to_device(present.as_str(), &memory)?;
        }
        Ok(())
    }

    pub(super) fn select(&self, mut outputs: SessionOutputs<'_>) -> Vec<DynValue> {
        self.names.iter().filter_map(|(_, present)| outputs.remove(present)).collect()
    }

    pub(super) fn keep(
        &mut self,
        presents: &[DynValue],
        len: usize,
        binding: &mut IoBinding,
    ) -> ort::Result<()> {
        for ((past, _), present) in zip(&self.names, presents) {
            binding.bind_input(past.as_str(), present)?;
        }
        self.len = len;
        Ok(())
    }
}
