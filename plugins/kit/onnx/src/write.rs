//! Writing a model whose weights are not in memory: data files first, the graph by rename last.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::ControlFlow;
use std::path::Path;

use crate::error::OnnxError;
use crate::external_data::ExternalDataWriter;
use crate::location::external_file;
use crate::model::Model;
use crate::partial_file::PartialFile;
use crate::proto::tensor_proto::{DataLocation, DataType};
use crate::proto::{GraphProto, NodeProto, TensorProto};
use crate::stream::{Source, Stored, encoded_len, write_graph_file};
use crate::tensor_data::{TensorData, is_external};
use crate::visit::{attribute_tensors, each_graph, subgraphs_mut, tensors_mut};

/// Where weights go when a model is written; Olive's options by the names of this crate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataPolicy {
    /// Whether weights go into files beside the graph; those of large models do anyhow.
    pub is_external: bool,
    /// Whether all of them go into one file, or each into one of its own.
    pub one_file: bool,
    /// Name of that one file; `<graph file>.data` when left out.
    pub file_name: Option<String>,
    /// Weights of fewer bytes stay in the graph.
    pub threshold_bytes: u64,
    /// Whether tensors in attributes of nodes go there too.
    pub attributes: bool,
}

/// Told of bytes written, of how many; [`ControlFlow::Break`] stops.
pub type Progress<'a> = &'a mut dyn FnMut(u64, u64) -> ControlFlow<()>;

impl Model {
    /// Writes the model to `path` and its external data beside it.
    ///
    /// Weights are copied, or made, one after the other in pieces; none is whole in memory unless
    /// it belongs to a node. Weights that stay in the graph are the bytes they were.
    ///
    /// # Errors
    /// When a weight cannot be read or made, a file cannot be written, the graph is larger than
    /// 2 GiB, or `progress` stops.
    pub fn write(
        &self,
        path: &Path,
        policy: &DataPolicy,
        progress: Progress<'_>,
    ) -> Result<(), OnnxError> {
        self.write_as(path, Places::Chosen(policy), progress)
    }

    /// The same with weights where they were: those of a file go into a file of that name, without
    /// gaps and in the order of the graph; the others stay in the graph.
    ///
    /// # Errors
    /// As [`Model::write`].
    pub fn write_alike(&self, path: &Path, progress: Progress<'_>) -> Result<(), OnnxError> {
        self.write_as(path, Places::Kept, progress)
    }

    fn write_as(
        &self,
        path: &Path,
        places: Places<'_>,
        progress: Progress<'_>,
    ) -> Result<(), OnnxError> {
        let mut graph = self.graph.clone();
        let weights = std::mem::take(&mut graph.initializer).into_iter();
        let stored = |weight: TensorProto| {
            if self.is_lent(weight.name()) {
                return Ok(Stored { tensor: weight, source: None, length: 0 });
            }
            Stored::new(&weight, self.data(), self.maker(weight.name()))
        };
        let mut weights: Vec<Stored> = weights.map(stored).collect::<Result<_, _>>()?;
        let is_large = || encoded_len(&self.header, &graph, &weights) > LIMIT_BYTES;
        let (is_external, attributes) = match places {
            Places::Chosen(policy) => (policy.is_external || is_large(), policy.attributes),
            Places::Kept => (true, true),
        };
        if is_external {
            let total = weights.iter().map(|weight| weight.length).sum();
            let mut files = DataFiles::new(path, places, Watch { progress, done: 0, total });
            files.expected = self.tensors_by_file(path);
            weights =
                weights.into_iter().map(|weight| files.place(weight)).collect::<Result<_, _>>()?;
            place_nested(&mut graph, self.data(), attributes, &mut |tensor| {
                let weight = files.place(Stored::new(tensor, self.data(), None)?)?;
                with_bytes(weight)
            })?;
            files.finish()?;
        } else {
            place_nested(&mut graph, self.data(), false, &mut |tensor| {
                with_bytes(Stored::new(tensor, self.data(), None)?)
            })?;
        }
        self.write_graph(path, &graph, &weights, progress)
    }

