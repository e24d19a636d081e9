//! Values on their way into packed form: step by step, the lanes of a step side by side.
//!
//! Lanes are the rows of a left side or the columns of a right side; steps run along the inner
//! size, by one value or, in pairs of bf16, by two.

#[cfg(target_arch = "x86_64")]
mod avx512;
mod portable;

use crate::instructions::{Instructions, Words};
use crate::vector::vectorized;

/// Values to be packed: that of a lane at an inner index is
/// `values[lane * stride + index * inner_stride]`. One of the strides is one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lanes<'a> {
    pub(crate) values: &'a [f32],
    pub(crate) count: usize,
    pub(crate) inner: usize,
    pub(crate) stride: usize,
    pub(crate) inner_stride: usize,
}

/// Packs `source` as `[steps, width]`; lanes from `source.count` to `width` and the second half of
/// a last odd step are zeros.
///
/// # Panics
/// When `into` has another length, or the source is wider or ends too soon.
pub(crate) fn pack(
    instructions: Instructions,
    words: Words,
    source: Lanes<'_>,
    width: usize,
    into: &mut [u32],
) {
    let Lanes { values, count, inner, stride, inner_stride } = source;
    assert!(count <= width && (stride == 1 || inner_stride == 1), "lanes to pack");
    assert_eq!(into.len(), inner.div_ceil(words.values()) * width, "packed words");
    if count == 0 || inner == 0 {
        into.fill(0);
        return;
    }
    let last = (count - 1) * stride + (inner - 1) * inner_stride;
    assert!(last < values.len(), "lanes within their values");
    match (instructions, words) {
        #[cfg(target_arch = "x86_64")]
        (Instructions::Avx512 | Instructions::Avx512Bf16, Words::F32 | Words::RoundedF32) => {
            avx512::pack_floats(source, words == Words::RoundedF32, width, into);
        }
        #[cfg(target_arch = "x86_64")]
        (Instructions::Avx512Bf16, Words::Bf16Pair) => avx512::pack_pairs(source, width, into),
        _ => portable::pack(words, source, width, into),
    }
}

/// The bf16 nearest to `value`, ties to even, as an f32.
#[inline]
pub(crate) fn rounded(value: f32) -> f32 {
    let bits = value.to_bits();
    let nearest = bits.wrapping_add(0x7fff + ((bits >> 16) & 1));
    let kept = if value.is_nan() { bits | 0x0040_0000 } else { nearest };
    f32::from_bits(kept & 0xffff_0000)
}

/// Two values as a word of two bf16.
#[inline]
pub(crate) fn pair(first: f32, second: f32) -> u32 {
    (rounded(first).to_bits() >> 16) | rounded(second).to_bits()
}

/// Pairs along one side of a weight as pairs along the other.
///
/// `stored` is up to 16 steps of 32 words, pairs of two columns by rows; `into` becomes up to 16
/// steps of 32 words, pairs of two rows by columns. Columns that are not stored become zeros.
///
/// # Panics
/// When either is longer.
pub(crate) fn turn_pairs(instructions: Instructions, stored: &[u32], into: &mut [u32]) {
    assert!(stored.len().max(into.len()) <= 16 * 32, "a square of 32 rows and columns");
    assert!(stored.len().is_multiple_of(32) && into.len().is_multiple_of(32), "whole steps");
    match instructions {
        #[cfg(target_arch = "x86_64")]
        Instructions::Avx512 | Instructions::Avx512Bf16 => avx512::turn_pairs(stored, into),
        _ => portable::turn_pairs(stored, into),
    }
}

/// Steps of pairs as twice as many steps of floats.
///
/// # Panics
/// When `into` is not twice as long.
pub(crate) fn widen(pairs: &[u32], width: usize, into: &mut [u32]) {
    assert_eq!(into.len(), 2 * pairs.len(), "two floats a pair");
    vectorized(|| {
        for (pairs, into) in pairs.chunks_exact(width).zip(into.chunks_exact_mut(2 * width)) {
            let (first, second) = into.split_at_mut(width);
            for ((pair, first), second) in pairs.iter().zip(first).zip(second) {
                *first = pair << 16;
                *second = pair & 0xffff_0000;
            }
        }
    });
}
