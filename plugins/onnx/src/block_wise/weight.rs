//! Weights in blocks, quantized while they are written.

use std::sync::{Arc, Mutex, PoisonError};

use half::{bf16, f16};
use olive_kit_onnx::proto::TensorProto;
use olive_kit_onnx::proto::tensor_proto::DataType;
use olive_kit_onnx::{MakeWeight, Model, OnnxError, TensorData};
use olive_kit_quant::{BlockFormat, BlockQuantized, Rounding, ScaleType};

use crate::numbers::dtype;

/// How a weight lies, before and after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// From `[k, n]` to what `MatMulNBits` takes.
    Matrix(Rounding),
    /// From `[.., k]` to what `GatherBlockQuantized` takes of bytes.
    Table,
}

/// A weight to be quantized: `n` rows of `k` numbers that are cut into blocks.
#[derive(Debug)]
pub(super) struct Weight {
    pub(super) tensor: TensorProto,
    pub(super) data: TensorData,
    pub(super) n: usize,
    pub(super) k: usize,
    pub(super) format: BlockFormat,
    pub(super) layout: Layout,
}

impl Weight {
    /// Adds codes, scales and zero points to `model`, as far as there are names.
    pub(super) fn add_to(self, model: &mut Model, names: &[String]) {
        let parts = [Part::Codes, Part::Scales, Part::ZeroPoints];
        let dims = parts.map(|part| self.dims(part));
        let types = [DataType::Uint8, dtype(&self.tensor), DataType::Uint8];
        let shared = Arc::new(Shared { weight: self, made: Mutex::new(None) });
        for (index, (name, part)) in names.iter().zip(parts).enumerate() {
            let is_last = index + 1 == names.len();
            let part = PartOf { shared: Arc::clone(&shared), part, is_last };
            model.add_made(name, types[index], &dims[index], Arc::new(part));
        }
    }

    fn dims(&self, part: Part) -> Vec<i64> {
        let blocks = self.format.blocks(self.k);
        let last = match part {
            Part::Codes => (self.k * self.format.bits.count()).div_ceil(8),
            Part::Scales => blocks,
            Part::ZeroPoints => self.format.zero_point_bytes(self.k),
        };
        match (self.layout, part) {
            (Layout::Table, _) => {
                let outer = self.tensor.dims.iter().take(self.tensor.dims.len() - 1);
                outer.copied().chain([size(last)]).collect()
            }
            (Layout::Matrix(_), Part::Codes) => {
                vec![size(self.n), size(blocks), size(self.format.block_bytes())]
            }
            (Layout::Matrix(_), Part::Scales | Part::ZeroPoints) => vec![size(self.n * last)],
        }
    }

    fn quantize(&self) -> Result<BlockQuantized, OnnxError> {
        let failed =
            |problem: String| OnnxError::Compute { name: self.tensor.name().to_owned(), problem };
        let kind = dtype(&self.tensor);
        let scales = scale_type(kind).ok_or_else(|| failed(format!("{kind:?} is no float")))?;
        let bytes = self.data.bytes(&self.tensor)?;
        let (n, k) = (self.n, self.k);
        let quantized = match self.layout {
            Layout::Matrix(rounding) => {
                let fill = |row: usize, out: &mut [f32]| read(&bytes, scales, (row, n), out);
                BlockQuantized::from_rows(n, k, self.format, rounding, scales, fill)
            }
            Layout::Table => {
                let fill = |row: usize, out: &mut [f32]| read(&bytes, scales, (row * k, 1), out);
                BlockQuantized::for_gather([n, k], self.format, scales, fill)
            }
        };
        self.data.release(&bytes);
        quantized.map_err(|error| failed(error.to_string()))
    }
}

/// Type of the scales of a weight of `dtype`; `None` when it is no float type of up to 32 bits.
pub(super) const fn scale_type(dtype: DataType) -> Option<ScaleType> {
    match dtype {
        DataType::Float => Some(ScaleType::F32),
        DataType::Float16 => Some(ScaleType::F16),
        DataType::Bfloat16 => Some(ScaleType::Bf16),
        _ => None,
    }
}

/// A size as ONNX writes it.
pub(super) fn size(value: usize) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A weight, and what was made of it until its last part is written.
#[derive(Debug)]
struct Shared {
    weight: Weight,
    made: Mutex<Option<Arc<BlockQuantized>>>,
}

impl Shared {
    /// The quantized weight; it is kept for the next part unless this is the last.
    fn quantized(&self, is_last: bool) -> Result<Arc<BlockQuantized>, OnnxError> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let quantized = match made.take() {
            Some(kept) => kept,
            None => Arc::new(self.weight.quantize()?),
        };
        if !is_last {
            *made = Some(Arc::clone(&quantized));
        }
        Ok(quantized)
    }
}

/// What of a quantized weight is one weight of the graph.
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
        match (self.part, self.shared.weight.layout) {
            (Part::Codes, Layout::Matrix(_)) => piece(&made.qweight),
            (Part::Codes, Layout::Table) => piece(&made.unpadded_codes()),
            (Part::Scales, _) => piece(&made.scales),
            (Part::ZeroPoints, _) => piece(made.zero_points.as_deref().unwrap_or_default()),
        }
    }
}

/// Reads numbers of `bytes` from the one at `first` on, of each `step` one.
fn read(bytes: &[u8], kind: ScaleType, (first, step): (usize, usize), out: &mut [f32]) {
    match kind {
        ScaleType::F32 => pick(bytes, (first, step), out, f32::from_le_bytes),
        ScaleType::F16 => pick(bytes, (first, step), out, |half| f16::from_le_bytes(half).to_f32()),
        ScaleType::Bf16 => {
            pick(bytes, (first, step), out, |half| bf16::from_le_bytes(half).to_f32());
        }
    }
}

fn pick<const N: usize>(
    bytes: &[u8],
    (first, step): (usize, usize),
    out: &mut [f32],
    read: impl Fn([u8; N]) -> f32,
) {
    let numbers = bytes.as_chunks().0[first..].iter().step_by(step);
    for (out, number) in out.iter_mut().zip(numbers) {
        *out = read(*number);
    }
}
