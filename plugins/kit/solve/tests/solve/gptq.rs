//! GPTQ against the paper's algorithm, written down straightforwardly in f64.

use olive_kit_solve::{Coded, GptqOptions, Grid, Hessian, SolveError, gptq};

use crate::made::{Layer, check_coded, grids};

/// How far from the middle between two codes rounding may differ, in steps.
const TIE: f64 = 2e-3;

#[test]
fn codes_are_those_of_the_paper_for_all_grids() {
    let layer = Layer::new(40, 96, 300, 1);
    for grid in grids(layer.k) {
        check(&layer, grid, GptqOptions::default());
    }
}

#[test]
fn codes_are_those_of_the_paper_for_all_options() {
    let layer = Layer::new(33, 160, 400, 2);
    for (desc_act, static_groups) in [(false, true), (true, false), (true, true)] {
        for is_symmetric in [false, true] {
            for group_size in [None, Some(16), Some(32), Some(80)] {
                for block_size in [1, 48, 128, 1000] {
                    let grid = Grid { bits: 4, group_size, is_symmetric };
                    let damping = if block_size == 48 { 0.1 } else { 0.01 };
                    let options = GptqOptions { damping, desc_act, static_groups, block_size };
                    check(&layer, grid, options);
                }
            }
        }
    }
}

#[test]
fn dead_inputs_get_zeros_and_move_nothing() {
    let mut layer = Layer::new(20, 64, 200, 3);
    for token in layer.inputs.chunks_exact_mut(64) {
        for input in [0, 7, 40, 63] {
            token[input] = 0.0;
        }
    }
    let grid = Grid { bits: 4, group_size: Some(32), is_symmetric: false };
    for desc_act in [false, true] {
        let options = GptqOptions { desc_act, ..GptqOptions::default() };
        check(&layer, grid, options);
        let solved = gptq(&layer.weight, 20, 64, &layer.moments(), grid, &options).unwrap();
        assert_eq!(solved.num_dead, 4);
        let made = solved.coded.dequantize();
        assert!(made.chunks_exact(64).all(|row| row[7].abs() + row[40].abs() < 1e-30));
    }
}

#[test]
fn more_rows_than_a_band_are_solved_alike() {
    let layer = Layer::new(4100, 16, 60, 4);
    let grid = Grid { bits: 3, group_size: Some(16), is_symmetric: true };
    check(&layer, grid, GptqOptions::default());
}

#[test]
fn weights_that_share_a_hessian_are_solved_as_alone() {
    let layer = Layer::new(70, 64, 200, 5);
    let moments = layer.moments();
    for desc_act in [false, true] {
        let options = GptqOptions { desc_act, static_groups: desc_act, ..GptqOptions::default() };
        let hessian = Hessian::new(&moments, &options).unwrap();
        for (rows, group_size) in [(0..70, 16), (0..33, 32), (33..70, 64)] {
            let grid = Grid { bits: 4, group_size: Some(group_size), is_symmetric: false };
            let (n, weight) = (rows.len(), &layer.weight[rows.start * 64..rows.end * 64]);
            let shared = hessian.solve(weight, n, 64, grid).unwrap();
            assert_eq!(shared, gptq(weight, n, 64, &moments, grid, &options).unwrap());
        }
        let grid = Grid { bits: 4, group_size: Some(16), is_symmetric: false };
        let other = hessian.solve(&layer.weight[..32], 1, 32, grid);
        assert!(matches!(other, Err(SolveError::Inputs { inputs: 64, k: 32 })), "{other:?}");
    }
}

fn check(layer: &Layer, grid: Grid, options: GptqOptions) {
    let (n, k) = (layer.n, layer.k);
    let solved = gptq(&layer.weight, n, k, &layer.moments(), grid, &options).unwrap();
    assert_eq!((solved.num_raised, solved.damping.to_bits()), (0, options.damping.to_bits()));
    check_coded(&solved.coded);
    let reference = Reference::new(layer, grid, options);
    let g_idx = |coded: &Coded| (0..k).map(|input| coded.group_of(input)).collect::<Vec<_>>();
    assert_eq!(g_idx(&solved.coded), reference.groups, "{grid:?} {options:?}");
    let wrong = (0..n).filter(|&row| !reference.agrees(layer, row, &solved.coded)).count();
    assert_eq!(wrong, 0, "rows of {n} differ for {grid:?} {options:?}");
}

/// What the paper's algorithm needs of the inputs.
struct Reference {
    grid: Grid,
    is_static: bool,
    inputs: Vec<usize>,
    /// The group of each input.
    groups: Vec<usize>,
    is_dead: Vec<bool>,
    /// Upper factor of the inverse of the damped Hessian, in the order of `inputs`.
    factor: Vec<f64>,
}

