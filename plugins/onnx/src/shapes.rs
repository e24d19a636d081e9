//! What a graph says of types and shapes of its values.

use std::collections::HashMap;

use olive_kit_onnx::proto::GraphProto;
use olive_kit_onnx::proto::tensor_proto::DataType;
use olive_kit_onnx::proto::tensor_shape_proto::dimension::Value;

use crate::numbers::dtype;

/// Types and shapes of values, as far as they are written down.
#[derive(Debug, Default)]
pub(crate) struct Shapes(HashMap<String, (DataType, Vec<Option<i64>>)>);

impl Shapes {
    /// What inputs, outputs, value infos and weights of `graph` say.
    pub(crate) fn of(graph: &GraphProto) -> Self {
        let mut known = HashMap::new();
        for value in graph.value_info.iter().chain(&graph.input).chain(&graph.output) {
            if let (Some(dtype), Some(shape)) = (value.dtype(), value.shape()) {
                let dims = shape.dim.iter().map(|dim| match &dim.value {
                    Some(Value::DimValue(size)) => Some(*size),
                    _ => None,
                });
                known.insert(value.name().to_owned(), (dtype, dims.collect()));
            }
        }
        for weight in &graph.initializer {
            let dims = weight.dims.iter().copied().map(Some).collect();
            known.insert(weight.name().to_owned(), (dtype(weight), dims));
        }
        Self(known)
    }

    /// Dimensions of `value`, `None` for those with a name; `None` when its rank is not known.
    pub(crate) fn dims(&self, value: &str) -> Option<&[Option<i64>]> {
        self.0.get(value).map(|(_, dims)| dims.as_slice())
    }

    /// Dimensions of `value` when each has a number.
    pub(crate) fn fixed(&self, value: &str) -> Option<Vec<i64>> {
        self.dims(value)?.iter().copied().collect()
    }

    /// Number of dimensions of `value`.
    pub(crate) fn rank(&self, value: &str) -> Option<usize> {
        self.dims(value).map(<[_]>::len)
    }

    /// Notes that `value` has the shape of `other`, when that is known.
    pub(crate) fn note_same(&mut self, value: &str, other: &str) {
        if let Some((_, dims)) = self.0.get(other) {
            let dims = dims.clone();
            self.0.insert(value.to_owned(), (DataType::Undefined, dims));
        }
    }

    /// Element type of `value`.
    pub(crate) fn dtype(&self, value: &str) -> Option<DataType> {
        self.0.get(value).map(|&(dtype, _)| dtype)
    }
}
