//! The optimizer: `AdamW` in the operations of torch's.
//!
//! Loshchilov and Hutter, "Decoupled Weight Decay Regularization" (2019).

use candle_core::{Tensor, Var};

/// Settings of the optimizer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamWSettings {
    /// Decay of the mean of the gradients.
    pub beta1: f64,
    /// Decay of the mean of their squares.
    pub beta2: f64,
    /// Added to the root of the squares.
    pub epsilon: f64,
    /// Share of a value that is taken off per step and unit of rate. Applies to every parameter:
    /// the factors of an adapter are no biases or norms, which would be left out.
    pub weight_decay: f64,
}

/// The optimizer with its moments, f32.
#[derive(Debug)]
pub struct AdamW {
    settings: AdamWSettings,
    steps: i32,
    moments: Vec<Moments>,
}

/// Running means for one parameter.
#[derive(Debug)]
struct Moments {
    /// Of the gradients, `m`.
    first: Vec<f32>,
    /// Of their squares, `v`.
    second: Vec<f32>,
}

/// The numbers of one step, as torch computes them in f64 and applies them in f32.
struct Coefficients {
    keep: f32,
    beta2: f32,
    new_first: f32,
    new_second: f32,
    step_size: f32,
    root_correction: f32,
    epsilon: f32,
}

impl AdamW {
    /// An optimizer before its first step.
    pub fn new(settings: AdamWSettings) -> Self {
        Self { settings, steps: 0, moments: Vec::new() }
    }

    /// Moves every variable, f32, against its gradient; the variables must be those of the steps
    /// before, in their order.
    ///
    /// # Errors
    /// When a variable is not f32.
    ///
    /// # Panics
    /// When a gradient has another length than its variable.
    pub fn step(
        &mut self,
        variables: &[Var],
        gradients: &[Vec<f32>],
        rate: f64,
    ) -> candle_core::Result<()> {
        self.steps += 1;
        let coefficients = self.coefficients(rate);
        let zeros = |gradient: &Vec<f32>| Moments {
            first: vec![0.0; gradient.len()],
            second: vec![0.0; gradient.len()],
        };
        self.moments.extend(gradients.iter().skip(self.moments.len()).map(zeros));
        for ((variable, gradient), moments) in
            variables.iter().zip(gradients).zip(&mut self.moments)
        {
            let mut values = variable.flatten_all()?.to_vec1::<f32>()?;
            assert_eq!(values.len(), gradient.len(), "one gradient a value");
            coefficients.update(&mut values, gradient, moments);
            variable.set(&Tensor::from_vec(values, variable.shape(), variable.device())?)?;
        }
        Ok(())
    }

    #[expect(clippy::cast_possible_truncation, reason = "parameters are f32")]
    fn coefficients(&self, rate: f64) -> Coefficients {
        let AdamWSettings { beta1, beta2, epsilon, weight_decay } = self.settings;
        let correction = |beta: f64| 1.0 - beta.powi(self.steps);
        Coefficients {
            keep: (1.0 - rate * weight_decay) as f32,
            beta2: beta2 as f32,
            new_first: (1.0 - beta1) as f32,
            new_second: (1.0 - beta2) as f32,
            step_size: (rate / correction(beta1)) as f32,
            root_correction: correction(beta2).sqrt() as f32,
            epsilon: epsilon as f32,
        }
    }
}

impl Coefficients {
    fn update(&self, values: &mut [f32], gradient: &[f32], moments: &mut Moments) {
        let moments = moments.first.iter_mut().zip(&mut moments.second);
        for ((value, &g), (m, v)) in values.iter_mut().zip(gradient).zip(moments) {
            *m += self.new_first * (g - *m);
            *v = self.beta2 * *v + self.new_second * g * g;
            let root = v.sqrt() / self.root_correction + self.epsilon;
            *value = *value * self.keep - self.step_size * *m / root;
        }
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    /// Values of one parameter after each step; rate 0.1.
    fn check(weight_decay: f64, gradients: &[f32], expected: &[f32]) {
        let settings = AdamWSettings { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay };
        let mut optimizer = AdamW::new(settings);
        let variable = Var::new(&[1.0_f32], &Device::Cpu).unwrap();
        for (&gradient, expected) in gradients.iter().zip(expected) {
            optimizer.step(std::slice::from_ref(&variable), &[vec![gradient]], 0.1).unwrap();
            let value = variable.to_vec1::<f32>().unwrap()[0];
            assert!((value - expected).abs() < 1e-6, "{value} {expected}");
        }
    }

    #[test]
    fn the_first_step_is_the_rate_whatever_the_gradient() {
        check(0.0, &[0.5], &[0.9]);
        check(0.0, &[-0.1], &[1.1]);
    }

    #[test]
    fn decay_is_apart_from_the_gradient() {
        check(0.01, &[0.5], &[0.899]);
        check(0.01, &[0.0, 0.0], &[0.999, 0.998_001]);
    }

    /// m = 0.9 * 0.05 - 0.1 * 0.5 = -0.005 and v = 0.00049975, corrected by 0.19 and 0.001999:
    /// the step is 0.1 * 0.0263158 / 0.5.
    #[test]
    fn moments_are_corrected_for_their_start() {
        check(0.0, &[0.5, -0.5], &[0.9, 0.905_263_2]);
    }
}
