//! A soft limit of scores and logits: Gemma Team, "Gemma 2" (2024).

use olive_kit_kernels::vector::exp;

/// `c tanh(value / c)`, as `c (1 - 2 / (e^(2 value / c) + 1))`.
#[expect(clippy::inline_always, reason = "compiled for the instructions of its caller")]
#[inline(always)]
pub(crate) fn soft_cap(values: &mut [f32], cap: f32) {
    for value in values {
        *value = cap * (1.0 - 2.0 / (exp(2.0 / cap * *value) + 1.0));
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
