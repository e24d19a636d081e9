//! Embeddings for `GatherBlockQuantized`, as ONNX Runtime's `quantize_ndarray` makes them with
//! numpy: arithmetic in the type of the matrix, halves to even.

#![expect(clippy::inline_always, reason = "what is not inlined is compiled for SSE2")]

use pulp::Simd;
use rayon::prelude::*;

use crate::block::BlockQuantized;
use crate::error::QuantError;
use crate::grid::{Bits, BlockFormat, Grid};
use crate::int4::Int4Matrix;
use crate::pack;
use crate::range::{greater, lesser, range};
use crate::rows::{Blocks, Encode, Fill, Layout, Scratch};
use crate::scale::ScaleType;

impl Int4Matrix {
    /// Quantizes an embedding `[n, k]` whose row `r` is what `fill(r, row)` writes, with blocks
    /// along axis 1; rows in parallel.
    ///
    /// Weights are rounded to `scale_type`, the type of the matrix, before all else.
    /// Peak memory is the result and some rows per thread, 80 KiB or two rows.
    ///
    /// # Errors
    /// When the block size is unknown or a weight is not finite.
    pub fn for_gather(
        [n, k]: [usize; 2],
        block_size: usize,
        is_symmetric: bool,
        scale_type: ScaleType,
        fill: impl Fn(usize, &mut [f32]) + Sync,
    ) -> Result<Self, QuantError> {
        let format = BlockFormat { bits: Bits::Four, block_size, is_symmetric };
        format.check()?;
        let layout = Layout { k, format, scale_type };
        let blocks = layout.blocks();
        let zero_points = vec![0; (n * blocks).div_ceil(2)];
        let mut result = Self {
            format,
            scale_type,
            shape: [n, k],
            axis: 1,
            codes: vec![0; (n * k).div_ceil(2)],
            scales: vec![0; n * blocks * scale_type.size_bytes()],
            zero_points: (!is_symmetric).then_some(zero_points),
        };
        if k > 0 {
            result.encode_rows(layout, &fill)?;
        }
        Ok(result)
    }

    fn encode_rows(&mut self, layout: Layout, fill: &Fill<'_>) -> Result<(), QuantError> {
        let ([n, k], rows, blocks) = (self.shape, layout.task_rows(), layout.blocks());
        let is_signed = layout.format.is_symmetric;
        let mut unused = Vec::new();
        let zero_points = self.zero_points.as_mut().unwrap_or_else(|| {
            unused = vec![0; (n * blocks).div_ceil(2)];
            &mut unused
        });
        self.codes
            .par_chunks_mut(rows * k / 2)
            .zip(self.scales.par_chunks_mut(rows * blocks * self.scale_type.size_bytes()))
            .zip(zero_points.par_chunks_mut(rows * blocks / 2))
            .enumerate()
            .try_for_each_init(
                || (Scratch::new(layout), vec![0; rows * k]),
                |(scratch, unpadded), (task, ((codes, scales), zero_points))| {
                    let first = task * rows;
                    let count = rows.min(n - first);
                    scratch.run((first, count), Numpy { is_signed }, fill)?;
                    let padded = scratch.codes.chunks_exact(layout.padded());
                    for (unpadded, padded) in unpadded.chunks_exact_mut(k).zip(padded) {
                        unpadded.copy_from_slice(&padded[..k]);
                    }
                    pack::pack_all(&unpadded[..count * k], codes);
                    layout.scale_type.write(&scratch.scales, scales);
                    pack::pack_all(&scratch.zero_points, zero_points);
                    Ok(())
                },
            )
    }
}

impl BlockQuantized {
    /// Quantizes an embedding `[n, k]` as [`Int4Matrix::for_gather`] does, with 4 or 8 bits, as
    /// `GatherBlockQuantized` takes it of bytes: [`BlockQuantized::unpadded_codes`].
    ///
    /// # Errors
    /// When the block size is unknown or a weight is not finite.
    pub fn for_gather(
        [n, k]: [usize; 2],
        format: BlockFormat,
        scale_type: ScaleType,
        fill: impl Fn(usize, &mut [f32]) + Sync,
    ) -> Result<Self, QuantError> {
        Self::encode_embedding([n, k], format, scale_type, &fill)
    }

