//! Packing in plain loops.

use super::{Lanes, pair, rounded};
use crate::instructions::Words;

/// Steps that are transposed at once: their words stay in the innermost cache.
const STEPS: usize = 64;

/// See [`super::pack`].
pub(super) fn pack(words: Words, source: Lanes<'_>, width: usize, into: &mut [u32]) {
    match words {
        Words::F32 => floats(source, width, into, f32::to_bits),
        Words::RoundedF32 => floats(source, width, into, |value| rounded(value).to_bits()),
        Words::Bf16Pair => pairs(source, width, into),
    }
}

/// Lanes that are side by side are copied, those apart are transposed.
fn floats(source: Lanes<'_>, width: usize, into: &mut [u32], word: impl Fn(f32) -> u32) {
    let Lanes { values, count, stride, inner_stride, .. } = source;
    if stride == 1 {
        for (step, into) in into.chunks_exact_mut(width).enumerate() {
            let (into, rest) = into.split_at_mut(count);
            let values = &values[step * inner_stride..][..count];
            into.iter_mut().zip(values).for_each(|(into, value)| *into = word(*value));
            rest.fill(0);
        }
        return;
    }
    for (piece, into) in into.chunks_mut(STEPS * width).enumerate() {
        if count < width {
            into.fill(0);
        }
        for lane in 0..count {
            let values = &values[lane * stride + piece * STEPS..];
            for (into, value) in into.chunks_exact_mut(width).zip(values) {
                into[lane] = word(*value);
            }
        }
    }
}

fn pairs(source: Lanes<'_>, width: usize, into: &mut [u32]) {
    let Lanes { values, count, inner, stride, inner_stride } = source;
    let value = |lane: usize, index: usize| {
        if index < inner { values[lane * stride + index * inner_stride] } else { 0.0 }
    };
    for (step, into) in into.chunks_exact_mut(width).enumerate() {
        let (into, rest) = into.split_at_mut(count);
        for (lane, into) in into.iter_mut().enumerate() {
            *into = pair(value(lane, 2 * step), value(lane, 2 * step + 1));
        }
        rest.fill(0);
    }
}

/// See [`super::turn_pairs`].
pub(super) fn turn_pairs(stored: &[u32], into: &mut [u32]) {
    let half = |row: usize, column: usize| {
        let word = stored.get(column / 2 * 32 + row).copied().unwrap_or(0);
        (word >> (column % 2 * 16)) & 0xffff
    };
    for (step, into) in into.chunks_exact_mut(32).enumerate() {
        for (column, into) in into.iter_mut().enumerate() {
            *into = half(2 * step, column) | half(2 * step + 1, column) << 16;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_is_the_value_of_its_lane_and_step() {
        let values: Vec<f32> = (0_u16..20 * 90).map(f32::from).collect();
        for (stride, inner_stride) in [(1, 20), (90, 1)] {
            for (count, width, inner) in [(6, 6, 90), (5, 32, 65), (20, 32, 64), (1, 1, 1)] {
                let source = Lanes { values: &values, count, inner, stride, inner_stride };
                for (words, word) in [
                    (Words::F32, f32::to_bits as fn(f32) -> u32),
                    (Words::RoundedF32, |value| rounded(value).to_bits()),
                ] {
                    let mut into = vec![7; inner * width];
                    pack(words, source, width, &mut into);
                    for (at, found) in into.into_iter().enumerate() {
                        let (step, lane) = (at / width, at % width);
                        let value = |lane: usize| values[lane * stride + step * inner_stride];
                        let expected = if lane < count { word(value(lane)) } else { 0 };
                        assert_eq!(found, expected, "{words:?} {stride} {step} {lane}");
                    }
                }
            }
        }
    }
}
