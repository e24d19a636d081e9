//! Grids that weights of a group are rounded to, and matrices in their codes.

#![expect(clippy::inline_always, reason = "what is not inlined is compiled for SSE2")]

use rayon::prelude::*;

use crate::error::SolveError;

/// Width, group size and symmetry of a grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grid {
    /// Width of a code: 2, 3, 4 or 8.
    pub bits: u8,
    /// Inputs that share a scale; none for all of a row.
    pub group_size: Option<usize>,
    /// Whether the middle of the grid is zero in every group.
    pub is_symmetric: bool,
}

/// A weight `[n, k]` as codes: `(code - zero_point) * scale` of the input's group.
#[derive(Debug, Clone, PartialEq)]
pub struct Coded {
    /// Width, group size and symmetry.
    pub grid: Grid,
    /// Rows: output features.
    pub n: usize,
    /// Columns: input features.
    pub k: usize,
    /// Codes `[n, k]`, one a byte.
    pub codes: Vec<u8>,
    /// Scales `[n, groups]`.
    pub scales: Vec<f32>,
    /// Zero points `[n, groups]`; the middle of the grid where it is symmetric.
    pub zero_points: Vec<u8>,
    /// The group of each input (`g_idx`), where groups are not neighboring inputs.
    pub order: Option<Vec<u32>>,
}

/// Scale and zero point of one group.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Step {
    pub(crate) scale: f32,
    /// A whole number on the grid.
    pub(crate) zero_point: f32,
}

impl Grid {
    /// Groups of a row of `k` inputs.
    ///
    /// # Errors
    /// When there is no such grid, or the group size does not divide `k`.
    pub fn groups(&self, k: usize) -> Result<usize, SolveError> {
        if !matches!(self.bits, 2 | 3 | 4 | 8) {
            return Err(SolveError::Bits(self.bits));
        }
        match self.group_size {
            None => Ok(1),
            Some(group_size) if group_size > 0 && k.is_multiple_of(group_size) => {
                Ok((k / group_size).max(1))
            }
            Some(group_size) => Err(SolveError::GroupSize { group_size, k }),
        }
    }

    /// Inputs of a group of a row of `k`.
    pub(crate) fn group_len(&self, k: usize) -> usize {
        self.group_size.unwrap_or(k).max(1)
    }

    /// Largest code.
    pub(crate) fn last_code(&self) -> f32 {
        f32::from(u8::MAX >> (8 - self.bits))
    }

    /// Code of zero in a symmetric grid.
    pub(crate) fn middle(&self) -> f32 {
        f32::from(1_u8 << (self.bits - 1))
    }

    /// Scale and zero point of a group with weights from `min` to `max`, as Olive and GPTQ find them,
    /// in f32: the range always holds zero, and of a symmetric grid it is that of the larger side.
    ///
    /// Their quirks are kept: a symmetric group without a negative weight has the scale of an
    /// asymmetric one, so that the upper half is cut off, and a group of zeros has the range -1..1.
    #[inline(always)]
    pub(crate) fn step(&self, min: f32, max: f32) -> Step {
        let (mut min, mut max) = (min.min(0.0), max.max(0.0));
        if self.is_symmetric {
            max = max.max(-min);
            min = if min < 0.0 { -max } else { min };
        }
        let mut scale = (max - min) / self.last_code();
        if scale == 0.0 {
            min = -1.0;
            scale = 2.0 / self.last_code();
        }
        let zero_point = if self.is_symmetric {
            self.middle()
        } else {
            (-min / scale).round_ties_even().clamp(0.0, self.last_code())
        };
        Step { scale, zero_point }
    }
}

impl Step {
    /// The nearest code, halves to even as Olive rounds: the zero point is added before.
    ///
    /// GPTQ's own quantizer adds it after, which differs in a tie when it is odd.
    #[inline(always)]
    pub(crate) fn code(self, weight: f32, last_code: f32) -> f32 {
        (weight / self.scale + self.zero_point).round_ties_even().clamp(0.0, last_code)
    }

    /// What a code stands for.
    #[inline(always)]
    pub(crate) fn value(self, code: f32) -> f32 {
        (code - self.zero_point) * self.scale
    }
}

impl Coded {
    /// Groups of a row.
    pub fn groups(&self) -> usize {
        self.k / self.grid.group_len(self.k).min(self.k.max(1))
    }

    /// The group of an input.
    pub fn group_of(&self, input: usize) -> usize {
        match &self.order {
            Some(order) => order[input] as usize,
            None => input / self.grid.group_len(self.k),
        }
    }

    /// The weights that the codes stand for, `[n, k]`.
    pub fn dequantize(&self) -> Vec<f32> {
        let mut weights = vec![0.0; self.n * self.k];
        let groups = self.groups();
        let of_input: Vec<usize> = (0..self.k).map(|input| self.group_of(input)).collect();
        let rows = weights.par_chunks_mut(self.k.max(1)).zip(self.codes.par_chunks(self.k.max(1)));
        rows.enumerate().for_each(|(row, (weights, codes))| {
            let scales = &self.scales[row * groups..][..groups];
            let zero_points = &self.zero_points[row * groups..][..groups];
            for ((weight, code), &group) in weights.iter_mut().zip(codes).zip(&of_input) {
                *weight = (f32::from(*code) - f32::from(zero_points[group])) * scales[group];
            }
        });
        weights
    }

