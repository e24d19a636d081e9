//! Dropout on the inputs of adapters.
//!
//! Srivastava et al., "Dropout" (2014), inverted: what is kept is scaled up, so that nothing
//! changes when it is off.

/// Seeded source of dropout masks: same seed and same calls, same masks.
///
/// A mask is a function of the seed, the number of the forward pass, the layer and the entry, so
/// none is stored, and a layer that is computed again drops the same entries again.
#[derive(Debug, Clone)]
pub struct Dropout {
    seed: u64,
    passes: u64,
}

impl Dropout {
    /// A source for `seed`, before its first pass.
    pub fn new(seed: u64) -> Self {
        Self { seed, passes: 0 }
    }

    /// The masks of the next forward pass.
    pub(crate) fn next_pass(&mut self) -> Pass {
        self.passes += 1;
        Pass { key: mix(self.seed ^ mix(self.passes)) }
    }
}

/// The masks of one forward pass.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pass {
    key: u64,
}

impl Pass {
    /// The mask of the adapted layer at this module path; `None` when nothing is dropped.
    pub(crate) fn mask(self, module: &str, probability: f64) -> Option<Mask> {
        let hash = |key: u64, byte: u8| mix(key ^ u64::from(byte));
        (probability > 0.0).then(|| Mask::new(module.bytes().fold(self.key, hash), probability))
    }
}

/// Which entries of one layer's input are dropped.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mask {
    key: [u32; 2],
    /// Hashes below this are dropped.
    threshold: u32,
    /// Factor on what is kept.
    scale: f32,
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

    /// `values` with the dropped ones 0 and the kept ones scaled; its own derivative.
    pub(crate) fn apply(self, values: &mut [f32]) {
        for (index, value) in (0_u32..).zip(values) {
            let hash = scramble(scramble(index ^ self.key[0]) ^ self.key[1]);
            *value *= if hash < self.threshold { 0.0 } else { self.scale };
        }
    }
}

/// Finalizer of `SplitMix64`: Steele et al., "Fast Splittable Pseudorandom Number Generators" (2014).
fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// Finalizer of `MurmurHash3`, 32 bits: a bijection whose bits all depend on all bits.
fn scramble(value: u32) -> u32 {
    let value = (value ^ (value >> 16)).wrapping_mul(0x85eb_ca6b);
    let value = (value ^ (value >> 13)).wrapping_mul(0xc2b2_ae35);
    value ^ (value >> 16)
}

#[cfg(test)]
mod tests {
    use super::Dropout;

    fn masked(dropout: &mut Dropout, module: &str) -> Vec<f32> {
        let mut values = vec![1.0; 20_000];
        dropout.next_pass().mask(module, 0.1).unwrap().apply(&mut values);
        values
    }

    #[test]
    fn a_tenth_is_dropped_and_the_mean_stays() {
        let values = masked(&mut Dropout::new(1), "a");
        let dropped = values.iter().filter(|&&value| value == 0.0).count();
        assert!((1_850..2_150).contains(&dropped), "{dropped}");
        assert!(values.iter().all(|&value| value == 0.0 || (value - 1.0 / 0.9).abs() < 1e-6));
    }

    #[test]
    fn masks_follow_seed_pass_and_layer() {
        let first = masked(&mut Dropout::new(1), "a");
        assert_eq!(first, masked(&mut Dropout::new(1), "a"));
        assert_ne!(first, masked(&mut Dropout::new(2), "a"));
        assert_ne!(first, masked(&mut Dropout::new(1), "b"));
        let mut second = Dropout::new(1);
        second.next_pass();
        assert_ne!(first, masked(&mut second, "a"));
    }

    #[test]
    fn nothing_is_dropped_with_probability_zero() {
        assert!(Dropout::new(1).next_pass().mask("a", 0.0).is_none());
    }
}
