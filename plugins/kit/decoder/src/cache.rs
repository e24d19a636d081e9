//! Keys and values of a sequence, kept between steps of generation.

use std::ops::Range;

use olive_kit_checkpoint::Decoder;
use olive_kit_checkpoint::rope::{Rope, RopeScaling};
use olive_kit_kernels::{Matrix, Precision};
use rayon::iter::{IndexedParallelIterator, ParallelIterator};
use rayon::slice::ParallelSliceMut;

use crate::activations::Activations;
use crate::attention::{Group, Visibility};
use crate::error::DecoderError;
use crate::heads::{Attention, Geometry, Layout, with_buffers};
use crate::parts::Parts;
use crate::rotary::{RotaryTables, Turn};
use crate::scratch::Scratch;

/// Keys and values of one sequence for every layer of a model, rotated.
///
/// It grows by `2 * kv_width` floats per layer and token.
#[derive(Debug, Clone)]
pub struct KvCache {
    geometry: Geometry,
    tokens: Vec<u32>,
    layers: Vec<LayerCache>,
    pub(crate) room: DecodingRoom,
}

/// Memory of decoding steps, used again by each.
#[derive(Debug, Clone, Default)]
pub(crate) struct DecodingRoom {
    pub(crate) scratch: Scratch,
    pub(crate) kept: Activations,
}

#[derive(Debug, Clone)]
struct LayerCache {
    /// Keys of each head, `[len, head_dim]`.
    keys: Vec<Vec<f32>>,
    /// Values of each head, `[len, head_dim]`.
    values: Vec<Vec<f32>>,
}

impl KvCache {
    /// An empty cache for a model.
    pub fn new(decoder: &Decoder) -> Self {
        let heads = vec![Vec::new(); decoder.num_kv_heads];
        let layer = LayerCache { keys: heads.clone(), values: heads };
        let layers = vec![layer; decoder.num_layers];
        let room = DecodingRoom::default();
        Self { geometry: Geometry::of(decoder, Precision::F32), tokens: Vec::new(), layers, room }
    }

    /// Tokens in the cache.
    pub fn len(&self) -> usize {
        self.tokens.len()
    }

    /// Whether no token is in the cache.
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// Forgets the sequence but keeps its memory.
    pub fn clear(&mut self) {
        self.tokens.clear();
        for layer in &mut self.layers {
            layer.keys.iter_mut().chain(&mut layer.values).for_each(Vec::clear);
        }
    }

    /// Keeps the first `len` tokens; false where their keys would have other `LongRoPE` factors than
    /// those of a sequence of that length, and nothing is done.
    pub fn truncate(&mut self, len: usize, rope: &Rope) -> bool {
        if let RopeScaling::LongRope(long) = &rope.scaling
            && (len <= long.original_max_positions) != (self.len() <= long.original_max_positions)
        {
            return false;
        }
        self.tokens.truncate(len);
        let width = self.geometry.head_dim;
        for layer in &mut self.layers {
            let heads = layer.keys.iter_mut().chain(&mut layer.values);
            heads.for_each(|head| head.truncate(len * width));
        }
        true
    }

    pub(crate) fn check(&self, num_layers: usize) -> Result<(), DecoderError> {
        let found = self.layers.len();
        if found == num_layers {
            return Ok(());
        }
        Err(DecoderError::CacheOfAnotherModel { found, expected: num_layers })
    }

    /// Empties the cache and gives its tokens when `new` more ones need other `LongRoPE` factors
    /// than its keys carry.
    pub(crate) fn take_outgrown(&mut self, rope: &Rope, new: usize) -> Vec<u32> {
        let RopeScaling::LongRope(long) = &rope.scaling else { return Vec::new() };
        let limit = long.original_max_positions;
        if self.len() > limit || self.len() + new <= limit {
            return Vec::new();
        }
        let tokens = self.tokens.clone();
        self.clear();
        tokens
    }

    /// Appends `tokens`, whose keys and values follow layer by layer, and says where they stand.
    pub(crate) fn append(&mut self, tokens: &[u32], rope: &Rope) -> Layout {
        let first = self.tokens.len();
        self.tokens.extend(tokens);
        Layout {
            seq: tokens.len(),
            positions: (0..).take(tokens.len()).collect(),
            key_mask: None,
            starts: None,
            tables: RotaryTables::new(rope, first..self.tokens.len(), self.tokens.len()),
        }
    }

    /// Rotates queries and keys of the appended tokens in one layer, and writes their attention.
    pub(crate) fn attend(
        &mut self,
        layer: usize,
        (layout, window): (&Layout, Option<usize>),
        kept: &mut Activations,
    ) {
        let (geometry, new) = (self.geometry, layout.seq);
        Attention { geometry, window, layout }.rotate(&mut kept.qkv, Turn::Forward);
        let Activations { qkv, attended, .. } = kept;
        let layer = &mut self.layers[layer];
        layer.append(qkv, new, geometry);
        let offset = self.tokens.len() - new;
        let visibility = Visibility { offset, window, key_mask: None, starts: None };
        let (width, head_dim) = (geometry.query_width(), geometry.head_dim);
        // Writes rows of `width` values, of which the group's start at `column`.
        let of_group =
            |positions: Range<usize>, group: usize, rows: &mut [f32], (width, column)| {
                let heads = layer.group(qkv, (group, new), visibility, geometry);
                with_buffers(|buffers| {
                    heads.attend(positions, buffers, |row, head, out, _| {
                        rows[row * width + column + head * head_dim..][..head_dim]
                            .copy_from_slice(out);
                    });
                });
            };
        if new == 1 {
            let groups = attended.par_chunks_mut(geometry.group_width()).enumerate();
            groups.for_each(|(group, values)| of_group(0..1, group, values, (width, 0)));
            return;
        }
        let block = geometry.block();
        attended.par_chunks_mut(block * width).enumerate().for_each(|(index, rows)| {
            let positions = index * block..index * block + rows.len() / width;
            for group in 0..geometry.num_kv_heads {
                let [column, ..] = geometry.columns(group);
                of_group(positions.clone(), group, rows, (width, column));
            }
        });
    }
}

impl LayerCache {
    /// Appends the rotated keys and the values of `new` tokens.
    fn append(&mut self, qkv: &Parts, new: usize, geometry: Geometry) {
        for group in 0..geometry.num_kv_heads {
            let [_, key, value] = geometry.columns(group);
            for row in 0..new {
                self.keys[group].extend_from_slice(qkv.columns(row, key, geometry.head_dim));
                self.values[group].extend_from_slice(qkv.columns(row, value, geometry.head_dim));
            }
        }
    }

    /// The queries of `new` tokens in one group, over all keys and values of it.
    fn group<'a>(
        &'a self,
        qkv: &'a Parts,
        (group, new): (usize, usize),
        visibility: Visibility<'a>,
        geometry: Geometry,
    ) -> Group<'a> {
        let Geometry { head_dim, scale, softcap, precision, .. } = geometry;
        let [query, ..] = geometry.columns(group);
        Group {
            queries: qkv.matrix((0, new), query, geometry.group_width()),
            keys: whole(&self.keys[group], head_dim),
            values: whole(&self.values[group], head_dim),
            scale,
            softcap,
            precision,
            visibility,
        }
    }
}

fn whole(values: &[f32], head_dim: usize) -> Matrix<'_> {
    Matrix::new(values, values.len() / head_dim, head_dim)
}
