//! Random numbers that are the same everywhere: first values, orders of data, what is dropped.
//!
//! `SplitMix64`: Steele et al., "Fast Splittable Pseudorandom Number Generators" (2014).

use std::f64::consts::TAU;

/// A seeded stream of random numbers.
#[derive(Debug)]
pub struct Random {
    state: u64,
}

impl Random {
    /// Stream number `stream` of `seed`.
    pub fn new(seed: u64, stream: u64) -> Self {
        let start = Self { state: seed }.next() ^ Self { state: !stream }.next();
        Self { state: start }
    }

    /// `count` numbers, uniform between `-bound` and `bound`.
    pub fn uniform(&mut self, bound: f64, count: usize) -> Vec<f32> {
        #[expect(clippy::cast_possible_truncation, reason = "parameters are f32")]
        let number = |_| (bound * (2.0 * self.unit() - 1.0)) as f32;
        (0..count).map(number).collect()
    }

    /// `count` numbers, normal with this deviation (Box and Muller).
    pub fn normal(&mut self, deviation: f64, count: usize) -> Vec<f32> {
        let mut numbers = Vec::with_capacity(count + 1);
        while numbers.len() < count {
            let radius = deviation * (-2.0 * (1.0 - self.unit()).ln()).sqrt();
            let angle = TAU * self.unit();
            #[expect(clippy::cast_possible_truncation, reason = "parameters are f32")]
            numbers.extend([(radius * angle.cos()) as f32, (radius * angle.sin()) as f32]);
        }
        numbers.truncate(count);
        numbers
    }

    /// Uniform below 1.
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// The numbers below `count` in random order (Fisher and Yates).
    pub fn permutation(&mut self, count: usize) -> Vec<usize> {
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
pub fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(INCREMENT);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normal_numbers_have_their_deviation() {
        let numbers = Random::new(1, 2).normal(0.5, 20_001);
        let mean = numbers.iter().sum::<f32>() / numbers.len() as f32;
        let square = numbers.iter().map(|n| n * n).sum::<f32>() / numbers.len() as f32;
        assert!(mean.abs() < 0.02 && (square.sqrt() - 0.5).abs() < 0.02, "{mean} {square}");
    }

    #[test]
    fn uniform_numbers_keep_their_bound() {
        let numbers = Random::new(1, 2).uniform(0.25, 1000);
        let largest = numbers.iter().fold(0.0_f32, |largest, n| largest.max(n.abs()));
        assert!((0.2..=0.25).contains(&largest), "{largest}");
    }
}
