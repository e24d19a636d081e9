//! What rounding costs under a rotation, and how that changes with it.

use olive_kit_kernels::vector::dot;
use olive_kit_kernels::{Accumulate, Matrix};
use rayon::prelude::*;

use super::cayley::product;
use crate::error::SolveError;
use crate::grid::{Coded, Grid, check_matrix};
use crate::nearest::nearest;

/// Squared errors that rounded weights make in the outputs of layers, when the residual stream is
/// rotated by `R`, `[size, size]`; each matrix with a share.
///
/// With `V` for the rotated weight, `Q` for what its codes stand for, `D = V - Q` and the Gram matrix
/// `G` of the inputs, it is the sum of `tr(D H D^T)`:
///
/// ```text
///                      V        H          gradient: of R S by a skew S
/// reads the stream     W R      R^T G R    tr(S^T (Q^T 2 D H + V^T T))
/// adds to the stream   R^T W    G          tr(S^T V (2 D H + T)^T)
/// ```
///
/// Codes and zero points stay while `R` turns a little, and scales do not: they follow the largest
/// and least weight of their group. `T`, zero but there, is what these change.
#[derive(Debug)]
pub struct RoundingCost<'a> {
    rotation: &'a [f32],
    size: usize,
    cost: f64,
    /// `R^T` times the gradient of `R`, but for a symmetric matrix, `[size, size]`.
    gradient: Vec<f32>,
}

/// A weight when it is rounded.
struct Rounded {
    coded: Coded,
    /// What the codes stand for: `Q`.
    made: Vec<f32>,
    /// `D`
    error: Vec<f32>,
    /// What the cost gains by each weight while scales stay: `2 D H`.
    slopes: Vec<f32>,
    cost: f64,
}

impl<'a> RoundingCost<'a> {
    pub(super) fn new(rotation: &'a [f32], size: usize) -> Self {
        Self { rotation, size, cost: 0.0, gradient: vec![0.0; size * size] }
    }

    /// `R^T G R`: the Gram matrix of inputs that are the rotated stream, of that of the stream
    /// itself, `[size, size]`.
    pub fn rotated_gram(&self, gram: &[f32]) -> Vec<f32> {
        let size = self.size;
        let rotation = Matrix::new(self.rotation, size, size);
        let mut half = vec![0.0; size * size];
        product(&mut half, Matrix::new(gram, size, size), rotation, 1.0, Accumulate::No);
        let mut made = vec![0.0; size * size];
        let half = Matrix::new(&half, size, size);
        product(&mut made, rotation.transposed(), half, 1.0, Accumulate::No);
        made
    }

    /// Adds `share` of what rounding costs a weight that reads the stream, or some of its rows,
    /// `[n, size]`. `rotated_gram` is that of its inputs.
    ///
    /// # Errors
    /// When the shapes disagree, a weight is not finite, or the grid does not fit.
    pub fn add_reader(
        &mut self,
        weight: &[f32],
        n: usize,
        rotated_gram: &[f32],
        grid: Grid,
        share: f64,
    ) -> Result<(), SolveError> {
        let k = self.size;
        check_matrix(weight, n, k)?;
        let rotation = Matrix::new(self.rotation, k, k);
        let mut turned = vec![0.0; n * k];
        product(&mut turned, Matrix::new(weight, n, k), rotation, 1.0, Accumulate::No);
        let rounded = Rounded::new(&turned, [n, k], rotated_gram, grid)?;
        self.cost += share * rounded.cost;
        let mut of_scales = vec![0.0; n * k];
        rounded.add_scales(&turned, &mut of_scales);
        let [made, slopes, of_scales, turned] =
            [&rounded.made, &rounded.slopes, &of_scales, &turned]
                .map(|values| Matrix::new(values, n, k));
        let (into, share) = (&mut self.gradient, narrowed(share));
        product(into, made.transposed(), slopes, share, Accumulate::Yes);
        product(into, turned.transposed(), of_scales, share, Accumulate::Yes);
        Ok(())
    }

    /// Adds `share` of what rounding costs a weight whose outputs are added to the stream,
    /// `[size, k]`, with the Gram matrix of its inputs, `[k, k]`.
    ///
    /// # Errors
    /// As [`RoundingCost::add_reader`].
    pub fn add_writer(
        &mut self,
        weight: &[f32],
        k: usize,
        gram: &[f32],
        grid: Grid,
        share: f64,
    ) -> Result<(), SolveError> {
        let n = self.size;
        check_matrix(weight, n, k)?;
        let rotation = Matrix::new(self.rotation, n, n);
        let mut turned = vec![0.0; n * k];
        product(&mut turned, rotation.transposed(), Matrix::new(weight, n, k), 1.0, Accumulate::No);
        let mut rounded = Rounded::new(&turned, [n, k], gram, grid)?;
        self.cost += share * rounded.cost;
        let mut slopes = std::mem::take(&mut rounded.error);
        slopes.copy_from_slice(&rounded.slopes);
        rounded.add_scales(&turned, &mut slopes);
        let (turned, slopes) = (Matrix::new(&turned, n, k), Matrix::new(&slopes, n, k));
        product(&mut self.gradient, turned, slopes.transposed(), narrowed(share), Accumulate::Yes);
        Ok(())
    }

