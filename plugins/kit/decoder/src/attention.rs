//! Causal attention of the query heads that share a key head, a block of positions at a time, and
//! its gradient.
//!
//! `softmax(scale Q K^T) V` with every score a query must not see left out. Only the scores of one
//! block exist at a time; the gradient computes them again from the logarithm of each query's
//! softmax denominator, as in Dao, "`FlashAttention`-2" (2023). The queries of all heads of a group
//! are stacked, so that keys and values are packed once for all of them.

use std::ops::Range;

use olive_kit_kernels::product::multiply_in;
use olive_kit_kernels::vector::{dot, exp_shifted, max, scale, vectorized};
use olive_kit_kernels::{Accumulate, Matrix, MatrixMut, Precision, Threads};

use crate::softcap::{soft_cap, soft_cap_gradient};

/// Query heads that share a key head and a value head.
#[derive(Clone, Copy)]
pub(crate) struct Group<'a> {
    /// One head beside the other, `[new, heads * head_dim]`.
    pub(crate) queries: Matrix<'a>,
    /// `[len, head_dim]`
    pub(crate) keys: Matrix<'a>,
    /// `[len, head_dim]`
    pub(crate) values: Matrix<'a>,
    /// Factor on the scores.
    pub(crate) scale: f32,
    /// Limit of scores: [`soft_cap`].
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

/// Memory of one thread, used again by each block.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    queries: Vec<f32>,
    scores: Vec<f32>,
    capped: Vec<f32>,
    score_gradients: Vec<f32>,
    from_above: Vec<f32>,
    out: Vec<f32>,
}

/// What a backward adds to.
pub(crate) struct GroupGradients<'a> {
    /// Of the queries of each block, `[heads * positions, head_dim]`; overwritten.
    pub(crate) queries: &'a mut [f32],
    /// Transposed, `[head_dim, len]`.
    pub(crate) keys: &'a mut [f32],
    /// Transposed, `[head_dim, len]`.
    pub(crate) values: &'a mut [f32],
}

/// What a forward gave and the gradient of it: rows `[new, heads * head_dim]`.
#[derive(Clone, Copy)]
pub(crate) struct Given<'a> {
    pub(crate) out: Matrix<'a>,
    pub(crate) from_above: Matrix<'a>,
    /// `[new, num_heads]`, of which the group's heads start at `first_head`.
    pub(crate) log_sums: Matrix<'a>,
    pub(crate) first_head: usize,
}

