//! A frozen weight as f32 or bf16.

use std::ops::Range;

use rayon::prelude::*;

use crate::blocks::Scratch;
use crate::instructions::{Instructions, Words};
use crate::kernel::COLUMNS;
use crate::lines::{Buffer, LINE, Line, floats, floats_mut, words, words_mut, zeros};
use crate::matrix::Precision;
use crate::pack::{Lanes, pack, turn_pairs, widen};
use crate::packed::Packed;

/// Values in panels of 32 rows: `[panels, steps, 32]` words, where a step is a column or, in pairs
/// of bf16, two.
#[derive(Debug)]
pub(super) struct Dense {
    lines: Box<[Line]>,
    words: Words,
    rows: usize,
    columns: usize,
}

impl Dense {
    pub(super) fn new(
        rows: usize,
        columns: usize,
        precision: Precision,
        fill: impl Fn(Range<usize>, &mut [f32]) + Sync,
    ) -> Self {
        let words = match precision {
            Precision::F32 => Words::F32,
            Precision::Bf16 => Words::Bf16Pair,
        };
        let panel_lines = columns.div_ceil(words.values()) * COLUMNS / LINE;
        let mut lines = zeros(rows.div_ceil(COLUMNS) * panel_lines);
        let panels = lines.par_chunks_exact_mut(panel_lines.max(1)).enumerate();
        panels.for_each(|(panel, into)| {
            let panel_rows = panel * COLUMNS..((panel + 1) * COLUMNS).min(rows);
            let count = panel_rows.len();
            let mut values = Buffer::of_words(count * columns);
            let values = &mut floats_mut(&mut values)[..count * columns];
            fill(panel_rows, values);
            let source = Lanes { values, count, inner: columns, stride: columns, inner_stride: 1 };
            pack(Instructions::detect(), words, source, COLUMNS, words_mut(into));
        });
        Self { lines, words, rows, columns }
    }

    pub(super) fn size_bytes(&self) -> usize {
        size_of_val::<[Line]>(&self.lines)
    }

    pub(super) fn row(&self, row: usize, into: &mut [f32]) {
        let steps = self.panel(row / COLUMNS).chunks_exact(COLUMNS);
        let words = steps.map(|step| step[row % COLUMNS]);
        match self.words {
            Words::F32 | Words::RoundedF32 => {
                into.iter_mut().zip(words).for_each(|(into, word)| *into = f32::from_bits(word));
            }
            Words::Bf16Pair => {
                for (into, word) in into.chunks_mut(2).zip(words) {
                    for (into, bits) in into.iter_mut().zip([word << 16, word & 0xffff_0000]) {
                        *into = f32::from_bits(bits);
                    }
                }
            }
        }
    }

    /// A panel of rows over a block of columns.
    pub(super) fn forward<'a>(
        &'a self,
        left: &Packed,
        panel: usize,
        block: Range<usize>,
        scratch: &'a mut Scratch,
    ) -> &'a [u32] {
        let stored = self.stored(panel, &block);
        match (self.words, left.inner().words()) {
            (Words::Bf16Pair, Words::F32 | Words::RoundedF32) => {
                let values = scratch.packed.words_mut(block.len().next_multiple_of(2) * COLUMNS);
                widen(stored, COLUMNS, values);
                &values[..block.len() * COLUMNS]
            }
            (Words::F32 | Words::RoundedF32 | Words::Bf16Pair, _) => stored,
        }
    }

    /// A panel of columns over a block of rows.
    pub(super) fn backward<'a>(
        &'a self,
        left: &Packed,
        panel: usize,
        block: Range<usize>,
        scratch: &'a mut Scratch,
    ) -> &'a [u32] {
        let Scratch { packed, values } = scratch;
        let columns = panel * COLUMNS..((panel + 1) * COLUMNS).min(self.columns);
        let words = left.inner().words();
        let packed = packed.words_mut(left.inner().steps(&block) * COLUMNS);
        // Blocks begin with a panel.
        for (panel, into) in packed.chunks_mut(COLUMNS * COLUMNS / words.values()).enumerate() {
            let start = block.start + panel * COLUMNS;
            let inner = COLUMNS.min(block.end - start);
            let stored = self.stored(start / COLUMNS, &columns);
            if (self.words, words) == (Words::Bf16Pair, Words::Bf16Pair) {
                turn_pairs(left.instructions(), stored, into);
                continue;
            }
            let values = match self.words {
                Words::F32 | Words::RoundedF32 => floats(stored),
                Words::Bf16Pair => {
                    let values = values.words_mut(stored.len() * 2);
                    widen(stored, COLUMNS, values);
                    floats(values)
                }
            };
            let count = columns.len();
            let source = Lanes { values, count, inner, stride: COLUMNS, inner_stride: 1 };
            pack(left.instructions(), words, source, COLUMNS, into);
        }
        packed
    }

    /// Part of what [`Self::forward`] will read.
    pub(super) fn ahead_forward(
        &self,
        panel: usize,
        block: Range<usize>,
        part: usize,
        parts: usize,
    ) -> &[u32] {
        if block.is_empty() {
            return &[];
        }
        let words = self.stored(panel, &block);
        &words[part * words.len() / parts..(part + 1) * words.len() / parts]
    }

    /// Part of what [`Self::backward`] will read, of one panel of rows at most.
    pub(super) fn ahead_backward(
        &self,
        panel: usize,
        block: Range<usize>,
        part: usize,
        parts: usize,
    ) -> &[u32] {
        let columns = panel * COLUMNS..((panel + 1) * COLUMNS).min(self.columns);
        let (start, count) = (block.start / COLUMNS, block.len().div_ceil(COLUMNS));
        let panels = start + part * count / parts..start + (part + 1) * count / parts;
        if panels.is_empty() { &[] } else { self.stored(panels.start, &columns) }
    }

    /// Words of some columns of a panel.
    fn stored(&self, panel: usize, columns: &Range<usize>) -> &[u32] {
        let start = columns.start / self.words.values();
        let end = columns.end.div_ceil(self.words.values());
        &self.panel(panel)[start * COLUMNS..end * COLUMNS]
    }

    fn panel(&self, panel: usize) -> &[u32] {
        let len = self.columns.div_ceil(self.words.values()) * COLUMNS;
        debug_assert!(panel * COLUMNS < self.rows, "panel {panel}");
        &words(&self.lines)[panel * len..(panel + 1) * len]
    }
}