    /// A matrix all of whose codes are to come.
    pub(crate) fn zeroed(grid: Grid, n: usize, k: usize) -> Result<Self, SolveError> {
        let groups = grid.groups(k)?;
        Ok(Self {
            grid,
            n,
            k,
            codes: vec![0; n * k],
            scales: vec![0.0; n * groups],
            zero_points: vec![0; n * groups],
            order: None,
        })
    }
}

/// The byte of a whole number on a grid.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within a byte")]
pub(crate) fn byte(code: f32) -> u8 {
    code as u8
}

/// Checks that `weight` is a matrix `[n, k]` of finite values that the grid can hold.
pub(crate) fn check(weight: &[f32], n: usize, k: usize, grid: Grid) -> Result<(), SolveError> {
    grid.groups(k)?;
    check_matrix(weight, n, k)
}

/// Checks that `weight` is a matrix `[n, k]` of finite values.
pub(crate) fn check_matrix(weight: &[f32], n: usize, k: usize) -> Result<(), SolveError> {
    if n.checked_mul(k) != Some(weight.len()) {
        return Err(SolveError::Shape { values: weight.len(), n, k });
    }
    match first_not_finite(weight) {
        Some(at) => Err(SolveError::WeightNotFinite { output: at / k, input: at % k }),
        None => Ok(()),
    }
}

/// Where the first value is that is infinite or not a number.
pub(crate) fn first_not_finite(values: &[f32]) -> Option<usize> {
    const PIECE: usize = 1 << 14;
    let is_sound = |piece: &[f32]| piece.iter().all(|value| value.is_finite());
    let piece = values.par_chunks(PIECE).position_first(|piece| !is_sound(piece))?;
    let within = values[piece * PIECE..].iter().position(|value| !value.is_finite())?;
    Some(piece * PIECE + within)
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these numbers are exact")]
mod tests {
    use super::*;

    fn grid(bits: u8, is_symmetric: bool) -> Grid {
        Grid { bits, group_size: None, is_symmetric }
    }

    fn check_step(grid: Grid, range: (f32, f32), scale: f32, zero_point: f32) {
        assert_eq!(grid.step(range.0, range.1), Step { scale, zero_point }, "{grid:?} {range:?}");
    }

    #[test]
    fn ranges_hold_zero() {
        check_step(grid(4, false), (-5.0, 10.0), 1.0, 5.0);
        check_step(grid(4, false), (5.0, 15.0), 1.0, 0.0);
        check_step(grid(4, false), (-15.0, -5.0), 1.0, 15.0);
        check_step(grid(3, false), (-3.0, 4.0), 1.0, 3.0);
        check_step(grid(8, false), (-1.0, 254.0), 1.0, 1.0);
    }

    #[test]
    fn symmetric_ranges_are_those_of_the_larger_side() {
        check_step(grid(4, true), (-7.5, 3.0), 1.0, 8.0);
        check_step(grid(4, true), (-1.0, 7.5), 1.0, 8.0);
        check_step(grid(2, true), (-3.0, 1.0), 2.0, 2.0);
        // Olive's quirk: without a negative weight only half of the codes are used.
        check_step(grid(4, true), (1.0, 15.0), 1.0, 8.0);
    }

    #[test]
    fn groups_of_zeros_and_of_the_least_weights_are_sound() {
        check_step(grid(4, false), (0.0, 0.0), 2.0 / 15.0, 7.0);
        check_step(grid(4, true), (0.0, 1e-45), 2.0 / 15.0, 8.0);
    }

    #[test]
    fn halves_are_rounded_to_even_with_the_zero_point() {
        let step = Step { scale: 1.0, zero_point: 5.0 };
        assert_eq!(step.code(0.5, 15.0), 6.0);
        assert_eq!(step.code(1.5, 15.0), 6.0);
        assert_eq!(step.code(-9.0, 15.0), 0.0);
        assert_eq!(step.code(99.0, 15.0), 15.0);
        assert_eq!(step.value(6.0), 1.0);
    }

    #[test]
    fn what_no_layout_stores_is_refused() {
        assert_eq!(grid(5, true).groups(64), Err(SolveError::Bits(5)));
        let odd = Grid { group_size: Some(48), ..grid(4, true) };
        assert_eq!(odd.groups(64), Err(SolveError::GroupSize { group_size: 48, k: 64 }));
        let none = Grid { group_size: Some(0), ..grid(4, true) };
        assert!(none.groups(64).is_err());
        assert_eq!(
            check(&[1.0; 5], 2, 3, grid(4, true)).unwrap_err().to_string(),
            "5 values do not fill a matrix of 2 rows and 3 columns"
        );
        let error = check(&[0.0, 1.0, 2.0, f32::NAN], 2, 2, grid(4, true));
        assert_eq!(error, Err(SolveError::WeightNotFinite { output: 1, input: 1 }));
    }
}