impl Group<'_> {
    /// Computes the queries at `positions`: `write` takes, for each position counted from the first
    /// and each head, the attention, `[head_dim]`, and the logarithm of the softmax denominator.
    ///
    /// A query that sees no key gives zeros.
    pub(crate) fn attend(
        &self,
        positions: Range<usize>,
        buffers: &mut Buffers,
        mut write: impl FnMut(usize, usize, &[f32], f32),
    ) {
        let (head_dim, count) = (self.head_dim(), positions.len());
        let keys = self.seen(&positions);
        stack(self.queries, &positions, head_dim, &mut buffers.queries);
        self.scores(&keys, &buffers.queries, &mut buffers.scores);
        buffers.out.resize(self.stacked(count) * head_dim, 0.0);
        // The denominators wait where the scores of the gradient would be.
        let log_sums = &mut buffers.score_gradients;
        log_sums.resize(log_sums.len().max(self.stacked(count)), 0.0);
        for (row, scores) in buffers.scores.chunks_mut(keys.len()).enumerate() {
            let query = positions.start + row % count;
            log_sums[row] = vectorized(|| self.softmax(query, &keys, scores));
        }
        let into = MatrixMut::new(&mut buffers.out, self.stacked(count), head_dim);
        let probabilities = Matrix::new(&buffers.scores, self.stacked(count), keys.len());
        let values = self.values.rows(keys.start, keys.len());
        self.multiply(into, probabilities, values, 1.0, Accumulate::No);
        for (row, out) in buffers.out.chunks(head_dim).enumerate() {
            write(row % count, row / count, out, log_sums[row]);
        }
    }

    /// Adds the gradients of the queries at `positions` and of what they see.
    ///
    /// With probabilities `P`, `dV = P^T dO`, `dS = P (dO V^T - rowsum(dO O))`, `dQ = scale dS K`
    /// and `dK = scale dS^T Q`.
    pub(crate) fn add_gradients(
        &self,
        positions: Range<usize>,
        given: Given<'_>,
        gradients: &mut GroupGradients<'_>,
        buffers: &mut Buffers,
    ) {
        let (head_dim, count, len) = (self.head_dim(), positions.len(), self.keys.num_rows());
        let (keys, rows) = (self.seen(&positions), self.stacked(count));
        stack(self.queries, &positions, head_dim, &mut buffers.queries);
        stack(given.out, &positions, head_dim, &mut buffers.out);
        stack(given.from_above, &positions, head_dim, &mut buffers.from_above);
        self.scores(&keys, &buffers.queries, &mut buffers.scores);
        if self.softcap.is_some() {
            buffers.capped.clone_from(&buffers.scores);
        }
        for (row, scores) in buffers.scores.chunks_mut(keys.len()).enumerate() {
            let query = positions.start + row % count;
            let log_sum = given.log_sums.row(query)[given.first_head + row / count];
            vectorized(|| self.probabilities(query, &keys, scores, log_sum));
        }
        let probabilities = Matrix::new(&buffers.scores, rows, keys.len());
        let from_above = Matrix::new(&buffers.from_above, rows, head_dim);
        let seen = |transposed| MatrixMut::strided(transposed, head_dim, keys.len(), len);
        let into = seen(&mut gradients.values[keys.start..]);
        self.multiply(into, from_above.transposed(), probabilities, 1.0, Accumulate::Yes);

        buffers.score_gradients.resize(rows * keys.len(), 0.0);
        let into = MatrixMut::new(&mut buffers.score_gradients, rows, keys.len());
        let values = self.values.rows(keys.start, keys.len()).transposed();
        self.multiply(into, from_above, values, 1.0, Accumulate::No);
        let out = Matrix::new(&buffers.out, rows, head_dim);
        let of_rows =
            buffers.scores.chunks(keys.len()).zip(buffers.score_gradients.chunks_mut(keys.len()));
        for (row, (probabilities, gradient)) in of_rows.enumerate() {
            vectorized(|| {
                let mean = dot(from_above.row(row), out.row(row));
                softmax_gradient(probabilities, mean, gradient);
            });
        }
        if let Some(cap) = self.softcap {
            vectorized(|| soft_cap_gradient(&buffers.capped, cap, &mut buffers.score_gradients));
        }
        let score_gradients = Matrix::new(&buffers.score_gradients, rows, keys.len());
        let into = MatrixMut::new(gradients.queries, rows, head_dim);
        let seen_keys = self.keys.rows(keys.start, keys.len());
        self.multiply(into, score_gradients, seen_keys, self.scale, Accumulate::No);
        let queries = Matrix::new(&buffers.queries, rows, head_dim).transposed();
        let into = seen(&mut gradients.keys[keys.start..]);
        self.multiply(into, queries, score_gradients, self.scale, Accumulate::Yes);
    }

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
        self.keys.num_columns()
    }

    /// Rows of `count` positions, one for each head.
    fn stacked(&self, count: usize) -> usize {
        count * self.queries.num_columns() / self.head_dim()
    }

    /// All keys that any of the queries at `positions` sees.
    fn seen(&self, positions: &Range<usize>) -> Range<usize> {
        let (first, last) = (positions.start, positions.end - 1);
        self.visibility.seen(first).start..self.visibility.seen(last).end
    }

    /// `scale Q K^T`, `[rows, keys]`.
    fn scores(&self, keys: &Range<usize>, queries: &[f32], scores: &mut Vec<f32>) {
        let rows = queries.len() / self.head_dim();
        scores.resize(rows * keys.len(), 0.0);
        let into = MatrixMut::new(scores, rows, keys.len());
        let queries = Matrix::new(queries, rows, self.head_dim());
        let seen = self.keys.rows(keys.start, keys.len()).transposed();
        self.multiply(into, queries, seen, self.scale, Accumulate::No);
        if let Some(cap) = self.softcap {
            vectorized(|| soft_cap(scores, cap));
        }
    }

    /// Turns the scores of a query into probabilities and gives the logarithm of their denominator.
    #[expect(clippy::inline_always, reason = "compiled for the instructions of its caller")]
    #[inline(always)]
    fn softmax(&self, query: usize, keys: &Range<usize>, scores: &mut [f32]) -> f32 {
        let seen = self.hide(query, keys, scores, f32::NEG_INFINITY);
        let largest = max(&scores[seen.clone()]);
        if largest == f32::NEG_INFINITY {
            scores.fill(0.0);
            return f32::INFINITY;
        }
        let sum = exp_shifted(&mut scores[seen.clone()], largest);
        scale(&mut scores[seen], 1.0 / sum);
        self.hide(query, keys, scores, 0.0);
        largest + sum.ln()
    }

    /// Turns the scores of a query into probabilities, given the logarithm of their denominator.
    #[expect(clippy::inline_always, reason = "compiled for the instructions of its caller")]
    #[inline(always)]
    fn probabilities(&self, query: usize, keys: &Range<usize>, scores: &mut [f32], log_sum: f32) {
        let seen = self.visibility.seen_among(query, keys);
        exp_shifted(&mut scores[seen], log_sum);
        self.hide(query, keys, scores, 0.0);
    }

    /// Overwrites the scores of keys that a query does not see and gives the range of the others.
    #[expect(clippy::inline_always, reason = "compiled for the instructions of its caller")]
    #[inline(always)]
    fn hide(
        &self,
        query: usize,
        keys: &Range<usize>,
        scores: &mut [f32],
        with: f32,
    ) -> Range<usize> {
        let seen = self.visibility.seen_among(query, keys);
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
    fn seen(&self, query: usize) -> Range<usize> {
        let end = self.offset + query + 1;
        let start = end.saturating_sub(self.window.unwrap_or(usize::MAX));
        let sample = self.starts.map_or(0, |starts| starts[query] as usize);
        start.max(sample)..end
    }

    /// The same, counted from the first of `keys`.
    fn seen_among(&self, query: usize, keys: &Range<usize>) -> Range<usize> {
        let seen = self.seen(query);
        seen.start - keys.start..seen.end - keys.start
    }
}

