//! Loops over slices that compile to the widest vector instructions the processor has.
//!
//! A closure given to [`vectorized`] is compiled for those instructions only when the compiler
//! inlines it, which it does while it is short. Reductions are not short, once their lanes are
//! written out, so they see to it themselves; the other functions here are inlined into their caller.

#![expect(clippy::inline_always, reason = "a function that is not inlined is compiled for SSE2")]

mod gate;

use pulp::NullaryFnOnce;

pub use gate::{Activation, GeluTanh, Silu, gate, gate_gradients};

/// Partial sums of a reduction: enough to fill several vectors.
const LANES: usize = 32;

/// Values below which a loop is not worth sharing among threads.
pub const PARALLEL_LEN: usize = 1 << 14;

/// Runs `work`, which is short, compiled for this processor.
#[inline(always)]
pub fn vectorized<R>(work: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(work)
}

/// `e^x`, to 2 units in the last place, for `x` limited to `-87..=88`.
///
/// `2^n e^r` with `x = n ln 2 + r`; the polynomial is that of Cephes `expf`.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    const NO_FRACTION: f32 = 12_582_912.0; // 1.5 * 2^23
    const LN_2_HIGH: f32 = 355.0 / 512.0;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    let x = x.clamp(-87.0, 88.0);
    let shifted = x * std::f32::consts::LOG2_E + NO_FRACTION;
    let n = shifted - NO_FRACTION;
    let r = x - n * LN_2_HIGH - n * LN_2_LOW;
    let polynomial = 1.987_569_1e-4 * r + 1.398_199_9e-3;
    let polynomial = polynomial * r + 8.333_452e-3;
    let polynomial = polynomial * r + 4.166_579_6e-2;
    let polynomial = polynomial * r + 0.166_666_65;
    let polynomial = polynomial * r + 0.5;
    let power_of_2 = f32::from_bits((shifted.to_bits() << 23).wrapping_add(127 << 23));
    (polynomial * r * r + r + 1.0) * power_of_2
}

/// Sum of the products of `a` and `b`, as far as both go.
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    pulp::Arch::new().dispatch(Dot(a, b))
}

/// Sum of the products of `a`, `b` and `c`, as far as all go.
pub fn dot_of_three(a: &[f32], b: &[f32], c: &[f32]) -> f32 {
    pulp::Arch::new().dispatch(DotOfThree(a, b, c))
}

/// Largest of `values`; negative infinity when there are none.
pub fn max(values: &[f32]) -> f32 {
    pulp::Arch::new().dispatch(Max(values))
}

/// Replaces each value by `exp(value - shift)` and gives their sum.
pub fn exp_shifted(values: &mut [f32], shift: f32) -> f32 {
    pulp::Arch::new().dispatch(ExpShifted(values, shift))
}

/// Multiplies all values.
#[inline(always)]
pub fn scale(values: &mut [f32], factor: f32) {
    for value in values {
        *value *= factor;
    }
}

/// `into += values`
#[inline(always)]
pub fn add(into: &mut [f32], values: &[f32]) {
    for (into, value) in into.iter_mut().zip(values) {
        *into += value;
    }
}

/// See [`dot`].
struct Dot<'a>(&'a [f32], &'a [f32]);

/// See [`dot_of_three`].
struct DotOfThree<'a>(&'a [f32], &'a [f32], &'a [f32]);

/// See [`max`].
struct Max<'a>(&'a [f32]);

/// See [`exp_shifted`].
struct ExpShifted<'a>(&'a mut [f32], f32);

impl NullaryFnOnce for Dot<'_> {
    type Output = f32;

    #[inline(always)]
    fn call(self) -> f32 {
        let Self(a, b) = self;
        let length = a.len().min(b.len());
        let (a, a_rest) = a[..length].as_chunks::<LANES>();
        let (b, b_rest) = b[..length].as_chunks::<LANES>();
        let mut sums = [0.0_f32; LANES];
        for (a, b) in a.iter().zip(b) {
            for lane in 0..LANES {
                sums[lane] += a[lane] * b[lane];
            }
        }
        let rest = a_rest.iter().zip(b_rest).map(|(a, b)| a * b);
        total(sums) + rest.sum::<f32>()
    }
}

