//! The cost of rounding in 64-bit floats, computed plainly, for tests.

use olive_kit_kernels::{Accumulate, Matrix};

use super::cayley::product;
use super::cost::RoundingCost;
use crate::error::SolveError;
use crate::grid::{Coded, Grid};
use crate::nearest::nearest;
use crate::rotation::normal;

/// Small groups of 4 bits.
pub(super) const GRID: Grid = Grid { bits: 4, group_size: Some(8), is_symmetric: false };
/// Outputs of what reads the stream.
const READ: usize = 24;
/// Inputs of what is added to it.
const ADDED: usize = 32;
/// Tokens of the inputs.
const TOKENS: usize = 64;
/// Share of each of the two matrices.
const SHARE: f64 = 0.01;

/// A stream with a matrix that reads it and one that is added to it.
pub(super) struct Problem {
    size: usize,
    /// `[READ, size]`
    reader: Vec<f32>,
    /// Gram matrix of the stream, `[size, size]`.
    stream: Vec<f32>,
    /// `[size, ADDED]`
    writer: Vec<f32>,
    /// Gram matrix of the inputs of the writer, `[ADDED, ADDED]`.
    inputs: Vec<f32>,
}

impl Problem {
    pub(super) fn new(size: usize) -> Self {
        let mut state = 42;
        let mut drawn = |count: usize| -> Vec<f32> {
            (0..count).map(|_| narrowed(normal(&mut state))).collect()
        };
        let [reader, writer] = [READ * size, size * ADDED].map(&mut drawn);
        let [stream, inputs] = [size, ADDED].map(|width| {
            let mut x = wide(&drawn(TOKENS * width));
            for row in x.chunks_exact_mut(width) {
                row.iter_mut().enumerate().for_each(|(at, x)| *x *= 1.0 + (at % 5) as f64);
            }
            let gram = times(&transposed(&x, TOKENS, width), &x, [width, TOKENS, width]);
            gram.into_iter().map(narrowed).collect::<Vec<f32>>()
        });
        Self { size, reader, stream, writer, inputs }
    }

    /// Adds both matrices to a cost.
    pub(super) fn add(&self, cost: &mut RoundingCost<'_>, grid: Grid) -> Result<(), SolveError> {
        let gram = cost.rotated_gram(&self.stream);
        cost.add_reader(&self.reader, READ, &gram, grid, SHARE)?;
        cost.add_writer(&self.writer, ADDED, &self.inputs, grid, SHARE)
    }

    /// Both matrices rotated and rounded. In symmetric grids the least weight of a group lies between
    /// two codes, so that f32 decides.
    pub(super) fn codes(&self, rotation: &[f32], grid: Grid) -> Result<[Coded; 2], SolveError> {
        let size = self.size;
        let rotation = Matrix::new(rotation, size, size);
        let [mut reader, mut writer] = [vec![0.0; READ * size], vec![0.0; size * ADDED]];
        let [of_reader, of_writer] =
            [Matrix::new(&self.reader, READ, size), Matrix::new(&self.writer, size, ADDED)];
        product(&mut reader, of_reader, rotation, 1.0, Accumulate::No);
        product(&mut writer, rotation.transposed(), of_writer, 1.0, Accumulate::No);
        Ok([nearest(&reader, READ, size, grid)?, nearest(&writer, size, ADDED, grid)?])
    }

    /// The cost of a rotation while codes are these.
    pub(super) fn cost_of(&self, rotation: &[f64], [reader, writer]: &[Coded; 2]) -> f64 {
        let size = self.size;
        let back = transposed(rotation, size, size);
        let turned = times(&wide(&self.reader), rotation, [READ, size, size]);
        let gram = times(&wide(&self.stream), rotation, [size, size, size]);
        let gram = times(&back, &gram, [size, size, size]);
        let read = trace(&error(&turned, reader), &gram, READ, size);
        let turned = times(&back, &wide(&self.writer), [size, size, ADDED]);
        SHARE * (read + trace(&error(&turned, writer), &wide(&self.inputs), size, ADDED))
    }
}

/// `R (1 + by S)` for one of some skew matrices `S`, and that.
pub(super) fn turned_a_little(
    rotation: &[f32],
    size: usize,
    direction: u64,
    by: f64,
) -> (Vec<f64>, Vec<f64>) {
    let mut state = 1000 + direction;
    let drawn: Vec<f64> = (0..size * size).map(|_| normal(&mut state)).collect();
    let back = transposed(&drawn, size, size);
    let skew: Vec<f64> = drawn.iter().zip(&back).map(|(of, back)| (of - back) / 2.0).collect();
    let rotation = wide(rotation);
    let turn = times(&rotation, &skew, [size, size, size]);
    (rotation.iter().zip(&turn).map(|(of, turn)| of + by * turn).collect(), skew)
}

/// What rounding to these codes takes from each weight, by scales that follow the weights.
fn error(weight: &[f64], coded: &Coded) -> Vec<f64> {
    let grid = coded.grid;
    let (last, len) = (f64::from(grid.last_code()), grid.group_len(coded.k));
    let codes = coded.codes.chunks_exact(len).zip(&coded.zero_points);
    let errors = weight.chunks_exact(len).zip(codes).flat_map(|(group, (codes, zero_point))| {
        let least = group.iter().fold(0.0_f64, |least, weight| least.min(*weight));
        let largest = group.iter().fold(0.0_f64, |largest, weight| largest.max(*weight));
        let range = match grid.is_symmetric {
            true if least < 0.0 => 2.0 * largest.max(-least),
            true => largest,
            false => largest - least,
        };
        let made = codes.iter().map(move |code| f64::from(*code) - f64::from(*zero_point));
        group.iter().zip(made).map(move |(weight, made)| weight - made * range / last)
    });
    errors.collect()
}

/// `tr(D H D^T)`
fn trace(error: &[f64], gram: &[f64], n: usize, k: usize) -> f64 {
    let products = times(error, gram, [n, k, k]);
    products.iter().zip(error).map(|(product, error)| product * error).sum()
}

fn times(left: &[f64], right: &[f64], [n, inner, columns]: [usize; 3]) -> Vec<f64> {
    let entry = |at: usize| {
        let (row, column) = (at / columns, at % columns);
        (0..inner).map(|by| left[row * inner + by] * right[by * columns + column]).sum()
    };
    (0..n * columns).map(entry).collect()
}

fn transposed(matrix: &[f64], rows: usize, columns: usize) -> Vec<f64> {
    (0..rows * columns).map(|at| matrix[at % rows * columns + at / rows]).collect()
}

pub(super) fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().copied().map(f64::from).collect()
}

#[expect(clippy::cast_possible_truncation, reason = "any numbers near these will do")]
fn narrowed(value: f64) -> f32 {
    value as f32
}
