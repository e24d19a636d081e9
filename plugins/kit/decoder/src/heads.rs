//! Rotary grouped-query attention of whole sequences.
//!
//! Ainslie et al., "GQA" (2023): query head `h` shares key and value head `h / group`.

use olive_kit_checkpoint::Decoder;
use olive_kit_kernels::Precision;
use olive_kit_kernels::product::Matrix;
use olive_kit_kernels::vector::add;
use rayon::iter::{IndexedParallelIterator, ParallelIterator};
use rayon::slice::ParallelSliceMut;

use crate::attention::{Head, HeadGradients, Visibility, add_gradients, attend};
use crate::parts::Parts;
use crate::rotary::{RotaryTables, Turn};
use crate::rows::for_each_row;
use crate::scratch::Scratch;

/// Heads of a layer: of all columns, query heads come first, then key heads, then value heads.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Geometry {
    pub(crate) num_heads: usize,
    pub(crate) num_kv_heads: usize,
    pub(crate) head_dim: usize,
    /// Factor on the scores.
    pub(crate) scale: f32,
    /// Limit of the scores.
    pub(crate) softcap: Option<f32>,
    /// What products multiply.
    pub(crate) precision: Precision,
}

impl Geometry {
    #[expect(clippy::cast_possible_truncation, reason = "computed in f32")]
    pub(crate) fn of(decoder: &Decoder, precision: Precision) -> Self {
        Self {
            num_heads: decoder.num_heads,
            num_kv_heads: decoder.num_kv_heads,
            head_dim: decoder.head_dim,
            scale: decoder.attention_scale as f32,
            softcap: decoder.attention_softcap.map(|cap| cap as f32),
            precision,
        }
    }

    pub(crate) fn query_width(self) -> usize {
        self.num_heads * self.head_dim
    }

    pub(crate) fn kv_width(self) -> usize {
        self.num_kv_heads * self.head_dim
    }

    /// Query heads that share a key head.
    pub(crate) fn group(self) -> usize {
        self.num_heads / self.num_kv_heads
    }

    /// First column of the key head, and of the value head, that a query head reads.
    pub(crate) fn key_and_value(self, head: usize) -> (usize, usize) {
        let key = self.query_width() + head / self.group() * self.head_dim;
        (key, key + self.kv_width())
    }
}

/// Where the tokens of a batch stand and what they may see.
#[derive(Debug)]
pub(crate) struct Layout {
    /// Tokens of a sequence.
    pub(crate) seq: usize,
    /// Position of each token in its sample, `[batch * seq]`.
    pub(crate) positions: Vec<u32>,
    /// Keys that may be seen, `[batch * seq]`.
    pub(crate) key_mask: Option<Vec<bool>>,
    /// Place in its sequence of the first token of each token's sample, `[batch * seq]`.
    pub(crate) starts: Option<Vec<u32>>,
    /// Angles of all positions.
    pub(crate) tables: RotaryTables,
}

/// Attention of one layer in one pass.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attention<'a> {
    pub(crate) geometry: Geometry,
    pub(crate) window: Option<usize>,
    pub(crate) layout: &'a Layout,
}