    fn encode_embedding(
        shape: [usize; 2],
        format: BlockFormat,
        scale_type: ScaleType,
        fill: &Fill<'_>,
    ) -> Result<Self, QuantError> {
        Self::encode(shape, format, scale_type, Numpy { is_signed: false }, fill)
    }

    /// Codes `[n, ceil(k * bits / 8)]` without the filling of last blocks.
    pub fn unpadded_codes(&self) -> Vec<u8> {
        let padded = self.format.blocks(self.k) * self.format.block_bytes();
        let rows = self.qweight.chunks_exact(padded.max(1));
        rows.flat_map(|row| &row[..self.format.bits.bytes(self.k)]).copied().collect()
    }
}

/// The arithmetic of numpy.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Numpy {
    /// Whether codes are in two's complement; else the middle of a symmetric grid is 8 or 128.
    pub(crate) is_signed: bool,
}

impl Encode for Numpy {
    #[inline(always)]
    fn encode<S: Simd>(self, _: S, blocks: Blocks<'_>) {
        let Blocks { layout, weights, codes, scales, zero_points } = blocks;
        let BlockFormat { bits, block_size, is_symmetric } = layout.format;
        let mut positions = vec![0.0; block_size];
        // numpy divides bf16 in f32.
        let of_steps = match layout.scale_type {
            ScaleType::F32 | ScaleType::Bf16 => ScaleType::F32,
            ScaleType::F16 => ScaleType::F16,
        };
        let (lowest, middle) =
            if is_symmetric { (-f32::from(bits.middle()), 0) } else { (0.0, bits.middle()) };
        let offset = if is_symmetric && !self.is_signed { bits.middle() } else { 0 };
        let pairs = weights.chunks_exact(block_size).zip(codes.chunks_exact_mut(block_size));
        for (index, (weights, codes)) in pairs.enumerate() {
            let length = layout.block_len(index);
            let (codes, filling) = codes.split_at_mut(length);
            let grid = grid(&weights[..length], layout, of_steps);
            if grid.scale == 0.0 {
                codes.fill(middle + offset);
            } else {
                let positions = &mut positions[..length];
                divide(weights, grid, of_steps, positions);
                let highest = lowest + f32::from(bits.last_code());
                for (code, position) in codes.iter_mut().zip(positions) {
                    let nearest = round(position.clamp(lowest, highest));
                    *code = nearest.wrapping_add(offset) & bits.last_code();
                }
            }
            filling.fill(0);
            scales[index] = layout.scale_type.round(grid.scale);
            zero_points[index] = grid.zero_point;
        }
    }
}

/// Where `weights` lie on the grid.
#[inline(always)]
fn divide(weights: &[f32], grid: Grid, of_steps: ScaleType, positions: &mut [f32]) {
    for (position, weight) in positions.iter_mut().zip(weights) {
        *position = weight / grid.scale;
    }
    of_steps.round_all(positions);
    let zero_point = f32::from(grid.zero_point);
    for position in positions.iter_mut() {
        *position += zero_point;
    }
    of_steps.round_all(positions);
}

/// Smallest and largest weight decide on the grid.
#[inline(always)]
fn grid(weights: &[f32], layout: Layout, of_steps: ScaleType) -> Grid {
    let (min, max) = range(weights);
    let bits = layout.format.bits;
    if layout.format.is_symmetric {
        let extreme = if max.abs() > min.abs() { max } else { min };
        let scale = of_steps.round(extreme / -f32::from(bits.middle()));
        return Grid { scale, zero_point: 0 };
    }
    let (min, max) = (lesser(min, 0.0), greater(max, 0.0));
    let last_code = f32::from(bits.last_code());
    let scale = of_steps.round(layout.scale_type.round(max - min) / last_code);
    if scale == 0.0 {
        return Grid { scale, zero_point: bits.middle() };
    }
    Grid { scale, zero_point: round(of_steps.round(-min / scale).clamp(0.0, last_code)) }
}

/// The low byte of the nearest integer, halves to even: the addition rounds.
#[inline(always)]
fn round(value: f32) -> u8 {
    const NO_FRACTION: f32 = 12_582_912.0; // 1.5 * 2^23
    (value + NO_FRACTION).to_bits().to_le_bytes()[0]
}
