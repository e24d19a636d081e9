//! Tiles with AVX-512: two vectors of 16 columns by up to 14 rows are 28 of the 32 registers.

#![expect(unsafe_code, reason = "vector instructions")]

use std::arch::x86_64::{
    __m512, __m512bh, __m512i, _MM_HINT_T1, _mm_prefetch, _mm512_add_ps, _mm512_dpbf16_ps,
    _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_mul_ps, _mm512_set1_epi32, _mm512_set1_ps,
    _mm512_setzero_ps, _mm512_storeu_ps,
};
use std::mem::transmute;

use super::{Tile, TileFn};
use crate::lines::LINE;

/// Rows a tile may have.
pub(super) const ROWS: usize = 14;

/// Defines a kernel for each number of rows; only how a step is multiplied differs.
macro_rules! kernels {
    ($name:ident, $features:literal, $multiply:ident) => {
        /// For each number of rows, from one.
        pub(super) const $name: [TileFn; ROWS] = {
            #[target_feature(enable = $features)]
            unsafe fn tile<const ROWS: usize>(tile: &Tile) {
                let mut sums = [[_mm512_setzero_ps(); 2]; ROWS];
                let (mut left, mut right) = (tile.left, tile.right);
                // One line after the other is asked for: many at once would be waited for.
                let parts = tile.ahead_lines.clamp(1, tile.steps.max(1));
                let mut steps = tile.steps;
                for part in 0..parts {
                    _mm_prefetch::<_MM_HINT_T1>(tile.ahead.wrapping_add(part * LINE).cast());
                    let now = if part + 1 < parts { tile.steps / parts } else { steps };
                    steps -= now;
                    for _ in 0..now {
                        // SAFETY: each step has `ROWS` words on the left and 32 on the right.
                        unsafe {
                            let columns = [*right.cast(), *right.add(16).cast()];
                            for (row, sums) in sums.iter_mut().enumerate() {
                                *sums = $multiply(*left.add(row), columns, *sums);
                            }
                            left = left.add(ROWS);
                            right = right.add(32);
                        }
                    }
                }
                // The sums stay in registers because nothing is given their address.
                let scale = _mm512_set1_ps(tile.scale);
                for (row, sums) in sums.into_iter().enumerate() {
                    for (half, sum) in sums.into_iter().enumerate() {
                        // SAFETY: the tile has `ROWS` rows of 32 values.
                        unsafe {
                            let into = tile.into.add(row * tile.stride + half * 16);
                            let mut value = _mm512_mul_ps(sum, scale);
                            if tile.adds {
                                value = _mm512_add_ps(_mm512_loadu_ps(into), value);
                            }
                            _mm512_storeu_ps(into, value);
                        }
                    }
                }
            }
            [
                tile::<1>, tile::<2>, tile::<3>, tile::<4>, tile::<5>, tile::<6>, tile::<7>,
                tile::<8>, tile::<9>, tile::<10>, tile::<11>, tile::<12>, tile::<13>, tile::<14>,
            ]
        };
    };
}

kernels!(F32, "avx512f", multiply);
kernels!(BF16, "avx512f,avx512bf16", multiply_pairs);

/// `sums + left * columns`
#[inline]
#[target_feature(enable = "avx512f")]
fn multiply(left: u32, columns: [__m512; 2], sums: [__m512; 2]) -> [__m512; 2] {
    let left = _mm512_set1_ps(f32::from_bits(left));
    [_mm512_fmadd_ps(left, columns[0], sums[0]), _mm512_fmadd_ps(left, columns[1], sums[1])]
}

/// `sums + left * columns`, pair by pair
#[inline]
#[target_feature(enable = "avx512f,avx512bf16")]
fn multiply_pairs(left: u32, columns: [__m512bh; 2], sums: [__m512; 2]) -> [__m512; 2] {
    // SAFETY: both are 512 bits.
    let left = unsafe { transmute::<__m512i, __m512bh>(_mm512_set1_epi32(left.cast_signed())) };
    [_mm512_dpbf16_ps(sums[0], left, columns[0]), _mm512_dpbf16_ps(sums[1], left, columns[1])]
}
