//! Constants as arrays of numbers: what folding computes with.
//!
//! Floats are 64-bit on the way. A sum, product, quotient or root that is rounded to 64 and then to
//! 32 or 16 bits is the one that is rounded to these at once.

use half::{bf16, f16};
use olive_kit_onnx::proto::TensorProto;
use olive_kit_onnx::proto::tensor_proto::DataType;
use olive_kit_onnx::raw_tensor;

use crate::numbers::{float_bytes, floats};

/// A constant: its type, its shape and its numbers, row by row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Array {
    pub(crate) dtype: DataType,
    pub(crate) dims: Vec<i64>,
    pub(crate) numbers: Numbers,
}

/// Numbers of one kind. A truth is 0 or 1.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Numbers {
    Ints(Vec<i64>),
    Floats(Vec<f64>),
}

impl Array {
    /// Whole numbers of 64 bits: a scalar when `dims` is empty.
    pub(crate) fn ints(dims: Vec<i64>, values: Vec<i64>) -> Self {
        Self { dtype: DataType::Int64, dims, numbers: Numbers::Ints(values) }
    }

    /// The constant that `bytes` of type and shape of `tensor` are; `None` for types that are not
    /// computed with.
    pub(crate) fn of(tensor: &TensorProto, bytes: &[u8]) -> Option<Self> {
        let dtype = crate::numbers::dtype(tensor);
        let numbers = match floats(bytes, dtype) {
            Some(values) => Numbers::Floats(values),
            None => Numbers::Ints(whole(bytes, dtype)?),
        };
        Some(Self { dtype, dims: tensor.dims.clone(), numbers })
    }

    /// The constant as a tensor called `name`.
    pub(crate) fn tensor(&self, name: &str) -> Option<TensorProto> {
        let bytes = match &self.numbers {
            Numbers::Floats(values) => float_bytes(values, self.dtype)?,
            Numbers::Ints(values) => whole_bytes(values, self.dtype)?,
        };
        Some(raw_tensor(name, self.dtype, &self.dims, bytes))
    }

    /// The same numbers in another shape; `None` when there are not as many.
    pub(crate) fn shaped(self, dims: Vec<i64>) -> Option<Self> {
        let count = dims.iter().try_fold(1_i64, |count, &dim| count.checked_mul(dim))?;
        (usize::try_from(count).ok()? == self.len()).then_some(Self { dims, ..self })
    }

    /// How many numbers there are.
    pub(crate) fn len(&self) -> usize {
        match &self.numbers {
            Numbers::Ints(values) => values.len(),
            Numbers::Floats(values) => values.len(),
        }
    }

    /// The whole numbers, when they are.
    pub(crate) fn as_ints(&self) -> Option<&[i64]> {
        match &self.numbers {
            Numbers::Ints(values) => Some(values),
            Numbers::Floats(_) => None,
        }
    }

    /// An array of `dims` whose numbers are those at `places`.
    pub(crate) fn picked(&self, dims: Vec<i64>, places: &[usize]) -> Option<Self> {
        fn pick<T: Copy>(values: &[T], places: &[usize]) -> Option<Vec<T>> {
            places.iter().map(|&place| values.get(place).copied()).collect()
        }
        let numbers = match &self.numbers {
            Numbers::Ints(values) => Numbers::Ints(pick(values, places)?),
            Numbers::Floats(values) => Numbers::Floats(pick(values, places)?),
        };
        Some(Self { dtype: self.dtype, dims, numbers })
    }

    /// The numbers as another type; `None` where that is not the same on every machine.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "rounding to the type is what is asked for"
    )]
    pub(crate) fn cast(&self, dtype: DataType) -> Option<Self> {
        let numbers = match (&self.numbers, is_float(dtype)) {
            (Numbers::Floats(values), true) => {
                let is_double = self.dtype == DataType::Double;
                if is_double && !matches!(dtype, DataType::Float | DataType::Double) {
                    return None;
                }
                Numbers::Floats(values.iter().map(|&value| rounded(value, dtype)).collect())
            }
            (Numbers::Floats(values), false) => {
                let (least, most) = range(dtype)?;
                let is_in =
                    |value: f64| least as f64 <= value.trunc() && value.trunc() <= most as f64;
                let exact =
                    |value: f64| (is_in(value) && value.abs() < 9e15).then_some(value as i64);
                let truth = |value: f64| Some(i64::from(value != 0.0));
                let is_truth = dtype == DataType::Bool;
                let values =
                    values.iter().map(|&value| if is_truth { truth(value) } else { exact(value) });
                Numbers::Ints(values.collect::<Option<_>>()?)
            }
            (Numbers::Ints(values), true) => {
                let float = |value: i64| match dtype {
                    DataType::Double => value as f64,
                    _ => rounded(f64::from(value as f32), dtype),
                };
                Numbers::Floats(values.iter().map(|&value| float(value)).collect())
            }
            (Numbers::Ints(values), false) if dtype == DataType::Bool => {
                Numbers::Ints(values.iter().map(|&value| i64::from(value != 0)).collect())
            }
            (Numbers::Ints(values), false) => {
                let (least, most) = range(dtype)?;
                values
                    .iter()
                    .all(|value| (least..=most).contains(value))
                    .then(|| self.numbers.clone())?
            }
        };
        Some(Self { dtype, dims: self.dims.clone(), numbers })
    }
}

/// Smallest and largest number of a type of whole numbers; `None` for other types.
pub(crate) const fn range(dtype: DataType) -> Option<(i64, i64)> {
    Some(match dtype {
        DataType::Bool => (0, 1),
        DataType::Int8 => (-0x80, 0x7f),
        DataType::Uint8 => (0, 0xff),
        DataType::Int16 => (-0x8000, 0x7fff),
        DataType::Uint16 => (0, 0xffff),
        DataType::Int32 => (-0x8000_0000, 0x7fff_ffff),
        DataType::Uint32 => (0, 0xffff_ffff),
        DataType::Int64 => (i64::MIN, i64::MAX),
        _ => return None,
    })
}

/// Whether the type is one of floats that are computed with.
pub(crate) const fn is_float(dtype: DataType) -> bool {
    matches!(dtype, DataType::Float | DataType::Double | DataType::Float16 | DataType::Bfloat16)
}

/// `value` rounded to the float type `dtype`.
#[expect(clippy::cast_possible_truncation, reason = "rounding to the type is what is asked for")]
pub(crate) fn rounded(value: f64, dtype: DataType) -> f64 {
    match dtype {
        DataType::Float => f64::from(value as f32),
        DataType::Float16 => f16::from_f64(value).to_f64(),
        DataType::Bfloat16 => bf16::from_f64(value).to_f64(),
        _ => value,
    }
}

/// Whole numbers of little-endian `bytes`.
fn whole(bytes: &[u8], dtype: DataType) -> Option<Vec<i64>> {
    let (least, _) = range(dtype)?;
    let size = usize::try_from(olive_kit_onnx::size_bytes(dtype)?).ok()?;
    let number = |part: &[u8]| {
        let is_negative = least < 0 && part[size - 1] >= 0x80;
        let mut wide = [if is_negative { 0xff } else { 0 }; 8];
        wide[..size].copy_from_slice(part);
        i64::from_le_bytes(wide)
    };
    Some(bytes.chunks_exact(size).map(number).collect())
}

fn whole_bytes(values: &[i64], dtype: DataType) -> Option<Vec<u8>> {
    let size = usize::try_from(olive_kit_onnx::size_bytes(dtype)?).ok()?;
    range(dtype)?;
    Some(values.iter().flat_map(|value| value.to_le_bytes().into_iter().take(size)).collect())
}
