//! Buffers that are used again.

use crate::parts::Parts;

/// Buffers that nobody uses at the moment.
///
/// Memory fresh from the system costs a page fault every 4 KiB, which is more than most loops over
/// it take.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scratch {
    free: Vec<Vec<f32>>,
    /// Gradients of queries, keys and values of the layer whose backward runs.
    pub(crate) qkv_gradients: Parts,
}

impl Scratch {
    /// A buffer of `len` values, whatever they are.
    pub(crate) fn take(&mut self, len: usize) -> Vec<f32> {
        let fits = |buffer: &Vec<f32>| buffer.capacity() >= len;
        let best = (0..self.free.len()).filter(|&index| fits(&self.free[index]));
        let best = best.min_by_key(|&index| self.free[index].capacity());
        let mut buffer = best.map_or_else(Vec::new, |index| self.free.swap_remove(index));
        buffer.resize(len, 0.0);
        buffer
    }

    /// A buffer of `len` zeros.
    pub(crate) fn zeros(&mut self, len: usize) -> Vec<f32> {
        let mut buffer = self.take(len);
        buffer.fill(0.0);
        buffer
    }

    /// Takes buffers back.
    pub(crate) fn give_all(&mut self, buffers: impl IntoIterator<Item = Vec<f32>>) {
        self.free.extend(buffers);
    }

    /// Takes a buffer back.
    pub(crate) fn give(&mut self, buffer: Vec<f32>) {
        self.free.push(buffer);
    }
}
