//! A frozen weight as 4-bit codes.

use std::ops::Range;

use olive_kit_quant::{FourBit, FourBitScales};

use crate::blocks::Scratch;
use crate::kernel::COLUMNS;
use crate::pack::{Lanes, pack};
use crate::packed::Packed;

/// Codes row after row, as they come.
#[derive(Debug)]
pub(super) struct FourBitRows {
    weight: FourBit,
    columns: usize,
}

impl FourBitRows {
    pub(super) fn new(weight: FourBit, columns: usize) -> Self {
        Self { weight, columns }
    }

    pub(super) fn size_bytes(&self) -> usize {
        let scales = match &self.weight.scales {
            FourBitScales::Plain(scales) => scales.len() * 4,
            FourBitScales::Double { codes, scales, .. } => codes.len() + scales.len() * 4,
        };
        self.weight.packed.len() + scales
    }

    /// Values of some columns of a row.
    pub(super) fn values(&self, row: usize, columns: Range<usize>, into: &mut [f32]) {
        let start = row * self.columns;
        self.weight.dequantize(start + columns.start..start + columns.end, into);
    }

    /// A panel of rows over a block of columns.
    pub(super) fn forward<'a>(
        &self,
        left: &Packed,
        panel: usize,
        block: Range<usize>,
        scratch: &'a mut Scratch,
    ) -> &'a [u32] {
        let inner = block.len();
        let rows = panel * COLUMNS..((panel + 1) * COLUMNS).min(self.weight.len / self.columns);
        let count = rows.len();
        let source = Area { rows, columns: block.clone(), stride: inner };
        let steps = left.inner().steps(&block);
        self.pack(left, source, steps, scratch, |values| Lanes {
            values,
            count,
            inner,
            stride: inner,
            inner_stride: 1,
        })
    }

    /// A panel of columns over a block of rows.
    pub(super) fn backward<'a>(
        &self,
        left: &Packed,
        panel: usize,
        block: Range<usize>,
        scratch: &'a mut Scratch,
    ) -> &'a [u32] {
        let inner = block.len();
        let columns = panel * COLUMNS..((panel + 1) * COLUMNS).min(self.columns);
        let count = columns.len();
        let steps = left.inner().steps(&block);
        let source = Area { rows: block, columns, stride: COLUMNS };
        self.pack(left, source, steps, scratch, |values| Lanes {
            values,
            count,
            inner,
            stride: 1,
            inner_stride: COLUMNS,
        })
    }

    /// Dequantizes an area and packs it as `lanes` says.
    fn pack<'a>(
        &self,
        left: &Packed,
        source: Area,
        steps: usize,
        scratch: &'a mut Scratch,
        lanes: impl FnOnce(&[f32]) -> Lanes<'_>,
    ) -> &'a [u32] {
        let Scratch { packed, values } = scratch;
        let values = values.floats_mut(source.rows.len() * source.stride);
        for (row, into) in source.rows.zip(values.chunks_exact_mut(source.stride)) {
            self.values(row, source.columns.clone(), &mut into[..source.columns.len()]);
        }
        let packed = packed.words_mut(steps * COLUMNS);
        pack(left.instructions(), left.inner().words(), lanes(values), COLUMNS, packed);
        packed
    }
}

/// Some columns of some rows, to be written `stride` apart.
struct Area {
    rows: Range<usize>,
    columns: Range<usize>,
    stride: usize,
}
