//! The `rtn` rounding, as ONNX Runtime's port of Neural Compressor does it: ranges in the type of
//! the matrix, then f64 arithmetic, halves to even, padding quantized like weights of 0.

#![expect(clippy::inline_always, reason = "what is not inlined is compiled for SSE2")]

use pulp::Simd;

use crate::grid::{BlockFormat, Grid};
use crate::range::range;
use crate::rows::{Blocks, Encode};
use crate::scale::ScaleType;

/// [`Rounding::Rtn`](crate::Rounding::Rtn).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rtn;

impl Encode for Rtn {
    #[inline(always)]
    fn encode<S: Simd>(self, _: S, blocks: Blocks<'_>) {
        let Blocks { layout, weights, codes, scales, zero_points } = blocks;
        let size = layout.format.block_size;
        let pairs = weights.chunks_exact(size).zip(codes.chunks_exact_mut(size));
        for (index, (weights, codes)) in pairs.enumerate() {
            let grid = quantize(weights, layout.format, layout.scale_type, codes);
            (scales[index], zero_points[index]) = (grid.scale, grid.zero_point);
        }
    }
}

#[inline(always)]
fn quantize(weights: &[f32], format: BlockFormat, scale_type: ScaleType, codes: &mut [u8]) -> Grid {
    let (min, max) = range(weights);
    let last_code = f64::from(format.bits.last_code());
    let span = if format.is_symmetric { min.abs().max(max.abs()) * 2.0 } else { max - min };
    let span = scale_type.round(span);
    let scale = if span == 0.0 { 1.0 } else { f64::from(span) / last_code };
    let zero_point = if format.is_symmetric {
        format.bits.middle()
    } else {
        round((-f64::from(min) / scale).clamp(0.0, last_code))
    };
    encode(weights, scale, zero_point, format, codes);
    Grid { scale: scale_type.round_f64(scale), zero_point }
}

/// Rounds `weights` to the grid of `scale` and `zero_point`.
#[inline(always)]
pub(crate) fn encode(
    weights: &[f32],
    scale: f64,
    zero_point: u8,
    format: BlockFormat,
    codes: &mut [u8],
) {
    let last_code = f64::from(format.bits.last_code());
    for (code, &weight) in codes.iter_mut().zip(weights) {
        let position = f64::from(weight) / scale + f64::from(zero_point);
        *code = round(position.clamp(0.0, last_code));
    }
}

/// Nearest integer of a value in `0.0..=255.0`, halves to even; 0 for what is no number.
///
/// The sum has no fraction bits left, so the addition rounds, and its last byte is the integer.
#[inline(always)]
fn round(value: f64) -> u8 {
    const NO_FRACTION: f64 = 6_755_399_441_055_744.0; // 1.5 * 2^52
    (value + NO_FRACTION).to_bits().to_le_bytes()[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_equals_the_standard_librarys() {
        for half in 0..=510_u16 {
            let value = f64::from(half) / 2.0;
            for near in [value.next_down().max(0.0), value, value.next_up().min(255.0)] {
                assert_eq!(
                    f64::from(round(near)).to_bits(),
                    near.round_ties_even().to_bits(),
                    "{near:?}"
                );
            }
        }
    }
}