    pub(super) fn into_parts(self) -> (f64, Vec<f32>) {
        (self.cost, self.gradient)
    }
}

impl Rounded {
    /// Rounds a rotated weight, `[n, k]`, whose inputs have this Gram matrix.
    fn new(
        turned: &[f32],
        [n, k]: [usize; 2],
        gram: &[f32],
        grid: Grid,
    ) -> Result<Self, SolveError> {
        let coded = nearest(turned, n, k, grid)?;
        let made = coded.dequantize();
        let error: Vec<f32> = turned.iter().zip(&made).map(|(of, made)| of - made).collect();
        let mut slopes = vec![0.0; n * k];
        let gram = Matrix::new(gram, k, k);
        product(&mut slopes, Matrix::new(&error, n, k), gram, 2.0, Accumulate::No);
        let rows = error.par_chunks(k.max(1)).zip(slopes.par_chunks(k.max(1)));
        let costs: Vec<f64> =
            rows.map(|(error, slopes)| f64::from(dot(error, slopes)) / 2.0).collect();
        Ok(Self { coded, made, error, slopes, cost: costs.iter().sum() })
    }

    /// Adds what the cost gains by the weights that scales follow: `T`.
    fn add_scales(&self, turned: &[f32], into: &mut [f32]) {
        let Coded { grid, k, scales, .. } = &self.coded;
        let len = grid.group_len(*k);
        let groups = into.par_chunks_exact_mut(len).zip(turned.par_chunks_exact(len));
        let groups =
            groups.zip(self.made.par_chunks_exact(len).zip(self.slopes.par_chunks_exact(len)));
        groups.zip(scales).for_each(|(((into, turned), (made, slopes)), scale)| {
            add_scale(into, turned, -dot(slopes, made) / scale, *grid);
        });
    }
}

/// Adds what the cost gains by the weights of a group that its scale follows, where it gains `slope`
/// by the scale; as [`Grid::step`] finds that.
fn add_scale(into: &mut [f32], weights: &[f32], slope: f32, grid: Grid) {
    let (mut least, mut largest) = (0, 0);
    for (at, weight) in weights.iter().enumerate() {
        least = if *weight < weights[least] { at } else { least };
        largest = if *weight > weights[largest] { at } else { largest };
    }
    let (min, max) = (weights[least].min(0.0), weights[largest].max(0.0));
    let slope = slope / grid.last_code();
    if grid.is_symmetric && min < 0.0 {
        let (at, of_both) = if max > -min { (largest, 2.0 * slope) } else { (least, -2.0 * slope) };
        into[at] += of_both;
        return;
    }
    if max > 0.0 {
        into[largest] += slope;
    }
    if min < 0.0 {
        into[least] -= slope;
    }
}

/// A share as a factor of products.
#[expect(clippy::cast_possible_truncation, reason = "multiplied in f32")]
fn narrowed(share: f64) -> f32 {
    share as f32
}

#[cfg(test)]
mod tests {
    use super::super::reference::{GRID, Problem, turned_a_little};
    use super::*;
    use crate::rotation::Rotation;

    /// Difference of a slope in f32 from that of the cost in f64, relative.
    const SLOPE: f64 = 2e-3;
    /// The part of a turn by which costs in f64 are compared.
    const A_LITTLE: f64 = 1e-7;

    #[test]
    fn costs_and_gradients_are_those_of_64_bit_floats() {
        for (seed, is_symmetric) in [(1, false), (2, true), (3, false), (4, true)] {
            let grid = Grid { is_symmetric, ..GRID };
            let problem = Problem::new(16);
            let rotation = Rotation::orthogonal(16, seed).to_dense();
            let mut cost = RoundingCost::new(&rotation, 16);
            problem.add(&mut cost, grid).unwrap();
            let (cost, gradient) = cost.into_parts();
            let codes = problem.codes(&rotation, grid).unwrap();
            let turn = |direction, by: f64| turned_a_little(&rotation, 16, direction, by);
            let exact = problem.cost_of(&turn(0, 0.0).0, &codes);
            assert!((cost / exact - 1.0).abs() < 1e-4, "{cost} {exact}");
            for direction in 0..4 {
                let costs = [1.0, -1.0].map(|sign| {
                    let (rotation, _) = turn(direction, sign * A_LITTLE);
                    problem.cost_of(&rotation, &codes)
                });
                let slope = (costs[0] - costs[1]) / (2.0 * A_LITTLE);
                let (_, skew) = turn(direction, 0.0);
                let found: f64 =
                    skew.iter().zip(&gradient).map(|(skew, of)| skew * f64::from(*of)).sum();
                let largest = slope.abs().max(exact);
                assert!((found - slope).abs() < SLOPE * largest, "{found} {slope}");
            }
        }
    }

    #[test]
    fn weights_that_do_not_fit_are_refused() {
        let rotation = Rotation::orthogonal(16, 1).to_dense();
        let mut cost = RoundingCost::new(&rotation, 16);
        let gram = vec![0.0; 256];
        let short = cost.add_reader(&[1.0; 15], 1, &gram, GRID, 1.0);
        assert_eq!(short, Err(SolveError::Shape { values: 15, n: 1, k: 16 }));
        let odd = Grid { group_size: Some(7), ..GRID };
        assert!(cost.add_writer(&[1.0; 256], 16, &gram, odd, 1.0).is_err());
    }
}
