//! Values that several settings share.

use olive_kit_quant::Packer;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Width of a code.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "u8", into = "u8")]
#[schemars(with = "u8", extend("enum" = [2, 3, 4, 8]))]
pub enum Bits {
    /// 4 steps.
    Two,
    /// 8 steps.
    Three,
    /// 16 steps.
    #[default]
    Four,
    /// 256 steps.
    Eight,
}

/// Inputs of a layer that share a scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "i64", into = "i64")]
#[schemars(with = "i64", extend("enum" = [-1, 16, 32, 64, 128, 256]))]
pub enum GroupSize {
    /// A whole row, which is written as -1.
    Row,
    /// So many neighbors.
    Inputs(usize),
}

/// Who reads the codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckpointFormat {
    /// `AutoGPTQ`'s layout, in which zero points are stored less 1.
    Gptq,
    /// `GPTQModel`'s second layout, which stores them as they are.
    GptqV2,
    /// `AutoAWQ`'s, for its matrix kernels; 4 bits only.
    Awq,
    /// Olive's, which has a place for embeddings too.
    Olive,
}

impl Bits {
    /// Number of bits.
    pub const fn count(self) -> u8 {
        match self {
            Self::Two => 2,
            Self::Three => 3,
            Self::Four => 4,
            Self::Eight => 8,
        }
    }
}

impl TryFrom<u8> for Bits {
    type Error = String;

    fn try_from(bits: u8) -> Result<Self, String> {
        match bits {
            2 => Ok(Self::Two),
            3 => Ok(Self::Three),
            4 => Ok(Self::Four),
            8 => Ok(Self::Eight),
            other => Err(format!("codes of {other} bits are not written; 2, 3, 4 and 8 are")),
        }
    }
}

impl From<Bits> for u8 {
    fn from(bits: Bits) -> Self {
        bits.count()
    }
}

impl GroupSize {
    /// Inputs of a group; `None` where it is a whole row.
    pub const fn inputs(self) -> Option<usize> {
        match self {
            Self::Row => None,
            Self::Inputs(count) => Some(count),
        }
    }
}

impl TryFrom<i64> for GroupSize {
    type Error = String;

    fn try_from(size: i64) -> Result<Self, String> {
        match usize::try_from(size) {
            Ok(count @ (16 | 32 | 64 | 128 | 256)) => Ok(Self::Inputs(count)),
            Err(_) if size == -1 => Ok(Self::Row),
            _ => Err(format!("group size {size} is not -1, 16, 32, 64, 128 or 256")),
        }
    }
}

impl From<GroupSize> for i64 {
    fn from(size: GroupSize) -> Self {
        match size {
            GroupSize::Row => -1,
            GroupSize::Inputs(count) => Self::try_from(count).unwrap_or(Self::MAX),
        }
    }
}

impl CheckpointFormat {
    /// How codes lie.
    pub const fn packer(self) -> Packer {
        match self {
            Self::Gptq => Packer::Gptq { zero_offset: 1 },
            Self::GptqV2 => Packer::Gptq { zero_offset: 0 },
            Self::Awq => Packer::Awq,
            Self::Olive => Packer::Olive,
        }
    }

    /// The word of a config.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gptq => "gptq",
            Self::GptqV2 => "gptq_v2",
            Self::Awq => "awq",
            Self::Olive => "olive",
        }
    }
}
