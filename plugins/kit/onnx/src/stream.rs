//! Protobuf of a model, written piece by piece.
//!
//! A protobuf message may be cut between its fields. Fields stand in the order of their numbers, as
//! ONNX's own library writes them; so what is written is, byte for byte, what encoding at once gives.

use std::sync::Arc;

use prost::{Message as _, encode_length_delimiter, length_delimiter_len};

use crate::error::OnnxError;
use crate::location::expected_bytes;
use crate::model::MakeWeight;
use crate::proto::{GraphProto, ModelProto, TensorProto};
use crate::tensor_data::{TensorData, is_external};

/// A weight on its way into a file.
#[derive(Debug)]
pub(crate) struct Stored {
    /// The tensor; without its bytes when they come from `source`.
    pub(crate) tensor: TensorProto,
    /// Where its bytes come from; `None` when the tensor is written as it is.
    pub(crate) source: Option<Source>,
    /// How many they are; 0 without a source.
    pub(crate) length: u64,
}

/// Where the bytes of a weight come from.
#[derive(Debug)]
pub(crate) enum Source {
    /// The model that was opened.
    Tensor(Box<TensorProto>, TensorData),
    /// Whoever computes them.
    Made(Arc<dyn MakeWeight>),
}

impl Stored {
    /// `weight`, with bytes of `data` or of `maker`.
    ///
    /// # Errors
    /// When the place or the length of its bytes is wrong.
    pub(crate) fn new(
        weight: &TensorProto,
        data: &TensorData,
        maker: Option<&Arc<dyn MakeWeight>>,
    ) -> Result<Self, OnnxError> {
        if let Some(maker) = maker {
            let source = Some(Source::Made(Arc::clone(maker)));
            let length = expected_bytes(weight).unwrap_or(0);
            return Ok(Self { tensor: weight.clone(), source, length });
        }
        let length = data.check(weight)?;
        if weight.raw_data.is_none() && !is_external(weight) {
            return Ok(Self { tensor: weight.clone(), source: None, length: 0 });
        }
        let tensor = TensorProto {
            raw_data: None,
            external_data: Vec::new(),
            data_location: weight.data_location.filter(|_| !is_external(weight)),
            ..weight.clone()
        };
        let source = Some(Source::Tensor(Box::new(weight.clone()), data.clone()));
        Ok(Self { tensor, source, length })
    }

    /// Hands the bytes over in pieces, and holds their number against what was announced.
    pub(crate) fn stream(
        &self,
        piece: &mut dyn FnMut(&[u8]) -> Result<(), OnnxError>,
    ) -> Result<(), OnnxError> {
        let mut length = 0;
        let mut counted = |part: &[u8]| {
            length += part.len() as u64;
            piece(part)
        };
        match &self.source {
            Some(Source::Tensor(tensor, data)) => data.stream(tensor, &mut counted)?,
            Some(Source::Made(maker)) => maker.make(&mut counted)?,
            None => return Ok(()),
        }
        if length == self.length {
            return Ok(());
        }
        let (name, expected) = (self.tensor.name().to_owned(), self.length);
        Err(OnnxError::TensorLength { name, expected, actual: length })
    }

    fn encoded_len(&self) -> u64 {
        let own = self.tensor.encoded_len() as u64;
        match &self.source {
            Some(_) => own + field_len(self.length),
            None => own,
        }
    }
}

/// Bytes of the file that [`write_graph_file`] writes.
pub(crate) fn encoded_len(header: &ModelProto, graph: &GraphProto, weights: &[Stored]) -> u64 {
    header.encoded_len() as u64 + field_len(graph_len(graph, weights))
}

/// Writes the model of `header`, `graph` and its initializers `weights`.
pub(crate) fn write_graph_file(
    header: &ModelProto,
    graph: &GraphProto,
    weights: &[Stored],
    write: &mut dyn FnMut(&[u8]) -> Result<(), OnnxError>,
) -> Result<(), OnnxError> {
    let (before, after) = split_model(header);
    write(&before.encode_to_vec())?;
    write(&field(GRAPH, graph_len(graph, weights)))?;
    let (nodes, rest) = split_graph(graph);
    write(&nodes.encode_to_vec())?;
    for weight in weights {
        write(&field(INITIALIZER, weight.encoded_len()))?;
        let (before, after) = split_tensor(&weight.tensor);
        write(&before.encode_to_vec())?;
        if weight.source.is_some() {
            write(&field(RAW_DATA, weight.length))?;
            weight.stream(write)?;
        }
        write(&after.encode_to_vec())?;
    }
    write(&rest.encode_to_vec())?;
    write(&after.encode_to_vec())
}

/// Keys of fields with a length, `number << 3 | 2`: the graph of a model, an initializer of a
/// graph, the raw data of a tensor.
const GRAPH: u8 = 7 << 3 | 2;
const INITIALIZER: u8 = 5 << 3 | 2;
const RAW_DATA: u8 = 9 << 3 | 2;

fn graph_len(graph: &GraphProto, weights: &[Stored]) -> u64 {
    let weights = weights.iter().map(|weight| field_len(weight.encoded_len()));
    graph.encoded_len() as u64 + weights.sum::<u64>()
}

/// Bytes of a field of `length` bytes, with its key and its length.
fn field_len(length: u64) -> u64 {
    1 + length_delimiter_len(usize::try_from(length).unwrap_or(usize::MAX)) as u64 + length
}

/// Key and length of a field of `length` bytes.
fn field(key: u8, length: u64) -> Vec<u8> {
    let mut bytes = vec![key];
    // A vector has always room.
    let _room = encode_length_delimiter(usize::try_from(length).unwrap_or(usize::MAX), &mut bytes);
    bytes
}

/// Fields before the graph, and after it.
fn split_model(header: &ModelProto) -> (ModelProto, ModelProto) {
    let mut before = header.clone();
    let after = ModelProto {
        opset_import: std::mem::take(&mut before.opset_import),
        metadata_props: std::mem::take(&mut before.metadata_props),
        training_info: std::mem::take(&mut before.training_info),
        functions: std::mem::take(&mut before.functions),
        configuration: std::mem::take(&mut before.configuration),
        ..ModelProto::default()
    };
    (before, after)
}

/// Fields before the initializers, and after them.
fn split_graph(graph: &GraphProto) -> (GraphProto, GraphProto) {
    let mut after = graph.clone();
    let before = GraphProto {
        node: std::mem::take(&mut after.node),
        name: after.name.take(),
        ..GraphProto::default()
    };
    (before, after)
}

/// Fields before the raw data, and after it.
fn split_tensor(tensor: &TensorProto) -> (TensorProto, TensorProto) {
    let mut before = tensor.clone();
    let after = TensorProto {
        double_data: std::mem::take(&mut before.double_data),
        uint64_data: std::mem::take(&mut before.uint64_data),
        doc_string: before.doc_string.take(),
        external_data: std::mem::take(&mut before.external_data),
        data_location: before.data_location.take(),
        metadata_props: std::mem::take(&mut before.metadata_props),
        ..TensorProto::default()
    };
    (before, after)
}
