//! The factor that keeps gradients within the range of f16.

/// A power of two on the loss, as in Micikevicius et al., "Mixed Precision Training" (2017).
///
/// Gradients below 6e-8 are zero in f16, those above 65504 infinite. The loss of f16 passes is
/// multiplied by a scale and the gradients are divided by it, exactly, in f32. A pass whose
/// gradients are not finite is run again at half the scale, so no step is lost; after 2000 passes
/// without that the scale doubles. f32 and bf16 need none.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LossScale {
    scale: f32,
    /// Passes since the scale last changed.
    passes: u32,
}

impl LossScale {
    const FIRST: f32 = 65_536.0;
    const LARGEST: f32 = 16_777_216.0;
    const PASSES_UNTIL_DOUBLED: u32 = 2_000;

    /// No scale: gradients as they are.
    pub const NONE: Self = Self { scale: 1.0, passes: 0 };

    /// The first scale of f16 passes, 2^16.
    pub const fn first() -> Self {
        Self { scale: Self::FIRST, passes: 0 }
    }

    /// The factor on the loss.
    pub fn factor(self) -> f32 {
        self.scale
    }

    /// Takes note of a pass with finite gradients.
    pub(crate) fn passed(&mut self) {
        if self.scale == 1.0 {
            return;
        }
        self.passes += 1;
        if self.passes >= Self::PASSES_UNTIL_DOUBLED {
            *self = Self { scale: (2.0 * self.scale).min(Self::LARGEST), passes: 0 };
        }
    }

    /// Halves the scale after gradients that were not finite; `false` when it is 1 already.
    pub(crate) fn halve(&mut self) -> bool {
        let can_halve = self.scale > 1.0;
        *self = Self { scale: (0.5 * self.scale).max(1.0), passes: 0 };
        can_halve
    }
}

#[cfg(test)]
mod tests {
    use super::LossScale;

    #[test]
    fn scales_halve_to_one_and_double_after_many_passes() {
        let mut scale = LossScale::first();
        (0..2_000).for_each(|_| scale.passed());
        assert_eq!(scale.factor(), 131_072.0);
        let halvings = (0..100).take_while(|_| scale.halve()).count();
        assert_eq!((halvings, scale.factor()), (17, 1.0));
        let mut none = LossScale::NONE;
        (0..5_000).for_each(|_| none.passed());
        assert_eq!(none, LossScale::NONE);
    }
}
