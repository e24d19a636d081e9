//! A model under edit: its graph in memory, its weights by reference.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use olive_kit_map::MappedFile;
use prost::Message as _;

use crate::error::OnnxError;
use crate::location::entries;
use crate::proto::tensor_proto::{DataLocation, DataType};
use crate::proto::{GraphProto, ModelProto, TensorProto};
use crate::tensor_data::TensorData;

/// An ONNX model: the structure of its graph in memory, its weights wherever they lie.
///
/// Opening costs the structure only: weights inside the file are slices of a memory map, weights
/// beside it are not touched before someone asks. What a reader does not know (attributes,
/// metadata, functions, subgraphs) stays as it is, since the types of the schema are the structure.
#[derive(Debug, Clone, Default)]
pub struct Model {
    /// Everything but the graph: versions, opsets, metadata, functions. Its own `graph` is `None`.
    pub header: ModelProto,
    /// The graph.
    pub graph: GraphProto,
    data: TensorData,
    made: BTreeMap<String, Arc<dyn MakeWeight>>,
    lent: BTreeSet<String>,
}

/// A weight that is computed while it is written.
pub trait MakeWeight: Send + Sync + fmt::Debug {
    /// Hands the little-endian bytes over, in as many pieces as suits.
    ///
    /// # Errors
    /// When what the weight is made of cannot be read, and those of `piece`.
    fn make(&self, piece: &mut dyn FnMut(&[u8]) -> Result<(), OnnxError>) -> Result<(), OnnxError>;
}

impl Model {
    /// A model of `graph` with nothing beside it.
    pub fn new(header: ModelProto, graph: GraphProto) -> Self {
        Self { header, graph, ..Self::default() }
    }

    /// Opens the model at `path`; call [`Model::check`] before believing what it says.
    ///
    /// # Errors
    /// When the file cannot be read, is no ONNX model, or has no graph.
    pub fn open(path: &Path) -> Result<Self, OnnxError> {
        let read_error = |source| OnnxError::Read { path: path.to_owned(), source };
        let map = match std::fs::metadata(path).map_err(read_error)?.len() {
            // An empty file cannot be mapped on every system.
            0 => return Err(OnnxError::NoGraph { path: path.to_owned() }),
            _ => MappedFile::open(path).map_err(read_error)?,
        };
        let mut header = ModelProto::decode(Bytes::from_owner(map.clone()))
            .map_err(|source| OnnxError::Decode { path: path.to_owned(), source })?;
        let graph = header.graph.take();
        let graph = graph.ok_or_else(|| OnnxError::NoGraph { path: path.to_owned() })?;
        let folder = path.parent().unwrap_or(Path::new(""));
        Ok(Self { header, graph, data: TensorData::new(folder, Some(map)), ..Self::default() })
    }

    /// A model of `graph` with everything else of this one; its weights are this one's.
    #[must_use]
    pub fn with_graph(&self, graph: GraphProto) -> Self {
        let (header, data) = (self.header.clone(), self.data.clone());
        Self { header, graph, data, made: self.made.clone(), lent: self.lent.clone() }
    }

    /// Where the bytes of the tensors lie that were there when the model was opened.
    pub fn data(&self) -> &TensorData {
        &self.data
    }

    /// The initializer `name` of the main graph.
    pub fn weight(&self, name: &str) -> Option<&TensorProto> {
        self.graph.initializer.iter().find(|weight| weight.name() == name)
    }

    /// The little-endian bytes of an initializer, also of one that is yet to be made.
    ///
    /// # Errors
    /// When they cannot be read or made.
    pub fn bytes(&self, weight: &TensorProto) -> Result<Bytes, OnnxError> {
        let Some(maker) = self.made.get(weight.name()) else {
            return self.data.bytes(weight);
        };
        let mut bytes = Vec::new();
        maker.make(&mut |piece| {
            bytes.extend_from_slice(piece);
            Ok(())
        })?;
        Ok(bytes.into())
    }

    /// The first bytes of an initializer, at most `length`, also of one that is yet to be made.
    ///
    /// # Errors
    /// As [`Model::bytes`].
    pub fn start(&self, weight: &TensorProto, length: usize) -> Result<Bytes, OnnxError> {
        let Some(maker) = self.made.get(weight.name()) else {
            return self.data.start(weight, length);
        };
        let mut bytes = Vec::new();
        let made = maker.make(&mut |piece| {
            bytes.extend_from_slice(&piece[..piece.len().min(length - bytes.len())]);
            if bytes.len() < length { Ok(()) } else { Err(OnnxError::Stopped) }
        });
        match made {
            Ok(()) | Err(OnnxError::Stopped) => Ok(bytes.into()),
            Err(error) => Err(error),
        }
    }

    /// Adds an initializer that `maker` computes while it is written.
    ///
    /// Replaces one of the same name, in its place.
    pub fn add_made(
        &mut self,
        name: &str,
        dtype: DataType,
        dims: &[i64],
        maker: Arc<dyn MakeWeight>,
    ) {
        self.made.insert(name.to_owned(), maker);
        let tensor = TensorProto {
            name: Some(name.to_owned()),
            data_type: Some(dtype.into()),
            dims: dims.to_vec(),
            ..TensorProto::default()
        };
        match self.graph.initializer.iter_mut().find(|weight| weight.name() == name) {
            Some(old) => *old = tensor,
            None => self.graph.initializer.push(tensor),
        }
    }

    /// Who computes the initializer `name`, when it is not there yet.
    pub fn maker(&self, name: &str) -> Option<&Arc<dyn MakeWeight>> {
        self.made.get(name)
    }

    /// Lets the initializer `name` refer to a part of a file, which lies beside the written graph.
    ///
    /// The part begins at `offset` and has `length` bytes. Whoever calls this writes the file.
    pub fn lend(&mut self, name: &str, file: &str, offset: u64, length: u64) {
        let mut weights = self.graph.initializer.iter_mut();
        let Some(weight) = weights.find(|weight| weight.name() == name) else { return };
        *weight = TensorProto {
            external_data: entries(file, offset, length),
            data_location: Some(DataLocation::External.into()),
            name: weight.name.clone(),
            data_type: weight.data_type,
            dims: weight.dims.clone(),
            doc_string: weight.doc_string.clone(),
            metadata_props: weight.metadata_props.clone(),
            ..TensorProto::default()
        };
        self.lent.insert(name.to_owned());
    }

    /// Whether the initializer `name` refers to a file that is not this model's.
    pub(crate) fn is_lent(&self, name: &str) -> bool {
        self.lent.contains(name)
    }

    /// Version of the operators of `domain` that the model asks for.
    pub fn opset(&self, domain: &str) -> Option<i64> {
        let own = self.header.opset_import.iter().find(|opset| opset.domain() == domain);
        own.map(crate::proto::OperatorSetIdProto::version)
    }
}
