//! RTN and k-quant against other implementations.

use olive_kit_quant::{Bits, BlockFormat, BlockQuantized, Rounding, ScaleType};
use olive_kit_solve::{Coded, Grid, k_quant, nearest};
use olive_kit_testing::random;

use crate::made::{check_coded, grids};

const N: usize = 24;
const K: usize = 128;

/// How far from the middle between two codes, in steps, f32 and f64 round alike: the largest weight
/// of a symmetric group, if negative, is such a tie.
const TIE: f64 = 1e-5;

#[test]
fn rtn_is_that_of_kit_quant_where_groups_straddle_zero() {
    for (bits, width) in [(4, Bits::Four), (8, Bits::Eight)] {
        for block_size in [16, 32, 64, 128] {
            for is_symmetric in [false, true] {
                let grid = Grid { bits, group_size: Some(block_size), is_symmetric };
                let weight = straddling(block_size);
                let found = nearest(&weight, N, K, grid).unwrap();
                check_coded(&found);
                let format = BlockFormat { bits: width, block_size, is_symmetric };
                let blocks = BlockQuantized::from_weights(
                    &weight,
                    N,
                    K,
                    format,
                    Rounding::Rtn,
                    ScaleType::F32,
                );
                check_equal(&weight, &found, &blocks.unwrap());
            }
        }
    }
}

/// Random weights, the first of each group less than zero and the second more.
fn straddling(group_size: usize) -> Vec<f32> {
    let mut weight = random(N * K, 11);
    for group in weight.chunks_exact_mut(group_size) {
        (group[0], group[1]) = (-group[0].abs() - 1e-3, group[1].abs() + 1e-3);
    }
    weight
}

fn check_equal(weight: &[f32], found: &Coded, expected: &BlockQuantized) {
    let group_size = expected.format.block_size;
    let bits = usize::from(found.grid.bits);
    let code = |at: usize| match bits {
        4 => expected.qweight[at / 2] >> (4 * (at % 2)) & 15,
        _ => expected.qweight[at],
    };
    for at in (0..N * K).filter(|&at| code(at) != found.codes[at]) {
        let place = f64::from(weight[at]) / f64::from(found.scales[at / group_size]);
        let from_tie = (place - place.floor() - 0.5).abs();
        assert!(from_tie < TIE * place.abs(), "{at} {place} {:?}", found.grid);
    }
    for group in 0..N * K / group_size {
        let (scale, expected) = (found.scales[group], expected.scale(group));
        assert!((scale / expected - 1.0).abs() < 1e-6, "{scale} {expected} {:?}", found.grid);
    }
    let weights = found.dequantize().into_iter().zip(expected.dequantize());
    let steps =
        weights.enumerate().map(|(at, (a, b))| (a - b).abs() / found.scales[at / group_size]);
    // A code that differs is a step away.
    assert!(steps.fold(0.0, f32::max) < 1.01, "{:?}", found.grid);
}

/// What Olive's `KQuant` does, written down in f64 for one group.
#[test]
fn k_quant_is_that_of_olive_but_for_ties() {
    let weight = random(N * K, 12);
    for grid in grids(K) {
        let len = grid.group_size.unwrap_or(K);
        let found = k_quant(&weight, N, K, grid).unwrap();
        check_coded(&found);
        let groups = weight.chunks_exact(len).zip(found.scales.iter().zip(&found.zero_points));
        let differing = groups.filter(|(weights, (scale, zero_point))| {
            let (expected, expected_zero_point) = olive_k_quant(weights, grid);
            let ratio = f64::from(**scale) / expected;
            (ratio - 1.0).abs() > 1e-4 || f64::from(**zero_point) != expected_zero_point
        });
        // Of two grids with nearly one error the other may win; and with 8 bits there are more ties.
        let differing = differing.count();
        assert!(differing * 50 <= N * K / len + 50, "{differing} groups differ {grid:?}");
    }
}

fn olive_k_quant(weights: &[f32], grid: Grid) -> (f64, f64) {
    let x: Vec<f64> = weights.iter().map(|weight| f64::from(*weight)).collect();
    let mean = (x.iter().map(|x| x * x).sum::<f64>() / x.len() as f64).sqrt();
    let last = f64::from(u8::MAX >> (8 - grid.bits));
    let middle = f64::from(1_u8 << (grid.bits - 1));
    let min = x.iter().fold(0.0_f64, |min, x| min.min(*x));
    let max = x.iter().fold(0.0_f64, |max, x| max.max(*x));
    let (offset, span, first, end) = if grid.is_symmetric {
        (0.0, max.max(-min), -middle, last - middle)
    } else {
        (min, max - min, 0.0, last)
    };
    let code =
        |steps: f64, x: f64| (steps / span * (x - offset)).round_ties_even().clamp(first, end);
    let sum = |term: &dyn Fn(f64, f64) -> f64| -> f64 {
        x.iter().map(|x| term(mean + x.abs(), *x)).sum()
    };
    let error = |steps: f64, scale: f64, offset: f64| {
        sum(&|w, x| w * (scale * code(steps, x) + offset - x).powi(2))
    };
    let mut best = (error(end, span / end, offset), span / end, offset);
    let candidates: Vec<f64> = if grid.is_symmetric {
        (-9..=9).filter(|s| *s != 0).map(|s| end + 0.1 * f64::from(s)).collect()
    } else {
        (0..20).map(|s| end - 1.0 + 0.1 * f64::from(s)).collect()
    };
    for steps in candidates {
        let wl = sum(&|w, x| w * code(steps, x));
        let wll = sum(&|w, x| w * code(steps, x).powi(2));
        let wlx = sum(&|w, x| w * code(steps, x) * x);
        let (scale, offset) = if grid.is_symmetric {
            (wlx / wll, 0.0)
        } else {
            let (w, wx) = (sum(&|w, _| w), sum(&|w, x| w * x));
            let determinant = w * wll - wl * wl;
            ((w * wlx - wx * wl) / determinant, (wll * wx - wl * wlx) / determinant)
        };
        let error = error(steps, scale, offset);
        if error < best.0 {
            best = (error, scale, offset);
        }
    }
    let zero_point = if grid.is_symmetric {
        middle
    } else {
        (-best.2 / best.1).round_ties_even().clamp(0.0, last)
    };
    (best.1, zero_point)
}
