//! Causal attention of one head, a block of queries at a time, and its gradient.
//!
//! `softmax(scale Q K^T) V` with every score a query must not see left out. Only the scores of one
//! block exist at a time; the gradient computes them again from the logarithm of each query's
//! softmax denominator, as in Dao, "`FlashAttention`-2" (2023).

use std::ops::Range;

use olive_kit_kernels::product::{Matrix, MatrixMut, Threads, multiply_in};
use olive_kit_kernels::vector::{dot, exp, exp_shifted, max, scale, vectorized};
use olive_kit_kernels::{Accumulate, Precision};

/// Queries whose scores are computed at once.
const BLOCK: usize = 64;

/// Queries, keys and values of one head.
#[derive(Clone, Copy)]
pub(crate) struct Head<'a> {
    /// `[new, head_dim]`
    pub(crate) queries: Matrix<'a>,
    /// `[len, head_dim]`
    pub(crate) keys: Matrix<'a>,
    /// `[len, head_dim]`
    pub(crate) values: Matrix<'a>,
    /// Factor on the scores.
    pub(crate) scale: f32,
    /// Limit `c` of scores, which become `c tanh(score / c)`: Gemma Team, "Gemma 2" (2024).
    pub(crate) softcap: Option<f32>,
    /// What products multiply.
    pub(crate) precision: Precision,
    /// What each query sees.
    pub(crate) visibility: Visibility<'a>,
}

/// Which keys a query sees: those of its sample up to its own position.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Visibility<'a> {
    /// Position of the first query among the keys.
    pub(crate) offset: usize,
    /// Positions a query sees at most, its own included.
    pub(crate) window: Option<usize>,
    /// Keys that may be seen at all, `[len]`.
    pub(crate) key_mask: Option<&'a [bool]>,
    /// The first key of each query's sample, `[new]`, never falling.
    pub(crate) starts: Option<&'a [u32]>,
}

/// Gradients of one head, each as the argument it belongs to; all are added to.
pub(crate) struct HeadGradients<'a> {
    /// `[new, head_dim]`
    pub(crate) queries: &'a mut [f32],
    /// `[len, head_dim]`
    pub(crate) keys: &'a mut [f32],
    /// `[len, head_dim]`
    pub(crate) values: &'a mut [f32],
}

/// Writes the attention, `[new, head_dim]`, and for the gradient the logarithm of each query's
/// softmax denominator, `[new]`.
///
/// A query that sees no key gives zeros.
pub(crate) fn attend(head: Head<'_>, out: &mut [f32], mut log_sums: Option<&mut [f32]>) {
    let mut scores = Vec::new();
    for block in head.blocks() {
        head.scores(&block, &mut scores);
        for (row, scores) in block.queries.clone().zip(scores.chunks_mut(block.keys.len())) {
            let log_sum = vectorized(|| head.softmax(row, &block.keys, scores));
            if let Some(log_sums) = &mut log_sums {
                log_sums[row] = log_sum;
            }
        }
        let out = block.rows_of(out, head.head_dim());
        let probabilities = block.matrix(&scores);
        head.multiply(out, probabilities, block.seen(head.values), 1.0, Accumulate::No);
    }
}

/// Adds the gradients of one head, from the gradient of its attention.
///
/// With probabilities `P`, `dV = P^T dO`, `dS = P (dO V^T - rowsum(dO O))`, `dQ = scale dS K` and
/// `dK = scale dS^T Q`.
pub(crate) fn add_gradients(
    head: Head<'_>,
    out: Matrix<'_>,
    log_sums: &[f32],
    out_gradient: Matrix<'_>,
    gradients: &mut HeadGradients<'_>,
) {
    let head_dim = head.head_dim();
    let (mut scores, mut score_gradients, mut capped) = (Vec::new(), Vec::new(), Vec::new());
    for block in head.blocks() {
        let num_keys = block.keys.len();
        head.scores(&block, &mut scores);
        if head.softcap.is_some() {
            capped.clone_from(&scores);
        }
        for (row, scores) in block.queries.clone().zip(scores.chunks_mut(num_keys)) {
            vectorized(|| head.probabilities(row, &block.keys, scores, log_sums[row]));
        }
        let from_above = out_gradient.rows(block.queries.start, block.queries.len());
        let keys = block.keys.start * head_dim..block.keys.end * head_dim;
        let into = MatrixMut::new(&mut gradients.values[keys.clone()], num_keys, head_dim);
        let probabilities = block.matrix(&scores).transposed();
        head.multiply(into, probabilities, from_above, 1.0, Accumulate::Yes);

        score_gradients.resize(scores.len(), 0.0);
        let into = MatrixMut::new(&mut score_gradients, block.queries.len(), num_keys);
        let values = block.seen(head.values).transposed();
        head.multiply(into, from_above, values, 1.0, Accumulate::No);
        let rows = scores.chunks(num_keys).zip(score_gradients.chunks_mut(num_keys));
        for (row, (probabilities, gradient)) in block.queries.clone().zip(rows) {
            vectorized(|| {
                let mean = dot(out_gradient.row(row), out.row(row));
                softmax_gradient(probabilities, mean, gradient);
            });
        }
        if let Some(cap) = head.softcap {
            vectorized(|| soft_cap_gradient(&capped, cap, &mut score_gradients));
        }
        let score_gradients = block.matrix(&score_gradients);
        let into = block.rows_of(gradients.queries, head_dim);
        head.multiply(into, score_gradients, block.seen(head.keys), head.scale, Accumulate::Yes);
        let queries = head.queries.rows(block.queries.start, block.queries.len());
        let into = MatrixMut::new(&mut gradients.keys[keys], num_keys, head_dim);
        head.multiply(into, score_gradients.transposed(), queries, head.scale, Accumulate::Yes);
    }
}

