//! Weights of 16 bits, rounded while they are written.

use half::f16;
use olive_kit_onnx::proto::TensorProto;
use olive_kit_onnx::proto::tensor_proto::DataType;
use olive_kit_onnx::{MakeWeight, OnnxError, TensorData, raw_tensor};

/// Magnitudes that weights are brought into; 0, infinities and NaN stay.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Range {
    /// Smallest magnitude.
    pub(crate) min: f32,
    /// Largest magnitude.
    pub(crate) max: f32,
}

impl Range {
    /// `value`, brought into the range and rounded to nearest, ties to even.
    fn half(self, value: f32) -> f16 {
        let magnitude = value.abs();
        let fitting = if magnitude > 0.0 && magnitude < self.min {
            self.min.copysign(value)
        } else if magnitude > self.max && magnitude.is_finite() {
            self.max.copysign(value)
        } else {
            value
        };
        f16::from_f32(fitting)
    }

    /// The tensor of 32-bit floats as one of 16.
    pub(crate) fn tensor(self, tensor: &TensorProto, bytes: &[u8]) -> TensorProto {
        raw_tensor(tensor.name(), DataType::Float16, &tensor.dims, self.bytes(bytes))
    }

    fn bytes(self, bytes: &[u8]) -> Vec<u8> {
        let (values, _) = bytes.as_chunks::<4>();
        values
            .iter()
            .flat_map(|&value| self.half(f32::from_le_bytes(value)).to_le_bytes())
            .collect()
    }
}

/// A weight of 32-bit floats, to be written with 16.
#[derive(Debug)]
pub(crate) struct Halved {
    /// The weight.
    pub(crate) tensor: TensorProto,
    /// The model it is of.
    pub(crate) data: TensorData,
    /// What its numbers are brought into.
    pub(crate) range: Range,
}

impl MakeWeight for Halved {
    fn make(&self, piece: &mut dyn FnMut(&[u8]) -> Result<(), OnnxError>) -> Result<(), OnnxError> {
        // Pieces are of whole numbers: their largest length is a multiple of 4.
        self.data.stream(&self.tensor, &mut |bytes| piece(&self.range.bytes(bytes)))
    }
}