impl NullaryFnOnce for DotOfThree<'_> {
    type Output = f32;

    #[inline(always)]
    fn call(self) -> f32 {
        let Self(a, b, c) = self;
        let length = a.len().min(b.len()).min(c.len());
        let (a, a_rest) = a[..length].as_chunks::<LANES>();
        let (b, b_rest) = b[..length].as_chunks::<LANES>();
        let (c, c_rest) = c[..length].as_chunks::<LANES>();
        let mut sums = [0.0_f32; LANES];
        for ((a, b), c) in a.iter().zip(b).zip(c) {
            for lane in 0..LANES {
                sums[lane] += a[lane] * b[lane] * c[lane];
            }
        }
        let rest = a_rest.iter().zip(b_rest).zip(c_rest).map(|((a, b), c)| a * b * c);
        total(sums) + rest.sum::<f32>()
    }
}

impl NullaryFnOnce for Max<'_> {
    type Output = f32;

    #[inline(always)]
    fn call(self) -> f32 {
        let (lanes, rest) = self.0.as_chunks::<LANES>();
        let mut largest = [f32::NEG_INFINITY; LANES];
        for values in lanes {
            for lane in 0..LANES {
                largest[lane] = largest[lane].max(values[lane]);
            }
        }
        largest.iter().chain(rest).copied().fold(f32::NEG_INFINITY, f32::max)
    }
}

impl NullaryFnOnce for ExpShifted<'_> {
    type Output = f32;

    #[inline(always)]
    fn call(self) -> f32 {
        let Self(values, shift) = self;
        let (lanes, rest) = values.as_chunks_mut::<LANES>();
        let mut sums = [0.0_f32; LANES];
        for values in lanes {
            for lane in 0..LANES {
                values[lane] = exp(values[lane] - shift);
                sums[lane] += values[lane];
            }
        }
        let mut sum = total(sums);
        for value in rest {
            *value = exp(*value - shift);
            sum += *value;
        }
        sum
    }
}

/// Sum of all lanes, by halves, so that it takes few steps.
#[inline(always)]
fn total(mut sums: [f32; LANES]) -> f32 {
    for half in [16, 8, 4, 2, 1] {
        for lane in 0..half {
            sums[lane] += sums[lane + half];
        }
    }
    sums[0]
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "whole numbers are exact")]
mod tests {
    use super::*;

    #[test]
    fn the_exponential_is_that_of_the_standard_library() {
        for step in -8_700..=8_800_i16 {
            let x = f32::from(step) / 100.0;
            let (found, expected) = (exp(x), x.exp());
            assert!(
                (found / expected - 1.0).abs() <= 2.5e-7,
                "exp({x}) is {found}, not {expected}"
            );
        }
        assert_eq!(exp(0.0), 1.0);
        assert!(exp(f32::NEG_INFINITY) < 1e-37);
        assert!(exp(f32::INFINITY).is_finite());
    }

    #[test]
    fn reductions_take_lanes_and_rest() {
        let values: Vec<f32> = (0..77_u8).map(f32::from).collect();
        assert_eq!(dot(&values, &values), 149_226.0);
        assert_eq!(dot_of_three(&values, &values, &[1.0; 77]), 149_226.0);
        assert_eq!(max(&values), 76.0);
        assert_eq!(max(&[]), f32::NEG_INFINITY);
        let mut exponentials = values.clone();
        let sum = exp_shifted(&mut exponentials, 76.0);
        let expected = 1.0 / (1.0 - (-1.0_f32).exp());
        assert!((sum - expected).abs() < 1e-6, "{sum} {expected}");
        assert!((exponentials.iter().sum::<f32>() - sum).abs() < 1e-6);
    }
}
