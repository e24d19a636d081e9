//! Grids of 8 bits: `number ≈ scale · (code − zero point)`.
//!
//! The formulas, with their roundings, are those of ONNX Runtime's `compute_scale_zp` and
//! `quantize_nparray`.

/// How the grid of a weight is laid.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rule {
    /// Whether codes are signed.
    pub(super) is_signed: bool,
    /// Whether the grid is the same on both sides of 0.
    pub(super) is_symmetric: bool,
    /// Whether codes have 7 bits.
    pub(super) is_reduced: bool,
    /// Least distance of the ends of the grid.
    pub(super) min_range: Option<f32>,
}

/// The grid of one weight, or of one of its channels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Grid {
    /// Distance of two neighboring codes.
    pub(super) scale: f32,
    /// Code of 0.
    pub(super) zero_point: i16,
    lowest: f32,
    highest: f32,
}

impl Rule {
    /// The grid for numbers between `lowest` and `highest`; 0 is always on it.
    ///
    /// Where they are all 0, or the scale would be no normal number, the scale is 1.
    #[expect(clippy::cast_possible_truncation, reason = "scales are stored with 32 bits")]
    pub(super) fn grid(self, lowest: f32, highest: f32) -> Grid {
        let (first, last) = self.codes();
        let (mut min, mut max) = (lowest.min(0.0), highest.max(0.0));
        if let Some(range) = self.min_range {
            max = max.max(min + range);
        }
        if self.is_symmetric {
            max = max.max(-min);
            min = -max;
        }
        let exact = (f64::from(max) - f64::from(min)) / f64::from(last - first);
        let (scale, zero_point) = if exact < f64::from(f32::MIN_POSITIVE) {
            (1.0, 0)
        } else if self.is_symmetric {
            let middle = f64::from(first + last) / 2.0;
            (exact as f32, middle.round_ties_even() as i16)
        } else {
            let zero = f64::from(first) - f64::from(min) / exact;
            (exact as f32, zero.round_ties_even() as i16)
        };
        let (lowest, highest) = if self.is_signed { (-128.0, 127.0) } else { (0.0, 255.0) };
        Grid { scale, zero_point, lowest, highest }
    }

    /// The codes of the ends of the grid.
    const fn codes(self) -> (i16, i16) {
        match (self.is_signed, self.is_reduced, self.is_symmetric) {
            (true, true, _) => (-64, 64),
            (true, false, true) => (-127, 127),
            (true, false, false) => (-128, 127),
            (false, true, _) => (0, 127),
            (false, false, _) => (0, 255),
        }
    }
}

impl Grid {
    /// The code nearest to `value`, ties to even; as a byte, two's complement when it is signed.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the code is brought into the range before, and the low byte is the code"
    )]
    pub(super) fn code(self, value: f32) -> u8 {
        let code = (value / self.scale).round_ties_even() + f32::from(self.zero_point);
        code.clamp(self.lowest, self.highest) as i16 as u8
    }

    /// The code of 0 as a byte.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the low byte is the code"
    )]
    pub(super) const fn zero_byte(self) -> u8 {
        self.zero_point as u8
    }
}

#[cfg(test)]
mod tests {
    use super::Rule;

    const PLAIN: Rule =
        Rule { is_signed: true, is_symmetric: true, is_reduced: false, min_range: None };

    /// Scale and zero point of a grid, and codes of some numbers.
    fn check(rule: Rule, [lowest, highest]: [f32; 2], expected: (f32, i16), codes: &[(f32, u8)]) {
        let grid = rule.grid(lowest, highest);
        assert_eq!((grid.scale, grid.zero_point), expected, "{rule:?}");
        for &(value, code) in codes {
            assert_eq!(grid.code(value), code, "{value} by {rule:?}");
        }
    }

    #[test]
    fn grids_are_those_of_onnx_runtime() {
        let unsigned = Rule { is_signed: false, is_symmetric: false, ..PLAIN };
        check(PLAIN, [-1.0, 0.5], (1.0 / 127.0, 0), &[(-1.0, 0x81), (0.0, 0), (0.5, 64)]);
        check(unsigned, [-1.0, 3.0], (4.0 / 255.0, 64), &[(-1.0, 0), (3.0, 255), (0.0, 64)]);
        check(unsigned, [1.0, 2.0], (2.0 / 255.0, 0), &[(2.0, 255)]);
        let symmetric = Rule { is_symmetric: true, ..unsigned };
        check(symmetric, [-1.0, 0.5], (2.0 / 255.0, 128), &[(0.5, 192), (0.0, 128)]);
        let reduced = Rule { is_reduced: true, ..PLAIN };
        check(reduced, [-1.0, 0.5], (2.0 / 128.0, 0), &[(-1.0, 0xc0), (0.5, 32)]);
        let wide = Rule { min_range: Some(8.0), ..unsigned };
        check(wide, [-1.0, 3.0], (8.0 / 255.0, 32), &[(3.0, 128)]);
    }

    #[test]
    fn zeros_get_the_scale_1() {
        check(PLAIN, [0.0, 0.0], (1.0, 0), &[(0.0, 0)]);
        check(PLAIN, [0.0, 1e-38], (1.0, 0), &[(1e-38, 0)]);
    }
}
