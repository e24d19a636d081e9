//! Optimizers: what moves parameters against their gradients, and what it remembers.
//!
//! Each follows torch's, transformers' or bitsandbytes' operations. Parameters are cut into pieces
//! of fixed size that are updated in parallel; no number of threads changes a bit.

pub(crate) mod clip;
mod adafactor;
mod decay;
mod piece;
mod rule;
mod settings;
mod state;
mod stored;

use olive_kit_adapters::{Gradients, Parameter};
use rayon::prelude::*;

pub use settings::{Adafactor, Adagrad, AdamW, Lion, OptimizerSettings, RmsProp, Sgd};
pub(crate) use stored::{StateError, Stored};

use piece::Piece;
use rule::{Rule, StepNumbers};
use state::State;

/// An optimizer with what it remembers of the steps before.
#[derive(Debug, Clone)]
pub struct Optimizer {
    settings: OptimizerSettings,
    weight_decay: f64,
    steps: usize,
    states: Vec<State>,
}

impl Optimizer {
    /// An optimizer of these parameters before its first step.
    pub fn new(settings: OptimizerSettings, weight_decay: f64, parameters: &[Parameter]) -> Self {
        let states = parameters.iter().map(|parameter| State::new(&settings, parameter)).collect();
        Self { settings, weight_decay, steps: 0, states }
    }

    /// Moves the parameters it was made for against their gradients.
    ///
    /// # Panics
    /// When these are other parameters.
    pub fn step(&mut self, parameters: &mut [Parameter], gradients: &Gradients, rate: f64) {
        assert_eq!(parameters.len(), self.states.len(), "one state a parameter");
        self.steps += 1;
        let numbers = |decay| StepNumbers { rate, steps: self.steps, decay };
        let (with, without) = (numbers(self.weight_decay), numbers(0.0));
        let gradients = gradients.as_slice();
        let all = parameters.iter_mut().zip(gradients).zip(&mut self.states);
        if let OptimizerSettings::Adafactor(settings) = &self.settings {
            all.par_bridge().for_each(|((parameter, gradient), state)| {
                let numbers = if state.decays { with } else { without };
                adafactor::update(settings, numbers, parameter, gradient, state.full());
            });
            return;
        }
        let rules = [without, with].map(|numbers| Rule::new(&self.settings, numbers));
        let mut pieces: Vec<Piece<'_>> = Vec::new();
        for ((parameter, gradient), state) in all {
            let rule = &rules[usize::from(state.decays)];
            state.pieces(rule, &mut parameter.values, gradient, &mut pieces);
        }
        pieces.par_iter_mut().for_each(Piece::update);
    }

    /// What it remembers of these parameters, by the parameter's name and torch's word.
    pub(crate) fn stored<'a>(
        &'a self,
        parameters: &'a [Parameter],
    ) -> impl Iterator<Item = (String, Stored<'a>)> {
        let all = parameters.iter().zip(&self.states);
        all.flat_map(|(parameter, state)| state.stored(&parameter.name))
    }

    /// Takes back what it remembered after so many steps.
    ///
    /// # Errors
    /// When something is missing or has another size.
    pub(crate) fn restore(
        &mut self,
        steps: usize,
        parameters: &[Parameter],
        file: &safetensors::SafeTensors<'_>,
    ) -> Result<(), StateError> {
        self.steps = steps;
        for (parameter, state) in parameters.iter().zip(&mut self.states) {
            state.restore(&parameter.name, file)?;
        }
        Ok(())
    }
}
