//! The left side of products, packed for the kernels.

use std::ops::Range;

use rayon::prelude::*;

use crate::inner::Inner;
use crate::instructions::{Instructions, Words};
use crate::kernel::{TileFn, tiles};
use crate::lines::{Buffer, words, words_mut};
use crate::matrix::{Matrix, Precision, Threads};
use crate::pack::pack;

/// Values below which packing is not shared among threads.
const PARALLEL_VALUES: usize = 1 << 15;

/// The left side of products, packed once for all weights that it is multiplied with.
#[derive(Debug)]
pub struct Packed {
    /// `[blocks, tiles, steps, rows of the tile]` words.
    buffer: Buffer,
    rows: usize,
    inner: Inner,
    blocks: Range<usize>,
    instructions: Instructions,
}

impl Packed {
    /// Packs `left`, `[n, inner]`, for products in `precision`.
    pub fn new(left: Matrix<'_>, precision: Precision, threads: Threads) -> Self {
        let instructions = Instructions::detect();
        let inner = Inner::new(left.num_columns(), instructions.words(precision));
        Self::blocks(left, inner, 0..inner.num_blocks(), instructions, threads)
    }

    /// Packs some blocks of `left` only.
    pub(crate) fn blocks(
        left: Matrix<'_>,
        inner: Inner,
        blocks: Range<usize>,
        instructions: Instructions,
        threads: Threads,
    ) -> Self {
        let steps: usize = blocks.clone().map(|block| inner.steps(&inner.block(block))).sum();
        let rows = left.num_rows();
        let buffer = Buffer::of_words(rows * steps);
        let mut packed = Self { buffer, rows, inner, blocks, instructions };
        packed.fill(left, threads);
        packed
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Inner size.
    pub fn columns(&self) -> usize {
        self.inner.size()
    }

    pub(crate) fn inner(&self) -> Inner {
        self.inner
    }

    pub(crate) fn instructions(&self) -> Instructions {
        self.instructions
    }

    /// The blocks that it has.
    pub(crate) fn packed_blocks(&self) -> Range<usize> {
        self.blocks.clone()
    }

    /// Kernels for it, by the number of rows from one.
    pub(crate) fn kernels(&self) -> &'static [TileFn] {
        tiles(self.instructions, self.inner.words())
    }

    /// Number of tiles, all of nearly one height.
    pub(crate) fn num_tiles(&self) -> usize {
        self.rows.div_ceil(self.kernels().len())
    }

    /// Rows of a tile.
    pub(crate) fn tile(&self, tile: usize) -> Range<usize> {
        let num_tiles = self.num_tiles();
        tile * self.rows / num_tiles..(tile + 1) * self.rows / num_tiles
    }

    /// Words of all tiles of a block; tiles follow each other.
    pub(crate) fn block(&self, block: usize) -> &[u32] {
        let start = self.steps(self.blocks.start..block) * self.rows;
        let len = self.steps(block..block + 1) * self.rows;
        &words(&self.buffer)[start..start + len]
    }

    fn steps(&self, blocks: Range<usize>) -> usize {
        blocks.map(|block| self.inner.steps(&self.inner.block(block))).sum()
    }

    fn fill(&mut self, left: Matrix<'_>, threads: Threads) {
        let (inner, instructions) = (self.inner, self.instructions);
        let mut jobs = Vec::with_capacity(self.blocks.len() * self.num_tiles());
        for block in self.blocks.clone() {
            let range = inner.block(block);
            for tile in 0..self.num_tiles() {
                let rows = self.tile(tile);
                jobs.push((rows.clone(), range.clone(), inner.steps(&range) * rows.len()));
            }
        }
        let mut rest = words_mut(&mut self.buffer);
        let jobs: Vec<_> = jobs
            .into_iter()
            .map(|(rows, range, len)| {
                let (into, behind) = std::mem::take(&mut rest).split_at_mut(len);
                rest = behind;
                (rows, range, into)
            })
            .collect();
        let fill = |(rows, range, into): (Range<usize>, Range<usize>, &mut [u32])| {
            let height = rows.len();
            pack(instructions, inner.words(), left.lanes(rows, range), height, into);
        };
        let is_small = left.num_rows() * left.num_columns() < PARALLEL_VALUES;
        match threads {
            Threads::All if !is_small => jobs.into_par_iter().for_each(fill),
            Threads::All | Threads::One => jobs.into_iter().for_each(fill),
        }
    }
}

impl Instructions {
    /// How values lie in words for products in `precision`.
    pub(crate) fn words(self, precision: Precision) -> Words {
        match (precision, self) {
            (Precision::F32, _) => Words::F32,
            (Precision::Bf16, Self::Avx512Bf16) => Words::Bf16Pair,
            (Precision::Bf16, _) => Words::RoundedF32,
        }
    }
}
