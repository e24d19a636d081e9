//! The `k_quant` rounding, as ONNX Runtime's `quant_tensor_k_quant_cpu` does it with numpy: of 21
//! grids the one with the least weighted squared error, after the k-quants of llama.cpp.
//!
//! A weight `x` counts `w = sqrt(mean x²) + |x|`. A candidate divides the range into a few steps
//! less or more than there are; scale and minimum then are the weighted least-squares fit to its
//! codes `q`. The range of later candidates begins at the minimum of the best so far, as it does
//! in the original.
//!
//! All is f32, and sums are added in numpy's order. Blocks are worked on side by side, one a lane,
//! so that a vector of any width gives the same bits.

#![expect(clippy::inline_always, reason = "what is not inlined is compiled for SSE2")]

mod lanes;

use pulp::Simd;

use crate::grid::BlockFormat;
use crate::neural_compressor;
use crate::rows::{Blocks, Encode};
use lanes::{Terms, Vectors};

/// Grids that are tried beside the plain range.
const CANDIDATES: u8 = 20;

/// [`Rounding::KQuant`](crate::Rounding::KQuant).
#[derive(Debug, Clone, Copy)]
pub(crate) struct KQuant {
    /// Whether a matrix `[k, n]` of whose rows each is one block is added up row by row, as numpy
    /// does it; a block that lies together is added up in pairs.
    pub(crate) is_sequential: bool,
}

impl Encode for KQuant {
    #[inline(always)]
    fn encode<S: Simd>(self, simd: S, blocks: Blocks<'_>) {
        if self.is_sequential {
            encode::<S, 1>(Vectors(simd), blocks);
        } else {
            encode::<S, 8>(Vectors(simd), blocks);
        }
    }
}

#[inline(always)]
fn encode<S: Simd, const WAYS: usize>(vectors: Vectors<S>, blocks: Blocks<'_>) {
    let Blocks { layout, weights, codes, scales, zero_points } = blocks;
    let format = layout.format;
    let (lanes, size) = (S::F32_LANES, format.block_size);
    let mut room = Room::new(lanes, size);
    let grids = scales.chunks_mut(lanes).zip(zero_points.chunks_mut(lanes));
    let groups = weights.chunks(lanes * size).zip(codes.chunks_mut(lanes * size));
    for ((weights, codes), (scales, zero_points)) in groups.zip(grids) {
        room.fill(lanes, weights);
        let fit = best::<S, WAYS>(vectors, &mut room, format);
        S::as_mut_simd_f32s(&mut room.scales).0[0] = fit.scale;
        S::as_mut_simd_f32s(&mut room.mins).0[0] = fit.min;
        let blocks = weights.chunks_exact(size).zip(codes.chunks_exact_mut(size));
        for (lane, (weights, codes)) in blocks.enumerate() {
            let scale = room.scales[lane];
            let zero_point = zero_point(room.mins[lane], scale, format);
            neural_compressor::encode(weights, f64::from(scale), zero_point, format, codes);
            scales[lane] = layout.scale_type.round(scale);
            zero_points[lane] = zero_point;
        }
    }
}

/// Code of zero in the grid `q * scale + min`; 0 when the scale is 0 or no number.
#[inline(always)]
fn zero_point(min: f32, scale: f32, format: BlockFormat) -> u8 {
    let position = (-min / scale).round_ties_even();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within a byte")]
    let code = position.clamp(0.0, f32::from(format.bits.last_code())) as u8;
    code
}

/// Room for some blocks side by side: `[block_size, lanes]` values.
struct Room {
    x: Vec<f32>,
    /// How much a value counts.
    w: Vec<f32>,
    /// Codes of a candidate.
    q: Vec<f32>,
    scales: Vec<f32>,
    mins: Vec<f32>,
}

impl Room {
    fn new(lanes: usize, size: usize) -> Self {
        let values = || vec![0.0; lanes * size];
        let (scales, mins) = (vec![0.0; lanes], vec![0.0; lanes]);
        Self { x: values(), w: values(), q: values(), scales, mins }
    }

    /// Takes blocks, one a lane; lanes without one get zeros.
    #[inline(always)]
    fn fill(&mut self, lanes: usize, weights: &[f32]) {
        let size = self.x.len() / lanes;
        if weights.len() < self.x.len() {
            self.x.fill(0.0);
        }
        for (lane, block) in weights.chunks_exact(size).enumerate() {
            for (x, weight) in self.x.chunks_exact_mut(lanes).zip(block) {
                x[lane] = *weight;
            }
        }
    }
}

/// The grid `q * scale + min`, and its error.
#[derive(Clone, Copy)]
struct Fit<V> {
    scale: V,
    min: V,
    error: V,
}