    /// How many tensors lie in each file.
    fn tensors_by_file(&self, path: &Path) -> HashMap<String, usize> {
        let mut tensors = attribute_tensors(&self.graph);
        each_graph(&self.graph, &mut |graph| tensors.extend(&graph.initializer));
        let mut counts = HashMap::new();
        for tensor in tensors.into_iter().filter(|tensor| is_external(tensor)) {
            *counts.entry(kept_name(tensor, path)).or_default() += 1;
        }
        counts
    }

    fn write_graph(
        &self,
        path: &Path,
        graph: &GraphProto,
        weights: &[Stored],
        progress: Progress<'_>,
    ) -> Result<(), OnnxError> {
        let total = encoded_len(&self.header, graph, weights);
        if total > LIMIT_BYTES {
            let size = usize::try_from(total).unwrap_or(usize::MAX);
            return Err(OnnxError::TooLarge { size, limit: i32::MAX as usize });
        }
        let mut file = PartialFile::create(path)?;
        let mut watch = Watch { progress, done: 0, total };
        write_graph_file(&self.header, graph, weights, &mut |bytes| {
            file.write(bytes)?;
            watch.more(bytes.len())
        })?;
        file.commit()
    }
}

/// Largest size of a protobuf message.
const LIMIT_BYTES: u64 = i32::MAX as u64;

/// Who is told how far the writing is.
struct Watch<'a> {
    progress: Progress<'a>,
    done: u64,
    total: u64,
}

impl Watch<'_> {
    fn more(&mut self, bytes: usize) -> Result<(), OnnxError> {
        self.done += bytes as u64;
        match (self.progress)(self.done, self.total) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(OnnxError::Stopped),
        }
    }
}

/// Which weights go into which file.
#[derive(Clone, Copy)]
enum Places<'a> {
    /// As the policy says.
    Chosen(&'a DataPolicy),
    /// As it was.
    Kept,
}

/// Files beside the graph.
struct DataFiles<'a> {
    path: &'a Path,
    places: Places<'a>,
    watch: Watch<'a>,
    shared: BTreeMap<String, ExternalDataWriter>,
    /// Tensors that files are yet to get, so that each is closed behind its last one.
    expected: HashMap<String, usize>,
    names: HashSet<String>,
}

impl<'a> DataFiles<'a> {
    fn new(path: &'a Path, places: Places<'a>, watch: Watch<'a>) -> Self {
        let (shared, expected, names) = (BTreeMap::new(), HashMap::new(), HashSet::new());
        Self { path, places, watch, shared, expected, names }
    }

    /// Puts the bytes of `weight` into a file, when it is to lie in one.
    fn place(&mut self, weight: Stored) -> Result<Stored, OnnxError> {
        match (self.places, &weight.source) {
            (Places::Kept, Some(Source::Tensor(tensor, _))) if is_external(tensor) => {
                let name = kept_name(tensor, self.path);
                let placed = self.share(&weight, name.clone())?;
                self.end_after_last(&name)?;
                Ok(placed)
            }
            (Places::Kept, _) | (_, None) => Ok(weight),
            (Places::Chosen(policy), _)
                if weight.length == 0 || weight.length < policy.threshold_bytes =>
            {
                Ok(weight)
            }
            (Places::Chosen(policy), _) if policy.one_file => {
                let name = policy.file_name.clone().unwrap_or_else(|| self.file_name());
                self.share(&weight, name)
            }
            _ => {
                let name = self.own_name(&weight.tensor);
                let mut file = ExternalDataWriter::create(self.folder(), &name)?;
                let placed = self.copy(&weight, &mut file)?;
                file.finish()?;
                Ok(placed)
            }
        }
    }

    /// Puts the bytes of `weight` behind those that the file `name` has already.
    fn share(&mut self, weight: &Stored, name: String) -> Result<Stored, OnnxError> {
        let mut file = match self.shared.remove(&name) {
            Some(file) => file,
            None => ExternalDataWriter::create(self.folder(), &name)?,
        };
        let placed = self.copy(weight, &mut file);
        self.shared.insert(name, file);
        placed
    }

