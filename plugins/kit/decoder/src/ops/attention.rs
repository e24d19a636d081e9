//! Rotary grouped-query attention of whole sequences.
//!
//! Ainslie et al., "GQA" (2023): query head `h` shares key and value head `h / group`.

use std::sync::{Arc, OnceLock};

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};
use olive_kit_checkpoint::Decoder;
use rayon::iter::{IndexedParallelIterator, ParallelIterator};
use rayon::slice::ParallelSliceMut;

use crate::attention::{Head, HeadGradients, Visibility, add_gradients, attend};
use crate::rotary::{RotaryTables, Turn};
use crate::values::{borrow, gradient, input, output};
use olive_kit_kernels::product::Matrix;
use olive_kit_kernels::vector::add;

/// Heads of a layer: in each row, query heads, then key heads, then value heads.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Geometry {
    pub(crate) num_heads: usize,
    pub(crate) num_kv_heads: usize,
    pub(crate) head_dim: usize,
    /// Positions a token sees at most, itself included.
    pub(crate) window: Option<usize>,
}

/// Attention of `seq` tokens each, from queries, keys and values,
/// `[batch * seq, query_width + 2 * kv_width]`, to `[batch * seq, query_width]`.
#[derive(Debug, Clone)]
pub(crate) struct RotaryAttention {
    pub(crate) geometry: Geometry,
    /// Tables of `seq` positions.
    pub(crate) tables: Arc<RotaryTables>,
    /// Keys that may be seen, `[batch * seq]`.
    pub(crate) key_mask: Option<Arc<Vec<bool>>>,
    pub(crate) seq: usize,
}

impl Geometry {
    pub(crate) fn of(decoder: &Decoder) -> Self {
        Self {
            num_heads: decoder.num_heads,
            num_kv_heads: decoder.num_kv_heads,
            head_dim: decoder.head_dim,
            window: decoder.sliding_window,
        }
    }

    pub(crate) fn query_width(self) -> usize {
        self.num_heads * self.head_dim
    }

    pub(crate) fn kv_width(self) -> usize {
        self.num_kv_heads * self.head_dim
    }

    pub(crate) fn width(self) -> usize {
        self.query_width() + 2 * self.kv_width()
    }

    /// Query heads that share a key head.
    pub(crate) fn group(self) -> usize {
        self.num_heads / self.num_kv_heads
    }

    /// How many heads of a row are rotated, and their width.
    pub(crate) fn rotated(self) -> (usize, usize) {
        (self.num_heads + self.num_kv_heads, self.head_dim)
    }

    /// Factor on the scores, `1 / sqrt(head_dim)`.
    pub(crate) fn scale(self) -> f32 {
        (self.head_dim as f32).sqrt().recip()
    }
}

impl RotaryAttention {
    /// Attention on the tape.
    pub(crate) fn apply(&self, qkv: &Tensor) -> Result<Tensor> {
        qkv.apply_op1(Attending { attention: self.clone(), log_sums: OnceLock::new() })
    }

    fn rotated(&self, qkv: &[f32]) -> Vec<f32> {
        let mut rows = qkv.to_vec();
        self.rotate(&mut rows, Turn::Forward);
        rows
    }

    fn rotate(&self, rows: &mut [f32], turn: Turn) {
        let (width, rotated) = (self.geometry.width(), self.geometry.rotated());
        self.tables.rotate(rows, width, rotated, self.seq, turn);
    }

    /// The head at `index` among those of all sequences, in rotated rows.
    fn head<'a>(&'a self, rows: &'a [f32], index: usize) -> Head<'a> {
        let Geometry { num_heads, head_dim, window, .. } = self.geometry;
        let (sequence, head) = (index / num_heads, index % num_heads);
        let (width, first) = (self.geometry.width(), sequence * self.seq);
        let rows = &rows[first * width..(first + self.seq) * width];
        let key = self.geometry.query_width() + head / self.geometry.group() * head_dim;
        let value = key + self.geometry.kv_width();
        let columns = |start: usize| Matrix::strided(&rows[start..], self.seq, head_dim, width);
        let key_mask = self.key_mask.as_ref().map(|mask| &mask[first..first + self.seq]);
        Head {
            queries: columns(head * head_dim),
            keys: columns(key),
            values: columns(value),
            scale: self.geometry.scale(),
            visibility: Visibility { offset: 0, window, key_mask },
        }
    }

    /// What `head` at `index` gave, or the gradient of it, in rows of `query_width`.
    fn given<'a>(&self, rows: &'a [f32], index: usize) -> Matrix<'a> {
        let Geometry { num_heads, head_dim, .. } = self.geometry;
        let (sequence, head, width) = (index / num_heads, index % num_heads, num_heads * head_dim);
        let start = sequence * self.seq * width + head * head_dim;
        Matrix::strided(&rows[start..], self.seq, head_dim, width)
    }

    /// Rows of gradients, from those of each head; key and value heads get the sum of their group.
    fn gather(&self, queries: &[f32], keys: &[f32], values: &[f32]) -> Vec<f32> {
        let Geometry { num_heads, head_dim, .. } = self.geometry;
        let (width, per_head) = (self.geometry.width(), self.seq * head_dim);
        let mut rows = vec![0.0; queries.len() / self.geometry.query_width() * width];
        rows.par_chunks_mut(width).with_min_len(16).enumerate().for_each(|(row, row_values)| {
            let (sequence, position) = (row / self.seq, row % self.seq);
            for head in 0..num_heads {
                let from = (sequence * num_heads + head) * per_head + position * head_dim;
                let from = from..from + head_dim;
                let key = self.geometry.query_width() + head / self.geometry.group() * head_dim;
                let value = key + self.geometry.kv_width();
                add(&mut row_values[head * head_dim..][..head_dim], &queries[from.clone()]);
                add(&mut row_values[key..][..head_dim], &keys[from.clone()]);
                add(&mut row_values[value..][..head_dim], &values[from]);
            }
        });
        rows
    }
}