impl Attention<'_> {
    /// Turns queries and keys by their positions, or back.
    pub(crate) fn rotate(&self, qkv: &mut Parts, turn: Turn) {
        let Geometry { num_heads, num_kv_heads, head_dim, .. } = self.geometry;
        let Layout { tables, positions, .. } = self.layout;
        let Parts { buffers, widths } = qkv;
        match buffers.as_mut_slice() {
            [queries, keys, _] => {
                tables.rotate(queries, widths[0], (num_heads, head_dim), positions, turn);
                tables.rotate(keys, widths[1], (num_kv_heads, head_dim), positions, turn);
            }
            fused => {
                let heads = (num_heads + num_kv_heads, head_dim);
                tables.rotate(&mut fused[0], widths[0], heads, positions, turn);
            }
        }
    }

    /// Writes the attention, `[rows, query_width]`, of rotated queries and keys, and the logarithm
    /// of each softmax denominator, `[batch, num_heads, seq]`, for the backward.
    pub(crate) fn forward(
        &self,
        qkv: &Parts,
        attended: &mut [f32],
        log_sums: &mut [f32],
        scratch: &mut Scratch,
    ) {
        let (seq, head_dim) = (self.layout.seq, self.geometry.head_dim);
        let mut heads = scratch.take(attended.len());
        let outs = heads.par_chunks_mut(seq * head_dim).zip(log_sums.par_chunks_mut(seq));
        outs.enumerate().for_each(|(index, (out, log_sums))| {
            attend(self.head(qkv, index), out, Some(log_sums));
        });
        heads_to_rows(&heads, attended, self.geometry.num_heads, seq, head_dim);
        scratch.give(heads);
    }

    /// Writes the gradients of rotated queries and keys and of values, from that of the attention.
    pub(crate) fn backward(
        &self,
        (qkv, attended, log_sums): (&Parts, &[f32], &[f32]),
        from_above: &[f32],
        gradients: &mut Parts,
        scratch: &mut Scratch,
    ) {
        let (seq, per_head) = (self.layout.seq, self.layout.seq * self.geometry.head_dim);
        let [mut queries, mut keys, mut values] = [(); 3].map(|()| scratch.zeros(attended.len()));
        let queries_and_keys = queries.par_chunks_mut(per_head).zip(keys.par_chunks_mut(per_head));
        let heads = queries_and_keys.zip(values.par_chunks_mut(per_head)).enumerate();
        heads.for_each(|(index, ((queries, keys), values))| {
            let log_sums = &log_sums[index * seq..][..seq];
            let (out, from_above) = (self.given(attended, index), self.given(from_above, index));
            let mut gradients = HeadGradients { queries, keys, values };
            add_gradients(self.head(qkv, index), out, log_sums, from_above, &mut gradients);
        });
        self.gather(&queries, &keys, &values, gradients);
        [queries, keys, values].into_iter().for_each(|buffer| scratch.give(buffer));
    }

    /// The head at `index` among those of all sequences.
    fn head<'a>(&'a self, qkv: &'a Parts, index: usize) -> Head<'a> {
        let Geometry { num_heads, head_dim, scale, softcap, precision, .. } = self.geometry;
        let (sequence, head) = (index / num_heads, index % num_heads);
        let rows = (sequence * self.layout.seq, self.layout.seq);
        let range = rows.0..rows.0 + rows.1;
        let (key, value) = self.geometry.key_and_value(head);
        Head {
            queries: qkv.matrix(rows, head * head_dim, head_dim),
            keys: qkv.matrix(rows, key, head_dim),
            values: qkv.matrix(rows, value, head_dim),
            scale,
            softcap,
            precision,
            visibility: Visibility {
                offset: 0,
                window: self.window,
                key_mask: self.layout.key_mask.as_ref().map(|mask| &mask[range.clone()]),
                starts: self.layout.starts.as_ref().map(|starts| &starts[range]),
            },
        }
    }

    /// What the head at `index` gave, or the gradient of it, in rows of `query_width`.
    fn given<'a>(&self, rows: &'a [f32], index: usize) -> Matrix<'a> {
        let Geometry { num_heads, head_dim, .. } = self.geometry;
        let (sequence, head, width) = (index / num_heads, index % num_heads, num_heads * head_dim);
        let start = sequence * self.layout.seq * width + head * head_dim;
        Matrix::strided(&rows[start..], self.layout.seq, head_dim, width)
    }

    /// Gradients of all columns, from those of each query head; key and value heads get the sum of
    /// their group.
    fn gather(&self, queries: &[f32], keys: &[f32], values: &[f32], into: &mut Parts) {
        let Geometry { num_heads, head_dim, .. } = self.geometry;
        let (seq, per_head) = (self.layout.seq, self.layout.seq * head_dim);
        let from = |row: usize, head: usize| {
            let (sequence, position) = (row / seq, row % seq);
            let start = (sequence * num_heads + head) * per_head + position * head_dim;
            start..start + head_dim
        };
        let places: Vec<_> = (0..num_heads)
            .map(|head| {
                let (key, value) = self.geometry.key_and_value(head);
                [head * head_dim, key, value].map(|column| into.place(column))
            })
            .collect();
        for (part, (buffer, width)) in into.buffers.iter_mut().zip(&into.widths).enumerate() {
            for_each_row(buffer, *width, |row, row_values| {
                row_values.fill(0.0);
                for (head, places) in places.iter().enumerate() {
                    for ((place, column), source) in places.iter().zip([queries, keys, values]) {
                        if *place == part {
                            let into = &mut row_values[*column..][..head_dim];
                            add(into, &source[from(row, head)]);
                        }
                    }
                }
            });
        }
    }
}

/// `[batch, num_heads, seq, head_dim]` as `[batch * seq, num_heads * head_dim]`.
pub(crate) fn heads_to_rows(
    heads: &[f32],
    rows: &mut [f32],
    num_heads: usize,
    seq: usize,
    head_dim: usize,
) {
    for_each_row(rows, num_heads * head_dim, |row, values| {
        let (sequence, position) = (row / seq, row % seq);
        for (head, into) in values.chunks_mut(head_dim).enumerate() {
            let start = ((sequence * num_heads + head) * seq + position) * head_dim;
            into.copy_from_slice(&heads[start..][..head_dim]);
        }
    });
}
