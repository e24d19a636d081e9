//! Matrices for `DequantizeLinear` before a `MatMul`, as ONNX Runtime's
//! `quantize_qdq_matmul_4bits` packs them.

use rayon::prelude::*;

use crate::block::BlockQuantized;
use crate::error::QuantError;
use crate::grid::{Bits, BlockFormat};
use crate::int4::Int4Matrix;
use crate::mlas::MlasQdq;
use crate::pack;
use crate::rows::Fill;
use crate::scale::ScaleType;

/// Rows of the result that are made at once, an even number: a cache line of codes.
const TASK_ROWS: usize = 64;

impl Int4Matrix {
    /// Quantizes a matrix `[n, k]` whose row `r` is what `fill(r, row)` writes, and lays it out as
    /// `[k, n]` with blocks along axis 0, as a `MatMul` wants it; rows in parallel.
    ///
    /// Weights are rounded to `scale_type`, the type of the matrix, before all else.
    /// Peak memory is twice the result and some rows per thread, 80 KiB or two rows.
    ///
    /// # Errors
    /// When the block size is unknown or a weight is not finite.
    pub fn for_matmul(
        [n, k]: [usize; 2],
        block_size: usize,
        is_symmetric: bool,
        scale_type: ScaleType,
        fill: impl Fn(usize, &mut [f32]) + Sync,
    ) -> Result<Self, QuantError> {
        let format = BlockFormat { bits: Bits::Four, block_size, is_symmetric };
        Self::encode_transposed([n, k], format, scale_type, &fill)
    }

    fn encode_transposed(
        shape: [usize; 2],
        format: BlockFormat,
        scale_type: ScaleType,
        fill: &Fill<'_>,
    ) -> Result<Self, QuantError> {
        Ok(BlockQuantized::encode(shape, format, scale_type, MlasQdq, fill)?.transposed())
    }
}

impl BlockQuantized {
    /// The same codes as a matrix `[k, n]`.
    fn transposed(&self) -> Int4Matrix {
        let blocks = self.format.blocks(self.k);
        let zero_points = self.zero_points.as_ref().map(|zero_points| {
            let row_bytes = self.format.zero_point_bytes(self.k);
            transposed(zero_points, row_bytes, [self.n, blocks], 0)
        });
        // In two's complement a code lies 8 lower.
        let flip = if self.format.is_symmetric { 0x88 } else { 0 };
        let row_bytes = blocks * self.format.block_bytes();
        Int4Matrix {
            format: self.format,
            scale_type: self.scale_type,
            shape: [self.k, self.n],
            axis: 0,
            codes: transposed(&self.qweight, row_bytes, [self.n, self.k], flip),
            scales: self.transposed_scales(blocks),
            zero_points,
        }
    }

    fn transposed_scales(&self, blocks: usize) -> Vec<u8> {
        let size = self.scale_type.size_bytes();
        let mut scales = Vec::with_capacity(self.scales.len());
        for block in 0..blocks {
            for row in 0..self.n {
                scales.extend_from_slice(&self.scales[(row * blocks + block) * size..][..size]);
            }
        }
        scales
    }
}

/// Nibbles `[n, k]`, of which a row begins every `row_bytes`, as nibbles `[k, n]` without gaps,
/// with the bits of `flip` turned over.
fn transposed(nibbles: &[u8], row_bytes: usize, [n, k]: [usize; 2], flip: u8) -> Vec<u8> {
    let mut result = vec![0; (n * k).div_ceil(2)];
    if n % 2 == 0 {
        let tasks = result.par_chunks_mut((TASK_ROWS * n / 2).max(1)).enumerate();
        tasks.for_each(|(task, bytes)| {
            transpose_pairs(nibbles, row_bytes, task * TASK_ROWS / 2, bytes, n / 2);
        });
        for byte in &mut result {
            *byte ^= flip;
        }
        return result;
    }
    for column in 0..k {
        for row in 0..n {
            let code = pack::get(Bits::Four, &nibbles[row * row_bytes..], column) ^ (flip & 15);
            let at = column * n + row;
            result[at / 2] |= code << (4 * (at % 2));
        }
    }
    result
}

/// Writes rows of `pairs` bytes: columns of `nibbles` from that of the byte at `first` on.
fn transpose_pairs(nibbles: &[u8], row_bytes: usize, first: usize, into: &mut [u8], pairs: usize) {
    let count = (into.len() / pairs).div_ceil(2);
    for (pair, rows) in nibbles.chunks_exact(2 * row_bytes).enumerate() {
        let (upper, lower) = rows.split_at(row_bytes);
        let bytes = upper[first..][..count].iter().zip(&lower[first..][..count]);
        for (rows, (upper, lower)) in into.chunks_mut(2 * pairs).zip(bytes) {
            rows[pair] = upper & 0x0f | lower << 4;
            if let Some(second) = rows.get_mut(pairs + pair) {
                *second = upper >> 4 | lower & 0xf0;
            }
        }
    }
}