impl Reference {
    fn new(layer: &Layer, grid: Grid, options: GptqOptions) -> Self {
        let k = layer.k;
        let gram = layer.gram();
        let diagonal = |input: usize| gram[input * k + input];
        let is_dead: Vec<bool> = (0..k).map(|input| diagonal(input) == 0.0).collect();
        let live = is_dead.iter().filter(|is_dead| !**is_dead).count();
        let mean = (0..k).map(diagonal).sum::<f64>() / live as f64;
        let mut inputs: Vec<usize> = (0..k).collect();
        if options.desc_act {
            inputs.sort_by(|&a, &b| diagonal(b).total_cmp(&diagonal(a)));
        }
        let hessian = |row: usize, column: usize| {
            let (first, second) = (inputs[row], inputs[column]);
            let own = if is_dead[first] { mean } else { gram[first * k + second] };
            if row == column { own + options.damping * mean } else { gram[first * k + second] }
        };
        let hessian: Vec<f64> = (0..k * k).map(|at| hessian(at / k, at % k)).collect();
        let inverse = inverse(&lower(&hessian, k), k);
        let lower = lower(&inverse, k);
        let factor = (0..k * k).map(|at| lower[at % k * k + at / k]).collect();
        let len = grid.group_size.unwrap_or(k);
        let is_static = options.static_groups || len == k;
        let mut groups = vec![0; k];
        for (position, &input) in inputs.iter().enumerate() {
            groups[input] = if is_static { input } else { position } / len;
        }
        Self { grid, is_static, inputs, groups, is_dead, factor }
    }

    /// Whether a row's codes are the paper's up to the first near tie.
    fn agrees(&self, layer: &Layer, row: usize, coded: &Coded) -> bool {
        let k = layer.k;
        let len = self.grid.group_size.unwrap_or(k);
        let original: Vec<f64> = (0..k)
            .map(|input| f64::from(layer.weight[row * k + input]))
            .zip(&self.is_dead)
            .map(|(weight, is_dead)| if *is_dead { 0.0 } else { weight })
            .collect();
        let mut weights: Vec<f64> = self.inputs.iter().map(|&input| original[input]).collect();
        let mut step = (0.0, 0.0);
        for position in 0..k {
            let input = self.inputs[position];
            if self.is_static {
                let start = input / len * len;
                step = self.step(&original[start..start + len]);
            } else if position % len == 0 {
                step = self.step(&weights[position..position + len]);
            }
            let (scale, zero_point) = step;
            let place = weights[position] / scale + zero_point;
            let last = f64::from(u8::MAX >> (8 - self.grid.bits));
            let code = place.round_ties_even().clamp(0.0, last);
            let found = f64::from(coded.codes[row * k + input]);
            let at = row * coded.groups() + self.groups[input];
            let is_near_tie = (place - place.floor() - 0.5).abs() < TIE;
            let is_same_step = f64::from(coded.zero_points[at]) == zero_point
                && (f64::from(coded.scales[at]) / scale - 1.0).abs() < 1e-3;
            if code != found || !is_same_step {
                // From here on everything may be another; a zero point may be a near tie too.
                return is_near_tie || self.is_zero_point_near_tie(&weights, position, len);
            }
            let error = (weights[position] - (code - zero_point) * scale)
                / self.factor[position * k + position];
            let factors = &self.factor[position * k..][position..k];
            for (later, factor) in weights[position..].iter_mut().zip(factors) {
                *later -= error * factor;
            }
        }
        true
    }

    /// Scale and zero point as Olive's and GPTQ's quantizers find them.
    fn step(&self, weights: &[f64]) -> (f64, f64) {
        let mut min = weights.iter().fold(0.0_f64, |min, weight| min.min(*weight));
        let mut max = weights.iter().fold(0.0_f64, |max, weight| max.max(*weight));
        if self.grid.is_symmetric {
            max = max.max(-min);
            min = if min < 0.0 { -max } else { min };
        }
        if min == 0.0 && max == 0.0 {
            (min, max) = (-1.0, 1.0);
        }
        let last = f64::from(u8::MAX >> (8 - self.grid.bits));
        let scale = (max - min) / last;
        let middle = f64::from(1_u8 << (self.grid.bits - 1));
        (scale, if self.grid.is_symmetric { middle } else { (-min / scale).round_ties_even() })
    }

    fn is_zero_point_near_tie(&self, weights: &[f64], position: usize, len: usize) -> bool {
        if self.grid.is_symmetric || self.is_static || !position.is_multiple_of(len) {
            return false;
        }
        let group = &weights[position..position + len];
        let min = group.iter().fold(0.0_f64, |min, weight| min.min(*weight));
        let place = -min / self.step(group).0;
        (place - place.floor() - 0.5).abs() < TIE
    }
}

/// The lower Cholesky factor of a matrix `[k, k]`.
fn lower(matrix: &[f64], k: usize) -> Vec<f64> {
    let mut lower = vec![0.0; k * k];
    for row in 0..k {
        for column in 0..=row {
            let known: f64 =
                (0..column).map(|at| lower[row * k + at] * lower[column * k + at]).sum();
            let rest = matrix[row * k + column] - known;
            lower[row * k + column] =
                if row == column { rest.sqrt() } else { rest / lower[column * k + column] };
        }
    }
    lower
}

/// The inverse of a matrix from its lower factor, column by column.
fn inverse(lower: &[f64], k: usize) -> Vec<f64> {
    let mut inverse = vec![0.0; k * k];
    for column in 0..k {
        let mut x = vec![0.0; k];
        for row in 0..k {
            let known: f64 = (0..row).map(|at| lower[row * k + at] * x[at]).sum();
            x[row] = (f64::from(u8::from(row == column)) - known) / lower[row * k + row];
        }
        for row in (0..k).rev() {
            let known: f64 = (row + 1..k).map(|at| lower[at * k + row] * x[at]).sum();
            x[row] = (x[row] - known) / lower[row * k + row];
        }
        (0..k).for_each(|row| inverse[row * k + column] = x[row]);
    }
    inverse
}
