//! Products of packed matrices, block by block, on one or all threads.

#![expect(unsafe_code, reason = "tiles of a product are written by several threads")]

use std::ops::Range;

use rayon::prelude::*;

use crate::inner::Inner;
use crate::instructions::Instructions;
use crate::kernel::{COLUMNS, MAX_ROWS, Tile, TileFn};
use crate::lines::{Buffer, LINE};
use crate::matrix::{Matrix, MatrixMut, Precision, Threads};
use crate::packed::Packed;

/// Multiplications below which a product is not shared among threads.
const PARALLEL_PRODUCTS: usize = 1 << 19;

/// Words of the left side that are packed at once when no one else needs it.
const LEFT_WORDS: usize = 1 << 21;

/// Tasks for each thread, so that a thread that was kept waiting does not keep all waiting.
const TASKS_PER_THREAD: usize = 4;

/// The right side of a product in panels of 32 columns.
pub(crate) trait Panels: Sync {
    /// Columns of the product.
    fn width(&self) -> usize;

    /// Words `[steps, COLUMNS]` of a panel over a block of inner indices; columns behind the last
    /// are zeros.
    fn panel<'a>(
        &'a self,
        left: &Packed,
        panel: usize,
        block: Range<usize>,
        scratch: &'a mut Scratch,
    ) -> &'a [u32];

    /// One of `parts` parts of the words that [`Self::panel`] will read, or none.
    fn ahead(&self, panel: usize, block: Range<usize>, part: usize, parts: usize) -> &[u32];
}

/// Room for a panel that is packed, and for its values before.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    pub(crate) packed: Buffer,
    pub(crate) values: Buffer,
}

/// What becomes of the values that are there, and who computes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target {
    pub(crate) scale: f32,
    pub(crate) adds: bool,
    pub(crate) threads: Threads,
}

/// Packs the left side, as many blocks at once as there is room for, and multiplies.
pub(crate) fn multiply(
    left: Matrix<'_>,
    right: &impl Panels,
    into: &mut MatrixMut<'_>,
    mut target: Target,
    precision: Precision,
    instructions: Instructions,
) {
    let inner = Inner::new(left.num_columns(), instructions.words(precision));
    let block_words = inner.steps(&inner.block(0)) * left.num_rows();
    let at_once = (LEFT_WORDS / block_words.max(1)).max(1);
    let num_blocks = inner.num_blocks();
    for start in (0..num_blocks.max(1)).step_by(at_once) {
        let blocks = start..(start + at_once).min(num_blocks);
        let left = Packed::blocks(left, inner, blocks, instructions, target.threads);
        product(&left, right, into, target);
        target.adds = true;
    }
}

/// `into = scale * left * right`, or added to it.
///
/// Each value is summed in the same order, whoever computes it and whatever else is computed.
///
/// # Panics
/// When the shapes do not match.
pub(crate) fn product(
    left: &Packed,
    right: &impl Panels,
    into: &mut MatrixMut<'_>,
    target: Target,
) {
    let (rows, columns) = (left.rows(), right.width());
    assert_eq!((into.rows, into.columns), (rows, columns), "shape of a product");
    if rows == 0 || columns == 0 {
        return;
    }
    if left.packed_blocks().is_empty() && !target.adds {
        let rows = into.values.chunks_mut(into.row_stride.max(1));
        rows.for_each(|row| row[..columns].fill(0.0));
    }
    let num_panels = columns.div_ceil(COLUMNS);
    let into = Into { values: into.values.as_mut_ptr(), stride: into.row_stride, columns };
    let is_small = rows * columns * left.columns() < PARALLEL_PRODUCTS;
    let num_threads = match target.threads {
        Threads::All if !is_small => rayon::current_num_threads(),
        Threads::All | Threads::One => 1,
    };
    if num_threads == 1 {
        // SAFETY: `into` was borrowed for writing.
        unsafe { task(left, right, into, target, 0..left.num_tiles(), 0..num_panels) };
        return;
    }
    let (tile_groups, panel_groups) = groups(left.num_tiles(), num_panels, num_threads);
    (0..tile_groups * panel_groups).into_par_iter().with_max_len(1).for_each(|group| {
        let tiles = share(left.num_tiles(), tile_groups, group / panel_groups);
        let panels = share(num_panels, panel_groups, group % panel_groups);
        // SAFETY: `into` was borrowed for writing, and groups have different tiles or panels.
        unsafe { task(left, right, into, target, tiles, panels) };
    });
}

