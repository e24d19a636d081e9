//! Weights that are codes already.

use olive_kit_checkpoint::{Dtype, PackedLayer};
use olive_kit_onnx::ExternalDataWriter;
use olive_kit_onnx::proto::TensorProto;
use olive_kit_onnx::proto::tensor_proto::DataType;
use olive_kit_weights::WeightSource;

use super::{PackedPart, size, write_bytes, write_floats};
use crate::error::BuildError;

/// Writes codes, scales, zero points and order of inputs of these parts; `name` begins the names of
/// all.
///
/// # Errors
/// When they cannot be read or written.
pub(super) fn write(
    name: &str,
    parts: &[PackedPart],
    layer: &PackedLayer,
    dtype: Dtype,
    source: &dyn WeightSource,
    data: &mut ExternalDataWriter,
) -> Result<Vec<TensorProto>, BuildError> {
    let (mut qweight, mut scales, mut zero_points) = (Vec::new(), Vec::new(), Vec::new());
    for PackedPart { linear, rows } in parts {
        if let Some(made) = source.packed_rows(linear, rows.clone())? {
            qweight.extend(made.qweight);
            scales.extend(made.scales);
            zero_points.extend(made.zero_points.unwrap_or_default());
        }
    }
    let n = parts.iter().map(|part| part.rows.len()).sum();
    let k = parts.first().map_or(0, |part| part.linear.in_features);
    let dims = [n, layer.format.blocks(k), layer.format.block_bytes()].map(size);
    let bytes = DataType::Uint8;
    let of_codes = format!("{name}.qweight");
    let mut made = vec![write_bytes(&of_codes, bytes, &dims, &qweight, data)?];
    let of_scales = format!("{name}.scales");
    made.push(write_floats(&of_scales, dtype, &[size(scales.len())], &scales, data)?);
    if !layer.format.is_symmetric {
        let (name, dims) = (format!("{name}.qzeros"), [size(zero_points.len())]);
        made.push(write_bytes(&name, bytes, &dims, &zero_points, data)?);
    }
    if let Some(order) = &layer.order {
        let (name, dims) = (format!("{name}.g_idx"), [size(order.len())]);
        let order: Vec<_> = order.iter().flat_map(|group| group.to_le_bytes()).collect();
        made.push(write_bytes(&name, DataType::Int32, &dims, &order, data)?);
    }
    Ok(made)
}
