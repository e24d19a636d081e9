//! Rotary grouped-query attention of whole sequences.
//!
//! Ainslie et al., "GQA" (2023): query head `h` shares key and value head `h / group`.

use std::cell::RefCell;
use std::ops::Range;

use olive_kit_checkpoint::Decoder;
use olive_kit_kernels::{Matrix, Precision};
use rayon::iter::{IndexedParallelIterator, ParallelIterator};
use rayon::slice::ParallelSliceMut;

use crate::attention::{Buffers, Given, Group, GroupGradients, Visibility};
use crate::parts::Parts;
use crate::rotary::{RotaryTables, Turn};
use crate::rows::for_each_row;
use crate::scratch::Scratch;

/// Rows of scores, one for each position and head of a group, that are computed at once: enough to
/// make up for packing keys and values, few enough that causality saves nearly half of the work.
const STACKED_ROWS: usize = 128;

/// Parts the blocks of one group are shared out in by a backward, each with gradients of its own
/// for keys and values; fixed, so that the number of threads changes no bit.
const PARTS: usize = 2;

thread_local! {
    static BUFFERS: RefCell<Buffers> = RefCell::default();
}

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

    /// Width of the query heads that share a key head.
    pub(crate) fn group_width(self) -> usize {
        self.group() * self.head_dim
    }

    /// First columns of the queries, the key and the value of a group.
    pub(crate) fn columns(self, group: usize) -> [usize; 3] {
        let key = self.query_width() + group * self.head_dim;
        [group * self.group_width(), key, key + self.kv_width()]
    }

    /// Positions that are computed at once.
    pub(crate) fn block(self) -> usize {
        (STACKED_ROWS / self.group()).next_power_of_two().clamp(16, STACKED_ROWS)
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
    /// of each softmax denominator, `[rows, num_heads]`, for the backward.
    pub(crate) fn forward(&self, qkv: &Parts, attended: &mut [f32], log_sums: &mut [f32]) {
        let Geometry { num_heads, num_kv_heads, head_dim, .. } = self.geometry;
        let (seq, width) = (self.layout.seq, self.geometry.query_width());
        let of_sequences = attended.par_chunks_mut(seq * width);
        let of_sequences = of_sequences.zip(log_sums.par_chunks_mut(seq * num_heads)).enumerate();
        of_sequences.for_each(|(sequence, (attended, log_sums))| {
            let block = self.geometry.block();
            let blocks = attended.par_chunks_mut(block * width);
            let blocks = blocks.zip(log_sums.par_chunks_mut(block * num_heads)).enumerate();
            blocks.with_max_len(1).for_each(|(index, (attended, log_sums))| {
                let positions = index * block..index * block + attended.len() / width;
                for group in 0..num_kv_heads {
                    let (heads, first) =
                        (self.group(qkv, sequence, group), group * self.geometry.group());
                    with_buffers(|buffers| {
                        heads.attend(positions.clone(), buffers, |row, head, out, log_sum| {
                            let head = first + head;
                            attended[row * width + head * head_dim..][..head_dim]
                                .copy_from_slice(out);
                            log_sums[row * num_heads + head] = log_sum;
                        });
                    });
                }
            });
        });
    }

    /// Writes the gradients of rotated queries and keys and of values, from that of the attention.
    pub(crate) fn backward(
        &self,
        (qkv, attended, log_sums): (&Parts, &[f32], &[f32]),
        from_above: &[f32],
        gradients: &mut Parts,
        scratch: &mut Scratch,
    ) {
        let shares = Shares::new(self.geometry, self.layout.seq);
        let num_tasks = attended.len() / (self.layout.seq * self.geometry.group_width()) * PARTS;
        let mut queries = scratch.take(num_tasks * shares.query_values);
        let mut keys = scratch.zeros(num_tasks * shares.key_values);
        let mut values = scratch.zeros(num_tasks * shares.key_values);
        let tasks = queries.par_chunks_mut(shares.query_values);
        let tasks = tasks.zip(keys.par_chunks_mut(shares.key_values));
        let tasks = tasks.zip(values.par_chunks_mut(shares.key_values)).enumerate();
        tasks.with_max_len(1).for_each(|(task, ((queries, keys), values))| {
            let (sequence, group, part) = shares.place(task);
            let heads = self.group(qkv, sequence, group);
            let given = Given {
                out: self.given(attended, sequence, group),
                from_above: self.given(from_above, sequence, group),
                log_sums: self.log_sums(log_sums, sequence),
                first_head: group * self.geometry.group(),
            };
            for (index, positions) in shares.blocks(part).enumerate() {
                let start = index * shares.block * self.geometry.group_width();
                let len = positions.len() * self.geometry.group_width();
                let queries = &mut queries[start..start + len];
                let mut gradients = GroupGradients { queries, keys, values };
                with_buffers(|buffers| {
                    heads.add_gradients(positions, given, &mut gradients, buffers);
                });
            }
        });
        self.gather(&shares, [&queries, &keys, &values], gradients);
        scratch.give_all([queries, keys, values]);
    }

    /// The heads of one group of one sequence.
    fn group<'a>(&'a self, qkv: &'a Parts, sequence: usize, group: usize) -> Group<'a> {
        let Geometry { head_dim, scale, softcap, precision, .. } = self.geometry;
        let rows = (sequence * self.layout.seq, self.layout.seq);
        let range = rows.0..rows.0 + rows.1;
        let [query, key, value] = self.geometry.columns(group);
        Group {
            queries: qkv.matrix(rows, query, self.geometry.group_width()),
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

    /// The columns of a group in what attention gave, or in the gradient of it.
    fn given<'a>(&self, rows: &'a [f32], sequence: usize, group: usize) -> Matrix<'a> {
        let (seq, width) = (self.layout.seq, self.geometry.query_width());
        let start = sequence * seq * width + group * self.geometry.group_width();
        Matrix::strided(&rows[start..], seq, self.geometry.group_width(), width)
    }

    fn log_sums<'a>(&self, log_sums: &'a [f32], sequence: usize) -> Matrix<'a> {
        let (seq, num_heads) = (self.layout.seq, self.geometry.num_heads);
        Matrix::new(&log_sums[sequence * seq * num_heads..][..seq * num_heads], seq, num_heads)
    }

    /// Puts the gradients of all tasks into columns; those of keys and values are summed.
    fn gather(&self, shares: &Shares, [queries, keys, values]: [&[f32]; 3], into: &mut Parts) {
        let Geometry { num_kv_heads, head_dim, .. } = self.geometry;
        let (seq, heads) = (self.layout.seq, self.geometry.group());
        let places: Vec<[(usize, usize); 3]> = (0..num_kv_heads)
            .map(|group| self.geometry.columns(group).map(|column| into.place(column)))
            .collect();
        for (part, (buffer, width)) in into.buffers.iter_mut().zip(&into.widths).enumerate() {
            for_each_row(buffer, *width, |row, row_values| {
                let (sequence, position) = (row / seq, row % seq);
                for (group, [query, key, value]) in places.iter().enumerate() {
                    if query.0 == part {
                        let from = shares.queries(queries, (sequence, group), position, heads);
                        let into = row_values[query.1..].chunks_mut(head_dim);
                        into.zip(from).for_each(|(into, from)| into.copy_from_slice(from));
                    }
                    for (place, source) in [(key, keys), (value, values)] {
                        if place.0 == part {
                            let into = &mut row_values[place.1..][..head_dim];
                            shares.sum_keys(source, (sequence, group), position, into);
                        }
                    }
                }
            });
        }
    }
}