/// Where a product goes.
#[derive(Clone, Copy)]
struct Into {
    values: *mut f32,
    stride: usize,
    columns: usize,
}

// SAFETY: threads write different tiles.
unsafe impl Send for Into {}
// SAFETY: as above.
unsafe impl Sync for Into {}

/// In how many groups tiles and panels are shared out. Panels that are packed on the way are so for
/// each group of tiles, so these are split only when there are few panels.
fn groups(num_tiles: usize, num_panels: usize, num_threads: usize) -> (usize, usize) {
    let num_tasks = num_threads * TASKS_PER_THREAD;
    let tile_groups = if num_panels.is_multiple_of(num_threads) {
        1
    } else {
        num_tasks.div_ceil(num_panels).min(num_tiles)
    };
    (tile_groups, num_panels.min(num_tasks))
}

/// The part of `count` things that is for one of `groups`.
fn share(count: usize, groups: usize, group: usize) -> Range<usize> {
    group * count / groups..(group + 1) * count / groups
}

/// Computes some tiles of some panels.
///
/// # Safety
/// `into` is valid for the product, and nobody else writes these tiles.
unsafe fn task(
    left: &Packed,
    right: &impl Panels,
    into: Into,
    target: Target,
    tiles: Range<usize>,
    panels: Range<usize>,
) {
    let inner = left.inner();
    let mut scratch = Scratch::default();
    for block in left.packed_blocks() {
        let range = inner.block(block);
        let steps = inner.steps(&range);
        let left_words = left.block(block);
        let adds = target.adds || block > left.packed_blocks().start;
        for panel in panels.clone() {
            let (next, next_range) = if panel + 1 < panels.end {
                (panel + 1, range.clone())
            } else {
                (panels.start, inner.block(block + 1))
            };
            let right_words = right.panel(left, panel, range.clone(), &mut scratch);
            assert_eq!(right_words.len(), steps * COLUMNS, "words of a panel");
            let columns = panel * COLUMNS..((panel + 1) * COLUMNS).min(into.columns);
            for tile in tiles.clone() {
                let part = tile - tiles.start;
                let ahead = right.ahead(next, next_range.clone(), part, tiles.len());
                let rows = left.tile(tile);
                let left_words = &left_words[rows.start * steps..rows.end * steps];
                let tile = Tile {
                    steps,
                    left: left_words.as_ptr(),
                    right: right_words.as_ptr(),
                    into: into.values.wrapping_add(rows.start * into.stride + columns.start),
                    stride: into.stride,
                    scale: target.scale,
                    adds,
                    ahead: ahead.as_ptr(),
                    ahead_lines: ahead.len().div_ceil(LINE),
                };
                let kernel = left.kernels()[rows.len() - 1];
                // SAFETY: the words were just checked; the tile is within `into`, or `partial` makes
                // it so; kernels are chosen for the processor.
                unsafe {
                    if columns.len() == COLUMNS {
                        kernel(&tile);
                    } else {
                        partial(&tile, rows.len(), columns.len(), kernel);
                    }
                }
            }
        }
    }
}

/// Computes a tile of which only the first `columns` are there.
///
/// # Safety
/// As for the kernel, with `columns` values in each row of `tile.into`.
unsafe fn partial(tile: &Tile, rows: usize, columns: usize, kernel: TileFn) {
    let mut whole = [0.0_f32; MAX_ROWS * COLUMNS];
    // SAFETY: `whole` has room for the highest tile.
    unsafe {
        kernel(&Tile { into: whole.as_mut_ptr(), stride: COLUMNS, adds: false, ..*tile });
    }
    for (row, values) in whole.chunks_exact(COLUMNS).take(rows).enumerate() {
        // SAFETY: the row has `columns` values, and nobody else writes them.
        let into =
            unsafe { std::slice::from_raw_parts_mut(tile.into.add(row * tile.stride), columns) };
        for (into, value) in into.iter_mut().zip(values) {
            *into = if tile.adds { *into + value } else { *value };
        }
    }
}
