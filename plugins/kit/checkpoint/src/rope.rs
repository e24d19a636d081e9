//! Rotary position embedding: frequencies and cos/sin tables.
//!
//! Su et al., "`RoFormer`" (2021); `LongRoPE`: Ding et al. (2024).

#![expect(clippy::cast_possible_truncation, reason = "transformers computes in f32, and so do we")]

mod sine;

use std::ops::Range;

/// Rotary position embedding of a model.
#[derive(Debug, Clone, PartialEq)]
pub struct Rope {
    /// Base of the frequencies.
    pub theta: f64,
    /// Leading entries of a head that are rotated; even, at most the head's width.
    pub rotary_dim: usize,
    /// How frequencies are stretched beyond the trained length.
    pub scaling: RopeScaling,
}

/// How frequencies are stretched beyond the trained length.
#[derive(Debug, Clone, PartialEq)]
pub enum RopeScaling {
    /// Not at all.
    None,
    /// `LongRoPE`: one factor per frequency, another list beyond the original length.
    LongRope(LongRope),
    /// Llama 3: long wavelengths are stretched, short ones kept, a ramp between.
    Llama3(Llama3Rope),
}

/// Factors of `LongRoPE`.
#[derive(Debug, Clone, PartialEq)]
pub struct LongRope {
    /// `rotary_dim / 2` divisors for sequences up to the original length.
    pub short_factor: Vec<f64>,
    /// `rotary_dim / 2` divisors for longer sequences.
    pub long_factor: Vec<f64>,
    /// Length the model was trained at first.
    pub original_max_positions: usize,
    /// Factor on cos and sin: `sqrt(1 + ln(max / original) / ln(original))` unless given.
    pub attention_factor: f64,
}

/// Constants of Llama 3's frequency bands.
#[derive(Debug, Clone, PartialEq)]
pub struct Llama3Rope {
    /// Divisor of long wavelengths' frequencies.
    pub factor: f64,
    /// Wavelengths above `original / low_freq_factor` are long.
    pub low_freq_factor: f64,
    /// Wavelengths below `original / high_freq_factor` are short.
    pub high_freq_factor: f64,
    /// Length the model was trained at first.
    pub original_max_positions: usize,
}

impl Rope {
    /// Angle a position adds to each of the `rotary_dim / 2` pairs, for a sequence of this length.
    ///
    /// `1 / theta^(2j / rotary_dim)`, stretched as [`RopeScaling`] says. Computed in `f32` step by
    /// step as transformers does, with powers rounded correctly: equal to it but for a rare last
    /// bit.
    pub(crate) fn inverse_frequencies(&self, sequence_length: usize) -> Vec<f32> {
        let wavelengths = (0..self.rotary_dim / 2).map(|pair| self.wavelength(pair));
        match &self.scaling {
            RopeScaling::None => wavelengths.map(f32::recip).collect(),
            RopeScaling::LongRope(long) => {
                let factors = long.factors(sequence_length).iter();
                factors.zip(wavelengths).map(|(&f, length)| (f as f32 * length).recip()).collect()
            }
            RopeScaling::Llama3(bands) => {
                wavelengths.map(|length| bands.stretch(length.recip())).collect()
            }
        }
    }

    /// Factor on every cos and sin; 1 but for `LongRoPE`.
    pub fn attention_factor(&self) -> f32 {
        match &self.scaling {
            RopeScaling::None | RopeScaling::Llama3(_) => 1.0,
            RopeScaling::LongRope(long) => long.attention_factor as f32,
        }
    }

    /// Cos and sin of every angle, `[positions, rotary_dim / 2]` each, for a sequence of this
    /// length, times [`Rope::attention_factor`].
    pub fn tables(&self, positions: Range<usize>, sequence_length: usize) -> (Vec<f32>, Vec<f32>) {
        let frequencies = self.inverse_frequencies(sequence_length);
        let factor = self.attention_factor();
        let angles = positions.flat_map(|position| {
            frequencies.iter().map(move |frequency| position as f32 * frequency)
        });
        angles
            .map(|angle| {
                let (sine, cosine) = sine::sine_cosine(angle);
                (cosine * factor, sine * factor)
            })
            .unzip()
    }

    /// `theta^(2j / rotary_dim)`: positions in which pair `j` turns by one radian.
    fn wavelength(&self, pair: usize) -> f32 {
        let exponent = (2 * pair) as f32 / self.rotary_dim as f32;
        self.theta.powf(f64::from(exponent)) as f32
    }
}

