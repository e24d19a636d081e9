//! The default rounding, as MLAS's `BlockwiseQuantizer` does it: f32 arithmetic, halves away from
//! zero, padding outside the range and with code 0.

use crate::grid::{BlockFormat, Grid};

/// Quantizes the first `length` of `weights` into `codes`; the codes after them become 0.
pub(crate) fn quantize(
    weights: &[f32],
    length: usize,
    format: BlockFormat,
    codes: &mut [u8],
) -> Grid {
    let range = Range::of(&weights[..length]);
    let grid = if format.is_symmetric { range.symmetric(format) } else { range.asymmetric(format) };
    let reciprocal = if grid.scale == 0.0 { 0.0 } else { 1.0 / grid.scale };
    let zero_point = f32::from(grid.zero_point);
    let last_code = f32::from(format.bits.last_code());
    for (code, weight) in codes.iter_mut().zip(weights) {
        *code = round((weight * reciprocal + zero_point).clamp(0.0, last_code));
    }
    codes[length..].fill(0);
    grid
}

/// Smallest and largest weight of a block.
struct Range {
    min: f32,
    max: f32,
}

impl Range {
    fn of(weights: &[f32]) -> Self {
        const LANES: usize = 8;
        let (mut min, mut max) = ([f32::MAX; LANES], [f32::MIN; LANES]);
        let (lanes, rest) = weights.as_chunks::<LANES>();
        for weights in lanes {
            for lane in 0..LANES {
                min[lane] = min[lane].min(weights[lane]);
                max[lane] = max[lane].max(weights[lane]);
            }
        }
        Self {
            min: min.iter().chain(rest).copied().fold(f32::MAX, f32::min),
            max: max.iter().chain(rest).copied().fold(f32::MIN, f32::max),
        }
    }

    /// The extreme of larger magnitude, the minimum on a tie, lands on code 0.
    fn symmetric(&self, format: BlockFormat) -> Grid {
        let extreme = if self.max.abs() > self.min.abs() { self.max } else { self.min };
        let middle = format.bits.middle();
        Grid { scale: extreme / -f32::from(middle), zero_point: middle }
    }

    /// The range, widened to hold 0, spans all codes.
    fn asymmetric(&self, format: BlockFormat) -> Grid {
        let (min, max) = (self.min.min(0.0), self.max.max(0.0));
        let last_code = f32::from(format.bits.last_code());
        let scale = (max - min) / last_code;
        let zero_point = if scale == 0.0 { min } else { 0.0 - min / scale };
        Grid { scale, zero_point: round(zero_point.clamp(0.0, last_code)) }
    }
}

/// Nearest integer of a value in `0.0..=255.0`, halves up.
///
/// The sum has no fraction bits left, so the addition rounds, halves to even, and its last byte is
/// the integer; a half that went down goes up again. Unlike `f32::round` this compiles to vector
/// instructions on every x86-64.
fn round(value: f32) -> u8 {
    const NO_FRACTION: f32 = 12_582_912.0; // 1.5 * 2^23
    let even = value + NO_FRACTION;
    let up = if value - (even - NO_FRACTION) >= 0.5 { even + 1.0 } else { even };
    up.to_bits().to_le_bytes()[0]
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
            }
        }
    }
}
