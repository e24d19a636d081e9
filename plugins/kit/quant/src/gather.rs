//! Embeddings for `GatherBlockQuantized`, as ONNX Runtime's `quantize_ndarray` makes them with
//! numpy: arithmetic in the type of the matrix, halves to even.

#![expect(clippy::inline_always, reason = "what is not inlined is compiled for SSE2")]

use pulp::Simd;
use rayon::prelude::*;

use crate::error::QuantError;
use crate::grid::{Bits, BlockFormat, Grid};
use crate::int4::Int4Matrix;
use crate::pack;
use crate::range::{greater, lesser, range};
use crate::rows::{Blocks, Encode, Layout, Scratch};
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
            result.encode_rows(layout, fill)?;
        }
        Ok(result)
    }

    fn encode_rows(
        &mut self,
        layout: Layout,
        fill: impl Fn(usize, &mut [f32]) + Sync,
    ) -> Result<(), QuantError> {
        let ([n, k], rows, blocks) = (self.shape, layout.task_rows(), layout.blocks());
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
                    scratch.run((first, count), Numpy, &fill)?;
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

/// Codes of `INT4` when symmetric, without a zero point, else of `UINT4`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Numpy;

impl Encode for Numpy {
    #[inline(always)]
    fn encode<S: Simd>(self, _: S, blocks: Blocks<'_>) {
        let Blocks { layout, weights, codes, scales, zero_points } = blocks;
        let size = layout.format.block_size;
        let mut positions = vec![0.0; size];
        // numpy divides bf16 in f32.
        let of_steps = match layout.scale_type {
            ScaleType::F32 | ScaleType::Bf16 => ScaleType::F32,
            ScaleType::F16 => ScaleType::F16,
        };
        let pairs = weights.chunks_exact(size).zip(codes.chunks_exact_mut(size));
        for (index, (weights, codes)) in pairs.enumerate() {
            let weights = &weights[..layout.block_len(index)];
            let grid = grid(weights, layout, of_steps);
            if grid.scale == 0.0 {
                codes.fill(grid.zero_point);
            } else {
                let positions = &mut positions[..weights.len()];
                divide(weights, grid, of_steps, positions);
                round_all(positions, layout.format.is_symmetric, codes);
            }
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

/// Nearest codes: from -8 to 7 in two's complement, or from 0 to 15.
#[inline(always)]
fn round_all(positions: &[f32], is_signed: bool, codes: &mut [u8]) {
    let (lowest, highest) = if is_signed { (-8.0, 7.0) } else { (0.0, 15.0) };
    for (code, position) in codes.iter_mut().zip(positions) {
        *code = round(position.clamp(lowest, highest));
    }
}

/// Smallest and largest weight decide on the grid.
#[inline(always)]
fn grid(weights: &[f32], layout: Layout, of_steps: ScaleType) -> Grid {
    let (min, max) = range(weights);
    if layout.format.is_symmetric {
        let extreme = if max.abs() > min.abs() { max } else { min };
        return Grid { scale: of_steps.round(extreme / -8.0), zero_point: 0 };
    }
    let (min, max) = (lesser(min, 0.0), greater(max, 0.0));
    let scale = of_steps.round(layout.scale_type.round(max - min) / 15.0);
    if scale == 0.0 {
        return Grid { scale, zero_point: 8 };
    }
    Grid { scale, zero_point: round(of_steps.round(-min / scale).clamp(0.0, 15.0)) }
}

/// The low 4 bits of the nearest integer, halves to even: the addition rounds.
#[inline(always)]
fn round(value: f32) -> u8 {
    const NO_FRACTION: f32 = 12_582_912.0; // 1.5 * 2^23
    (value + NO_FRACTION).to_bits().to_le_bytes()[0] & 15
}