/// One call of [`RotaryAttention`].
struct Attending {
    attention: RotaryAttention,
    /// Logarithm of each softmax denominator, `[batch, num_heads, seq]`, for the backward.
    log_sums: OnceLock<Vec<f32>>,
}

impl CustomOp1 for Attending {
    fn name(&self) -> &'static str {
        "rotary-attention"
    }

    fn cpu_fwd(&self, qkv: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (attention, num_rows) = (&self.attention, layout.dims()[0]);
        let Geometry { num_heads, head_dim, .. } = attention.geometry;
        let rows = attention.rotated(input(qkv, layout)?);
        let mut heads = vec![0.0; num_rows * num_heads * head_dim];
        let mut log_sums = vec![0.0; num_rows * num_heads];
        let outs = heads.par_chunks_mut(attention.seq * head_dim);
        outs.zip(log_sums.par_chunks_mut(attention.seq)).enumerate().for_each(
            |(index, (out, log_sums))| attend(attention.head(&rows, index), out, Some(log_sums)),
        );
        self.log_sums.get_or_init(|| log_sums);
        let rows = heads_to_rows(&heads, num_heads, attention.seq, head_dim);
        Ok(output(rows, (num_rows, num_heads * head_dim)))
    }

    fn bwd(&self, qkv: &Tensor, out: &Tensor, from_above: &Tensor) -> Result<Option<Tensor>> {
        let attention = &self.attention;
        let per_head = attention.seq * attention.geometry.head_dim;
        let (out, from_above) = (borrow(out)?, borrow(from_above)?);
        let (out, from_above) = (&*out, &*from_above);
        let rows = attention.rotated(&borrow(qkv)?);
        let Some(log_sums) = self.log_sums.get() else {
            candle_core::bail!("the backward of attention needs its forward")
        };
        let [mut queries, mut keys, mut values] = [(); 3].map(|()| vec![0.0; out.len()]);
        let queries_and_keys = queries.par_chunks_mut(per_head).zip(keys.par_chunks_mut(per_head));
        let heads = queries_and_keys.zip(values.par_chunks_mut(per_head)).enumerate();
        heads.for_each(|(index, ((queries, keys), values))| {
            let log_sums = &log_sums[index * attention.seq..][..attention.seq];
            let (out, from_above) =
                (attention.given(out, index), attention.given(from_above, index));
            let mut gradients = HeadGradients { queries, keys, values };
            let head = attention.head(&rows, index);
            add_gradients(head, out, log_sums, from_above, &mut gradients);
        });
        let mut gradients = attention.gather(&queries, &keys, &values);
        attention.rotate(&mut gradients, Turn::Back);
        gradient(gradients, qkv).map(Some)
    }
}

/// `[batch, num_heads, seq, head_dim]` as `[batch * seq, num_heads * head_dim]`.
pub(crate) fn heads_to_rows(
    heads: &[f32],
    num_heads: usize,
    seq: usize,
    head_dim: usize,
) -> Vec<f32> {
    let mut rows = Vec::with_capacity(heads.len());
    for sequence in heads.chunks(num_heads * seq * head_dim) {
        for position in 0..seq {
            for head in sequence.chunks(seq * head_dim) {
                rows.extend_from_slice(&head[position * head_dim..][..head_dim]);
            }
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use olive_kit_checkpoint::rope::{LongRope, Rope, RopeScaling};

    use super::*;
    use crate::ops::finite_differences::check;

    /// Two sequences of 70 tokens: more than a block of queries.
    const SEQ: usize = 70;

    fn check_gradient(window: Option<usize>, key_mask: Option<Vec<bool>>) {
        let long = LongRope {
            short_factor: vec![1.0],
            long_factor: vec![1.5],
            original_max_positions: 8,
            attention_factor: 1.2,
        };
        let rope = Rope { theta: 100.0, rotary_dim: 2, scaling: RopeScaling::LongRope(long) };
        let attention = RotaryAttention {
            geometry: Geometry { num_heads: 2, num_kv_heads: 1, head_dim: 4, window },
            tables: Arc::new(RotaryTables::new(&rope, 0..SEQ, SEQ)),
            key_mask: key_mask.map(Arc::new),
            seq: SEQ,
        };
        check(&[&[2 * SEQ, 16]], |x| attention.apply(&x[0]));
    }

    #[test]
    fn the_gradient_is_the_slope() {
        check_gradient(None, None);
    }

    #[test]
    fn the_gradient_is_the_slope_in_a_window_under_a_mask() {
        let mask = (0..2 * SEQ).map(|row| row != 3 && row < 120).collect();
        check_gradient(Some(9), Some(mask));
    }
}
