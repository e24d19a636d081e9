//! What an optimizer remembers of a parameter, how it is cut into pieces, stored and taken back.

use std::borrow::Cow;

use olive_kit_adapters::Parameter;
use safetensors::tensor::View;
use safetensors::{Dtype, SafeTensors};
use thiserror::Error;

use super::adafactor;
use super::decay::decays;
use super::rule::Rule;
use super::settings::OptimizerSettings;

/// Values of a piece that is updated at once.
const PIECE: usize = 1 << 14;

/// What is remembered of one parameter.
#[derive(Debug, Clone)]
pub(super) struct State {
    /// Whether weight decay applies to it.
    pub(super) decays: bool,
    names: &'static [&'static str],
    tensors: Vec<Vec<f32>>,
}

/// Some values of a parameter with all that moves them.
pub(super) struct Piece<'a> {
    rule: &'a Rule,
    values: &'a mut [f32],
    gradient: &'a [f32],
    memory: Vec<&'a mut [f32]>,
}

/// A tensor to be written.
#[derive(Debug, Clone)]
pub(crate) enum Stored<'a> {
    /// Numbers of 32 bits.
    Full(&'a [f32], [usize; 1]),
}

/// Why what was remembered could not be taken back.
#[derive(Debug, Error)]
#[error("tensor `{name}` of the optimizer is {problem}")]
pub(crate) struct StateError {
    name: String,
    problem: String,
}

impl OptimizerSettings {
    /// What is remembered of each value, in torch's words.
    fn remembers(&self, shape: &[usize]) -> &'static [&'static str] {
        match self {
            Self::AdamW(_) | Self::AdamW8Bit(_) => &["exp_avg", "exp_avg_sq"],
            Self::Lion(_) | Self::Lion8Bit(_) => &["exp_avg"],
            Self::Adafactor(_) if adafactor::matrix(shape).is_some() => {
                &["exp_avg_sq_row", "exp_avg_sq_col"]
            }
            Self::Adafactor(_) => &["exp_avg_sq"],
            Self::Sgd(settings) if settings.momentum == 0.0 => &[],
            Self::Sgd(_) => &["momentum_buffer"],
            Self::RmsProp(settings) => match (settings.centered, settings.momentum > 0.0) {
                (false, false) => &["square_avg"],
                (true, false) => &["square_avg", "grad_avg"],
                (false, true) => &["square_avg", "momentum_buffer"],
                (true, true) => &["square_avg", "grad_avg", "momentum_buffer"],
            },
            Self::Adagrad(_) => &["sum"],
        }
    }

    /// Sizes of what is remembered of a parameter.
    fn sizes(&self, shape: &[usize]) -> Vec<usize> {
        match (self, adafactor::matrix(shape)) {
            (Self::Adafactor(_), Some([outer, rows, columns])) => {
                vec![outer * rows, outer * columns]
            }
            _ => vec![shape.iter().product(); self.remembers(shape).len()],
        }
    }
}

impl State {
    pub(super) fn new(settings: &OptimizerSettings, parameter: &Parameter) -> Self {
        let sizes = settings.sizes(&parameter.shape);
        Self {
            decays: decays(&parameter.name),
            names: settings.remembers(&parameter.shape),
            tensors: sizes.into_iter().map(|size| vec![0.0; size]).collect(),
        }
    }

    /// All of it as whole tensors.
    pub(super) fn full(&mut self) -> &mut [Vec<f32>] {
        &mut self.tensors
    }

    /// Adds a parameter's values and what is remembered of them to `pieces`.
    pub(super) fn pieces<'a>(
        &'a mut self,
        rule: &'a Rule,
        values: &'a mut [f32],
        gradient: &'a [f32],
        pieces: &mut Vec<Piece<'a>>,
    ) {
        assert_eq!(values.len(), gradient.len(), "one gradient a value");
        let mut tensors: Vec<_> =
            self.tensors.iter_mut().map(|tensor| tensor.chunks_mut(PIECE)).collect();
        for (values, gradient) in values.chunks_mut(PIECE).zip(gradient.chunks(PIECE)) {
            let memory = tensors.iter_mut().filter_map(Iterator::next).collect();
            pieces.push(Piece { rule, values, gradient, memory });
        }
    }

    pub(super) fn stored<'a>(
        &'a self,
        parameter: &str,
    ) -> impl Iterator<Item = (String, Stored<'a>)> {
        let named = self.names.iter().zip(&self.tensors);
        let named = named.map(|(name, tensor)| {
            (format!("{parameter}.{name}"), Stored::Full(tensor, [tensor.len()]))
        });
        named.collect::<Vec<_>>().into_iter()
    }

    pub(super) fn restore(
        &mut self,
        parameter: &str,
        file: &SafeTensors<'_>,
    ) -> Result<(), StateError> {
        for (name, tensor) in self.names.iter().zip(&mut self.tensors) {
            let name = format!("{parameter}.{name}");
            let found = file.tensor(&name);
            let refused = |problem: String| StateError { name: name.clone(), problem };
            let found = found.map_err(|_| refused("not there".into()))?;
            let (dtype, len) = (found.dtype(), tensor.len());
            let bytes = found.data().as_chunks::<4>().0;
            if dtype != Dtype::F32 || bytes.len() != len {
                let found =
                    format!("{dtype:?} {:?}; {len} numbers of F32 are needed", found.shape());
                return Err(refused(found));
            }
            let numbers = bytes.iter().map(|bytes| f32::from_le_bytes(*bytes));
            tensor.iter_mut().zip(numbers).for_each(|(value, number)| *value = number);
        }
        Ok(())
    }
}

impl Piece<'_> {
    pub(super) fn update(&mut self) {
        self.rule.update(self.values, self.gradient, &mut self.memory);
    }
}

impl View for Stored<'_> {
    fn dtype(&self) -> Dtype {
        match self {
            Self::Full(..) => Dtype::F32,
        }
    }

    fn shape(&self) -> &[usize] {
        match self {
            Self::Full(_, shape) => shape,
        }
    }

    fn data(&self) -> Cow<'_, [u8]> {
        match self {
            Self::Full(values, _) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        }
    }

    fn data_len(&self) -> usize {
        match self {
            Self::Full(values, _) => size_of_val(*values),
        }
    }
}
