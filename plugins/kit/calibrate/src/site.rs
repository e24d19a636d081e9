//! Places where linear layers read one input.

use std::fmt;

/// Linear layers that share an input, in order of computation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Site {
    /// Query, key and value, of the norm before attention.
    Qkv,
    /// Attention output, of what the heads give.
    Output,
    /// Gate and up, of the norm before the MLP.
    GateUp,
    /// Down, of what the gate lets through.
    Down,
    /// Logits, of the last norm.
    LmHead,
}

impl Site {
    /// Sites of every layer; [`Site::LmHead`] follows the last layer.
    pub const OF_LAYER: [Self; 4] = [Self::Qkv, Self::Output, Self::GateUp, Self::Down];
}

impl fmt::Display for Site {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Qkv => "qkv",
            Self::Output => "attention output",
            Self::GateUp => "gate and up",
            Self::Down => "down",
            Self::LmHead => "lm_head",
        })
    }
}