/// The best grid of each lane's block; sums are added in `WAYS` ways.
#[inline(always)]
fn best<S: Simd, const WAYS: usize>(
    v: Vectors<S>,
    room: &mut Room,
    format: BlockFormat,
) -> Fit<S::f32s> {
    let x = S::as_simd_f32s(&room.x).0;
    let w = S::as_mut_simd_f32s(&mut room.w).0;
    let q = S::as_mut_simd_f32s(&mut room.q).0;
    weigh::<S, WAYS>(v, x, w);
    let [sum_w, sum_x] = v.sum::<_, _, WAYS>(x.len(), &Weighted { x, w });
    let (min, max) = v.range(x);
    let last_code = f32::from(format.bits.last_code());
    let density = v.density(v.splat(last_code), min, max);
    round(v, x, (min, density), last_code, q);
    let mut best = Fit { scale: v.div(v.splat(1.0), density), min, error: min };
    [best.error] = v.sum::<_, _, WAYS>(x.len(), &Errors { x, w, q, fit: best });
    for candidate in 0..CANDIDATES {
        let steps = -1.0 + 0.1 * f64::from(candidate) + f64::from(last_code);
        #[expect(clippy::cast_possible_truncation, reason = "numpy goes on in f32")]
        let density = v.density(v.splat(steps as f32), best.min, max);
        round(v, x, (best.min, density), last_code, q);
        let sums = v.sum::<_, _, WAYS>(x.len(), &Codes { x, w, q });
        let mut fit = least_squares(v, [sum_w, sum_x], sums);
        [fit.error] = v.sum::<_, _, WAYS>(x.len(), &Errors { x, w, q, fit });
        let is_better = v.0.less_than_f32s(fit.error, best.error);
        best.scale = v.0.select_f32s(is_better, fit.scale, best.scale);
        best.min = v.0.select_f32s(is_better, fit.min, best.min);
        best.error = v.0.select_f32s(is_better, fit.error, best.error);
    }
    best
}

/// How much each value counts: `sqrt(mean x²) + |x|`.
#[inline(always)]
fn weigh<S: Simd, const WAYS: usize>(v: Vectors<S>, x: &[S::f32s], w: &mut [S::f32s]) {
    let [sum] = v.sum::<_, _, WAYS>(x.len(), &Squares { x });
    #[expect(clippy::cast_precision_loss, reason = "a block has few values")]
    let mean = v.0.sqrt_f32s(v.div(sum, v.splat(x.len() as f32)));
    for (w, &x) in w.iter_mut().zip(x) {
        *w = v.add(mean, v.0.abs_f32s(x));
    }
}

/// Codes of `x`, of which there are `density` for each unit from `min` on.
#[inline(always)]
fn round<S: Simd>(
    v: Vectors<S>,
    x: &[S::f32s],
    (min, density): (S::f32s, S::f32s),
    last_code: f32,
    q: &mut [S::f32s],
) {
    for (q, &x) in q.iter_mut().zip(x) {
        *q = v.round(v.mul(density, v.sub(x, min)), last_code);
    }
}

/// Scale and minimum with the least weighted squared error, from the sums of [`Weighted`] and
/// [`Codes`].
#[inline(always)]
fn least_squares<S: Simd>(
    v: Vectors<S>,
    [sum_w, sum_x]: [S::f32s; 2],
    [sum_l, sum_l2, sum_xl]: [S::f32s; 3],
) -> Fit<S::f32s> {
    let determinant = v.sub(v.mul(sum_w, sum_l2), v.mul(sum_l, sum_l));
    let scale = v.sub(v.mul(sum_w, sum_xl), v.mul(sum_x, sum_l));
    let min = v.sub(v.mul(sum_l2, sum_x), v.mul(sum_l, sum_xl));
    let (scale, min) = (v.div(scale, determinant), v.div(min, determinant));
    Fit { scale, min, error: min }
}

/// `x²`
struct Squares<'a, V> {
    x: &'a [V],
}

/// `w`, `w x`
struct Weighted<'a, V> {
    x: &'a [V],
    w: &'a [V],
}

/// `w q`, `w q²`, `w q x`
struct Codes<'a, V> {
    x: &'a [V],
    w: &'a [V],
    q: &'a [V],
}

/// `w (q scale + min - x)²`
struct Errors<'a, V> {
    x: &'a [V],
    w: &'a [V],
    q: &'a [V],
    fit: Fit<V>,
}

impl<S: Simd> Terms<S, 1> for Squares<'_, S::f32s> {
    #[inline(always)]
    fn at(&self, v: Vectors<S>, index: usize) -> [S::f32s; 1] {
        [v.mul(self.x[index], self.x[index])]
    }
}

impl<S: Simd> Terms<S, 2> for Weighted<'_, S::f32s> {
    #[inline(always)]
    fn at(&self, v: Vectors<S>, index: usize) -> [S::f32s; 2] {
        [self.w[index], v.mul(self.w[index], self.x[index])]
    }
}

impl<S: Simd> Terms<S, 3> for Codes<'_, S::f32s> {
    #[inline(always)]
    fn at(&self, v: Vectors<S>, index: usize) -> [S::f32s; 3] {
        let weighted = v.mul(self.w[index], self.q[index]);
        [weighted, v.mul(weighted, self.q[index]), v.mul(weighted, self.x[index])]
    }
}

impl<S: Simd> Terms<S, 1> for Errors<'_, S::f32s> {
    #[inline(always)]
    fn at(&self, v: Vectors<S>, index: usize) -> [S::f32s; 1] {
        let value = v.add(v.mul(self.fit.scale, self.q[index]), self.fit.min);
        let error = v.sub(value, self.x[index]);
        [v.mul(self.w[index], v.mul(error, error))]
    }
}