impl LongRope {
    /// Factor on cos and sin for a model stretched `stretch`-fold beyond its original length.
    pub fn attention_factor(stretch: f64, original_max_positions: usize) -> f64 {
        if stretch <= 1.0 {
            return 1.0;
        }
        (1.0 + stretch.ln() / (original_max_positions as f64).ln()).sqrt()
    }

    /// The divisors that hold for a sequence of this length.
    pub fn factors(&self, sequence_length: usize) -> &[f64] {
        if sequence_length > self.original_max_positions {
            &self.long_factor
        } else {
            &self.short_factor
        }
    }
}

impl Llama3Rope {
    /// The frequency after stretching: long waves by `factor`, short ones not, a ramp between.
    fn stretch(&self, frequency: f32) -> f32 {
        let original = self.original_max_positions as f32;
        let wavelength = std::f32::consts::TAU / frequency;
        let (low, high) = (self.low_freq_factor as f32, self.high_freq_factor as f32);
        let factor = self.factor as f32;
        if wavelength > original / low {
            return frequency / factor;
        }
        if wavelength < original / high {
            return frequency;
        }
        let smooth = (original / wavelength - low) / (high - low);
        (1.0 - smooth) * frequency / factor + smooth * frequency
    }
}

#[cfg(test)]
mod tests {
    //! Reference values are printed by transformers 5.23 with torch 2.15 (CPU, f32).

    use super::*;

    fn long_rope() -> Rope {
        let short_factor = vec![1.0, 1.05, 1.1, 1.15, 1.2, 1.25, 1.3, 1.35];
        let long_factor = vec![1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0];
        let original_max_positions = 32;
        let attention_factor = LongRope::attention_factor(4.0, original_max_positions);
        let long = LongRope { short_factor, long_factor, original_max_positions, attention_factor };
        Rope { theta: 1e4, rotary_dim: 16, scaling: RopeScaling::LongRope(long) }
    }

    fn llama3() -> Rope {
        let (low_freq_factor, high_freq_factor) = (1.0, 4.0);
        let original_max_positions = 8192;
        let bands =
            Llama3Rope { factor: 8.0, low_freq_factor, high_freq_factor, original_max_positions };
        Rope { theta: 5e5, rotary_dim: 16, scaling: RopeScaling::Llama3(bands) }
    }

    /// Checks the frequencies and the last row of the tables for a sequence of this length.
    fn check(rope: &Rope, length: usize, frequencies: &str, cos: &str, sin: &str) {
        assert_eq!(rope.inverse_frequencies(length), values(frequencies));
        let (found_cos, found_sin) = rope.tables(length - 1..length, length);
        let expected = [values(cos), values(sin)].concat();
        for (found, expected) in found_cos.iter().chain(&found_sin).zip(expected) {
            assert!((found - expected).abs() <= 1.2e-7, "{found} {expected}");
        }
        let (all_cos, _) = rope.tables(0..length, length);
        assert_eq!(all_cos[(length - 1) * 8..], found_cos);
    }

    fn values(text: &str) -> Vec<f32> {
        text.split_whitespace().map(|value| value.parse().unwrap()).collect()
    }

    #[test]
    fn short_factors_hold_up_to_the_original_length() {
        check(
            &long_rope(),
            24,
            "1 0.301169306 0.0909090936 0.0274980683 0.00833333284 0.00252982229 0.00076923077 \
             0.000234242791",
            "-0.630456567 0.946425259 -0.588032484 0.954356432 1.16154897 1.1812135 1.18303072 \
             1.18319881",
            "-1.00126147 0.710126221 1.02675104 0.699431121 0.22539708 0.0688076615 0.0209327266 \
             0.00637464505",
        );
    }

    #[test]
    fn long_factors_hold_beyond_the_original_length() {
        check(
            &long_rope(),
            48,
            "0.666666687 0.158113882 0.0399999991 0.010540925 0.00285714283 0.000790569466 \
             0.000222222225 6.32455558e-05",
            "1.17918253 0.485307336 -0.360052824 1.04095495 1.17256367 1.18239927 1.18315148 \
             1.18321073",
            "-0.0976137817 1.07910931 1.12710345 0.562505901 0.158411905 0.0439543612 \
             0.0123578086 0.00351715297",
        );
    }

    #[test]
    fn llama3_stretches_long_waves_only() {
        check(
            &llama3(),
            100,
            "1 0.193922758 0.0376060307 0.00729266508 0.000524846022 3.42810235e-05 \
             6.64786967e-06 1.28917316e-06",
            "0.0398208797 0.939784586 -0.835692227 0.750502765 0.998650372 0.999994218 \
             0.999999762 1",
            "-0.999206841 0.341767401 -0.549198031 0.660867333 0.0519363806 0.0033938149 \
             0.000658139063 0.00012762814",
        );
    }
}
