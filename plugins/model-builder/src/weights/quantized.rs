//! Weights in codes.

use olive_kit_checkpoint::Dtype;
use olive_kit_onnx::ExternalDataWriter;
use olive_kit_onnx::proto::TensorProto;
use olive_kit_onnx::proto::tensor_proto::DataType;
use olive_kit_quant::{BlockFormat, BlockQuantized, Int4Matrix, QuantError, Rounding, ScaleType};
use olive_kit_weights::{StoredRows, WeightSource};

use super::{Int4Reader, Matrix, QuantizedNames, size, write_bytes};
use crate::error::BuildError;
use crate::target::onnx_type;

/// Quantizes a matrix for `MatMulNBits`.
///
/// # Errors
/// When a tensor is missing or holds a value that is not finite.
pub(super) fn blocks(
    names: &QuantizedNames,
    matrix: &Matrix,
    (format, rounding): (BlockFormat, Rounding),
    dtype: Dtype,
    source: &dyn WeightSource,
) -> Result<BlockQuantized, BuildError> {
    let matrix_rows = MatrixRows::read(matrix, source)?;
    let fill = |row: usize, out: &mut [f32]| matrix_rows.decode(row, out);
    BlockQuantized::from_rows(matrix.n, matrix.k, format, rounding, scale_type(dtype), fill)
        .map_err(failed(names))
}

/// Quantizes a matrix for what reads it.
///
/// # Errors
/// As [`blocks`].
pub(super) fn int4(
    names: &QuantizedNames,
    matrix: &Matrix,
    (format, reader): (BlockFormat, Int4Reader),
    dtype: Dtype,
    source: &dyn WeightSource,
) -> Result<Int4Matrix, BuildError> {
    let matrix_rows = MatrixRows::read(matrix, source)?;
    let fill = |row: usize, out: &mut [f32]| matrix_rows.decode(row, out);
    let BlockFormat { block_size, is_symmetric, .. } = format;
    let (shape, scale_type) = ([matrix.n, matrix.k], scale_type(dtype));
    let made = match reader {
        Int4Reader::MatMul => {
            Int4Matrix::for_matmul(shape, block_size, is_symmetric, scale_type, fill)
        }
        Int4Reader::Gather => {
            Int4Matrix::for_gather(shape, block_size, is_symmetric, scale_type, fill)
        }
    };
    made.map_err(failed(names))
}

/// Writes codes, scales and zero points, in the order in which ONNX Runtime's quantizer adds them.
///
/// # Errors
/// When they cannot be written.
pub(super) fn write_blocks(
    names: &QuantizedNames,
    quantized: &BlockQuantized,
    rounding: Rounding,
    dtype: Dtype,
    data: &mut ExternalDataWriter,
) -> Result<Vec<TensorProto>, BuildError> {
    let (n, blocks) = (size(quantized.n), size(quantized.format.blocks(quantized.k)));
    let codes = |data: &mut ExternalDataWriter| {
        let dims = [n, blocks, size(quantized.format.block_bytes())];
        write_bytes(&names.qweight, DataType::Uint8, &dims, &quantized.qweight, data)
    };
    let scales = |data: &mut ExternalDataWriter| {
        write_bytes(&names.scales, onnx_type(dtype), &[n, blocks], &quantized.scales, data)
    };
    let zero_points = |data: &mut ExternalDataWriter| {
        let pair = names.zero_points.as_ref().zip(quantized.zero_points.as_ref());
        let dims = [n, size(quantized.format.zero_point_bytes(quantized.k))];
        pair.map(|(name, bytes)| write_bytes(name, DataType::Uint8, &dims, bytes, data)).transpose()
    };
    let initializers = match rounding {
        Rounding::Default => [Some(codes(data)?), Some(scales(data)?), zero_points(data)?],
        Rounding::Rtn | Rounding::KQuant => {
            [Some(scales(data)?), zero_points(data)?, Some(codes(data)?)]
        }
    };
    Ok(initializers.into_iter().flatten().collect())
}

/// Writes codes, scales and zero points of a matrix in ONNX's own types of 4 bits.
///
/// # Errors
/// When they cannot be written.
pub(super) fn write_int4(
    names: &QuantizedNames,
    matrix: &Int4Matrix,
    dtype: Dtype,
    data: &mut ExternalDataWriter,
) -> Result<Vec<TensorProto>, BuildError> {
    let of_codes = if matrix.format.is_symmetric { DataType::Int4 } else { DataType::Uint4 };
    let (shape, of_scales) = (matrix.shape.map(size), matrix.scale_shape().map(size));
    let mut initializers = vec![
        write_bytes(&names.qweight, of_codes, &shape, &matrix.codes, data)?,
        write_bytes(&names.scales, onnx_type(dtype), &of_scales, &matrix.scales, data)?,
    ];
    if let Some((name, bytes)) = names.zero_points.as_ref().zip(matrix.zero_points.as_ref()) {
        initializers.push(write_bytes(name, of_codes, &of_scales, bytes, data)?);
    }
    Ok(initializers)
}

/// The rows of a matrix, from one tensor or several.
struct MatrixRows<'a> {
    parts: Vec<(StoredRows<'a>, usize)>,
}

impl<'a> MatrixRows<'a> {
    fn read(matrix: &Matrix, source: &'a dyn WeightSource) -> Result<Self, BuildError> {
        let mut parts = Vec::new();
        for part in &matrix.parts {
            parts.push((source.rows(&part.tensor, part.rows.clone())?, part.rows.len()));
        }
        Ok(Self { parts })
    }

    /// Writes row `row` to `out`.
    fn decode(&self, mut row: usize, out: &mut [f32]) {
        for (rows, num_rows) in &self.parts {
            if row < *num_rows {
                return rows.decode_row(row, out);
            }
            row -= num_rows;
        }
    }
}

fn failed(names: &QuantizedNames) -> impl FnOnce(QuantError) -> BuildError {
    let weight = names.qweight.clone();
    |source| BuildError::Quantize { weight, source }
}

/// `dtype` as the quantizers name types.
fn scale_type(dtype: Dtype) -> ScaleType {
    match dtype {
        Dtype::F32 => ScaleType::F32,
        Dtype::F16 => ScaleType::F16,
        Dtype::BF16 => ScaleType::Bf16,
    }
}
