//! What an optimizer remembers of a parameter, how it is cut into pieces, stored and taken back.

use olive_kit_adapters::Parameter;
use olive_kit_quant::{DYNAMIC_BLOCK_SIZE, DynamicCodes};
use safetensors::SafeTensors;

use super::adafactor;
use super::decay::decays;
use super::piece::{Codes, Memory, PIECE, Piece};
use super::rule::Rule;
use super::settings::OptimizerSettings;
use super::stored::{StateError, Stored, read_bytes, read_numbers};

/// Smaller parameters are remembered in 32 bits, as in bitsandbytes.
const LEAST_8_BIT: usize = 4096;
/// What follows the name of codes in that of their scales.
const SCALES: &str = ".absmax";

/// What is remembered of one parameter.
#[derive(Debug, Clone)]
pub(super) struct State {
    /// Whether weight decay applies to it.
    pub(super) decays: bool,
    /// What each tensor is, in torch's words.
    names: &'static [&'static str],
    tensors: Tensors,
}

#[derive(Debug, Clone)]
enum Tensors {
    Full(Vec<Vec<f32>>),
    Codes(Vec<CodedTensor>),
}

#[derive(Debug, Clone)]
struct CodedTensor {
    codes: Vec<u8>,
    scales: Vec<f32>,
    map: &'static DynamicCodes,
}

impl State {
    pub(super) fn new(settings: &OptimizerSettings, parameter: &Parameter) -> Self {
        let (shape, len) = (&parameter.shape, parameter.values.len());
        let names = names(settings, shape);
        let tensors = match (settings, adafactor::matrix(shape)) {
            (OptimizerSettings::AdamW8Bit(_) | OptimizerSettings::Lion8Bit(_), _)
                if len >= LEAST_8_BIT =>
            {
                // Means of squares have no sign.
                let maps = [DynamicCodes::signed(), DynamicCodes::unsigned()];
                let coded = maps.into_iter().take(names.len()).map(|map| CodedTensor {
                    codes: vec![0; len],
                    scales: vec![0.0; len.div_ceil(DYNAMIC_BLOCK_SIZE)],
                    map,
                });
                Tensors::Codes(coded.collect())
            }
            (OptimizerSettings::Adafactor(_), Some([outer, rows, columns])) => {
                Tensors::Full(vec![vec![0.0; outer * rows], vec![0.0; outer * columns]])
            }
            _ => Tensors::Full(vec![vec![0.0; len]; names.len()]),
        };
        Self { decays: decays(&parameter.name), names, tensors }
    }

    /// All of it as whole tensors, none when it is held as codes.
    pub(super) fn full(&mut self) -> &mut [Vec<f32>] {
        match &mut self.tensors {
            Tensors::Full(tensors) => tensors,
            Tensors::Codes(_) => &mut [],
        }
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
        let parts = values.chunks_mut(PIECE).zip(gradient.chunks(PIECE));
        match &mut self.tensors {
            Tensors::Full(tensors) => {
                let mut tensors: Vec<_> = tensors.iter_mut().map(|t| t.chunks_mut(PIECE)).collect();
                pieces.extend(parts.map(|(values, gradient)| {
                    let memory = tensors.iter_mut().filter_map(Iterator::next).collect();
                    Piece { rule, values, gradient, memory: Memory::Full(memory) }
                }));
            }
            Tensors::Codes(tensors) => {
                let mut tensors: Vec<_> = tensors.iter_mut().map(CodedTensor::pieces).collect();
                pieces.extend(parts.map(|(values, gradient)| {
                    let memory = tensors.iter_mut().filter_map(Iterator::next).collect();
                    Piece { rule, values, gradient, memory: Memory::Codes(memory) }
                }));
            }
        }
    }

    /// Its tensors with their names in the file.
    pub(super) fn stored<'a>(&'a self, parameter: &str) -> Vec<(String, Stored<'a>)> {
        let name = |name: &&str| format!("{parameter}.{name}");
        let names = self.names.iter().map(name);
        match &self.tensors {
            Tensors::Full(tensors) => {
                names.zip(tensors).map(|(name, tensor)| (name, Stored::numbers(tensor))).collect()
            }
            Tensors::Codes(tensors) => names
                .zip(tensors)
                .flat_map(|(name, tensor)| {
                    let scales = (format!("{name}{SCALES}"), Stored::numbers(&tensor.scales));
                    [(name, Stored::bytes(&tensor.codes)), scales]
                })
                .collect(),
        }
    }

    /// Takes its tensors from a file.
    pub(super) fn restore(
        &mut self,
        parameter: &str,
        file: &SafeTensors<'_>,
    ) -> Result<(), StateError> {
        let names = self.names.iter().map(|name| format!("{parameter}.{name}"));
        match &mut self.tensors {
            Tensors::Full(tensors) => {
                names.zip(tensors).try_for_each(|(name, tensor)| read_numbers(file, &name, tensor))
            }
            Tensors::Codes(tensors) => names.zip(tensors).try_for_each(|(name, tensor)| {
                read_bytes(file, &name, &mut tensor.codes)?;
                read_numbers(file, &format!("{name}{SCALES}"), &mut tensor.scales)
            }),
        }
    }
}

impl CodedTensor {
    fn pieces(&mut self) -> impl Iterator<Item = Codes<'_>> {
        let scales = self.scales.chunks_mut(PIECE / DYNAMIC_BLOCK_SIZE);
        let parts = self.codes.chunks_mut(PIECE).zip(scales);
        parts.map(|(bytes, scales)| Codes { bytes, scales, map: self.map })
    }
}

/// What is remembered of each value, in torch's words.
fn names(settings: &OptimizerSettings, shape: &[usize]) -> &'static [&'static str] {
    match settings {
        OptimizerSettings::AdamW(_) | OptimizerSettings::AdamW8Bit(_) => &["exp_avg", "exp_avg_sq"],
        OptimizerSettings::Lion(_) | OptimizerSettings::Lion8Bit(_) => &["exp_avg"],
        OptimizerSettings::Adafactor(_) if adafactor::matrix(shape).is_some() => {
            &["exp_avg_sq_row", "exp_avg_sq_col"]
        }
        OptimizerSettings::Adafactor(_) => &["exp_avg_sq"],
        OptimizerSettings::Sgd(settings) if settings.momentum == 0.0 => &[],
        OptimizerSettings::Sgd(_) => &["momentum_buffer"],
        OptimizerSettings::RmsProp(settings) => {
            match (settings.centered, settings.momentum > 0.0) {
                (false, false) => &["square_avg"],
                (true, false) => &["square_avg", "grad_avg"],
                (false, true) => &["square_avg", "momentum_buffer"],
                (true, true) => &["square_avg", "grad_avg", "momentum_buffer"],
            }
        }
        OptimizerSettings::Adagrad(_) => &["sum"],
    }
}
