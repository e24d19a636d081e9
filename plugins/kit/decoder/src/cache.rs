//! Keys and values of a sequence, kept between steps of generation.

use candle_core::{Device, Result, Tensor};
use olive_kit_checkpoint::Decoder;
use olive_kit_checkpoint::rope::{Rope, RopeScaling};
use rayon::iter::{IndexedParallelIterator, ParallelIterator};
use rayon::slice::ParallelSliceMut;

use crate::attention::{Head, Visibility, attend};
use crate::error::DecoderError;
use crate::ops::attention::{Geometry, heads_to_rows};
use crate::rotary::{RotaryTables, Turn};
use crate::values::borrow;
use olive_kit_kernels::product::Matrix;

/// Keys and values of one sequence for every layer of a model, rotated.
///
/// It grows by `2 * kv_width` floats per layer and token.
#[derive(Debug, Clone)]
pub struct KvCache {
    geometry: Geometry,
    tokens: Vec<u32>,
    layers: Vec<LayerCache>,
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
        Self { geometry: Geometry::of(decoder), tokens: Vec::new(), layers }
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

    pub(crate) fn check(&self, num_layers: usize) -> std::result::Result<(), DecoderError> {
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

    /// Appends `tokens`, whose keys and values follow layer by layer, and gives their rotary tables.
    pub(crate) fn append(&mut self, tokens: &[u32], rope: &Rope) -> RotaryTables {
        let first = self.tokens.len();
        self.tokens.extend(tokens);
        RotaryTables::new(rope, first..self.tokens.len(), self.tokens.len())
    }

    /// Attention of the appended tokens in one layer, `[tokens, query_width]`, from their queries,
    /// keys and values, `[tokens, query_width + 2 * kv_width]`.
    pub(crate) fn attend(
        &mut self,
        layer: usize,
        qkv: &Tensor,
        tables: &RotaryTables,
    ) -> Result<Tensor> {
        let (geometry, new) = (self.geometry, qkv.dim(0)?);
        let (width, head_dim) = (geometry.width(), geometry.head_dim);
        let mut rows = borrow(qkv)?.to_vec();
        tables.rotate(&mut rows, width, geometry.rotated(), new, Turn::Forward);
        let layer = &mut self.layers[layer];
        for row in rows.chunks(width) {
            let (keys, values) = row[geometry.query_width()..].split_at(geometry.kv_width());
            append_heads(&mut layer.keys, keys, head_dim);
            append_heads(&mut layer.values, values, head_dim);
        }
        let visibility =
            Visibility { offset: self.tokens.len() - new, window: geometry.window, key_mask: None };
        let mut heads = vec![0.0; new * geometry.query_width()];
        heads.par_chunks_mut(new * head_dim).enumerate().for_each(|(head, out)| {
            let kv_head = head / geometry.group();
            attend(
                Head {
                    queries: Matrix::strided(&rows[head * head_dim..], new, head_dim, width),
                    keys: whole(&layer.keys[kv_head], head_dim),
                    values: whole(&layer.values[kv_head], head_dim),
                    scale: geometry.scale(),
                    visibility,
                },
                out,
                None,
            );
        });
        let rows = heads_to_rows(&heads, geometry.num_heads, new, head_dim);
        Tensor::from_vec(rows, (new, geometry.query_width()), &Device::Cpu)
    }
}

fn append_heads(heads: &mut [Vec<f32>], row: &[f32], head_dim: usize) {
    for (head, values) in heads.iter_mut().zip(row.chunks(head_dim)) {
        head.extend_from_slice(values);
    }
}

fn whole(values: &[f32], head_dim: usize) -> Matrix<'_> {
    Matrix::new(values, values.len() / head_dim, head_dim)
}
