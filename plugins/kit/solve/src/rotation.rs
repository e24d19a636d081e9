//! Rotations that spread large values over all inputs (`QuaRot`: Ashkboos et al. 2024).
//!
//! A rotation is `R = diag(s) H / sqrt(size)` with signs `s` and a Hadamard matrix `H`, the
//! Kronecker product of one of a small order and one whose order is a power of two; that one is
//! multiplied by a fast Walsh-Hadamard transform. `R R^T = 1`, so that `(x R) (W R)^T = x W^T`.
//! Other orthogonal matrices are drawn as a whole.

#![expect(clippy::inline_always, reason = "what is not inlined is compiled for SSE2")]

use std::f64::consts::TAU;

use nalgebra::DMatrix;
use olive_kit_kernels::product::multiply;
use olive_kit_kernels::vector::vectorized;
use olive_kit_kernels::{Matrix, MatrixMut, Threads};
use rayon::prelude::*;

use crate::error::SolveError;
use crate::hadamard::hadamard;

/// Rows or columns that are rotated at once.
const AT_ONCE: usize = 16;

/// An orthogonal matrix `R`, `[size, size]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Rotation {
    size: usize,
    kind: Kind,
}

#[derive(Debug, Clone, PartialEq)]
enum Kind {
    Hadamard(Hadamard),
    /// Any matrix, row after row.
    Dense(Vec<f32>),
}

/// A Hadamard matrix with signs.
#[derive(Debug, Clone, PartialEq)]
struct Hadamard {
    /// The part that is no power of two, `[order, order]`.
    base: Vec<f32>,
    order: usize,
    /// `s / sqrt(size)`
    signs: Vec<f32>,
}

impl Rotation {
    /// The Hadamard matrix of a size.
    ///
    /// # Errors
    /// When none is known: the size is no product of a power of two and an order of Paley's.
    pub fn hadamard(size: usize) -> Result<Self, SolveError> {
        let orders = (0..).map_while(|power| {
            (size > 0 && size.is_multiple_of(1 << power)).then_some(size >> power)
        });
        let known = orders.filter_map(|order| hadamard(order).map(|base| (order, base)));
        let (order, base) =
            known.min_by_key(|(order, _)| *order).ok_or(SolveError::Rotation { size })?;
        let signs = vec![1.0 / (size as f32).sqrt(); size];
        Ok(Self { size, kind: Kind::Hadamard(Hadamard { base, order, signs }) })
    }

    /// The Hadamard matrix of a size, with rows of random signs.
    ///
    /// # Errors
    /// As [`Rotation::hadamard`].
    pub fn random(size: usize, seed: u64) -> Result<Self, SolveError> {
        let mut rotation = Self::hadamard(size)?;
        let mut state = seed;
        if let Kind::Hadamard(Hadamard { signs, .. }) = &mut rotation.kind {
            for sign in signs {
                *sign = if split_mix(&mut state) >> 63 == 0 { *sign } else { -*sign };
            }
        }
        Ok(rotation)
    }

    /// An orthogonal matrix of any size, drawn evenly from all: the factor `Q` of one of normal
    /// numbers, with the signs of the diagonal of `R` (Mezzadri 2007). Takes `size^3` steps.
    pub fn orthogonal(size: usize, seed: u64) -> Self {
        let mut state = seed;
        let drawn = DMatrix::from_fn(size, size, |_, _| normal(&mut state));
        let factors = drawn.qr();
        let (q, r) = (factors.q(), factors.r());
        #[expect(clippy::cast_possible_truncation, reason = "entries are at most 1")]
        let entry = |row: usize, column: usize| {
            (q[(row, column)] * if r[(column, column)] < 0.0 { -1.0 } else { 1.0 }) as f32
        };
        let matrix = (0..size * size).map(|at| entry(at / size, at % size)).collect();
        Self::dense(matrix, size)
    }

    /// An orthogonal matrix whose entries are known, row after row.
    pub(crate) fn dense(matrix: Vec<f32>, size: usize) -> Self {
        Self { size, kind: Kind::Dense(matrix) }
    }

    /// Its entries, row after row.
    pub fn to_dense(&self) -> Vec<f32> {
        match &self.kind {
            Kind::Dense(matrix) => matrix.clone(),
            Kind::Hadamard(_) => {
                let mut matrix = vec![0.0; self.size * self.size];
                matrix.iter_mut().step_by(self.size + 1).for_each(|entry| *entry = 1.0);
                self.rotate_rows(&mut matrix);
                matrix
            }
        }
    }

    /// Rows and columns.
    pub fn size(&self) -> usize {
        self.size
    }

    /// `x R` in place, for each row `x` of `rows`, `[n, size]`.
    ///
    /// # Panics
    /// When there are no whole rows.
    pub fn rotate_rows(&self, rows: &mut [f32]) {
        self.each(rows, false);
    }

