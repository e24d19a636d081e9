//! Constants: nodes named after their type and value, each there once.

use olive_kit_checkpoint::Dtype;
use olive_kit_onnx::proto::tensor_proto::DataType;
use olive_kit_onnx::{Node, raw_tensor};

use super::{Planner, Value};
use crate::target::onnx_type;
use crate::weights::size;

/// An integer or a list of integers in the graph.
pub(super) enum Constant {
    /// One of 64 bits.
    Scalar(i64),
    /// Some of 64 bits.
    List(Vec<i64>),
    /// Some of 32 bits.
    ShortList(Vec<i32>),
}

impl Planner<'_> {
    /// A constant integer or list of integers.
    pub(super) fn constant(&mut self, constant: &Constant) -> Value {
        let bytes = constant.bytes();
        self.constant_node(&constant.text(), constant.dtype(), &constant.dims(), bytes)
    }

    /// A constant number, called as Python writes it: `2` and `2.0` are two constants.
    pub(super) fn number(&mut self, text: &str, dtype: Dtype) -> Value {
        let value: f64 = text.parse().unwrap_or_default();
        let mut bytes = Vec::new();
        #[expect(clippy::cast_possible_truncation, reason = "no type of a graph is wider")]
        dtype.encode(&[value as f32], &mut bytes);
        self.constant_node(text, onnx_type(dtype), &[], bytes)
    }

    fn constant_node(
        &mut self,
        text: &str,
        dtype: DataType,
        dims: &[i64],
        bytes: Vec<u8>,
    ) -> Value {
        let kind = dtype.as_str_name();
        let output = format!("/model/constants/{kind}/{text}");
        let name = format!("/model/constant_nodes/{kind}/{text}");
        if !self.graph.has_node(&name) {
            let tensor = raw_tensor(&output, dtype, dims, bytes);
            self.graph.value(&output, dtype, Some(&[]));
            let node = Node::new("Constant", name).outputs([&output]);
            self.graph.node(node.attribute("value", tensor));
        }
        output
    }
}

impl Constant {
    fn dtype(&self) -> DataType {
        match self {
            Self::Scalar(_) | Self::List(_) => DataType::Int64,
            Self::ShortList(_) => DataType::Int32,
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Scalar(value) => value.to_string(),
            Self::List(values) => format!("{values:?}"),
            Self::ShortList(values) => format!("{values:?}"),
        }
    }

    fn dims(&self) -> Vec<i64> {
        match self {
            Self::Scalar(_) => Vec::new(),
            Self::List(values) => vec![size(values.len())],
            Self::ShortList(values) => vec![size(values.len())],
        }
    }

    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Scalar(value) => value.to_le_bytes().to_vec(),
            Self::List(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            Self::ShortList(values) => values.iter().flat_map(|it| it.to_le_bytes()).collect(),
        }
    }
}

/// A number as Python writes it: the shortest digits, an exponent below 1e-4 and from 1e16 on.
///
/// ```python
/// >>> [1e-05, 0.0001, 8.0, 11.31]
/// [1e-05, 0.0001, 8.0, 11.31]
/// ```
pub(super) fn python(value: f64) -> String {
    let size = value.abs();
    if size != 0.0 && !(1e-4..1e16).contains(&size) {
        let text = format!("{value:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let sign = if exponent.starts_with('-') { '-' } else { '+' };
        return format!("{digits}e{sign}{:0>2}", exponent.trim_start_matches('-'));
    }
    format!("{value:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_called_as_in_python() {
        let rows = [
            (1e-5, "1e-05"),
            (1e-6, "1e-06"),
            (1.5e-5, "1.5e-05"),
            (1e-4, "0.0001"),
            (8.0, "8.0"),
            (11.31, "11.31"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (0.0, "0.0"),
        ];
        for (value, expected) in rows {
            assert_eq!(python(value), expected);
        }
    }
}
