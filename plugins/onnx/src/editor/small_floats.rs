//! Floats of 8 and 4 bits.
//!
//! As the ONNX specification defines them ("Float stored in 8 bits", "Float stored in 4 bits").

use olive_kit_onnx::proto::tensor_proto::DataType;

/// How a code of few bits is a number.
#[derive(Debug, Clone, Copy)]
pub(super) struct Format {
    has_sign: bool,
    exponent_bits: u32,
    mantissa_bits: u32,
    bias: i32,
    special: Special,
}

/// Codes that are no finite numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Special {
    /// None.
    None,
    /// All ones, below the sign, are no number.
    AllOnes,
    /// What would be minus zero is no number.
    MinusZero,
    /// The highest exponent is infinity and no number, as in IEEE 754.
    HighestExponent,
}

impl Format {
    pub(super) fn of(dtype: DataType) -> Option<Self> {
        let (exponent_bits, mantissa_bits, bias, special) = match dtype {
            DataType::Float8e4m3fn => (4, 3, 7, Special::AllOnes),
            DataType::Float8e4m3fnuz => (4, 3, 8, Special::MinusZero),
            DataType::Float8e5m2 => (5, 2, 15, Special::HighestExponent),
            DataType::Float8e5m2fnuz => (5, 2, 16, Special::MinusZero),
            DataType::Float8e8m0 => (8, 0, 127, Special::AllOnes),
            DataType::Float4e2m1 => (2, 1, 1, Special::None),
            _ => return None,
        };
        let has_sign = dtype != DataType::Float8e8m0;
        Some(Self { has_sign, exponent_bits, mantissa_bits, bias, special })
    }

    /// Bits of a code.
    pub(super) fn bits(self) -> u32 {
        u32::from(self.has_sign) + self.exponent_bits + self.mantissa_bits
    }

    /// The number that `code` stands for.
    pub(super) fn value(self, code: u64) -> f64 {
        let magnitude_bits = self.exponent_bits + self.mantissa_bits;
        let ones = (1 << magnitude_bits) - 1;
        let (sign, magnitude) = (code >> magnitude_bits & 1, code & ones);
        let mantissa = magnitude & ((1 << self.mantissa_bits) - 1);
        let exponent = magnitude >> self.mantissa_bits;
        let highest = (1 << self.exponent_bits) - 1;
        let value = match self.special {
            Special::AllOnes if magnitude == ones => f64::NAN,
            Special::MinusZero if sign == 1 && magnitude == 0 => f64::NAN,
            Special::HighestExponent if exponent == highest && mantissa == 0 => f64::INFINITY,
            Special::HighestExponent if exponent == highest => f64::NAN,
            _ => self.finite(exponent, mantissa),
        };
        if sign == 1 { -value } else { value }
    }

    /// The code of the number nearest to `value`, of two the even one; `None` beyond the largest.
    pub(super) fn code(self, value: f64) -> Option<u64> {
        let all = (0..1 << self.bits()).map(|code| (code, self.value(code)));
        if !value.is_finite() {
            let is_same =
                |found: f64| found.to_bits() == value.to_bits() || found.is_nan() && value.is_nan();
            return all.filter(|&(_, found)| is_same(found)).map(|(code, _)| code).next();
        }
        let finite: Vec<(u64, f64)> = all.filter(|(_, found)| found.is_finite()).collect();
        let is_above = finite.iter().all(|&(_, found)| found < value);
        let is_below = finite.iter().all(|&(_, found)| found > value);
        if is_above || is_below {
            return None;
        }
        // Zero has two codes, each with its sign.
        let rank = |&(code, found): &(u64, f64)| {
            ((found - value).abs(), found.is_sign_negative() != value.is_sign_negative(), code & 1)
        };
        let nearest = finite.iter().min_by(|one, other| {
            let (one, other) = (rank(one), rank(other));
            one.0.total_cmp(&other.0).then((one.1, one.2).cmp(&(other.1, other.2)))
        });
        nearest.map(|&(code, _)| code)
    }

    fn finite(self, exponent: u64, mantissa: u64) -> f64 {
        let exponent = i32::try_from(exponent).unwrap_or(i32::MAX);
        let one = 1_u64 << self.mantissa_bits;
        let mantissa_bits = self.mantissa_bits.cast_signed();
        if !self.has_sign {
            return 2_f64.powi(exponent - self.bias);
        }
        match exponent {
            0 => mantissa as f64 * 2_f64.powi(1 - self.bias - mantissa_bits),
            _ => (one + mantissa) as f64 * 2_f64.powi(exponent - self.bias - mantissa_bits),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_the_numbers_of_the_specification() {
        let rows = [
            (DataType::Float8e4m3fn, 0x7e, 448.0),
            (DataType::Float8e4m3fn, 0x01, 0.001_953_125),
            (DataType::Float8e4m3fnuz, 0x7f, 240.0),
            (DataType::Float8e5m2, 0x7b, 57344.0),
            (DataType::Float8e5m2, 0xfc, f64::NEG_INFINITY),
            (DataType::Float8e5m2fnuz, 0x7f, 57344.0),
            (DataType::Float8e8m0, 0x7f, 1.0),
            (DataType::Float8e8m0, 0x00, 2_f64.powi(-127)),
            (DataType::Float4e2m1, 0x7, 6.0),
            (DataType::Float4e2m1, 0x9, -0.5),
        ];
        for (dtype, code, value) in rows {
            let format = Format::of(dtype).unwrap();
            assert_eq!(format.value(code).to_bits(), f64::to_bits(value), "{dtype:?} {code:x}");
            assert_eq!(format.code(value), Some(code), "{dtype:?} {value}");
        }
        for (dtype, code) in [
            (DataType::Float8e4m3fn, 0x7f),
            (DataType::Float8e4m3fnuz, 0x80),
            (DataType::Float8e5m2, 0x7d),
            (DataType::Float8e5m2fnuz, 0x80),
            (DataType::Float8e8m0, 0xff),
        ] {
            let format = Format::of(dtype).unwrap();
            assert!(format.value(code).is_nan(), "{dtype:?}");
            assert_eq!(format.code(f64::NAN), Some(code), "{dtype:?}");
        }
    }

    #[test]
    fn numbers_between_two_codes_take_the_even_one() {
        let format = Format::of(DataType::Float4e2m1).unwrap();
        let rows = [(2.5, 4), (5.0, 6), (0.25, 0), (-0.25, 8), (1.2, 2), (7.0, 99)];
        for (value, code) in rows {
            assert_eq!(format.code(value).unwrap_or(99), code, "{value}");
        }
    }
}
