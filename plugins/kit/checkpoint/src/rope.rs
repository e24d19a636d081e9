//! Rotary position embedding: frequencies and cos/sin tables.
//!
//! Su et al., "RoFormer" (2021); `LongRoPE`: Ding et al. (2024).

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
