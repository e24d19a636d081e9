//! Weights: what a graph asks for, and how it is streamed from its source to external data.

mod quantized;
mod packed;

use std::borrow::Cow;
use std::ops::Range;

use olive_kit_checkpoint::rope::Rope;
use olive_kit_checkpoint::{Dtype, Linear, PackedLayer};
use olive_kit_onnx::proto::TensorProto;
use olive_kit_onnx::proto::tensor_proto::DataType;
use olive_kit_onnx::{ExternalDataWriter, TensorWriter};
use olive_kit_quant::{BlockFormat, Rounding};
use olive_kit_weights::{StoredRows, WeightSource};
use rayon::prelude::*;

use crate::error::BuildError;
use crate::target::onnx_type;

/// One or more initializers made from the same values.
#[derive(Debug, Clone, PartialEq)]
pub enum Weight {
    /// A tensor as it is stored, but for its type.
    Stored {
        /// Name of the initializer.
        name: String,
        /// Name of the tensor in the checkpoint.
        tensor: String,
        /// Type of the values.
        dtype: Dtype,
    },
    /// The weight of a norm.
    Norm {
        /// Name of the initializer.
        name: String,
        /// Name of the tensor in the checkpoint.
        tensor: String,
        /// Whether the norm multiplies by `1 + weight`, which is then what is stored.
        adds_one: bool,
        /// Type of the values.
        dtype: Dtype,
    },
    /// A matrix `[n, k]` stored as `[k, n]`, as `MatMul` wants it.
    Transposed {
        /// Name of the initializer.
        name: String,
        /// The matrix.
        matrix: Matrix,
        /// Type of the values.
        dtype: Dtype,
    },
    /// A matrix `[n, k]` in blocks, as `MatMulNBits` wants it.
    Quantized {
        /// Names of the initializers.
        names: QuantizedNames,
        /// The matrix.
        matrix: Matrix,
        /// Grid of the blocks.
        format: BlockFormat,
        /// How codes are rounded.
        rounding: Rounding,
        /// Type of the scales.
        dtype: Dtype,
    },
    /// A matrix `[n, k]` in 4 bits, as ONNX's own types hold them.
    Int4 {
        /// Names of the initializers.
        names: QuantizedNames,
        /// The matrix.
        matrix: Matrix,
        /// Grid of the blocks, of 4 bits.
        format: BlockFormat,
        /// What reads it.
        reader: Int4Reader,
        /// Type of the scales.
        dtype: Dtype,
    },
    /// Rows of packed layers, one after the other, as `MatMulNBits` wants them.
    Packed {
        /// What names of the initializers begin with.
        name: String,
        /// Where the rows come from, in order.
        parts: Vec<PackedPart>,
        /// How all of them are packed.
        layer: PackedLayer,
        /// Type of the scales.
        dtype: Dtype,
    },
    /// Vectors one after the other.
    Stacked {
        /// Name of the initializer.
        name: String,
        /// Names of the tensors in the checkpoint.
        tensors: Vec<String>,
        /// Type of the values.
        dtype: Dtype,
    },
    /// The tables `cos_cache` and `sin_cache`.
    RopeCaches {
        /// Rotation of a position.
        rope: Rope,
        /// Positions in each of the tables, which stand one after the other.
        lengths: Vec<usize>,
        /// Type of the values.
        dtype: Dtype,
    },
}

/// What reads a matrix in 4 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Int4Reader {
    /// `DequantizeLinear` before a `MatMul`, which wants `[k, n]`.
    MatMul,
    /// `GatherBlockQuantized`, which wants `[n, k]`.
    Gather,
}

/// A matrix `[n, k]`: rows of stored tensors, one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matrix {
    /// Output features.
    pub n: usize,
    /// Input features.
    pub k: usize,
    /// Where the rows come from, in order.
    pub parts: Vec<Rows>,
}

/// Rows of a stored tensor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rows {
    /// Name of the tensor in the checkpoint.
    pub tensor: String,
    /// Which of its rows.
    pub rows: Range<usize>,
}

/// Rows of a packed layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackedPart {
    /// The layer.
    pub linear: Linear,
    /// Which of its rows.
    pub rows: Range<usize>,
}

/// Names of the initializers of a quantized matrix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuantizedNames {
    /// Codes.
    pub qweight: String,
    /// Scales.
    pub scales: String,
    /// Zero points, unless symmetric.
    pub zero_points: Option<String>,
}

