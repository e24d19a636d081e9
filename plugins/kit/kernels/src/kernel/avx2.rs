//! Tiles with AVX2 and FMA: two vectors of 8 columns by up to 6 rows are 12 of the 16 registers.

#![expect(unsafe_code, reason = "vector instructions")]

use std::arch::x86_64::{
    _mm256_add_ps, _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_mul_ps, _mm256_set1_ps,
    _mm256_setzero_ps, _mm256_storeu_ps,
};

use super::{COLUMNS, Tile, TileFn};

/// Rows a tile may have.
pub(super) const ROWS: usize = 6;

/// Columns that are computed at once.
const PART: usize = 16;

/// For each number of rows, from one.
pub(super) const F32: [TileFn; ROWS] =
    [tile::<1>, tile::<2>, tile::<3>, tile::<4>, tile::<5>, tile::<6>];

#[target_feature(enable = "avx2,fma")]
unsafe fn tile<const ROWS: usize>(tile: &Tile) {
    for part in (0..COLUMNS).step_by(PART) {
        // SAFETY: parts lie within the columns of a tile.
        unsafe { half::<ROWS>(tile, part) }
    }
}

#[inline]
#[target_feature(enable = "avx2,fma")]
unsafe fn half<const ROWS: usize>(tile: &Tile, part: usize) {
    let mut sums = [[_mm256_setzero_ps(); 2]; ROWS];
    let mut left = tile.left.cast::<f32>();
    // SAFETY: a step has `COLUMNS` words on the right.
    let mut right = unsafe { tile.right.add(part).cast::<f32>() };
    for _ in 0..tile.steps {
        // SAFETY: each step has `ROWS` words on the left and `COLUMNS` on the right.
        unsafe {
            let columns = [_mm256_loadu_ps(right), _mm256_loadu_ps(right.add(8))];
            for (row, sums) in sums.iter_mut().enumerate() {
                let value = _mm256_set1_ps(*left.add(row));
                sums[0] = _mm256_fmadd_ps(value, columns[0], sums[0]);
                sums[1] = _mm256_fmadd_ps(value, columns[1], sums[1]);
            }
            left = left.add(ROWS);
            right = right.add(COLUMNS);
        }
    }
    let scale = _mm256_set1_ps(tile.scale);
    for (row, sums) in sums.iter().enumerate() {
        for (vector, &sum) in sums.iter().enumerate() {
            // SAFETY: each row has `COLUMNS` values.
            unsafe {
                let into = tile.into.add(row * tile.stride + part + vector * 8);
                let mut value = _mm256_mul_ps(sum, scale);
                if tile.adds {
                    value = _mm256_add_ps(_mm256_loadu_ps(into), value);
                }
                _mm256_storeu_ps(into, value);
            }
        }
    }
}
