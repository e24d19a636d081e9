//! Loops over the rows of a result, shared among threads when there is enough to do.

use rayon::iter::{IndexedParallelIterator, ParallelIterator};
use rayon::slice::ParallelSliceMut;

use olive_kit_kernels::vector::PARALLEL_LEN;

/// Calls `work` with each row of `rows` and its number.
pub(super) fn for_each_row(
    rows: &mut [f32],
    width: usize,
    work: impl Fn(usize, &mut [f32]) + Sync + Send,
) {
    if rows.len() <= PARALLEL_LEN {
        rows.chunks_mut(width).enumerate().for_each(|(row, values)| work(row, values));
        return;
    }
    let at_once = PARALLEL_LEN.div_ceil(2 * width);
    let rows = rows.par_chunks_mut(width).with_min_len(at_once).enumerate();
    rows.for_each(|(row, values)| work(row, values));
}
