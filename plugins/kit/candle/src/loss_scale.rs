//! The factor that keeps gradients within the range of f16.

/// A power of two on the loss, as in Micikevicius et al., "Mixed Precision Training" (2017).
///
/// Gradients below 6e-8 are zero in f16, those above 65504 infinite. The loss of f16 passes is
/// multiplied by a scale and the gradients are divided by it, exactly, in f32. A pass whose
/// gradients are not finite is run again at half the scale, so no step is lost; after 2000 passes
/// without that the scale doubles. f32 and bf16 need none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LossScale {
    /// How often 1 is doubled.
    exponent: u8,
    /// Passes since the scale last changed.
    passes: u16,
}

impl LossScale {
    const LARGEST: u8 = 24;
    const PASSES_UNTIL_DOUBLED: u16 = 2_000;

    /// No scale: gradients as they are.
    pub(crate) const NONE: Self = Self { exponent: 0, passes: 0 };

    /// The first scale of f16 passes, 2^16.
    pub const FIRST: Self = Self { exponent: 16, passes: 0 };

    /// The factor on the loss.
    pub fn factor(self) -> f32 {
        f32::from(self.exponent).exp2()
    }

    /// Takes note of a pass with finite gradients.
    pub(crate) fn passed(&mut self) {
        if self.exponent == 0 {
            return;
        }
        self.passes += 1;
        if self.passes >= Self::PASSES_UNTIL_DOUBLED {
            *self = Self { exponent: (self.exponent + 1).min(Self::LARGEST), passes: 0 };
        }
    }

    /// Halves the scale after gradients that were not finite; `false` when it is 1 already.
    pub(crate) fn halve(&mut self) -> bool {
        let can_halve = self.exponent > 0;
        *self = Self { exponent: self.exponent.saturating_sub(1), passes: 0 };
        can_halve
    }
}

#[cfg(test)]
mod tests {
    use super::LossScale;

    #[test]
    fn scales_halve_to_one_and_double_after_many_passes() {
        let mut scale = LossScale::FIRST;
        (0..2_000).for_each(|_| scale.passed());
        assert_eq!(scale, LossScale { exponent: 17, passes: 0 });
        let halvings = (0..100).take_while(|_| scale.halve()).count();
        assert_eq!((halvings, scale), (17, LossScale::NONE));
        (0..5_000).for_each(|_| scale.passed());
        assert_eq!(scale, LossScale::NONE);
    }
}