impl Head<'_> {
    fn multiply(
        &self,
        into: MatrixMut<'_>,
        left: Matrix<'_>,
        right: Matrix<'_>,
        scale: f32,
        accumulate: Accumulate,
    ) {
        multiply_in(self.precision, into, left, right, scale, accumulate, Threads::One);
    }

    fn head_dim(&self) -> usize {
        self.queries.num_columns()
    }

    fn blocks(&self) -> impl Iterator<Item = Block> + use<'_> {
        let (num_queries, visibility) = (self.queries.num_rows(), self.visibility);
        (0..num_queries).step_by(BLOCK).map(move |start| {
            let queries = start..(start + BLOCK).min(num_queries);
            let keys = visibility.seen(start).start..visibility.seen(queries.end - 1).end;
            Block { queries, keys }
        })
    }

    /// `scale Q K^T` of a block, `[queries, keys]`.
    fn scores(&self, block: &Block, scores: &mut Vec<f32>) {
        let (num_queries, num_keys) = (block.queries.len(), block.keys.len());
        scores.resize(num_queries * num_keys, 0.0);
        let queries = self.queries.rows(block.queries.start, num_queries);
        let keys = block.seen(self.keys).transposed();
        let into = MatrixMut::new(scores, num_queries, num_keys);
        self.multiply(into, queries, keys, self.scale, Accumulate::No);
        if let Some(cap) = self.softcap {
            vectorized(|| soft_cap(scores, cap));
        }
    }

    /// Turns the scores of a query into probabilities and gives the logarithm of their denominator.
    #[expect(clippy::inline_always, reason = "compiled for the instructions of its caller")]
    #[inline(always)]
    fn softmax(&self, row: usize, keys: &Range<usize>, scores: &mut [f32]) -> f32 {
        let seen = self.hide(row, keys, scores, f32::NEG_INFINITY);
        let largest = max(&scores[seen.clone()]);
        if largest == f32::NEG_INFINITY {
            scores.fill(0.0);
            return f32::INFINITY;
        }
        let sum = exp_shifted(&mut scores[seen], largest);
        scale(scores, 1.0 / sum);
        self.hide(row, keys, scores, 0.0);
        largest + sum.ln()
    }

    /// Turns the scores of a query into probabilities, given the logarithm of their denominator.
    #[expect(clippy::inline_always, reason = "compiled for the instructions of its caller")]
    #[inline(always)]
    fn probabilities(&self, row: usize, keys: &Range<usize>, scores: &mut [f32], log_sum: f32) {
        let seen = self.visibility.seen_among(row, keys);
        exp_shifted(&mut scores[seen], log_sum);
        self.hide(row, keys, scores, 0.0);
    }

    /// Overwrites the scores of keys that a query does not see and gives the range of the others.
    #[expect(clippy::inline_always, reason = "compiled for the instructions of its caller")]
    #[inline(always)]
    fn hide(&self, row: usize, keys: &Range<usize>, scores: &mut [f32], with: f32) -> Range<usize> {
        let seen = self.visibility.seen_among(row, keys);
        scores[..seen.start].fill(with);
        scores[seen.end..].fill(with);
        if let Some(mask) = self.visibility.key_mask {
            for (score, is_visible) in scores.iter_mut().zip(&mask[keys.clone()]) {
                *score = if *is_visible { *score } else { with };
            }
        }
        seen
    }
}

impl Visibility<'_> {
    /// Keys within a query's reach, masked or not.
    fn seen(&self, row: usize) -> Range<usize> {
        let end = self.offset + row + 1;
        let start = end.saturating_sub(self.window.unwrap_or(usize::MAX));
        let sample = self.starts.map_or(0, |starts| starts[row] as usize);
        start.max(sample)..end
    }

    /// The same, counted from the first of `keys`.
    fn seen_among(&self, row: usize, keys: &Range<usize>) -> Range<usize> {
        let seen = self.seen(row);
        seen.start - keys.start..seen.end - keys.start
    }
}

/// Some queries and all keys any of them sees.
struct Block {
    queries: Range<usize>,
    keys: Range<usize>,
}

