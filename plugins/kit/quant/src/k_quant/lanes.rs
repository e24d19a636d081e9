//! Arithmetic of blocks side by side: a vector holds one value of each.

#![expect(clippy::inline_always, reason = "what is not inlined is compiled for SSE2")]

use pulp::Simd;

/// Values that numpy adds up at once; of more it adds up halves.
const RUN: usize = 128;

/// Arithmetic of the processor's vectors.
#[derive(Debug, Clone, Copy)]
pub(super) struct Vectors<S>(pub(super) S);

/// `N` terms of each of some sums.
pub(super) trait Terms<S: Simd, const N: usize> {
    /// The terms of the value at `index` of the blocks.
    fn at(&self, v: Vectors<S>, index: usize) -> [S::f32s; N];
}

impl<S: Simd> Vectors<S> {
    #[inline(always)]
    pub(super) fn splat(self, value: f32) -> S::f32s {
        self.0.splat_f32s(value)
    }

    #[inline(always)]
    pub(super) fn add(self, a: S::f32s, b: S::f32s) -> S::f32s {
        self.0.add_f32s(a, b)
    }

    #[inline(always)]
    pub(super) fn sub(self, a: S::f32s, b: S::f32s) -> S::f32s {
        self.0.sub_f32s(a, b)
    }

    #[inline(always)]
    pub(super) fn mul(self, a: S::f32s, b: S::f32s) -> S::f32s {
        self.0.mul_f32s(a, b)
    }

    #[inline(always)]
    pub(super) fn div(self, a: S::f32s, b: S::f32s) -> S::f32s {
        self.0.div_f32s(a, b)
    }

    /// Smallest and largest value.
    #[inline(always)]
    pub(super) fn range(self, values: &[S::f32s]) -> (S::f32s, S::f32s) {
        let first = (values[0], values[0]);
        values.iter().fold(first, |(min, max), &value| {
            (self.0.min_f32s(min, value), self.0.max_f32s(max, value))
        })
    }

    /// `steps / (max - min)`, or 1 where the range is empty.
    #[inline(always)]
    pub(super) fn density(self, steps: S::f32s, min: S::f32s, max: S::f32s) -> S::f32s {
        let density = self.div(steps, self.sub(max, min));
        self.0.select_f32s(self.0.equal_f32s(min, max), self.splat(1.0), density)
    }

    /// Nearest integer from 0 to `last`, halves to even; what is no number stays so.
    ///
    /// The sum has no fraction bits left, so the addition rounds.
    #[inline(always)]
    pub(super) fn round(self, value: S::f32s, last: f32) -> S::f32s {
        const NO_FRACTION: f32 = 12_582_912.0; // 1.5 * 2^23
        let (zero, last) = (self.splat(0.0), self.splat(last));
        let value = self.0.select_f32s(self.0.less_than_f32s(value, zero), zero, value);
        let value = self.0.select_f32s(self.0.less_than_f32s(last, value), last, value);
        let no_fraction = self.splat(NO_FRACTION);
        self.sub(self.add(value, no_fraction), no_fraction)
    }

    /// Sums of the terms of `len` values, a multiple of 8, in numpy's order: with 8 `WAYS`, eight
    /// sums of every eighth value, for 128 values each; with one, one after the other.
    #[inline(always)]
    pub(super) fn sum<T: Terms<S, N>, const N: usize, const WAYS: usize>(
        self,
        len: usize,
        terms: &T,
    ) -> [S::f32s; N] {
        let zeros = [self.splat(0.0); N];
        let run = if WAYS == 1 { len } else { RUN };
        let mut total = zeros;
        for start in (0..len).step_by(run) {
            let mut ways = [zeros; WAYS];
            for index in (start..len.min(start + run)).step_by(WAYS) {
                for (way, sums) in ways.iter_mut().enumerate() {
                    *sums = self.add_all(*sums, terms.at(self, index + way));
                }
            }
            total = self.add_all(total, self.fold(ways));
        }
        total
    }

    #[inline(always)]
    fn add_all<const N: usize>(self, mut a: [S::f32s; N], b: [S::f32s; N]) -> [S::f32s; N] {
        for (a, b) in a.iter_mut().zip(b) {
            *a = self.add(*a, b);
        }
        a
    }

    /// Sums of neighbors, then of neighbors of those, until one is left.
    #[inline(always)]
    fn fold<const N: usize, const WAYS: usize>(
        self,
        mut ways: [[S::f32s; N]; WAYS],
    ) -> [S::f32s; N] {
        let mut left = WAYS;
        while left > 1 {
            left /= 2;
            for way in 0..left {
                ways[way] = self.add_all(ways[2 * way], ways[2 * way + 1]);
            }
        }
        ways[0]
    }
}
