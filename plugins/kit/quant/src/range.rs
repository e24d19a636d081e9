//! Smallest and largest weight of a block.

#![expect(clippy::inline_always, reason = "what is not inlined is compiled for SSE2")]

/// Weights that are compared at once.
const LANES: usize = 16;

/// Smallest and largest of `weights`, of which there is one at least; when all are zeros, with the
/// sign of the first.
#[inline(always)]
pub(crate) fn range(weights: &[f32]) -> (f32, f32) {
    let first = weights[0];
    let (mut min, mut max) = ([first; LANES], [first; LANES]);
    let (lanes, rest) = weights.as_chunks::<LANES>();
    for weights in lanes {
        for lane in 0..LANES {
            min[lane] = lesser(min[lane], weights[lane]);
            max[lane] = greater(max[lane], weights[lane]);
        }
    }
    for half in [8, 4, 2, 1] {
        for lane in 0..half {
            min[lane] = lesser(min[lane], min[lane + half]);
            max[lane] = greater(max[lane], max[lane + half]);
        }
    }
    rest.iter()
        .fold((min[0], max[0]), |(min, max), &weight| (lesser(min, weight), greater(max, weight)))
}

/// The lesser value, the first of equals; one instruction, unlike `f32::min`.
#[inline(always)]
pub(crate) fn lesser(first: f32, second: f32) -> f32 {
    if second < first { second } else { first }
}

/// The greater value, the first of equals; one instruction, unlike `f32::max`.
#[inline(always)]
pub(crate) fn greater(first: f32, second: f32) -> f32 {
    if second > first { second } else { first }
}
