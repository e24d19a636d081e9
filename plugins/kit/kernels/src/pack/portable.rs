//! Packing in plain loops.

use super::{Lanes, pair, rounded};
use crate::instructions::Words;

/// See [`super::pack`].
pub(super) fn pack(words: Words, source: Lanes<'_>, width: usize, into: &mut [u32]) {
    let Lanes { values, count, inner, stride, inner_stride } = source;
    let value = |lane: usize, index: usize| {
        if index < inner { values[lane * stride + index * inner_stride] } else { 0.0 }
    };
    for (step, into) in into.chunks_exact_mut(width).enumerate() {
        let (into, rest) = into.split_at_mut(count);
        for (lane, into) in into.iter_mut().enumerate() {
            *into = match words {
                Words::F32 => value(lane, step).to_bits(),
                Words::RoundedF32 => rounded(value(lane, step)).to_bits(),
                Words::Bf16Pair => pair(value(lane, 2 * step), value(lane, 2 * step + 1)),
            };
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
