//! A frozen weight as 4-bit codes.

use std::ops::Range;

use olive_kit_quant::FourBit;

use crate::blocks::Scratch;
use crate::codes::decode;
use crate::instructions::Instructions;
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
        self.weight.size_bytes()
    }

    pub(super) fn row(&self, row: usize, into: &mut [f32]) {
        self.decode(Instructions::detect(), row, 0, into);
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
        let area = Area { rows, columns: block, stride: inner };
        self.pack(left, inner, area, scratch, |values| Lanes {
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
        let area = Area { rows: block, columns, stride: COLUMNS };
        self.pack(left, inner, area, scratch, |values| Lanes {
            values,
            count,
            inner,
            stride: 1,
            inner_stride: COLUMNS,
        })
    }

    /// Decodes an area and packs it as `lanes` says.
    fn pack<'a>(
        &self,
        left: &Packed,
        inner: usize,
        area: Area,
        scratch: &'a mut Scratch,
        lanes: impl FnOnce(&[f32]) -> Lanes<'_>,
    ) -> &'a [u32] {
        let Scratch { packed, values } = scratch;
        let values = values.floats_mut(area.rows.len() * area.stride);
        for (row, into) in area.rows.zip(values.chunks_exact_mut(area.stride)) {
            let into = &mut into[..area.columns.len()];
            self.decode(left.instructions(), row, area.columns.start, into);
        }
        let words = left.inner().words();
        let packed = packed.words_mut(inner.div_ceil(words.values()) * COLUMNS);
        pack(left.instructions(), words, lanes(values), COLUMNS, packed);
        packed
    }

    /// Values of a row from `column` on.
    fn decode(&self, instructions: Instructions, row: usize, column: usize, into: &mut [f32]) {
        let (mut start, mut into) = (row * self.columns + column, into);
        let codebook = self.weight.format.kind.codebook();
        let block_size = self.weight.format.block_size;
        while !into.is_empty() {
            let block = start / block_size;
            let len = into.len().min((block + 1) * block_size - start);
            let (of_block, rest) = into.split_at_mut(len);
            let scale = self.weight.scale(block);
            decode(instructions, &self.weight.packed, start, (codebook, scale), of_block);
            start += len;
            into = rest;
        }
    }
}

/// Some columns of some rows, to be decoded `stride` apart.
struct Area {
    rows: Range<usize>,
    columns: Range<usize>,
    stride: usize,
}
