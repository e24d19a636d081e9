//! Grids that weights of a block are rounded to.

use crate::error::QuantError;

/// Width, block size and symmetry of a grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockFormat {
    /// Width of a code.
    pub bits: Bits,
    /// Neighboring weights of a row that share a scale: 16, 32, 64, 128 or 256.
    pub block_size: usize,
    /// Whether the grid's middle is zero, so that no zero points are stored.
    pub is_symmetric: bool,
}

/// Width of a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bits {
    /// 16 steps, two codes a byte.
    Four,
    /// 256 steps.
    Eight,
}

/// Scale and zero point of one block.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Grid {
    pub(crate) scale: f32,
    pub(crate) zero_point: u8,
}

impl Bits {
    /// Number of bits.
    pub const fn count(self) -> usize {
        match self {
            Self::Four => 4,
            Self::Eight => 8,
        }
    }

    /// Largest code.
    pub(crate) const fn last_code(self) -> u8 {
        match self {
            Self::Four => 15,
            Self::Eight => 255,
        }
    }

    /// Code of zero in a symmetric grid.
    pub(crate) const fn middle(self) -> u8 {
        match self {
            Self::Four => 8,
            Self::Eight => 128,
        }
    }

    /// Bytes that `codes` codes take.
    pub(crate) const fn bytes(self, codes: usize) -> usize {
        (codes * self.count()).div_ceil(8)
    }
}

impl BlockFormat {
    /// Block sizes `MatMulNBits` knows.
    pub const BLOCK_SIZES: [usize; 5] = [16, 32, 64, 128, 256];

    /// Whether there are blocks of that size.
    pub(crate) fn check(&self) -> Result<(), QuantError> {
        if Self::BLOCK_SIZES.contains(&self.block_size) {
            return Ok(());
        }
        Err(QuantError::BlockSize(self.block_size))
    }

    /// Blocks of a row of `k` weights.
    pub const fn blocks(&self, k: usize) -> usize {
        k.div_ceil(self.block_size)
    }

    /// Bytes of a block's codes.
    pub const fn block_bytes(&self) -> usize {
        self.bits.bytes(self.block_size)
    }

    /// Bytes of the zero points of a row of `k` weights, each row starting on a byte.
    pub const fn zero_point_bytes(&self, k: usize) -> usize {
        self.bits.bytes(self.blocks(k))
    }
}
