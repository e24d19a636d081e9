//! Loops over rows, shared among threads when there is enough to do.

use olive_kit_kernels::vector::PARALLEL_LEN;
use rayon::iter::{IndexedParallelIterator, ParallelIterator};
use rayon::slice::ParallelSliceMut;

/// Calls `work` with each row of `rows`, `[_, width]`, and its number.
pub(crate) fn for_each_row(
    rows: &mut [f32],
    width: usize,
    work: impl Fn(usize, &mut [f32]) + Sync + Send,
) {
    if rows.len() <= PARALLEL_LEN {
        rows.chunks_mut(width).enumerate().for_each(|(row, values)| work(row, values));
        return;
    }
    let rows = rows.par_chunks_mut(width).with_min_len(at_once(width)).enumerate();
    rows.for_each(|(row, values)| work(row, values));
}

/// Calls `work` with each row of `first` and of `second`, which have as many, and its number.
pub(crate) fn for_each_pair(
    (first, first_width): (&mut [f32], usize),
    (second, second_width): (&mut [f32], usize),
    work: impl Fn(usize, &mut [f32], &mut [f32]) + Sync + Send,
) {
    let rows = first.par_chunks_mut(first_width).zip(second.par_chunks_mut(second_width));
    let rows = rows.with_min_len(at_once(first_width + second_width)).enumerate();
    rows.for_each(|(row, (first, second))| work(row, first, second));
}

/// Makes `buffer` hold `len` values; those it held may stay.
pub(crate) fn fit(buffer: &mut Vec<f32>, len: usize) -> &mut [f32] {
    buffer.resize(len, 0.0);
    buffer
}

fn at_once(width: usize) -> usize {
    PARALLEL_LEN.div_ceil(2 * width)
}
