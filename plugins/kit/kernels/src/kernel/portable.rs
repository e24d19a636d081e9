//! Tiles in plain loops, which compilers turn into vectors of four.

#![expect(unsafe_code, reason = "tiles are pointers")]

use super::{COLUMNS, Tile, TileFn};

/// Rows a tile may have.
pub(super) const ROWS: usize = 4;

/// Columns that are computed at once.
const PART: usize = 8;

/// For each number of rows, from one.
pub(super) const F32: [TileFn; ROWS] = [tile::<1>, tile::<2>, tile::<3>, tile::<4>];

unsafe fn tile<const ROWS: usize>(tile: &Tile) {
    // SAFETY: each step has `ROWS` words on the left and `COLUMNS` on the right.
    let (left, right) = unsafe {
        (
            std::slice::from_raw_parts(tile.left.cast::<f32>(), tile.steps * ROWS),
            std::slice::from_raw_parts(tile.right.cast::<f32>(), tile.steps * COLUMNS),
        )
    };
    for part in (0..COLUMNS).step_by(PART) {
        let mut sums = [[0.0_f32; PART]; ROWS];
        for (left, right) in left.as_chunks::<ROWS>().0.iter().zip(right.as_chunks::<COLUMNS>().0) {
            for row in 0..ROWS {
                for column in 0..PART {
                    sums[row][column] += left[row] * right[part + column];
                }
            }
        }
        for (row, sums) in sums.iter().enumerate() {
            // SAFETY: each row has `COLUMNS` values, and no one else has them.
            let into = unsafe {
                std::slice::from_raw_parts_mut(tile.into.add(row * tile.stride + part), PART)
            };
            for (into, sum) in into.iter_mut().zip(sums) {
                *into = if tile.adds { *into + sum * tile.scale } else { sum * tile.scale };
            }
        }
    }
}
