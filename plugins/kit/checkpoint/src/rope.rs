//! Rotary position embedding: frequencies and cos/sin tables.
//!
//! Su et al., "`RoFormer`" (2021); `LongRoPE`: Ding et al. (2024).

#![expect(clippy::cast_possible_truncation, reason = "transformers computes in f32, and so do we")]

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
    pub fn inverse_frequencies(&self, sequence_length: usize) -> Vec<f32> {
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
                let (sin, cos) = f64::from(angle).sin_cos();
                (cos as f32 * factor, sin as f32 * factor)
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
