//! Weights that are codes already.

use olive_kit_checkpoint::{Decoder, Dtype, PackedLayer};
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
    let [of_rows, blocks, _] = dims;
    // What gathers rows of an embedding wants a row of scales for each; GenAI writes one line of all.
    let is_table = parts.iter().any(|part| part.linear.name == Decoder::EMBEDDING_MODULE);
    let dims = |count: usize, in_row: i64| {
        if is_table { vec![of_rows, in_row] } else { vec![size(count)] }
    };
    made.push(write_floats(&of_scales, dtype, &dims(scales.len(), blocks), &scales, data)?);
    if !layer.format.is_symmetric {
        let in_row = size(layer.format.zero_point_bytes(k));
        let (name, dims) = (format!("{name}.qzeros"), dims(zero_points.len(), in_row));
        made.push(write_bytes(&name, bytes, &dims, &zero_points, data)?);
    }
    if let Some(order) = &layer.order {
        let (name, dims) = (format!("{name}.g_idx"), [size(order.len())]);
        let order: Vec<_> = order.iter().flat_map(|group| group.to_le_bytes()).collect();
        made.push(write_bytes(&name, DataType::Int32, &dims, &order, data)?);
    }
    Ok(made)
}
