//! Rotation of queries and keys by their positions.
//!
//! Su et al., "`RoFormer`" (2021), in the layout of transformers: entry `j` of a head is paired with
//! entry `j + rotary_dim / 2`; entries from `rotary_dim` on stay.

use std::ops::Range;

use olive_kit_checkpoint::rope::Rope;

use crate::rows::for_each_row;

/// Cos and sin of some positions.
#[derive(Debug)]
pub(crate) struct RotaryTables {
    /// `[positions, rotary_dim / 2]`, as `sin`.
    cos: Vec<f32>,
    sin: Vec<f32>,
    half: usize,
}

/// Which way to turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// By the angle of the position.
    Forward,
    /// By its opposite, the derivative's way.
    Back,
}

impl RotaryTables {
    /// Tables of `positions` in a sequence of this length.
    pub(crate) fn new(rope: &Rope, positions: Range<usize>, sequence_length: usize) -> Self {
        let (cos, sin) = rope.tables(positions, sequence_length);
        Self { cos, sin, half: rope.rotary_dim / 2 }
    }

    /// Turns the first `num_heads` heads in each row of `width` values; row `r` stands at
    /// `positions[r]` of the tables.
    pub(crate) fn rotate(
        &self,
        rows: &mut [f32],
        width: usize,
        (num_heads, head_dim): (usize, usize),
        positions: &[u32],
        turn: Turn,
    ) {
        for_each_row(rows, width, |row, values| {
            let position = positions[row] as usize;
            let angles = self.half * position..self.half * (position + 1);
            let (cos, sin) = (&self.cos[angles.clone()], &self.sin[angles]);
            for head in values.chunks_mut(head_dim).take(num_heads) {
                let (first, second) = head[..2 * self.half].split_at_mut(self.half);
                match turn {
                    Turn::Forward => turn_pairs(first, second, cos, sin),
                    Turn::Back => turn_pairs(second, first, cos, sin),
                }
            }
        });
    }
}

/// `(x, y)` becomes `(x cos - y sin, y cos + x sin)`.
fn turn_pairs(xs: &mut [f32], ys: &mut [f32], cos: &[f32], sin: &[f32]) {
    let pairs = xs.iter_mut().zip(ys);
    for ((x, y), (cos, sin)) in pairs.zip(cos.iter().zip(sin)) {
        (*x, *y) = (*x * cos - *y * sin, *y * cos + *x * sin);
    }
}
