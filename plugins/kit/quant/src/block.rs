//! Block-quantized matrices in the layout of `MatMulNBits`.

use rayon::prelude::*;

use crate::error::QuantError;
use crate::grid::BlockFormat;
use crate::{mlas, neural_compressor, pack};

/// A matrix `[n, k]` whose rows are cut into blocks that share a scale.
///
/// With `blocks = ceil(k / block_size)`, a weight is `(code - zero_point) * scale`, where the zero
/// point of a symmetric matrix is the middle of the grid, 8 or 128.
#[derive(Debug, Clone, PartialEq)]
pub struct BlockQuantized {
    /// Width, block size and symmetry of the grid.
    pub format: BlockFormat,
    /// Rows: output features.
    pub n: usize,
    /// Columns: input features.
    pub k: usize,
    /// Codes `[n, blocks, block_size * bits / 8]`; of two 4-bit codes the earlier is the low nibble.
    pub qweight: Vec<u8>,
    /// Scales `[n, blocks]`; may be negative.
    pub scales: Vec<f32>,
    /// Zero points `[n, ceil(blocks * bits / 8)]`, packed like codes; `None` when symmetric.
    pub zero_points: Option<Vec<u8>>,
}

/// How scales, zero points and codes follow from weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rounding {
    /// ONNX Runtime's own (MLAS): a symmetric scale puts the largest weight on the grid's first
    /// step, so that all 16 or 256 steps are used; f32 arithmetic, halves away from zero.
    Default,
    /// Neural Compressor's round-to-nearest: a symmetric scale spans `-max..max` with all steps;
    /// f64 arithmetic, halves to even.
    Rtn,
}

impl BlockQuantized {
    /// Quantizes a matrix `[n, k]` whose row `r` is what `fill(r, row)` writes; rows in parallel.
    ///
    /// Peak memory is the result and one row per thread.
    ///
    /// # Errors
    /// When the block size is unknown or a weight is not finite.
    pub fn from_rows(
        n: usize,
        k: usize,
        format: BlockFormat,
        rounding: Rounding,
        fill: impl Fn(usize, &mut [f32]) + Sync,
    ) -> Result<Self, QuantError> {
        if !BlockFormat::BLOCK_SIZES.contains(&format.block_size) {
            return Err(QuantError::BlockSize(format.block_size));
        }
        let mut result = Self::zeroed(n, k, format);
        if k > 0 {
            result.quantize_rows(rounding, fill)?;
        }
        Ok(result)
    }

    /// Quantizes `weights`, a matrix `[n, k]` in row-major order; rows in parallel.
    ///
    /// # Errors
    /// When `weights` does not hold `n * k` values, the block size is unknown or a weight is not
    /// finite.
    pub fn from_weights(
        weights: &[f32],
        n: usize,
        k: usize,
        format: BlockFormat,
        rounding: Rounding,
    ) -> Result<Self, QuantError> {
        if n.checked_mul(k) != Some(weights.len()) {
            return Err(QuantError::Shape { values: weights.len(), n, k });
        }
        Self::from_rows(n, k, format, rounding, |row, out| {
            out.copy_from_slice(&weights[row * k..][..k]);
        })
    }

    /// The weights the codes stand for, `[n, k]` in row-major order.
    pub fn dequantize(&self) -> Vec<f32> {
        let blocks = self.format.blocks(self.k);
        let mut weights = vec![0.0; self.n * self.k];
        let mut codes = vec![0; self.format.block_size];
        for (index, block) in self.qweight.chunks_exact(self.format.block_bytes()).enumerate() {
            let (row, block_of_row) = (index / blocks, index % blocks);
            pack::unpack(self.format.bits, block, &mut codes);
            let scale = self.scales[index];
            let zero_point = f32::from(self.zero_point(row, block_of_row));
            let row = &mut weights[row * self.k..][..self.k];
            let start = block_of_row * self.format.block_size;
            for (weight, &code) in row[start..].iter_mut().zip(&codes) {
                *weight = (f32::from(code) - zero_point) * scale;
            }
        }
        weights
    }