    fn end_after_last(&mut self, name: &str) -> Result<(), OnnxError> {
        let Some(expected) = self.expected.get_mut(name) else { return Ok(()) };
        *expected = expected.saturating_sub(1);
        match self.shared.remove(name) {
            Some(file) if *expected == 0 => file.finish(),
            Some(file) => {
                self.shared.insert(name.to_owned(), file);
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn copy(
        &mut self,
        weight: &Stored,
        file: &mut ExternalDataWriter,
    ) -> Result<Stored, OnnxError> {
        let tensor = &weight.tensor;
        let dtype = DataType::try_from(tensor.data_type()).unwrap_or_default();
        let mut writer = file.tensor(tensor.name(), dtype, &tensor.dims);
        weight.stream(&mut |piece| {
            writer.write(piece)?;
            self.watch.more(piece.len())
        })?;
        let TensorProto { external_data, .. } = writer.finish()?;
        let data_location = Some(DataLocation::External.into());
        let tensor = TensorProto { external_data, data_location, ..tensor.clone() };
        Ok(Stored { tensor, source: None, length: 0 })
    }

    fn finish(self) -> Result<(), OnnxError> {
        self.shared.into_values().try_for_each(ExternalDataWriter::finish)
    }

    fn folder(&self) -> &'a Path {
        self.path.parent().unwrap_or(Path::new(""))
    }

    /// Name of the one file when nobody chose another.
    fn file_name(&self) -> String {
        let name = self.path.file_name().unwrap_or_default();
        format!("{}.data", name.to_string_lossy())
    }

    /// Name of a file for one tensor: the tensor's, without what file systems do not take.
    fn own_name(&mut self, tensor: &TensorProto) -> String {
        let plain = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
        let letters = tensor.name().chars().map(|letter| if plain(letter) { letter } else { '_' });
        let name: String = letters.collect();
        let is_hidden = name.is_empty() || name.starts_with('.');
        let name = if is_hidden { format!("tensor{name}") } else { name };
        let graph = self.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let numbered = (1..).map(|number| format!("{name}.{number}"));
        let mut free = std::iter::once(name.clone()).chain(numbered);
        let is_free = |name: &String| *name != graph && self.names.insert(name.clone());
        free.find(is_free).unwrap_or(name)
    }
}

/// Name of the file that a tensor keeps when the graph is written to `path`.
fn kept_name(tensor: &TensorProto, path: &Path) -> String {
    let name = external_file(tensor).trim_start_matches("./");
    if path.file_name().is_some_and(|graph| graph == name) {
        return format!("{name}.data");
    }
    name.to_owned()
}

/// Gives tensors that belong to nodes a new place: initializers of graphs inside them, and tensors
/// of attributes if `attributes` says so or they would lose theirs.
fn place_nested(
    graph: &mut GraphProto,
    data: &TensorData,
    attributes: bool,
    place: &mut dyn FnMut(&TensorProto) -> Result<TensorProto, OnnxError>,
) -> Result<(), OnnxError> {
    for node in &mut graph.node {
        for inner in subgraphs_mut(node) {
            for weight in &mut inner.initializer {
                *weight = place(weight)?;
            }
            place_nested(inner, data, attributes, place)?;
        }
        place_attributes(node, data, attributes, place)?;
    }
    Ok(())
}

fn place_attributes(
    node: &mut NodeProto,
    data: &TensorData,
    attributes: bool,
    place: &mut dyn FnMut(&TensorProto) -> Result<TensorProto, OnnxError>,
) -> Result<(), OnnxError> {
    for tensor in tensors_mut(node) {
        if attributes {
            *tensor = place(tensor)?;
        } else if is_external(tensor) {
            *tensor = with_bytes(Stored::new(tensor, data, None)?)?;
        }
    }
    Ok(())
}

/// The tensor with its bytes in it, when they come from a source.
fn with_bytes(weight: Stored) -> Result<TensorProto, OnnxError> {
    if weight.source.is_none() {
        return Ok(weight.tensor);
    }
    let mut bytes = Vec::new();
    weight.stream(&mut |piece| {
        bytes.extend_from_slice(piece);
        Ok(())
    })?;
    Ok(TensorProto { raw_data: Some(bytes.into()), ..weight.tensor })
}