impl Weight {
    /// Names of the tensors it is made from, and paths of packed layers.
    pub fn tensors(&self) -> impl Iterator<Item = &str> {
        let (stored, parts, packed): (&[String], &[Rows], &[PackedPart]) = match self {
            Self::Stored { tensor, .. } | Self::Norm { tensor, .. } => {
                (std::slice::from_ref(tensor), &[], &[])
            }
            Self::Stacked { tensors, .. } => (tensors, &[], &[]),
            Self::Transposed { matrix, .. }
            | Self::Quantized { matrix, .. }
            | Self::Int4 { matrix, .. } => (&[], &matrix.parts, &[]),
            Self::Packed { parts, .. } => (&[], &[], parts),
            Self::RopeCaches { .. } => (&[], &[], &[]),
        };
        let parts = parts.iter().map(|part| &part.tensor);
        let packed = packed.iter().map(|part| &part.linear.name);
        stored.iter().chain(parts).chain(packed).map(String::as_str)
    }
}

impl Matrix {
    /// A stored matrix with `n` rows of `k` values.
    pub fn stored(tensor: &str, n: usize, k: usize) -> Self {
        Self { n, k, parts: vec![Rows { tensor: tensor.to_owned(), rows: 0..n }] }
    }

    /// All rows of these layers, which share their input.
    pub fn stacked(linears: &[&Linear]) -> Self {
        let part = |linear: &&Linear| Rows {
            tensor: format!("{}.weight", linear.name),
            rows: 0..linear.out_features,
        };
        Self {
            n: linears.iter().map(|linear| linear.out_features).sum(),
            k: linears.first().map_or(0, |linear| linear.in_features),
            parts: linears.iter().map(part).collect(),
        }
    }

    /// Some rows of a layer.
    pub fn rows(linear: &Linear, rows: Range<usize>) -> Self {
        let tensor = format!("{}.weight", linear.name);
        Self { n: rows.len(), k: linear.in_features, parts: vec![Rows { tensor, rows }] }
    }
}

impl QuantizedNames {
    /// The names ONNX Runtime's quantizer derives from the name of a weight.
    pub fn new(weight: &str, format: BlockFormat, rounding: Rounding) -> Self {
        let bits = format.bits.count();
        let (qweight, scales, zero_points) = match rounding {
            Rounding::Default => (format!("Q{bits}"), "scales", "zero_points"),
            Rounding::Rtn | Rounding::KQuant => {
                (format!("Q{bits}G{}", format.block_size), "scale", "zp")
            }
        };
        Self {
            qweight: format!("{weight}_{qweight}"),
            scales: format!("{weight}_{scales}"),
            zero_points: (!format.is_symmetric).then(|| format!("{weight}_{zero_points}")),
        }
    }

    /// The names it derives for `DequantizeLinear`.
    pub fn dequantized(weight: &str, format: BlockFormat) -> Self {
        Self::new(&format!("{weight}_DQ"), format, Rounding::Default)
    }
}

/// Reads `weight`, transposes or quantizes it, and appends it to `data`.
///
/// Peak memory is the result, and the values as 32-bit float where they are transposed and stored
/// as another type.
///
/// # Errors
/// When a tensor is missing, holds a value that is not finite where it is quantized, or cannot be
/// written.
pub fn write(
    weight: &Weight,
    source: &dyn WeightSource,
    data: &mut ExternalDataWriter,
) -> Result<Vec<TensorProto>, BuildError> {
    match weight {
        Weight::Stored { name, tensor, dtype } => {
            Ok(vec![write_stored(name, tensor, *dtype, source, data)?])
        }
        Weight::Norm { name, tensor, adds_one, dtype } => {
            let mut values = source.tensor(tensor)?.to_f32().into_owned();
            if *adds_one {
                for value in &mut values {
                    *value += 1.0;
                }
            }
            Ok(vec![write_floats(name, *dtype, &[size(values.len())], &values, data)?])
        }
        Weight::Stacked { name, tensors, dtype } => {
            let mut values = Vec::new();
            for tensor in tensors {
                values.extend_from_slice(&source.tensor(tensor)?.to_f32());
            }
            Ok(vec![write_floats(name, *dtype, &[size(values.len())], &values, data)?])
        }
        Weight::Transposed { name, matrix, dtype } => {
            Ok(vec![write_transposed(name, matrix, *dtype, source, data)?])
        }
        Weight::Quantized { names, matrix, format, rounding, dtype } => {
            let made = quantized::blocks(names, matrix, (*format, *rounding), *dtype, source)?;
            quantized::write_blocks(names, &made, *rounding, *dtype, data)
        }
        Weight::Int4 { names, matrix, format, reader, dtype } => {
            let made = quantized::int4(names, matrix, (*format, *reader), *dtype, source)?;
            quantized::write_int4(names, &made, *dtype, data)
        }
        Weight::Packed { name, parts, layer, dtype } => {
            packed::write(name, parts, layer, *dtype, source, data)
        }
        Weight::RopeCaches { rope, lengths, dtype } => {
            let (mut cos, mut sin) = (Vec::new(), Vec::new());
            for &length in lengths {
                let tables = rope.tables(0..length, length);
                cos.extend(tables.0);
                sin.extend(tables.1);
            }
            let dims = [size(lengths.iter().sum()), size(rope.rotary_dim / 2)];
            [("cos_cache", cos), ("sin_cache", sin)]
                .map(|(name, values)| write_floats(name, *dtype, &dims, &values, data))
                .into_iter()
                .collect()
        }
    }
}

