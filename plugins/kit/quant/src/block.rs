//! Block-quantized matrices in the layout of `MatMulNBits`.

use rayon::prelude::*;

use crate::error::QuantError;
use crate::grid::BlockFormat;
use crate::k_quant::KQuant;
use crate::mlas::Mlas;
use crate::neural_compressor::Rtn;
use crate::pack;
use crate::rows::{Encode, Fill, Layout, Scratch};
use crate::scale::ScaleType;

/// A matrix `[n, k]` whose rows are cut into blocks that share a scale.
///
/// With `blocks = ceil(k / block_size)`, a weight is `(code - zero_point) * scale`, where the zero
/// point of a symmetric matrix is the middle of the grid, 8 or 128.
#[derive(Debug, Clone, PartialEq)]
pub struct BlockQuantized {
    /// Width, block size and symmetry of the grid.
    pub format: BlockFormat,
    /// Type of the scales.
    pub scale_type: ScaleType,
    /// Rows: output features.
    pub n: usize,
    /// Columns: input features.
    pub k: usize,
    /// Codes `[n, blocks, block_size * bits / 8]`; of two 4-bit codes the earlier is the low nibble.
    pub qweight: Vec<u8>,
    /// Scales `[n, blocks]`, little-endian values of [`Self::scale_type`]; may be negative.
    pub scales: Vec<u8>,
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
    /// Of 21 grids that of least weighted error, fitted as in llama.cpp's k-quants; never
    /// symmetric, whatever the format says.
    KQuant,
}

impl BlockQuantized {
    /// Quantizes a matrix `[n, k]` whose row `r` is what `fill(r, row)` writes; rows in parallel.
    ///
    /// Weights are rounded to `scale_type`, the type of the matrix, before all else.
    /// Peak memory is the result and some rows per thread, 80 KiB or two rows.
    ///
    /// # Errors
    /// When the block size is unknown, a weight is not finite, or there is no such rounding of
    /// bf16.
    pub fn from_rows(
        n: usize,
        k: usize,
        format: BlockFormat,
        rounding: Rounding,
        scale_type: ScaleType,
        fill: impl Fn(usize, &mut [f32]) + Sync,
    ) -> Result<Self, QuantError> {
        Self::rounded([n, k], format, rounding, scale_type, &fill)
    }

    /// Quantizes `weights`, a matrix `[n, k]` in row-major order; rows in parallel.
    ///
    /// # Errors
    /// When `weights` does not hold `n * k` values, and as [`Self::from_rows`].
    pub fn from_weights(
        weights: &[f32],
        n: usize,
        k: usize,
        format: BlockFormat,
        rounding: Rounding,
        scale_type: ScaleType,
    ) -> Result<Self, QuantError> {
        if n.checked_mul(k) != Some(weights.len()) {
            return Err(QuantError::Shape { values: weights.len(), n, k });
        }
        Self::from_rows(n, k, format, rounding, scale_type, |row, out| {
            out.copy_from_slice(&weights[row * k..][..k]);
        })
    }

    /// Scale of the block at `index` of `[n, blocks]`.
    ///
    /// # Panics
    /// When there is no such block.
    pub fn scale(&self, index: usize) -> f32 {
        self.scale_type.get(&self.scales, index)
    }

    /// The weights the codes stand for, `[n, k]` in row-major order.
    pub fn dequantize(&self) -> Vec<f32> {
        let blocks = self.format.blocks(self.k);
        let mut weights = vec![0.0; self.n * self.k];
        let mut codes = vec![0; self.format.block_size];
        for (index, block) in self.qweight.chunks_exact(self.format.block_bytes()).enumerate() {
            let (row, block_of_row) = (index / blocks, index % blocks);
            pack::unpack(self.format.bits, block, &mut codes);
            let scale = self.scale(index);
            let zero_point = f32::from(self.zero_point(row, block_of_row));
            let row = &mut weights[row * self.k..][..self.k];
            let start = block_of_row * self.format.block_size;
            for (weight, &code) in row[start..].iter_mut().zip(&codes) {
                *weight = (f32::from(code) - zero_point) * scale;
            }
        }
        weights
    }

    fn rounded(
        shape: [usize; 2],
        format: BlockFormat,
        rounding: Rounding,
        scale_type: ScaleType,
        fill: &Fill<'_>,
    ) -> Result<Self, QuantError> {
        if scale_type == ScaleType::Bf16 && rounding != Rounding::Default {
            return Err(QuantError::Bf16);
        }
        match rounding {
            Rounding::Default => Self::encode(shape, format, scale_type, Mlas, fill),
            Rounding::Rtn => Self::encode(shape, format, scale_type, Rtn, fill),
            Rounding::KQuant => {
                let format = BlockFormat { is_symmetric: false, ..format };
                let [n, k] = shape;
                let encode = KQuant { is_sequential: n > 1 && format.blocks(k) == 1 };
                Self::encode(shape, format, scale_type, encode, fill)
            }
        }
    }

    pub(crate) fn encode(
        [n, k]: [usize; 2],
        format: BlockFormat,
        scale_type: ScaleType,
        encode: impl Encode,
        fill: &Fill<'_>,
    ) -> Result<Self, QuantError> {
        format.check()?;
        let layout = Layout { k, format, scale_type };
        let mut result = Self::zeroed(layout, n);
        if k > 0 {
            result.encode_rows(layout, encode, fill)?;
        }
        Ok(result)
    }

    fn zeroed(layout: Layout, n: usize) -> Self {
        let Layout { k, format, scale_type } = layout;
        let blocks = format.blocks(k);
        let zero_points = vec![0; n * format.zero_point_bytes(k)];
        Self {
            format,
            scale_type,
            n,
            k,
            qweight: vec![0; n * blocks * format.block_bytes()],
            scales: vec![0; n * blocks * scale_type.size_bytes()],
            zero_points: (!format.is_symmetric).then_some(zero_points),
        }
    }

    fn encode_rows(
        &mut self,
        layout: Layout,
        encode: impl Encode,
        fill: &Fill<'_>,
    ) -> Result<(), QuantError> {
        let (n, format, rows) = (self.n, self.format, layout.task_rows());
        let row_bytes = layout.blocks() * format.block_bytes();
        let scale_bytes = layout.blocks() * self.scale_type.size_bytes();
        let zero_point_bytes = format.zero_point_bytes(self.k);
        let mut unused = Vec::new();
        let zero_points = self.zero_points.as_mut().unwrap_or_else(|| {
            unused = vec![0; n * zero_point_bytes];
            &mut unused
        });
        self.qweight
            .par_chunks_mut(rows * row_bytes)
            .zip(self.scales.par_chunks_mut(rows * scale_bytes))
            .zip(zero_points.par_chunks_mut(rows * zero_point_bytes))
            .enumerate()
            .try_for_each_init(
                || Scratch::new(layout),
                |scratch, (task, ((qweight, scales), zero_points))| {
                    let first = task * rows;
                    scratch.run((first, rows.min(n - first)), encode, fill)?;
                    pack::pack(format.bits, &scratch.codes, qweight);
                    layout.scale_type.write(&scratch.scales, scales);
                    let of_rows = scratch.zero_points.chunks_exact(layout.blocks());
                    for (of_row, bytes) in
                        of_rows.zip(zero_points.chunks_exact_mut(zero_point_bytes))
                    {
                        pack::pack_filled(format.bits, of_row, bytes);
                    }
                    Ok(())
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
