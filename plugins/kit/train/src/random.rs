//! A small generator of random numbers that is the same everywhere.
//!
//! `SplitMix64`: Steele et al., "Fast Splittable Pseudorandom Number Generators" (2014).

/// A seeded stream of random numbers.
#[derive(Debug)]
pub(crate) struct Random {
    state: u64,
}

impl Random {
    /// Stream number `stream` of `seed`.
    pub(crate) fn new(seed: u64, stream: u64) -> Self {
        let start = Self { state: seed }.next() ^ Self { state: !stream }.next();
        Self { state: start }
    }

    /// The numbers below `count` in random order (Fisher and Yates).
    pub(crate) fn permutation(&mut self, count: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..count).collect();
        for last in (1..count).rev() {
            order.swap(last, self.below(last + 1));
        }
        order
    }

    /// Uniform below `limit`.
    #[expect(clippy::cast_possible_truncation, reason = "the high half is below `limit`")]
    fn below(&mut self, limit: usize) -> usize {
        ((u128::from(self.next()) * limit as u128) >> 64) as usize
    }

    fn next(&mut self) -> u64 {
        let value = mix(self.state);
        self.state = self.state.wrapping_add(INCREMENT);
        value
    }
}

const INCREMENT: u64 = 0x9e37_79b9_7f4a_7c15;

/// One step of the generator: a bijection whose bits all depend on all bits.
pub(crate) fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(INCREMENT);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}
