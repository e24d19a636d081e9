//! Constants computed ahead: shapes that are known, and what is made of them.
//!
//! Exported graphs compute shapes node by node. Of a shape with some known sides what takes only
//! these is known too. Results are the same bits as those of ONNX Runtime.

mod evaluate;
mod arithmetic;
mod layout;

use std::collections::{HashMap, HashSet};

use olive_kit_onnx::proto::tensor_proto::DataType;
use olive_kit_onnx::proto::{NodeProto, TensorProto, ValueInfoProto};
use olive_kit_onnx::{Model, drop_unused_weights, packed_bytes, raw_tensor, sort, subgraphs};

use crate::constant::Array;
use crate::error::RewriteError;
use crate::numbers::dtype;
use crate::shapes::Shapes;

/// Constants of more bytes are not computed with: who runs the graph does it as fast, from less.
const MOST_BYTES: u64 = 8192;

/// Operators that keep the shape of what they take.
const KEEP_SHAPE: [&str; 10] =
    ["Cast", "Identity", "Neg", "Abs", "Sqrt", "Relu", "Sigmoid", "Tanh", "Erf", "Softmax"];

/// Makes weights of what `Constant` nodes hold.
fn lift_constants(model: &mut Model) {
    let outputs: HashSet<&str> = model.graph.output.iter().map(ValueInfoProto::name).collect();
    let mut lifted = Vec::new();
    for (index, node) in model.graph.node.iter().enumerate() {
        let output = node.output_at(0);
        if !node.is("Constant") || outputs.contains(output) {
            continue;
        }
        if let Some(tensor) = held(node) {
            lifted.push((index, TensorProto { name: Some(output.to_owned()), ..tensor }));
        }
    }
    let places: HashSet<usize> = lifted.iter().map(|(index, _)| *index).collect();
    let nodes = std::mem::take(&mut model.graph.node).into_iter().enumerate();
    model.graph.node =
        nodes.filter(|(index, _)| !places.contains(index)).map(|(_, node)| node).collect();
    model.graph.initializer.extend(lifted.into_iter().map(|(_, tensor)| tensor));
}

/// Makes weights of the outputs of nodes that compute with small constants and known shapes only.
///
/// # Errors
/// When the graph has a circle, or a constant cannot be read.
pub(crate) fn fold_constants(model: &mut Model) -> Result<(), RewriteError> {
    lift_constants(model);
    sort(&mut model.graph).map_err(|node| RewriteError::Unfit {
        edit: "folding",
        problem: format!("node `{node}` needs its own output"),
    })?;
    let outputs = model.graph.output.iter().map(|output| output.name().to_owned()).collect();
    let shapes = Shapes::of(&model.graph);
    let mut fold = Fold { known: constants(model)?, partial: HashMap::new(), shapes, outputs };
    let nodes = std::mem::take(&mut model.graph.node);
    for node in nodes {
        match fold.value(&node).and_then(|array| Some((array.tensor(node.output_at(0))?, array))) {
            Some((tensor, array)) => {
                fold.known.insert(node.output_at(0).to_owned(), array);
                model.graph.initializer.push(tensor);
            }
            None => {
                fold.note_shape(&node);
                model.graph.node.push(node);
            }
        }
    }
    drop_unused_weights(&mut model.graph);
    Ok(())
}

/// What is known of values on the way through a graph.
struct Fold {
    known: HashMap<String, Array>,
    /// Shapes, and parts of shapes, of which some sides are known.
    partial: HashMap<String, Partial>,
    shapes: Shapes,
    outputs: HashSet<String>,
}

/// A list of sizes, or a single one.
#[derive(Debug, Clone)]
struct Partial {
    sides: Vec<Option<i64>>,
    is_scalar: bool,
}

impl Fold {
    /// The output of `node`, when it is known and small.
    fn value(&mut self, node: &NodeProto) -> Option<Array> {
        let output = node.output_at(0);
        let has_one = node.output.iter().filter(|name| !name.is_empty()).count() == 1;
        if !node.is(node.op_type()) || !has_one || self.outputs.contains(output) {
            return None;
        }
        if subgraphs(node).next().is_some() {
            return None;
        }
        let value = self.computed(node).or_else(|| self.complete(node))?;
        let bytes = packed_bytes(value.dtype, value.len() as u64)?;
        (bytes <= MOST_BYTES).then_some(value)
    }

    /// The output of `node`, of which all inputs are constants.
    fn computed(&self, node: &NodeProto) -> Option<Array> {
        let input = |name: &String| {
            (name.is_empty() || self.known.contains_key(name)).then(|| self.known.get(name))
        };
        let inputs: Vec<Option<&Array>> = node.input.iter().map(input).collect::<Option<_>>()?;
        (!inputs.is_empty()).then(|| evaluate::evaluate(node, &inputs))?
    }

    /// The output of `node`, which takes shapes whose sides are known as far as they are taken.
    fn complete(&mut self, node: &NodeProto) -> Option<Array> {
        let partial = self.sides(node)?;
        let sides: Option<Vec<i64>> = partial.sides.iter().copied().collect();
        let dims = if partial.is_scalar {
            Vec::new()
        } else {
            vec![i64::try_from(partial.sides.len()).ok()?]
        };
        self.partial.insert(node.output_at(0).to_owned(), partial);
        Some(Array::ints(dims, sides?))
    }

