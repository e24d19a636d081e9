//! Block-quantized matrices in ONNX's own types of 4 bits.

use crate::grid::{Bits, BlockFormat};
use crate::pack;
use crate::scale::ScaleType;

/// A matrix of `INT4` or `UINT4` whose lines along an axis are cut into blocks that share a scale:
/// what `DequantizeLinear` and `GatherBlockQuantized` take.
///
/// Codes are two a byte, the earlier in the low nibble, across the ends of rows; an unused nibble
/// at the end is 0. A weight is `(code - zero_point) * scale`.
#[derive(Debug, Clone, PartialEq)]
pub struct Int4Matrix {
    /// Block size and symmetry; 4 bits.
    pub format: BlockFormat,
    /// Type of the scales.
    pub scale_type: ScaleType,
    /// Rows and columns.
    pub shape: [usize; 2],
    /// Axis along which blocks lie: 0 or 1.
    pub axis: usize,
    /// Codes of `shape`: `INT4` when symmetric, else `UINT4`.
    pub codes: Vec<u8>,
    /// Scales `[rows, columns]` with blocks for values along the axis, little-endian values of
    /// [`Self::scale_type`]; may be negative.
    pub scales: Vec<u8>,
    /// Zero points of the shape of the scales, packed like codes, as `UINT4`; `None` when
    /// symmetric, where they are 0.
    pub zero_points: Option<Vec<u8>>,
}

impl Int4Matrix {
    /// Rows and columns of the scales.
    pub fn scale_shape(&self) -> [usize; 2] {
        let mut shape = self.shape;
        shape[self.axis] = self.format.blocks(shape[self.axis]);
        shape
    }

    /// The weights the codes stand for, in row-major order.
    pub fn dequantize(&self) -> Vec<f32> {
        let [rows, columns] = self.shape;
        let [_, scale_columns] = self.scale_shape();
        let mut weights = Vec::with_capacity(rows * columns);
        for row in 0..rows {
            for column in 0..columns {
                let mut place = [row, column];
                place[self.axis] /= self.format.block_size;
                let block = place[0] * scale_columns + place[1];
                let code = self.level(pack::get(Bits::Four, &self.codes, row * columns + column));
                weights.push(
                    (code - self.zero_point(block)) * self.scale_type.get(&self.scales, block),
                );
            }
        }
        weights
    }

    /// What a code stands for: `INT4` wraps around after 7.
    fn level(&self, code: u8) -> f32 {
        let code = f32::from(code);
        if self.format.is_symmetric && code > 7.0 { code - 16.0 } else { code }
    }

    fn zero_point(&self, block: usize) -> f32 {
        let zero_points = self.zero_points.as_ref();
        zero_points.map_or(0.0, |bytes| f32::from(pack::get(Bits::Four, bytes, block)))
    }
}
