//! Tensors of an optimizer in a safetensors file.

use std::borrow::Cow;

use safetensors::tensor::View;
use safetensors::{Dtype, SafeTensors};
use thiserror::Error;

/// A tensor to be written.
#[derive(Debug, Clone)]
pub(crate) struct Stored<'a> {
    values: Values<'a>,
    shape: [usize; 1],
}

#[derive(Debug, Clone)]
enum Values<'a> {
    Numbers(&'a [f32]),
    Bytes(&'a [u8]),
}

/// Why what was remembered could not be taken back.
#[derive(Debug, Error)]
#[error("tensor `{name}` of the optimizer is {problem}")]
pub(crate) struct StateError {
    name: String,
    problem: String,
}

impl<'a> Stored<'a> {
    pub(super) fn numbers(values: &'a [f32]) -> Self {
        Self { values: Values::Numbers(values), shape: [values.len()] }
    }

    pub(super) fn bytes(values: &'a [u8]) -> Self {
        Self { values: Values::Bytes(values), shape: [values.len()] }
    }
}

impl View for Stored<'_> {
    fn dtype(&self) -> Dtype {
        match self.values {
            Values::Numbers(_) => Dtype::F32,
            Values::Bytes(_) => Dtype::U8,
        }
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        match self.values {
            Values::Numbers(values) => {
                values.iter().flat_map(|value| value.to_le_bytes()).collect()
            }
            Values::Bytes(values) => values.into(),
        }
    }

    fn data_len(&self) -> usize {
        match self.values {
            Values::Numbers(values) => size_of_val(values),
            Values::Bytes(values) => values.len(),
        }
    }
}

pub(super) fn read_numbers(
    file: &SafeTensors<'_>,
    name: &str,
    into: &mut [f32],
) -> Result<(), StateError> {
    let bytes = data(file, name, Dtype::F32, into.len())?;
    let numbers = bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes));
    into.iter_mut().zip(numbers).for_each(|(value, number)| *value = number);
    Ok(())
}

pub(super) fn read_bytes(
    file: &SafeTensors<'_>,
    name: &str,
    into: &mut [u8],
) -> Result<(), StateError> {
    into.copy_from_slice(data(file, name, Dtype::U8, into.len())?);
    Ok(())
}

fn data<'a>(
    file: &SafeTensors<'a>,
    name: &str,
    dtype: Dtype,
    len: usize,
) -> Result<&'a [u8], StateError> {
    let refused = |problem| Err(StateError { name: name.to_owned(), problem });
    let Ok(tensor) = file.tensor(name) else { return refused("not there".into()) };
    if tensor.dtype() != dtype || tensor.shape() != [len] {
        let (found, shape) = (tensor.dtype(), tensor.shape());
        return refused(format!("{found:?} {shape:?}, and {dtype:?} [{len}] is needed"));
    }
    Ok(tensor.data())
}