/// How a backward is shared out: each task has every `PARTS`-th block of one group of one sequence.
struct Shares {
    block: usize,
    seq: usize,
    head_dim: usize,
    num_groups: usize,
    /// Values of the gradients of queries that a task has room for.
    query_values: usize,
    /// Values of the gradients of keys, and of values, `[head_dim, seq]`.
    key_values: usize,
}

impl Shares {
    fn new(geometry: Geometry, seq: usize) -> Self {
        let block = geometry.block();
        let blocks = seq.div_ceil(block).div_ceil(PARTS);
        Self {
            block,
            seq,
            head_dim: geometry.head_dim,
            num_groups: geometry.num_kv_heads,
            query_values: blocks * block * geometry.group_width(),
            key_values: geometry.head_dim * seq,
        }
    }

    /// Sequence, group and part of a task.
    fn place(&self, task: usize) -> (usize, usize, usize) {
        let group = task / PARTS;
        (group / self.num_groups, group % self.num_groups, task % PARTS)
    }

    /// The positions of each block of a part.
    fn blocks(&self, part: usize) -> impl Iterator<Item = Range<usize>> + use<> {
        let (block, seq) = (self.block, self.seq);
        let starts = (part * block..seq).step_by(PARTS * block);
        starts.map(move |start| start..(start + block).min(seq))
    }

    /// The gradients of the queries of one position, head after head.
    fn queries<'a>(
        &self,
        queries: &'a [f32],
        (sequence, group): (usize, usize),
        position: usize,
        heads: usize,
    ) -> impl Iterator<Item = &'a [f32]> + use<'a> {
        let (block, head_dim) = (position / self.block, self.head_dim);
        let task = (sequence * self.num_groups + group) * PARTS + block % PARTS;
        let start = task * self.query_values + block / PARTS * self.block * heads * head_dim;
        let count = self.block.min(self.seq - block * self.block);
        let row = position - block * self.block;
        (0..heads).map(move |head| &queries[start + (head * count + row) * head_dim..][..head_dim])
    }

    /// The gradient of the key, or of the value, at one position.
    fn sum_keys(
        &self,
        keys: &[f32],
        (sequence, group): (usize, usize),
        position: usize,
        into: &mut [f32],
    ) {
        let task = (sequence * self.num_groups + group) * PARTS;
        for (dim, into) in into.iter_mut().enumerate() {
            let of_part = |part| keys[(task + part) * self.key_values + dim * self.seq + position];
            *into = (0..PARTS).map(of_part).sum();
        }
    }
}

/// Lends the memory of the calling thread.
pub(crate) fn with_buffers<T>(work: impl FnOnce(&mut Buffers) -> T) -> T {
    BUFFERS.with_borrow_mut(work)
}
