//! 4-bit codebook weights, as bitsandbytes stores them.
//!
//! Dettmers et al., "QLoRA: Efficient Finetuning of Quantized LLMs" (2023). Weights in row-major
//! order are cut into blocks, over row ends; a block's scale is its largest magnitude, and a weight
//! is the codebook value nearest to `weight / scale`. Double quantization keeps the scales, less
//! their mean, as [`DynamicCodes`]: 0.127 bits a weight instead of 0.5.
//!
//! Codes and scales equal those of bitsandbytes' CPU path (0.50). Its `fp4` has two zeros, which
//! the CPU and the CUDA path choose among differently. A mean of scales is rounded once here, while
//! torch's f32 sum depends on the processor, so that offsets may differ in the last bit.

use std::ops::Range;

use rayon::prelude::*;

use crate::codebook::{Codebook, FourBitKind};
use crate::dynamic::{self, DYNAMIC_BLOCK_SIZE, DynamicCodes};
use crate::error::QuantError;

/// How weights become codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FourBitFormat {
    /// The codebook.
    pub kind: FourBitKind,
    /// Neighboring weights that share a scale, over row ends; 64 in bitsandbytes.
    pub block_size: usize,
    /// Whether scales are themselves 8-bit codes.
    pub double_quantized: bool,
}

/// Weights as codes and scales.
#[derive(Debug, Clone, PartialEq)]
pub struct FourBit {
    /// How they were made.
    pub format: FourBitFormat,
    /// Number of weights.
    pub len: usize,
    /// Two codes a byte, the first in the high nibble.
    pub packed: Vec<u8>,
    /// Scale of each block.
    pub scales: FourBitScales,
}

/// Scales of blocks, the largest magnitude in each.
#[derive(Debug, Clone, PartialEq)]
pub enum FourBitScales {
    /// As they are.
    Plain(Vec<f32>),
    /// `codebook[code] * scale[block / 256] + offset`, of the codebook [`DynamicCodes::signed`].
    Double {
        /// One code a block of weights.
        codes: Vec<u8>,
        /// Scale of each 256 codes.
        scales: Vec<f32>,
        /// Mean of the scales.
        offset: f32,
    },
}

impl FourBitFormat {
    /// Block sizes bitsandbytes knows.
    pub const BLOCK_SIZES: [usize; 8] = [32, 64, 128, 256, 512, 1024, 2048, 4096];

    /// `nf4` in blocks of 64, with scales as they are.
    pub const NF4: Self = Self { kind: FourBitKind::Nf4, block_size: 64, double_quantized: false };

    /// Refuses a block size that bitsandbytes does not know.
    pub(crate) fn check(&self) -> Result<(), QuantError> {
        if Self::BLOCK_SIZES.contains(&self.block_size) {
            Ok(())
        } else {
            Err(QuantError::FourBitBlockSize(self.block_size))
        }
    }

    /// Blocks of `len` weights.
    pub const fn blocks(&self, len: usize) -> usize {
        len.div_ceil(self.block_size)
    }

    /// Bytes that `len` weights take in memory.
    pub const fn size_bytes(&self, len: usize) -> usize {
        let blocks = self.blocks(len);
        let scales = if self.double_quantized {
            blocks + 4 * (blocks.div_ceil(DYNAMIC_BLOCK_SIZE) + 1)
        } else {
            4 * blocks
        };
        len.div_ceil(2) + scales
    }
}

impl FourBit {
    /// Rounds `values` to the nearest codes; blocks in parallel.
    ///
    /// # Errors
    /// When the block size is unknown or a value is not finite.
    pub fn quantize(values: &[f32], format: FourBitFormat) -> Result<Self, QuantError> {
        let mut result = Self::zeroed(values.len(), format)?;
        // Whole blocks, enough of them to be worth a task.
        let task = format.block_size * (TASK_VALUES / format.block_size).max(1);
        let mut scales = vec![0.0; format.blocks(values.len())];
        result
            .packed
            .par_chunks_mut(task / 2)
            .zip(scales.par_chunks_mut(task / format.block_size))
            .zip(values.par_chunks(task))
            .enumerate()
            .try_for_each(|(index, ((packed, scales), values))| {
                quantize_blocks(values, format, packed, scales)
                    .map_err(|at| QuantError::NotFiniteAt { index: index * task + at })
            })?;
        result.set_scales(scales);
        Ok(result)
    }

