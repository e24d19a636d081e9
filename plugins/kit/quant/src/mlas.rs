//! The default rounding, as MLAS's `BlockwiseQuantizer` does it: f32 arithmetic, halves away from
//! zero, padding outside the range and with code 0.

#![expect(clippy::inline_always, reason = "what is not inlined is compiled for SSE2")]

use pulp::Simd;

use crate::grid::{BlockFormat, Grid};
use crate::range::{greater, lesser, range};
use crate::rows::{Blocks, Encode};
use crate::scale::ScaleType;

/// [`Rounding::Default`](crate::Rounding::Default).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mlas;

/// The same for `DequantizeLinear`: what is rounded does not yet hold the zero point, so that
/// other halves go up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MlasQdq;

impl Encode for Mlas {
    #[inline(always)]
    fn encode<S: Simd>(self, _: S, blocks: Blocks<'_>) {
        encode::<false>(blocks);
    }
}

impl Encode for MlasQdq {
    #[inline(always)]
    fn encode<S: Simd>(self, _: S, blocks: Blocks<'_>) {
        encode::<true>(blocks);
    }
}

#[inline(always)]
fn encode<const IS_QDQ: bool>(blocks: Blocks<'_>) {
    let Blocks { layout, weights, codes, scales, zero_points } = blocks;
    let size = layout.format.block_size;
    let pairs = weights.chunks_exact(size).zip(codes.chunks_exact_mut(size));
    for (index, (weights, codes)) in pairs.enumerate() {
        let length = layout.block_len(index);
        let (min, max) = range(&weights[..length]);
        let grid = grid(min, max, layout.format);
        let scale = match layout.scale_type {
            // Scales of bf16 are rounded after all is done.
            ScaleType::F32 | ScaleType::Bf16 => grid.scale,
            ScaleType::F16 => ScaleType::F16.round(grid.scale),
        };
        quantize::<IS_QDQ>(weights, scale, grid.zero_point, layout.format, codes);
        codes[length..].fill(0);
        scales[index] = layout.scale_type.round(scale);
        zero_points[index] = grid.zero_point;
    }
}

/// Rounds `weights` to the grid of `scale` and `zero_point`.
#[inline(always)]
fn quantize<const IS_QDQ: bool>(
    weights: &[f32],
    scale: f32,
    zero_point: u8,
    format: BlockFormat,
    codes: &mut [u8],
) {
    let reciprocal = if scale == 0.0 { 0.0 } else { 1.0 / scale };
    let zero_point = f32::from(zero_point);
    let last_code = f32::from(format.bits.last_code());
    for (code, weight) in codes.iter_mut().zip(weights) {
        let steps = weight * reciprocal;
        let steps = if IS_QDQ { nearest(steps) } else { steps };
        *code = round((steps + zero_point).clamp(0.0, last_code));
    }
}

#[inline(always)]
fn grid(min: f32, max: f32, format: BlockFormat) -> Grid {
    if format.is_symmetric { symmetric(min, max, format) } else { asymmetric(min, max, format) }
}

/// The extreme of larger magnitude, the minimum on a tie, lands on code 0.
#[inline(always)]
fn symmetric(min: f32, max: f32, format: BlockFormat) -> Grid {
    let extreme = if max.abs() > min.abs() { max } else { min };
    let middle = format.bits.middle();
    Grid { scale: extreme / -f32::from(middle), zero_point: middle }
}

/// The range, widened to hold 0, spans all codes.
#[inline(always)]
fn asymmetric(min: f32, max: f32, format: BlockFormat) -> Grid {
    let (min, max) = (lesser(min, 0.0), greater(max, 0.0));
    let last_code = f32::from(format.bits.last_code());
    let scale = (max - min) / last_code;
    let zero_point = if scale == 0.0 { min } else { 0.0 - min / scale };
    Grid { scale, zero_point: round(zero_point.clamp(0.0, last_code)) }
}

/// Nearest integer of a value in `0.0..=255.0`, halves up.
#[inline(always)]
fn round(value: f32) -> u8 {
    without_fraction(value).to_bits().to_le_bytes()[0]
}

/// Nearest integer, halves away from zero; at most 255 from it.
#[inline(always)]
fn nearest(value: f32) -> f32 {
    (without_fraction(value.abs().min(255.0)) - NO_FRACTION).copysign(value)
}

/// 1.5 * 2^23: a sum with it has no fraction bits left.
const NO_FRACTION: f32 = 12_582_912.0;

/// The nearest integer of a value in `0.0..=255.0`, halves up, more than [`NO_FRACTION`], so that
/// its last byte is the integer.
///
/// The addition rounds, halves to even, and a half that went down goes up again. Unlike
/// `f32::round` this compiles to vector instructions on every x86-64.
#[inline(always)]
fn without_fraction(value: f32) -> f32 {
    let even = value + NO_FRACTION;
    if value - (even - NO_FRACTION) >= 0.5 { even + 1.0 } else { even }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_equals_the_standard_librarys() {
        for half in 0..=510_u16 {
            let value = f32::from(half) / 2.0;
            for near in [value.next_down().max(0.0), value, value.next_up().min(255.0)] {
                assert_eq!(f32::from(round(near)).to_bits(), near.round().to_bits(), "{near:?}");
                assert_eq!(nearest(-near).to_bits(), (-near).round().to_bits(), "{near:?}");
            }
        }
    }
}