    /// The sides that `node` gives.
    fn sides(&self, node: &NodeProto) -> Option<Partial> {
        let first = || self.list(node.input_at(0));
        let list = |sides| Some(Partial { sides, is_scalar: false });
        match node.op_type() {
            "Shape" => {
                let dims = self.shapes.dims(node.input_at(0))?;
                // Some exporters write -1 for what is not known.
                let dims: Vec<_> = dims.iter().map(|side| side.filter(|&side| side >= 0)).collect();
                list(layout::shape_part(node, &dims))
            }
            "Gather" => {
                let (from, places) = (first()?, self.known.get(node.input_at(1))?);
                let side = |&place: &i64| {
                    from.sides.get(layout::axis_of(place, from.sides.len())?).copied()
                };
                let sides = places.as_ints()?.iter().map(side).collect::<Option<_>>()?;
                (places.dims.len() < 2)
                    .then_some(Partial { sides, is_scalar: places.dims.is_empty() })
            }
            "Slice" => {
                let from = first()?;
                let rank = i64::try_from(from.sides.len()).ok()?;
                let places = Array::ints(vec![rank], (0..rank).collect());
                let rest = node.input.iter().skip(1).map(|name| self.known.get(name));
                let inputs: Vec<_> = std::iter::once(Some(&places)).chain(rest).collect();
                let chosen = layout::slice(node, &inputs)?;
                let side = |&place: &i64| from.sides.get(usize::try_from(place).ok()?).copied();
                list(chosen.as_ints()?.iter().map(side).collect::<Option<_>>()?)
            }
            "Concat" => {
                let parts: Vec<Partial> =
                    node.input.iter().map(|name| self.list(name)).collect::<Option<_>>()?;
                let is_list = parts.iter().all(|part| !part.is_scalar);
                is_list.then(|| list(parts.into_iter().flat_map(|part| part.sides).collect()))?
            }
            "Unsqueeze" => first().filter(|part| part.is_scalar).and_then(|part| list(part.sides)),
            "Squeeze" => {
                let part = first().filter(|part| !part.is_scalar && part.sides.len() == 1)?;
                Some(Partial { is_scalar: true, ..part })
            }
            "Identity" => first(),
            "Cast" if node.int("to") == Some(i64::from(i32::from(DataType::Int64))) => first(),
            _ => None,
        }
    }

    /// The sides that the value `name` holds: as far as they are known, or all of a constant.
    fn list(&self, name: &str) -> Option<Partial> {
        if let Some(partial) = self.partial.get(name) {
            return Some(partial.clone());
        }
        let array = self.known.get(name).filter(|array| array.dtype == DataType::Int64)?;
        let sides = array.as_ints()?.iter().copied().map(Some).collect();
        (array.dims.len() < 2).then_some(Partial { sides, is_scalar: array.dims.is_empty() })
    }

    /// Works the shape of what `node` gives out, where the graph does not say it.
    fn note_shape(&mut self, node: &NodeProto) {
        let output = node.output_at(0);
        if self.shapes.dims(output).is_some() {
            return;
        }
        if KEEP_SHAPE.contains(&node.op_type()) {
            self.shapes.note_same(output, node.input_at(0));
        }
    }
}

/// Small weights of the graph whose value nobody can change.
fn constants(model: &Model) -> Result<HashMap<String, Array>, RewriteError> {
    let inputs: HashSet<&str> = model.graph.input.iter().map(ValueInfoProto::name).collect();
    let mut known = HashMap::new();
    for weight in &model.graph.initializer {
        let elements = weight
            .dims
            .iter()
            .try_fold(1_u64, |count, &side| count.checked_mul(u64::try_from(side).ok()?));
        let bytes = elements.and_then(|elements| packed_bytes(dtype(weight), elements));
        let is_small = bytes.is_some_and(|bytes| bytes <= MOST_BYTES);
        if is_small && !inputs.contains(weight.name()) {
            let array = Array::of(weight, &model.bytes(weight)?);
            known.extend(array.map(|array| (weight.name().to_owned(), array)));
        }
    }
    Ok(known)
}

/// What a `Constant` node holds.
fn held(node: &NodeProto) -> Option<TensorProto> {
    if let Some(tensor) = node.tensor("value") {
        return Some(tensor.clone());
    }
    let attribute = node.attribute.first()?;
    let whole =
        |values: &[i64]| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
    let float =
        |values: &[f32]| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
    let side = |count: usize| vec![i64::try_from(count).unwrap_or(i64::MAX)];
    let (dtype, dims, bytes) = match attribute.name() {
        "value_int" => (DataType::Int64, Vec::new(), whole(&[attribute.i()])),
        "value_ints" => (DataType::Int64, side(attribute.ints.len()), whole(&attribute.ints)),
        "value_float" => (DataType::Float, Vec::new(), float(&[attribute.f()])),
        "value_floats" => (DataType::Float, side(attribute.floats.len()), float(&attribute.floats)),
        _ => return None,
    };
    Some(raw_tensor("", dtype, &dims, bytes))
}
