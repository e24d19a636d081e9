//! The permutation of numpy's default generator.
//!
//! Sources: numpy's `SeedSequence` (`bit_generator.pyx`) and `random_interval` (`distributions.c`),
//! and PCG XSL RR 128/64 (O'Neill, "PCG: A Family of Simple Fast Space-Efficient Statistically Good
//! Algorithms for Random Number Generation", 2014).

/// `numpy.random.default_rng(seed).permutation(length)`.
pub(crate) fn permutation(length: usize, seed: u64) -> Vec<usize> {
    let mut generator = Pcg64::seeded(seed);
    let mut order: Vec<_> = (0..length).collect();
    for last in (1..length).rev() {
        order.swap(last, generator.at_most(last));
    }
    order
}

const MULTIPLIER: u128 = 0x2360_ED05_1FC6_5DA4_4385_DF64_9FCC_F645;

struct Pcg64 {
    state: u128,
    increment: u128,
    /// Upper half of the last 64 bits, if only the lower was used.
    buffered: Option<u32>,
}

impl Pcg64 {
    fn seeded(seed: u64) -> Self {
        let [state_high, state_low, stream_high, stream_low] = seed_sequence(seed);
        let wide = |high: u64, low: u64| u128::from(high) << 64 | u128::from(low);
        let increment = wide(stream_high, stream_low) << 1 | 1;
        let mut generator = Self { state: 0, increment, buffered: None };
        generator.step();
        generator.state = generator.state.wrapping_add(wide(state_high, state_low));
        generator.step();
        generator
    }

    fn step(&mut self) {
        self.state = self.state.wrapping_mul(MULTIPLIER).wrapping_add(self.increment);
    }

    #[expect(clippy::cast_possible_truncation, reason = "halves are taken")]
    fn next_u64(&mut self) -> u64 {
        self.step();
        let (high, low) = ((self.state >> 64) as u64, self.state as u64);
        (high ^ low).rotate_right((self.state >> 122) as u32)
    }

    #[expect(clippy::cast_possible_truncation, reason = "halves are taken")]
    fn next_u32(&mut self) -> u32 {
        if let Some(buffered) = self.buffered.take() {
            return buffered;
        }
        let bits = self.next_u64();
        self.buffered = Some((bits >> 32) as u32);
        bits as u32
    }

    /// A number from 0 to `limit`, by rejection of what its bits allow beyond; `limit` is above 0
    /// and below 2^32, as no list of blocks is longer.
    #[expect(clippy::cast_possible_truncation, reason = "`limit` is below 2^32")]
    fn at_most(&mut self, limit: usize) -> usize {
        let limit = limit as u32;
        let mask = u32::MAX >> limit.leading_zeros();
        loop {
            let number = self.next_u32() & mask;
            if number <= limit {
                return number as usize;
            }
        }
    }
}

/// `numpy.random.SeedSequence(seed).generate_state(4, numpy.uint64)`.
#[expect(clippy::cast_possible_truncation, reason = "halves are taken")]
fn seed_sequence(seed: u64) -> [u64; 4] {
    let mut hash = Hash { constant: 0x43B0_D7E5, multiplier: 0x931E_8875 };
    let mut pool = [seed as u32, (seed >> 32) as u32, 0, 0].map(|word| hash.of(word));
    for from in 0..4 {
        for to in (0..4).filter(|&to| to != from) {
            pool[to] = mix(pool[to], hash.of(pool[from]));
        }
    }
    let mut hash = Hash { constant: 0x8B51_F9DD, multiplier: 0x58F3_8DED };
    [0, 2, 0, 2].map(|first| {
        let (low, high) = (hash.of(pool[first]), hash.of(pool[first + 1]));
        u64::from(high) << 32 | u64::from(low)
    })
}

struct Hash {
    constant: u32,
    multiplier: u32,
}

impl Hash {
    fn of(&mut self, word: u32) -> u32 {
        let mixed = word ^ self.constant;
        self.constant = self.constant.wrapping_mul(self.multiplier);
        let mixed = mixed.wrapping_mul(self.constant);
        mixed ^ mixed >> 16
    }
}

fn mix(x: u32, y: u32) -> u32 {
    let mixed = x.wrapping_mul(0xCA01_F9DD).wrapping_sub(y.wrapping_mul(0x4973_F715));
    mixed ^ mixed >> 16
}

#[cfg(test)]
mod tests {
    use super::permutation;

    /// Expected orders from numpy 2.4.
    #[test]
    fn orders_are_those_of_numpy() {
        assert_eq!(permutation(10, 0), [4, 6, 2, 7, 3, 5, 9, 0, 8, 1]);
        assert_eq!(permutation(10, 42), [5, 6, 0, 7, 3, 2, 4, 9, 1, 8]);
        assert_eq!(permutation(7, (1 << 40) + 5), [1, 2, 5, 6, 0, 4, 3]);
        let order = permutation(1000, 123);
        assert_eq!(order[..12], [775, 709, 459, 716, 371, 941, 446, 539, 242, 400, 689, 240]);
        let digest = order
            .iter()
            .fold(0_u64, |digest, &index| digest.wrapping_mul(31).wrapping_add(index as u64 + 101));
        assert_eq!(digest, 9_350_349_011_822_939_984);
    }

    #[test]
    fn short_lists_have_one_order() {
        assert_eq!(permutation(0, 7), [0_usize; 0]);
        assert_eq!(permutation(1, 7), [0]);
    }
}
