//! Matrices for `MatMulNBits`, quantized while they are written.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use olive_kit_onnx::proto::tensor_proto::DataType;
use olive_kit_onnx::proto::{NodeProto, TensorProto};
use olive_kit_onnx::{MakeWeight, Model, Node, OnnxError, TensorData};
use olive_kit_quant::{BlockQuantized, Rounding, ScaleType};

use super::Plan;
use crate::error::RewriteError;
use crate::numbers::{dtype, float_at};

/// The product `node` with packed weights, which are added to `model`; `None` when it has no
/// constant float matrix.
///
/// `made` holds names of weights that other nodes have asked for.
pub(super) fn quantized(
    node: &NodeProto,
    model: &mut Model,
    plan: Plan,
    made: &mut BTreeSet<String>,
) -> Result<Option<NodeProto>, RewriteError> {
    let name = node.input_at(1);
    let Some(matrix) = model.weight(name).filter(|matrix| matrix.dims.len() == 2).cloned() else {
        return Ok(None);
    };
    let Some(scale_type) = scale_type(dtype(&matrix)) else { return Ok(None) };
    if scale_type == ScaleType::Bf16 && plan.rounding == Rounding::KQuant {
        let problem = format!("the matrix `{name}` is of bfloat16, which k-quants are not made of");
        return Err(RewriteError::Unfit { edit: "OnnxKQuantQuantization", problem });
    }
    let bits = plan.format.bits.count();
    let names = [format!("{name}_Q{bits}"), format!("{name}_scales"), format!("{name}_zero_point")];
    let has_zero_points = plan.rounding == Rounding::KQuant || !plan.format.is_symmetric;
    let count = if has_zero_points { 3 } else { 2 };
    let [k, n] = [matrix.dims[0], matrix.dims[1]];
    if made.insert(names[0].clone()) {
        add(model, &matrix, plan, scale_type, &names[..count]);
    }
    let quantized = Node::new("MatMulNBits", labeled(node.name(), bits)).domain(Node::MICROSOFT);
    let inputs = [&[node.input_at(0).to_owned()], &names[..count]].concat();
    let mut quantized = quantized.inputs(inputs).outputs(node.output.iter().cloned());
    let block_size = i64::try_from(plan.format.block_size).unwrap_or(i64::MAX);
    let bits = i64::try_from(bits).unwrap_or(i64::MAX);
    for (name, value) in [("K", k), ("N", n), ("bits", bits), ("block_size", block_size)] {
        quantized = quantized.attribute(name, value);
    }
    if plan.accuracy_level > 0 {
        quantized = quantized.attribute("accuracy_level", i64::from(plan.accuracy_level));
    }
    Ok(Some(quantized.into_proto()))
}

/// Name of the node with its bits.
pub(super) fn labeled(name: &str, bits: usize) -> String {
    if name.is_empty() { String::new() } else { format!("{name}_Q{bits}") }
}

/// Type of the scales of a matrix of `dtype`; `None` when it is no float type of up to 32 bits.
pub(super) const fn scale_type(dtype: DataType) -> Option<ScaleType> {
    match dtype {
        DataType::Float => Some(ScaleType::F32),
        DataType::Float16 => Some(ScaleType::F16),
        DataType::Bfloat16 => Some(ScaleType::Bf16),
        _ => None,
    }
}

/// Adds codes, scales and zero points, as far as there are names.
fn add(
    model: &mut Model,
    matrix: &TensorProto,
    plan: Plan,
    scale_type: ScaleType,
    names: &[String],
) {
    let side = |dim: i64| usize::try_from(dim).unwrap_or(0);
    let (k, n) = (side(matrix.dims[0]), side(matrix.dims[1]));
    let blocks = k.div_ceil(plan.format.block_size);
    let bits = plan.format.bits.count();
    let shared = Arc::new(Shared {
        matrix: matrix.clone(),
        data: model.data().clone(),
        plan,
        scale_type,
        shape: [n, k],
        made: Mutex::new(None),
    });
    let whole = |size: usize| i64::try_from(size).unwrap_or(i64::MAX);
    let shapes = [
        vec![whole(n), whole(blocks), whole(plan.format.block_size * bits / 8)],
        vec![whole(n * blocks)],
        vec![whole(n * (blocks * bits).div_ceil(8))],
    ];
    let parts = [Part::Codes, Part::Scales, Part::ZeroPoints].into_iter().zip(shapes);
    for ((part, shape), name) in parts.zip(names) {
        let kind = if part == Part::Scales { dtype(matrix) } else { DataType::Uint8 };
        let is_last = name == &names[names.len() - 1];
        let piece = PartOf { shared: Arc::clone(&shared), part, is_last };
        model.add_made(name, kind, &shape, Arc::new(piece));
    }
}

/// A matrix to be quantized, once for its codes, scales and zero points.
#[derive(Debug)]
struct Shared {
    /// The matrix `[k, n]`.
    matrix: TensorProto,
    data: TensorData,
    plan: Plan,
    scale_type: ScaleType,
    /// Rows and columns of the quantized matrix: `[n, k]`.
    shape: [usize; 2],
    made: Mutex<Option<Arc<BlockQuantized>>>,
}

impl Shared {
    /// The quantized matrix; it is kept for the next part unless this is the last.
    fn quantized(&self, is_last: bool) -> Result<Arc<BlockQuantized>, OnnxError> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = made.take();
        let quantized = match kept {
            Some(kept) => kept,
            None => Arc::new(self.quantize()?),
        };
        if !is_last {
            *made = Some(Arc::clone(&quantized));
        }
        Ok(quantized)
    }

    fn quantize(&self) -> Result<BlockQuantized, OnnxError> {
        let bytes = self.data.bytes(&self.matrix)?;
        let [n, k] = self.shape;
        let kind = dtype(&self.matrix);
        let fill = |row: usize, out: &mut [f32]| {
            for (column, value) in out.iter_mut().enumerate() {
                *value = float_at(&bytes, column * n + row, kind);
            }
        };
        let (format, rounding) = (self.plan.format, self.plan.rounding);
        let made = BlockQuantized::from_rows(n, k, format, rounding, self.scale_type, fill);
        self.data.release(&bytes);
        made.map_err(|error| OnnxError::Compute {
            name: self.matrix.name().to_owned(),
            problem: error.to_string(),
        })
    }
}

/// What of a quantized matrix is one weight of the graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Codes,
    Scales,
    ZeroPoints,
}

#[derive(Debug)]
struct PartOf {
    shared: Arc<Shared>,
    part: Part,
    is_last: bool,
}

impl MakeWeight for PartOf {
    fn make(&self, piece: &mut dyn FnMut(&[u8]) -> Result<(), OnnxError>) -> Result<(), OnnxError> {
        let made = self.shared.quantized(self.is_last)?;
        match self.part {
            Part::Codes => piece(&made.qweight),
            Part::Scales => piece(&made.scales),
            Part::ZeroPoints => piece(made.zero_points.as_deref().unwrap_or_default()),
        }
    }
}