    /// `x R^T` in place, for each row `x`: what undoes [`Rotation::rotate_rows`].
    ///
    /// # Panics
    /// When there are no whole rows.
    pub fn restore_rows(&self, rows: &mut [f32]) {
        self.each(rows, true);
    }

    /// `R^T W` in place, of a weight `W`, `[size, columns]`: its outputs are rotated.
    ///
    /// # Panics
    /// When there are no whole columns.
    pub fn rotate_columns(&self, weight: &mut [f32], columns: usize) {
        assert_eq!(weight.len(), self.size * columns, "{columns} columns of {}", self.size);
        let starts: Vec<usize> = (0..columns).step_by(AT_ONCE).collect();
        for starts in starts.chunks(rayon::current_num_threads()) {
            let strips: Vec<Vec<f32>> =
                starts.par_iter().map(|&start| self.rotated(weight, columns, start)).collect();
            for (&start, strip) in starts.iter().zip(&strips) {
                for (column, values) in strip.chunks_exact(self.size).enumerate() {
                    let into = weight.iter_mut().skip(start + column).step_by(columns);
                    into.zip(values).for_each(|(into, value)| *into = *value);
                }
            }
        }
    }

    /// Some columns as rows, rotated.
    fn rotated(&self, weight: &[f32], columns: usize, start: usize) -> Vec<f32> {
        let count = AT_ONCE.min(columns - start);
        let mut strip = vec![0.0; count * self.size];
        for (row, values) in weight.chunks_exact(columns).enumerate() {
            for (column, value) in values[start..start + count].iter().enumerate() {
                strip[column * self.size + row] = *value;
            }
        }
        self.turn(&mut strip, false);
        strip
    }

    fn each(&self, rows: &mut [f32], is_back: bool) {
        assert!(rows.len().is_multiple_of(self.size), "rows of {}", self.size);
        rows.par_chunks_mut(AT_ONCE * self.size).for_each(|rows| self.turn(rows, is_back));
    }

    /// Rotates rows, or rotates them back.
    fn turn(&self, rows: &mut [f32], is_back: bool) {
        match &self.kind {
            Kind::Hadamard(hadamard) => {
                for row in rows.chunks_exact_mut(self.size) {
                    hadamard.turn(row, is_back);
                }
            }
            Kind::Dense(matrix) => {
                let (count, size) = (rows.len() / self.size, self.size);
                let right = Matrix::new(matrix, size, size);
                let right = if is_back { right.transposed() } else { right };
                let mut turned = vec![0.0; rows.len()];
                let into = MatrixMut::new(&mut turned, count, size);
                multiply(into, Matrix::new(rows, count, size), right, 1.0, Threads::One);
                rows.copy_from_slice(&turned);
            }
        }
    }
}

impl Hadamard {
    fn turn(&self, row: &mut [f32], is_back: bool) {
        if is_back {
            self.multiply(row, true);
            self.multiply_signs(row);
        } else {
            self.multiply_signs(row);
            self.multiply(row, false);
        }
    }

    fn multiply_signs(&self, row: &mut [f32]) {
        vectorized(|| {
            for (value, sign) in row.iter_mut().zip(&self.signs) {
                *value *= sign;
            }
        });
    }

    /// Multiplies a row with the Hadamard matrix, or with its transpose.
    fn multiply(&self, row: &mut [f32], is_transposed: bool) {
        let power = row.len() / self.order;
        row.chunks_exact_mut(power).for_each(|part| vectorized(|| walsh_hadamard(part)));
        if self.order == 1 {
            return;
        }
        let mut made = vec![0.0; row.len()];
        for (to, into) in made.chunks_exact_mut(power).enumerate() {
            for (from, values) in row.chunks_exact(power).enumerate() {
                let at = if is_transposed { (to, from) } else { (from, to) };
                let factor = self.base[at.0 * self.order + at.1];
                vectorized(|| {
                    for (into, value) in into.iter_mut().zip(values) {
                        *into += factor * value;
                    }
                });
            }
        }
        row.copy_from_slice(&made);
    }
}

/// The Walsh-Hadamard transform of a row whose length is a power of two.
#[inline(always)]
fn walsh_hadamard(row: &mut [f32]) {
    let mut half = 1;
    while half < row.len() {
        for pair in row.chunks_exact_mut(2 * half) {
            let (first, second) = pair.split_at_mut(half);
            for (first, second) in first.iter_mut().zip(second) {
                (*first, *second) = (*first + *second, *first - *second);
            }
        }
        half *= 2;
    }
}

/// The next number of the generator `SplitMix64`.
fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut number = *state;
    number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// A normal number, by the method of Box and Muller.
pub(crate) fn normal(state: &mut u64) -> f64 {
    let mut uniform = || ((split_mix(state) >> 11) as f64 + 0.5) / (1_u64 << 53) as f64;
    let (radius, angle) = (uniform(), uniform());
    (-2.0 * radius.ln()).sqrt() * (TAU * angle).cos()
}
