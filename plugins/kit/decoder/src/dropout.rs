//! What is dropped or added at random while training.
//!
//! Srivastava et al., "Dropout" (2014), inverted: what is kept is scaled up, so that nothing
//! changes when it is off.

use olive_kit_adapters::random::mix;
use olive_kit_kernels::vector::vectorized;

use crate::rows::for_each_row;

/// The masks of one pass: same seed, same masks.
///
/// A mask is a function of the seed, the layer and the entry, so none is stored, and a layer that
/// is computed again drops the same entries again.
#[derive(Debug, Clone, Copy)]
pub struct Masks {
    key: u64,
}

impl Masks {
    /// The masks of a pass with this seed.
    pub fn new(seed: u64) -> Self {
        Self { key: mix(seed) }
    }

    /// The mask of the adapted layer at this module path; `None` when nothing is dropped.
    pub fn mask(self, module: &str, probability: f64) -> Option<Mask> {
        (probability > 0.0).then(|| Mask::new(self.hash(module), probability))
    }

    /// Whether the layer at this module path is left out as a whole.
    pub fn drops_module(self, module: &str, probability: f64) -> bool {
        let unit = (mix(!self.hash(module)) >> 11) as f64 / (1_u64 << 53) as f64;
        unit < probability
    }

    /// Uniform numbers between -1 and 1, one for each entry.
    pub fn noise(self, index: usize) -> f32 {
        let bits = mix(self.key ^ mix(index as u64 ^ 0x6e65_6674_756e_6521));
        (bits >> 40) as f32 / (1 << 23) as f32 - 1.0
    }

    fn hash(self, module: &str) -> u64 {
        module.bytes().fold(self.key, |key, byte| mix(key ^ u64::from(byte)))
    }
}

/// Which entries of one layer's input are dropped.
#[derive(Debug, Clone, Copy)]
pub struct Mask {
    /// What the index of an entry is hashed with.
    pub key: [u32; 2],
    /// Hashes below this are dropped.
    pub threshold: u32,
    /// Factor on what is kept.
    pub scale: f32,
}

impl Mask {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "halves of the key; a probability scaled to the range of u32"
    )]
    fn new(key: u64, probability: f64) -> Self {
        Self {
            key: [key as u32, (key >> 32) as u32],
            threshold: (probability * f64::from(u32::MAX)) as u32,
            scale: (1.0 / (1.0 - probability)) as f32,
        }
    }

    /// Writes `values` with the dropped ones 0 and the kept ones scaled; its own derivative.
    pub fn apply(self, values: &mut [f32]) {
        const AT_ONCE: usize = 1 << 14;
        for_each_row(values, AT_ONCE, |chunk, values| {
            #[expect(clippy::cast_possible_truncation, reason = "entries wrap after four billion")]
            let first = (chunk * AT_ONCE) as u32;
            vectorized(|| {
                for (index, value) in (first..).zip(values) {
                    *value *= if self.keeps(index) { self.scale } else { 0.0 };
                }
            });
        });
    }

    /// Whether the entry `index` is kept.
    #[expect(clippy::inline_always, reason = "compiled for the instructions of its caller")]
    #[inline(always)]
    pub fn keeps(self, index: u32) -> bool {
        scramble(scramble(index ^ self.key[0]) ^ self.key[1]) >= self.threshold
    }
}

/// Finalizer of `MurmurHash3`, 32 bits: a bijection whose bits all depend on all bits.
fn scramble(value: u32) -> u32 {
    let value = (value ^ (value >> 16)).wrapping_mul(0x85eb_ca6b);
    let value = (value ^ (value >> 13)).wrapping_mul(0xc2b2_ae35);
    value ^ (value >> 16)
}

#[cfg(test)]
mod tests {
    use super::Masks;

    fn masked(seed: u64, module: &str) -> Vec<f32> {
        let mut values = vec![1.0; 20_000];
        Masks::new(seed).mask(module, 0.1).unwrap().apply(&mut values);
        values
    }

    #[test]
    fn a_tenth_is_dropped_and_the_mean_stays() {
        let values = masked(1, "a");
        let dropped = values.iter().filter(|&&value| value == 0.0).count();
        assert!((1_850..2_150).contains(&dropped), "{dropped}");
        assert!(values.iter().all(|&value| value == 0.0 || (value - 1.0 / 0.9).abs() < 1e-6));
    }

    #[test]
    fn masks_follow_seed_and_layer() {
        assert_eq!(masked(1, "a"), masked(1, "a"));
        assert_ne!(masked(1, "a"), masked(2, "a"));
        assert_ne!(masked(1, "a"), masked(1, "b"));
    }

    #[test]
    fn nothing_is_dropped_with_probability_zero() {
        assert!(Masks::new(1).mask("a", 0.0).is_none());
        assert!((0..100).all(|seed| !Masks::new(seed).drops_module("a", 0.0)));
    }

    #[test]
    fn noise_is_uniform_around_zero() {
        let noise: Vec<f32> = (0..10_000).map(|index| Masks::new(3).noise(index)).collect();
        assert!(noise.iter().all(|value| (-1.0..1.0).contains(value)));
        assert!(noise.iter().sum::<f32>().abs() < 200.0);
    }
}