/// Copies the heads of some rows, `[heads * positions, head_dim]`, one head after the other.
fn stack(rows: Matrix<'_>, positions: &Range<usize>, head_dim: usize, into: &mut Vec<f32>) {
    let (count, width) = (positions.len(), rows.num_columns());
    into.resize(count * width, 0.0);
    for (index, position) in positions.clone().enumerate() {
        for (head, values) in rows.row(position).chunks(head_dim).enumerate() {
            into[(head * count + index) * head_dim..][..head_dim].copy_from_slice(values);
        }
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
    use olive_kit_testing::random;

    use super::*;

    const LEN: usize = 150;
    const DIM: usize = 8;
    const HEADS: usize = 2;
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
        let (queries, keys) = (random(new * HEADS * DIM, 1), random(LEN * DIM, 2));
        let (values, offset) = (random(LEN * DIM, 3), LEN - new);
        let sample = |position: usize| u32::try_from(position / SAMPLE * SAMPLE).unwrap();
        let starts = is_packed.then(|| (offset..LEN).map(sample).collect::<Vec<_>>());
        let group = Group {
            queries: Matrix::new(&queries, new, HEADS * DIM),
            keys: Matrix::new(&keys, LEN, DIM),
            values: Matrix::new(&values, LEN, DIM),
            scale: 0.5,
            softcap: None,
            precision: Precision::F32,
            visibility: Visibility { offset, window, key_mask, starts: starts.as_deref() },
        };
        let (mut buffers, mut checked) = (Buffers::default(), 0);
        for start in (0..new).step_by(64) {
            let positions = start..(start + 64).min(new);
            group.attend(positions, &mut buffers, |row, head, out, _| {
                let query = start + row;
                let position = offset + query;
                let is_seen = |key: usize| {
                    key <= position
                        && window.is_none_or(|window| position - key < window)
                        && key_mask.is_none_or(|mask| mask[key])
                        && (!is_packed || key >= position / SAMPLE * SAMPLE)
                };
                let query = &queries[(query * HEADS + head) * DIM..][..DIM];
                let expected = by_definition(query, &keys, &values, is_seen);
                for (found, expected) in out.iter().zip(expected) {
                    assert!((f64::from(*found) - expected).abs() <= 1e-6, "{position}: {found}");
                }
                checked += 1;
            });
        }
        assert_eq!(checked, new * HEADS);
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
