//! The `rtn` rounding, as ONNX Runtime's port of Neural Compressor does it: f64 arithmetic, halves
//! to even, padding quantized like weights of 0.

use crate::grid::{BlockFormat, Grid};

/// Quantizes `weights`, padding included, into `codes`.
pub(crate) fn quantize(weights: &[f32], format: BlockFormat, codes: &mut [u8]) -> Grid {
    let min = weights.iter().copied().fold(f32::MAX, f32::min);
    let max = weights.iter().copied().fold(f32::MIN, f32::max);
    let last_code = f64::from(format.bits.last_code());
    let span = if format.is_symmetric { min.abs().max(max.abs()) * 2.0 } else { max - min };
    let scale = if span == 0.0 { 1.0 } else { f64::from(span) / last_code };
    let zero_point = if format.is_symmetric {
        format.bits.middle()
    } else {
        round((-f64::from(min) / scale).clamp(0.0, last_code))
    };
    for (code, &weight) in codes.iter_mut().zip(weights) {
        let position = f64::from(weight) / scale + f64::from(zero_point);
        *code = round(position.clamp(0.0, last_code));
    }
    #[expect(clippy::cast_possible_truncation, reason = "scales are stored as f32")]
    let scale = scale as f32;
    Grid { scale, zero_point }
}

/// Nearest integer of a value in `0.0..=255.0`, halves to even.
///
/// The sum has no fraction bits left, so the addition rounds, and its last byte is the integer.
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
