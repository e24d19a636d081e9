//! Numbers to compute with, and how far two computations are apart.

use std::iter;

/// `len` values between -1 and 1, the same for the same seed.
pub fn random(len: usize, seed: u32) -> Vec<f32> {
    let value = |number| f64::from(number) / f64::from(u32::MAX) * 2.0 - 1.0;
    #[expect(clippy::cast_possible_truncation, reason = "random anyway")]
    xorshift(seed).take(len).map(|number| value(number) as f32).collect()
}

/// `len` tokens of a vocabulary, the same for the same seed.
pub fn random_tokens(len: usize, vocab_size: u32, seed: u32) -> Vec<u32> {
    xorshift(seed).take(len).map(|number| (number >> 4) % vocab_size).collect()
}

/// Largest difference of two lists of as many values; values that are not finite are a failure.
pub fn largest_difference(found: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(found.len(), expected.len());
    assert!(found.iter().all(|value| value.is_finite()));
    found.iter().zip(expected).fold(0.0, |largest, (a, b)| largest.max((a - b).abs()))
}

/// Marsaglia, "Xorshift RNGs" (2003).
fn xorshift(seed: u32) -> impl Iterator<Item = u32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9) | 1;
    iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state
    })
}