/// A size as ONNX writes it.
pub(crate) fn size(value: usize) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn write_stored(
    name: &str,
    tensor: &str,
    dtype: Dtype,
    source: &dyn WeightSource,
    data: &mut ExternalDataWriter,
) -> Result<TensorProto, BuildError> {
    const PIECE_VALUES: usize = 1 << 20;
    let shape = source.shape(tensor)?;
    let dims: Vec<i64> = shape.iter().map(|&dim| size(dim)).collect();
    let mut writer = data.tensor(name, onnx_type(dtype), &dims);
    let num_rows = shape.first().copied().unwrap_or(1);
    let row_len: usize = shape.iter().skip(1).product();
    let step = (PIECE_VALUES / row_len.max(1)).max(1);
    for start in (0..num_rows).step_by(step) {
        let rows = source.rows(tensor, start..num_rows.min(start + step))?;
        if rows.dtype == dtype {
            writer.write(&rows.bytes)?;
        } else {
            write_values(&rows.to_f32(), dtype, &mut writer)?;
        }
    }
    Ok(writer.finish()?)
}

fn write_floats(
    name: &str,
    dtype: Dtype,
    dims: &[i64],
    values: &[f32],
    data: &mut ExternalDataWriter,
) -> Result<TensorProto, BuildError> {
    let mut writer = data.tensor(name, onnx_type(dtype), dims);
    write_values(values, dtype, &mut writer)?;
    Ok(writer.finish()?)
}

/// Appends `values` as `dtype`, rounded to nearest.
fn write_values(
    values: &[f32],
    dtype: Dtype,
    writer: &mut TensorWriter<'_>,
) -> Result<(), BuildError> {
    const PIECE: usize = 1 << 14;
    let mut bytes = Vec::new();
    for values in values.chunks(PIECE) {
        bytes.clear();
        dtype.encode(values, &mut bytes);
        writer.write(&bytes)?;
    }
    Ok(())
}

fn write_transposed(
    name: &str,
    matrix: &Matrix,
    dtype: Dtype,
    source: &dyn WeightSource,
    data: &mut ExternalDataWriter,
) -> Result<TensorProto, BuildError> {
    const STRIPE: usize = 16;
    const STRIPES: usize = 8;
    let (n, k) = (matrix.n, matrix.k);
    let mut parts = Vec::new();
    for part in &matrix.parts {
        parts.push(source.rows(&part.tensor, part.rows.clone())?);
    }
    let parts: Vec<_> = parts.iter().map(StoredRows::to_f32).collect();
    let mut writer = data.tensor(name, onnx_type(dtype), &[size(k), size(n)]);
    let mut buffer = vec![0.0; STRIPES * STRIPE * n];
    for start in (0..k).step_by(STRIPES * STRIPE) {
        let columns = (STRIPES * STRIPE).min(k - start);
        let buffer = &mut buffer[..columns * n];
        let stripes = buffer.par_chunks_mut((STRIPE * n).max(1)).enumerate();
        stripes.for_each(|(index, out)| transpose(&parts, k, start + index * STRIPE, n, out));
        write_values(buffer, dtype, &mut writer)?;
    }
    Ok(writer.finish()?)
}

/// Writes some columns, from `start` on, of the rows in `parts` as the rows of `out`, each `n` long.
fn transpose(parts: &[Cow<'_, [f32]>], k: usize, start: usize, n: usize, out: &mut [f32]) {
    let columns = out.len() / n;
    let rows = parts.iter().flat_map(|part| part.chunks_exact(k));
    for (index, row) in rows.enumerate() {
        for (column, value) in row[start..start + columns].iter().enumerate() {
            out[column * n + index] = *value;
        }
    }
}

fn write_bytes(
    name: &str,
    dtype: DataType,
    dims: &[i64],
    bytes: &[u8],
    data: &mut ExternalDataWriter,
) -> Result<TensorProto, BuildError> {
    let mut writer = data.tensor(name, dtype, dims);
    writer.write(bytes)?;
    Ok(writer.finish()?)
}
