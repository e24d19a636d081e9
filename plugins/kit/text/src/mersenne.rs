//! Python's `random.Random`.
//!
//! Sources: Matsumoto and Nishimura, "Mersenne Twister" (1998), `mt19937ar.c`; the draws of
//! `Lib/random.py` and `Modules/_randommodule.c` of `CPython`.

const LENGTH: usize = 624;
const MIDDLE: usize = 397;

/// The generator behind `random.Random(seed)`.
pub(crate) struct Random {
    state: [u32; LENGTH],
    used: usize,
}

impl Random {
    /// `random.Random(seed)`
    #[expect(clippy::cast_possible_truncation, reason = "halves are taken")]
    pub(crate) fn new(seed: u64) -> Self {
        let words = [seed as u32, (seed >> 32) as u32];
        let key = if words[1] == 0 { &words[..1] } else { &words[..] };
        Self { state: state_of(key), used: LENGTH }
    }

    /// `randint(0, count - 1)`; `count` is above 0.
    pub(crate) fn below(&mut self, count: usize) -> usize {
        let bits = usize::BITS - count.leading_zeros();
        loop {
            let number = self.bits(bits);
            if number < count {
                return number;
            }
        }
    }

    /// `getrandbits(bits)`, up to 64 of them.
    #[expect(clippy::cast_possible_truncation, reason = "as many bits as a `usize` has at most")]
    fn bits(&mut self, bits: u32) -> usize {
        let low = u64::from(self.next() >> 32_u32.saturating_sub(bits));
        if bits <= 32 {
            return low as usize;
        }
        let high = u64::from(self.next() >> (64 - bits));
        (high << 32 | low) as usize
    }

    fn next(&mut self) -> u32 {
        if self.used == LENGTH {
            self.twist();
        }
        let mut word = self.state[self.used];
        self.used += 1;
        word ^= word >> 11;
        word ^= word << 7 & 0x9D2C_5680;
        word ^= word << 15 & 0xEFC6_0000;
        word ^ word >> 18
    }

    fn twist(&mut self) {
        for index in 0..LENGTH {
            let next = self.state[(index + 1) % LENGTH];
            let mixed = self.state[index] & 0x8000_0000 | next & 0x7FFF_FFFF;
            let odd = if mixed & 1 == 1 { 0x9908_B0DF } else { 0 };
            self.state[index] = self.state[(index + MIDDLE) % LENGTH] ^ mixed >> 1 ^ odd;
        }
        self.used = 0;
    }
}

/// `init_by_array` of the reference implementation.
#[expect(clippy::cast_possible_truncation, reason = "indices are below 624")]
fn state_of(key: &[u32]) -> [u32; LENGTH] {
    let mut state = [19_650_218_u32; LENGTH];
    for index in 1..LENGTH {
        state[index] = scrambled(state[index - 1], 1_812_433_253).wrapping_add(index as u32);
    }
    let mut index = 1;
    let advance = |state: &mut [u32; LENGTH], index: &mut usize| {
        *index += 1;
        if *index == LENGTH {
            state[0] = state[LENGTH - 1];
            *index = 1;
        }
    };
    for (place, word) in key.iter().enumerate().cycle().take(LENGTH.max(key.len())) {
        let mixed = state[index] ^ scrambled(state[index - 1], 1_664_525);
        state[index] = mixed.wrapping_add(*word).wrapping_add(place as u32);
        advance(&mut state, &mut index);
    }
    for _ in 1..LENGTH {
        let mixed = state[index] ^ scrambled(state[index - 1], 1_566_083_941);
        state[index] = mixed.wrapping_sub(index as u32);
        advance(&mut state, &mut index);
    }
    state[0] = 0x8000_0000;
    state
}

fn scrambled(word: u32, factor: u32) -> u32 {
    (word ^ word >> 30).wrapping_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::Random;

    fn check(seed: u64, count: usize, expected: [usize; 6]) {
        let mut random = Random::new(seed);
        let drawn = [(); 6].map(|()| random.below(count));
        assert_eq!(drawn, expected, "{seed}, {count}");
    }

    /// Expected draws from `random.Random(seed).randint(0, count - 1)` of Python 3.11.
    #[test]
    fn draws_are_those_of_python() {
        check(0, 10, [6, 6, 0, 4, 8, 7]);
        check(42, 400, [327, 57, 12, 379, 140, 125]);
        check(123, 1_048_576, [109_814, 561_359, 182_843, 854_047, 559_003, 225_863]);
        check(1_099_511_627_781, 1_000, [516, 529, 275, 679, 948, 28]);
        check(
            3,
            8_589_934_599,
            [
                2_337_446_730,
                6_888_784_125,
                7_891_869_609,
                1_006_443_827,
                6_340_888_752,
                646_892_613,
            ],
        );
        check(18_446_744_073_709_551_615, 3, [0, 0, 1, 2, 0, 1]);
        let mut random = Random::new(9);
        let digest = (0..2000).fold(0_u64, |digest, _| {
            digest.wrapping_mul(31).wrapping_add(random.below(100_000) as u64)
        });
        assert_eq!(digest, 10_679_134_675_200_280_470);
    }

    #[test]
    fn one_choice_is_drawn_without_end() {
        check(7, 1, [0; 6]);
    }
}