impl Block {
    /// The block's keys' rows of keys or values.
    fn seen<'a>(&self, rows: Matrix<'a>) -> Matrix<'a> {
        rows.rows(self.keys.start, self.keys.len())
    }

    /// One value for each query and key.
    fn matrix<'a>(&self, values: &'a [f32]) -> Matrix<'a> {
        Matrix::new(values, self.queries.len(), self.keys.len())
    }

    /// The block's queries' rows.
    fn rows_of<'a>(&self, values: &'a mut [f32], width: usize) -> MatrixMut<'a> {
        let rows = self.queries.start * width..self.queries.end * width;
        MatrixMut::new(&mut values[rows], self.queries.len(), width)
    }
}

/// `c tanh(score / c)`, as `c (1 - 2 / (e^(2 score / c) + 1))`.
#[expect(clippy::inline_always, reason = "compiled for the instructions of its caller")]
#[inline(always)]
pub(crate) fn soft_cap(scores: &mut [f32], cap: f32) {
    for score in scores {
        *score = cap * (1.0 - 2.0 / (exp(2.0 / cap * *score) + 1.0));
    }
}

/// Multiplies by the slope of the cap, `1 - (capped / c)^2`.
#[expect(clippy::inline_always, reason = "compiled for the instructions of its caller")]
#[inline(always)]
pub(crate) fn soft_cap_gradient(capped: &[f32], cap: f32, gradient: &mut [f32]) {
    for (gradient, capped) in gradient.iter_mut().zip(capped) {
        let share = capped / cap;
        *gradient *= 1.0 - share * share;
    }
}

/// `gradient = probabilities * (gradient - mean)`
#[expect(clippy::inline_always, reason = "compiled for the instructions of its caller")]
#[inline(always)]
fn softmax_gradient(probabilities: &[f32], mean: f32, gradient: &mut [f32]) {
    for (gradient, probability) in gradient.iter_mut().zip(probabilities) {
        *gradient = probability * (*gradient - mean);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finite_differences::random;

    const LEN: usize = 150;
    const DIM: usize = 8;
    /// Tokens of a sample where several are packed.
    const SAMPLE: usize = 40;

    /// Attention by its definition, in f64, of the query at `position`.
    fn by_definition(
        query: &[f32],
        keys: &[f32],
        values: &[f32],
        is_seen: impl Fn(usize) -> bool,
    ) -> Vec<f64> {
        let product = |key: &[f32]| -> f64 {
            query.iter().zip(key).map(|(q, k)| f64::from(*q) * f64::from(*k)).sum()
        };
        let (mut sum, mut out) = (0.0, vec![0.0; DIM]);
        for key in (0..LEN).filter(|&key| is_seen(key)) {
            let weight = (0.5 * product(&keys[key * DIM..][..DIM])).exp();
            sum += weight;
            for (out, value) in out.iter_mut().zip(&values[key * DIM..]) {
                *out += weight * f64::from(*value);
            }
        }
        out.iter().map(|out| if sum == 0.0 { 0.0 } else { out / sum }).collect()
    }

    /// Checks the last `new` of `LEN` positions.
    fn check(new: usize, window: Option<usize>, key_mask: Option<&[bool]>, is_packed: bool) {
        let (queries, keys) = (random(new * DIM, 1), random(LEN * DIM, 2));
        let (values, offset) = (random(LEN * DIM, 3), LEN - new);
        let mut out = vec![0.0; new * DIM];
        let sample = |position: usize| u32::try_from(position / SAMPLE * SAMPLE).unwrap();
        let starts = is_packed.then(|| (offset..LEN).map(sample).collect::<Vec<_>>());
        let head = Head {
            queries: Matrix::new(&queries, new, DIM),
            keys: Matrix::new(&keys, LEN, DIM),
            values: Matrix::new(&values, LEN, DIM),
            scale: 0.5,
            softcap: None,
            precision: Precision::F32,
            visibility: Visibility { offset, window, key_mask, starts: starts.as_deref() },
        };
        attend(head, &mut out, None);
        for (row, (query, out)) in queries.chunks(DIM).zip(out.chunks(DIM)).enumerate() {
            let position = offset + row;
            let is_seen = |key: usize| {
                key <= position
                    && window.is_none_or(|window| position - key < window)
                    && key_mask.is_none_or(|mask| mask[key])
                    && (!is_packed || key >= position / SAMPLE * SAMPLE)
            };
            let expected = by_definition(query, &keys, &values, is_seen);
            for (found, expected) in out.iter().zip(expected) {
                assert!((f64::from(*found) - expected).abs() <= 1e-6, "{position}: {found}");
            }
        }
    }

    #[test]
    fn every_query_sees_what_it_should() {
        let mask: Vec<_> = (0..LEN).map(|key| key > 1 && key % 7 != 0).collect();
        for new in [LEN, 65, 1] {
            for window in [None, Some(1), Some(9), Some(1000)] {
                check(new, window, None, false);
                check(new, window, Some(&mask), false);
                check(new, window, Some(&mask), true);
            }
        }
    }
}