    /// Rounds a matrix `[rows, columns]`, whose rows in a range `fill` writes, to the nearest
    /// codes; ranges of rows in parallel.
    ///
    /// Each row is asked for once. Peak memory is the result, its scales and one range of rows per
    /// thread: 256 KiB, or as many rows as begin and end with a block.
    ///
    /// # Errors
    /// When the block size is unknown or a weight is not finite.
    pub fn from_rows(
        rows: usize,
        columns: usize,
        format: FourBitFormat,
        fill: impl Fn(Range<usize>, &mut [f32]) + Sync,
    ) -> Result<Self, QuantError> {
        let mut result = Self::zeroed(rows * columns, format)?;
        if result.len == 0 {
            result.set_scales(Vec::new());
            return Ok(result);
        }
        // The fewest rows that are whole blocks: block sizes are powers of two.
        let whole = format.block_size >> columns.trailing_zeros().min(format.block_size.ilog2());
        let task_rows = whole * (TASK_VALUES / (whole * columns)).max(1);
        let task = task_rows * columns;
        let mut scales = vec![0.0; format.blocks(result.len)];
        result
            .packed
            .par_chunks_mut(task / 2)
            .zip(scales.par_chunks_mut(task / format.block_size))
            .enumerate()
            .try_for_each_init(Vec::new, |values, (index, (packed, scales))| {
                let first = index * task_rows;
                let range = first..rows.min(first + task_rows);
                values.resize(range.len() * columns, 0.0);
                fill(range, values);
                quantize_blocks(values, format, packed, scales)
                    .map_err(|at| QuantError::NotFinite { row: first + at / columns })
            })?;
        result.set_scales(scales);
        Ok(result)
    }

    /// Writes the weights in `range` into `into`.
    ///
    /// # Panics
    /// When `range` leaves the weights or `into` has another length.
    pub fn dequantize(&self, range: Range<usize>, into: &mut [f32]) {
        assert!(range.end <= self.len, "weights {range:?} of {}", self.len);
        assert_eq!(range.len(), into.len(), "as many values as weights");
        let codebook = Codebook::of(self.format.kind);
        let block_size = self.format.block_size;
        let (mut start, mut into) = (range.start, into);
        while !into.is_empty() {
            let block = start / block_size;
            let length = into.len().min((block + 1) * block_size - start);
            let (of_block, rest) = into.split_at_mut(length);
            codebook.decode(&self.packed, start, self.scale(block), of_block);
            start += length;
            into = rest;
        }
    }

    /// Scale of a block.
    ///
    /// # Panics
    /// When there is no such block.
    pub fn scale(&self, block: usize) -> f32 {
        match &self.scales {
            FourBitScales::Plain(scales) => scales[block],
            FourBitScales::Double { codes, scales, offset } => {
                let value = DynamicCodes::signed().values()[usize::from(codes[block])];
                value * scales[block / DYNAMIC_BLOCK_SIZE] + offset
            }
        }
    }

    /// Bytes it holds in memory.
    pub fn size_bytes(&self) -> usize {
        self.format.size_bytes(self.len)
    }

    fn zeroed(len: usize, format: FourBitFormat) -> Result<Self, QuantError> {
        format.check()?;
        let packed = vec![0; len.div_ceil(2)];
        Ok(Self { format, len, packed, scales: FourBitScales::Plain(Vec::new()) })
    }

    fn set_scales(&mut self, scales: Vec<f32>) {
        self.scales = if self.format.double_quantized {
            FourBitScales::quantize(scales)
        } else {
            FourBitScales::Plain(scales)
        };
    }
}

impl FourBitScales {
    /// Scales less their mean, as 8-bit codes.
    fn quantize(mut plain: Vec<f32>) -> Self {
        let sum: f64 = plain.iter().copied().map(f64::from).sum();
        #[expect(clippy::cast_possible_truncation, reason = "the mean is stored as f32")]
        let offset = (sum / plain.len().max(1) as f64) as f32;
        for scale in &mut plain {
            *scale -= offset;
        }
        let mut codes = vec![0; plain.len()];
        let blocks = plain.chunks(DYNAMIC_BLOCK_SIZE).zip(codes.chunks_mut(DYNAMIC_BLOCK_SIZE));
        let scales =
            blocks.map(|(scales, codes)| DynamicCodes::signed().quantize_block(scales, codes));
        Self::Double { scales: scales.collect(), codes, offset }
    }
}

/// Weights of a parallel task: what fits a core's cache.
const TASK_VALUES: usize = 1 << 16;

/// Quantizes `values`, which begin with a block; fails with the index of one that is not finite.
fn quantize_blocks(
    values: &[f32],
    format: FourBitFormat,
    packed: &mut [u8],
    scales: &mut [f32],
) -> Result<(), usize> {
    let codebook = Codebook::of(format.kind);
    let blocks = values.chunks(format.block_size).zip(packed.chunks_mut(format.block_size / 2));
    for ((values, packed), scale) in blocks.zip(&mut *scales) {
        *scale = dynamic::absmax(values);
        let divisor = scale.max(dynamic::LEAST_DIVISOR);
        if values.len() == format.block_size {
            let reciprocal = 1.0 / divisor;
            codebook.encode(values, |value| value * reciprocal, packed);
        } else {
            // bitsandbytes divides in a last block that is not whole.
            codebook.encode(values, |value| value / divisor, packed);
        }
    }
    if scales.iter().all(|scale| scale.is_finite()) {
        return Ok(());
    }
    values.iter().position(|value| !value.is_finite()).map_or(Ok(()), Err)
}
