//! Matrices that are made, and sums in f64.

use olive_kit_solve::{Coded, Grid, Moments};
use olive_kit_testing::random;

/// Weights and correlated inputs of a layer.
pub(crate) struct Layer {
    pub(crate) n: usize,
    pub(crate) k: usize,
    pub(crate) weight: Vec<f32>,
    /// `[tokens, k]`
    pub(crate) inputs: Vec<f32>,
}

impl Layer {
    /// A layer whose inputs are mixtures of a few causes, some inputs much larger than others.
    pub(crate) fn new(n: usize, k: usize, tokens: usize, seed: u32) -> Self {
        let weight = random(n * k, seed);
        let num_causes = k.div_ceil(3);
        let causes = random(tokens * num_causes, seed + 1);
        let mixing = random(num_causes * k, seed + 2);
        let noise = random(tokens * k, seed + 3);
        let size = |input: usize| if input % 17 == 3 { 12.0 } else { 1.0 };
        let input = |at: usize| {
            let (token, input) = (at / k, at % k);
            let causes = causes[token * num_causes..][..num_causes].iter().enumerate();
            let mixed: f32 = causes.map(|(at, cause)| cause * mixing[at * k + input]).sum();
            size(input) * (mixed + 0.3 * noise[at])
        };
        let inputs = (0..tokens * k).map(input).collect();
        Self { n, k, weight, inputs }
    }

    pub(crate) fn moments(&self) -> Moments {
        let mut moments = Moments::new(self.k);
        for piece in self.inputs.chunks(64 * self.k) {
            moments.add(piece).unwrap();
        }
        moments
    }

    /// The Gram matrix of the inputs, `[k, k]`.
    pub(crate) fn gram(&self) -> Vec<f64> {
        let k = self.k;
        let mut gram = vec![0.0; k * k];
        for token in self.inputs.chunks_exact(k) {
            for (row, first) in gram.chunks_exact_mut(k).zip(token) {
                let products = token.iter().map(|second| f64::from(*first) * f64::from(*second));
                row.iter_mut().zip(products).for_each(|(sum, product)| *sum += product);
            }
        }
        gram
    }

    /// Squared difference of the outputs of two weights, token by token.
    pub(crate) fn loss(&self, made: &[f32]) -> f64 {
        let rows = || self.weight.chunks_exact(self.k).zip(made.chunks_exact(self.k));
        let of_token = |token: &[f32]| -> f64 {
            rows()
                .map(|(weight, made)| {
                    let difference = weight.iter().zip(made).zip(token);
                    difference
                        .map(|((w, m), x)| (f64::from(*w) - f64::from(*m)) * f64::from(*x))
                        .sum::<f64>()
                        .powi(2)
                })
                .sum()
        };
        self.inputs.chunks_exact(self.k).map(of_token).sum()
    }
}

/// All grids that are tried on rows of `k` inputs.
pub(crate) fn grids(k: usize) -> Vec<Grid> {
    let mut grids = Vec::new();
    for bits in [2, 3, 4, 8] {
        for group_size in [None, Some(16), Some(32), Some(k)] {
            for is_symmetric in [false, true] {
                grids.push(Grid { bits, group_size, is_symmetric });
            }
        }
    }
    grids
}

/// Checks shapes and ranges of codes.
pub(crate) fn check_coded(coded: &Coded) {
    let groups = coded.groups();
    let last = u8::MAX >> (8 - coded.grid.bits);
    assert_eq!(coded.codes.len(), coded.n * coded.k);
    assert_eq!(coded.scales.len(), coded.n * groups);
    assert_eq!(coded.zero_points.len(), coded.n * groups);
    assert!(coded.codes.iter().chain(&coded.zero_points).all(|code| *code <= last));
    assert!(coded.scales.iter().all(|scale| scale.is_finite() && *scale > 0.0));
    if coded.grid.is_symmetric {
        let middle = 1 << (coded.grid.bits - 1);
        assert!(coded.zero_points.iter().all(|zero_point| *zero_point == middle));
    }
}