    fn zeroed(n: usize, k: usize, format: BlockFormat) -> Self {
        let blocks = format.blocks(k);
        let zero_points = vec![0; n * format.zero_point_bytes(k)];
        Self {
            format,
            n,
            k,
            qweight: vec![0; n * blocks * format.block_bytes()],
            scales: vec![0.0; n * blocks],
            zero_points: (!format.is_symmetric).then_some(zero_points),
        }
    }

    fn quantize_rows(
        &mut self,
        rounding: Rounding,
        fill: impl Fn(usize, &mut [f32]) + Sync,
    ) -> Result<(), QuantError> {
        let (k, format) = (self.k, self.format);
        let blocks = format.blocks(k);
        let zero_point_bytes = format.zero_point_bytes(k);
        let mut unused = Vec::new();
        let zero_points = self.zero_points.as_mut().unwrap_or_else(|| {
            unused = vec![0; self.n * zero_point_bytes];
            &mut unused
        });
        self.qweight
            .par_chunks_exact_mut(blocks * format.block_bytes())
            .zip(self.scales.par_chunks_exact_mut(blocks))
            .zip(zero_points.par_chunks_exact_mut(zero_point_bytes))
            .enumerate()
            .try_for_each_init(
                || Scratch::new(k, format),
                |scratch, (row, ((qweight, scales), zero_points))| {
                    fill(row, &mut scratch.weights[..k]);
                    let packed = PackedRow { qweight, scales, zero_points };
                    let is_finite = scratch.quantize(k, format, rounding, packed);
                    if is_finite { Ok(()) } else { Err(QuantError::NotFinite { row }) }
                },
            )
    }

    fn zero_point(&self, row: usize, block: usize) -> u8 {
        let Some(zero_points) = &self.zero_points else {
            return self.format.bits.middle();
        };
        let bytes = self.format.zero_point_bytes(self.k);
        pack::get(self.format.bits, &zero_points[row * bytes..][..bytes], block)
    }
}

/// A thread's room for one row.
struct Scratch {
    /// `[blocks * block_size]`; what is beyond the row stays 0.
    weights: Vec<f32>,
    /// Codes of one block.
    codes: Vec<u8>,
    /// One zero point a block.
    zero_points: Vec<u8>,
}

/// One row of a matrix's three parts.
struct PackedRow<'a> {
    qweight: &'a mut [u8],
    scales: &'a mut [f32],
    zero_points: &'a mut [u8],
}

impl Scratch {
    fn new(k: usize, format: BlockFormat) -> Self {
        let blocks = format.blocks(k);
        Self {
            weights: vec![0.0; blocks * format.block_size],
            codes: vec![0; format.block_size],
            // An unused nibble at the end of a row holds the grid's middle.
            zero_points: vec![format.bits.middle(); blocks.next_multiple_of(2)],
        }
    }

    /// Quantizes the row in `weights` and says whether all of it is finite.
    fn quantize(
        &mut self,
        k: usize,
        format: BlockFormat,
        rounding: Rounding,
        packed: PackedRow<'_>,
    ) -> bool {
        let PackedRow { qweight, scales, zero_points } = packed;
        let blocks = self.weights.chunks_exact(format.block_size);
        let outputs = qweight.chunks_exact_mut(format.block_bytes());
        for (index, (weights, output)) in blocks.zip(outputs).enumerate() {
            let length = format.block_size.min(k - index * format.block_size);
            let grid = match rounding {
                Rounding::Default => mlas::quantize(weights, length, format, &mut self.codes),
                Rounding::Rtn => neural_compressor::quantize(weights, format, &mut self.codes),
            };
            pack::pack(format.bits, &self.codes, output);
            scales[index] = grid.scale;
            self.zero_points[index] = grid.zero_point;
        }
        let count = scales.len().next_multiple_of(8 / format.bits.count());
        pack::pack(format.bits, &self.zero_points[..count], zero_points);
        self.weights.iter().fold(true, |all, weight| all & weight.is_finite())
    }
}
