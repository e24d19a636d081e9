//! What a step does with one value, its gradient and what is remembered of it.

use super::settings::{Adagrad, AdamW, Lion, OptimizerSettings, RmsProp, Sgd};

/// The numbers of one step.
#[derive(Debug, Clone, Copy)]
pub(super) struct StepNumbers {
    /// Learning rate.
    pub(super) rate: f64,
    /// Number of the step, from 1.
    pub(super) steps: usize,
    /// Weight decay of the parameter.
    pub(super) decay: f64,
}

/// An optimizer at one step: its numbers as f64 makes them, rounded once.
#[derive(Debug, Clone, Copy)]
pub(super) enum Rule {
    AdamW(AdamWRule),
    Lion(LionRule),
    Sgd(SgdRule),
    RmsProp(RmsPropRule),
    Adagrad(AdagradRule),
    /// Moves whole parameters, not values.
    Adafactor,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct AdamWRule {
    keep: f32,
    beta2: f32,
    new_first: f32,
    new_second: f32,
    step_size: f32,
    root_correction: f32,
    epsilon: f32,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct LionRule {
    keep: f32,
    beta1: f32,
    beta2: f32,
    new1: f32,
    new2: f32,
    rate: f32,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct SgdRule {
    decay: f32,
    momentum: f32,
    new: f32,
    nesterov: bool,
    rate: f32,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct RmsPropRule {
    decay: f32,
    alpha: f32,
    new: f32,
    epsilon: f32,
    momentum: f32,
    centered: bool,
    rate: f32,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct AdagradRule {
    decay: f32,
    epsilon: f32,
    rate: f32,
}

impl Rule {
    pub(super) fn new(settings: &OptimizerSettings, numbers: StepNumbers) -> Self {
        match settings {
            OptimizerSettings::AdamW(settings) | OptimizerSettings::AdamW8Bit(settings) => {
                Self::AdamW(AdamWRule::new(settings, numbers))
            }
            OptimizerSettings::Lion(settings) | OptimizerSettings::Lion8Bit(settings) => {
                Self::Lion(LionRule::new(settings, numbers))
            }
            OptimizerSettings::Sgd(settings) => Self::Sgd(SgdRule::new(settings, numbers)),
            OptimizerSettings::RmsProp(settings) => {
                Self::RmsProp(RmsPropRule::new(settings, numbers))
            }
            OptimizerSettings::Adagrad(settings) => {
                Self::Adagrad(AdagradRule::new(settings, numbers))
            }
            OptimizerSettings::Adafactor(_) => Self::Adafactor,
        }
    }

    /// Moves values against their gradients; `memory` holds what is remembered of them, in the
    /// order of [`OptimizerSettings::remembers`](super::settings::OptimizerSettings).
    pub(super) fn update(&self, values: &mut [f32], gradient: &[f32], memory: &mut [&mut [f32]]) {
        match (self, memory) {
            (Self::AdamW(rule), [first, second]) => rule.update(values, gradient, first, second),
            (Self::Lion(rule), [mean]) => rule.update(values, gradient, mean),
            (Self::Sgd(rule), []) => rule.update_plain(values, gradient),
            (Self::Sgd(rule), [sum]) => rule.update(values, gradient, sum),
            (Self::RmsProp(rule), [squares, rest @ ..]) => {
                rule.update(values, gradient, squares, rest);
            }
            (Self::Adagrad(rule), [sum]) => rule.update(values, gradient, sum),
            (rule, memory) => unreachable!("{} tensors for {rule:?}", memory.len()),
        }
    }
}

impl AdamWRule {
    fn new(settings: &AdamW, StepNumbers { rate, steps, decay }: StepNumbers) -> Self {
        let AdamW { beta1, beta2, epsilon } = *settings;
        let correction = |beta: f64| 1.0 - power(beta, steps);
        Self {
            keep: single(1.0 - rate * decay),
            beta2: single(beta2),
            new_first: single(1.0 - beta1),
            new_second: single(1.0 - beta2),
            step_size: single(rate / correction(beta1)),
            root_correction: single(correction(beta2).sqrt()),
            epsilon: single(epsilon),
        }
    }

    fn update(&self, values: &mut [f32], gradient: &[f32], first: &mut [f32], second: &mut [f32]) {
        let moments = first.iter_mut().zip(second);
        for ((value, &g), (m, v)) in values.iter_mut().zip(gradient).zip(moments) {
            *m += self.new_first * (g - *m);
            *v = self.beta2 * *v + self.new_second * g * g;
            let root = v.sqrt() / self.root_correction + self.epsilon;
            *value = *value * self.keep - self.step_size * *m / root;
        }
    }
}

impl LionRule {
    fn new(settings: &Lion, StepNumbers { rate, decay, .. }: StepNumbers) -> Self {
        let Lion { beta1, beta2 } = *settings;
        Self {
            keep: single(1.0 - rate * decay),
            beta1: single(beta1),
            beta2: single(beta2),
            new1: single(1.0 - beta1),
            new2: single(1.0 - beta2),
            rate: single(rate),
        }
    }

    fn update(&self, values: &mut [f32], gradient: &[f32], mean: &mut [f32]) {
        for ((value, &g), m) in values.iter_mut().zip(gradient).zip(mean) {
            let direction = self.beta1 * *m + self.new1 * g;
            let sign = if direction == 0.0 { 0.0 } else { direction.signum() };
            *value = *value * self.keep - self.rate * sign;
            *m = self.beta2 * *m + self.new2 * g;
        }
    }
}

impl SgdRule {
    fn new(settings: &Sgd, StepNumbers { rate, steps, decay }: StepNumbers) -> Self {
        let is_first = steps == 1;
        Self {
            decay: single(decay),
            momentum: single(settings.momentum),
            new: if is_first { 1.0 } else { single(1.0 - settings.dampening) },
            nesterov: settings.nesterov,
            rate: single(rate),
        }
    }

    fn update_plain(&self, values: &mut [f32], gradient: &[f32]) {
        for (value, &g) in values.iter_mut().zip(gradient) {
            *value -= self.rate * (g + self.decay * *value);
        }
    }

    fn update(&self, values: &mut [f32], gradient: &[f32], sum: &mut [f32]) {
        for ((value, &g), sum) in values.iter_mut().zip(gradient).zip(sum) {
            let g = g + self.decay * *value;
            *sum = self.momentum * *sum + self.new * g;
            *value -= self.rate * if self.nesterov { g + self.momentum * *sum } else { *sum };
        }
    }
}

impl RmsPropRule {
    fn new(settings: &RmsProp, StepNumbers { rate, decay, .. }: StepNumbers) -> Self {
        Self {
            decay: single(decay),
            alpha: single(settings.alpha),
            new: single(1.0 - settings.alpha),
            epsilon: single(settings.epsilon),
            momentum: single(settings.momentum),
            centered: settings.centered,
            rate: single(rate),
        }
    }

    fn update(
        &self,
        values: &mut [f32],
        gradient: &[f32],
        squares: &mut [f32],
        rest: &mut [&mut [f32]],
    ) {
        for (place, (value, &g)) in values.iter_mut().zip(gradient).enumerate() {
            let g = g + self.decay * *value;
            squares[place] = self.alpha * squares[place] + self.new * g * g;
            let mut variance = squares[place];
            if self.centered {
                let mean = &mut rest[0][place];
                *mean += self.new * (g - *mean);
                variance -= *mean * *mean;
            }
            let update = g / (variance.sqrt() + self.epsilon);
            if self.momentum > 0.0 {
                let sum = &mut rest[usize::from(self.centered)][place];
                *sum = self.momentum * *sum + update;
                *value -= self.rate * *sum;
            } else {
                *value -= self.rate * update;
            }
        }
    }
}

impl AdagradRule {
    fn new(settings: &Adagrad, StepNumbers { rate, steps, decay }: StepNumbers) -> Self {
        let steps_before = (steps - 1) as f64;
        Self {
            decay: single(decay),
            epsilon: single(settings.epsilon),
            rate: single(rate / (1.0 + steps_before * settings.lr_decay)),
        }
    }

    fn update(&self, values: &mut [f32], gradient: &[f32], sum: &mut [f32]) {
        for ((value, &g), sum) in values.iter_mut().zip(gradient).zip(sum) {
            let g = g + self.decay * *value;
            *sum += g * g;
            *value -= self.rate * g / (sum.sqrt() + self.epsilon);
        }
    }
}

/// A power by a count that may be larger than `powi` takes.
fn power(base: f64, count: usize) -> f64 {
    i32::try_from(count).map_or_else(|_| base.powf(count as f64), |count| base.powi(count))
}

#[expect(clippy::cast_possible_truncation, reason = "parameters are f32")]
fn single(value: f64) -> f32 {
    value as f32
}
