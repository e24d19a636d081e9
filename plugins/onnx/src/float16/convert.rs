//! Which values become 16-bit floats, and where casts stand.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use olive_kit_onnx::proto::tensor_proto::DataType;
use olive_kit_onnx::proto::{AttributeProto, GraphProto, NodeProto, TensorProto};
use olive_kit_onnx::{
    GraphProblem, Model, Node, TensorData, Uses, each_graph, raw_tensor, replace_inputs, sort,
};

use super::weight::{Halved, Range};
use super::{KeptEnds, OnnxFloatToFloat16Config};
use crate::error::RewriteError;
use crate::numbers::dtype;
use crate::{redundant, types};

/// Operators that ONNX Runtime's converter leaves with 32 bits.
const BLOCKED: [&str; 27] = [
    "ArrayFeatureExtractor",
    "Binarizer",
    "CastMap",
    "CategoryMapper",
    "DictVectorizer",
    "FeatureVectorizer",
    "Imputer",
    "LabelEncoder",
    "LinearClassifier",
    "LinearRegressor",
    "Normalizer",
    "OneHotEncoder",
    "RandomUniformLike",
    "SVMClassifier",
    "SVMRegressor",
    "Scaler",
    "TreeEnsembleClassifier",
    "TreeEnsembleRegressor",
    "TreeEnsemble",
    "ZipMap",
    "NonMaxSuppression",
    "TopK",
    "RoiAlign",
    "Range",
    "CumSum",
    "Min",
    "Max",
];

/// Operators that say the type of what they make in `dtype`.
const TYPED: [&str; 8] = [
    "EyeLike",
    "Multinomial",
    "RandomNormal",
    "RandomNormalLike",
    "RandomUniform",
    "RandomUniformLike",
    "SequenceEmpty",
    "Bernoulli",
];

/// What becomes 16-bit floats in one model.
pub(super) struct Conversion {
    range: Range,
    kept: KeptEnds,
    data: TensorData,
    blocked_operators: HashSet<String>,
    blocked_nodes: HashSet<String>,
    opset: i64,
    /// Values that are 32-bit floats before.
    floats: HashSet<String>,
}

impl Conversion {
    /// What `config` asks for in `model`, whose nodes are in order.
    #[expect(clippy::cast_possible_truncation, reason = "the limits are numbers of 32 bits")]
    pub(super) fn new(config: &OnnxFloatToFloat16Config, model: &Model) -> Self {
        let mut nodes: Vec<(String, String)> = Vec::new();
        each_graph(&model.graph, &mut |graph| {
            let own = graph.node.iter();
            nodes.extend(own.map(|node| (node.op_type().to_owned(), node.name().to_owned())));
        });
        let listed = |list: &Option<Vec<String>>| -> HashSet<String> {
            list.iter().flatten().cloned().collect()
        };
        let blocked_operators = match (&config.op_include_list, &config.op_block_list) {
            (Some(included), _) => {
                let operators = nodes.iter().map(|(operator, _)| operator);
                operators.filter(|operator| !included.contains(operator)).cloned().collect()
            }
            (None, None) => BLOCKED.into_iter().chain(["Upsample"]).map(str::to_owned).collect(),
            (None, blocked) => listed(blocked),
        };
        let blocked_nodes = match &config.node_include_list {
            Some(included) => {
                let names = nodes.iter().map(|(_, name)| name);
                names.filter(|name| !included.contains(name)).cloned().collect()
            }
            None => listed(&config.node_block_list),
        };
        Self {
            range: Range { min: config.min_positive_val as f32, max: config.max_finite_val as f32 },
            kept: config.keep_io_types.clone(),
            data: model.data().clone(),
            blocked_operators,
            blocked_nodes,
            opset: model.opset("").unwrap_or(11),
            floats: types::of(&model.graph)
                .into_iter()
                .filter_map(|(name, dtype)| (dtype == DataType::Float).then_some(name))
                .collect(),
        }
    }

    /// Rounds what is to be rounded, and adds the casts.
    pub(super) fn convert(&mut self, model: &mut Model) -> Result<(), RewriteError> {
        self.keep_ends(&mut model.graph);
        let halves = self.halved_weights(&model.graph);
        for name in &halves {
            let Some(weight) = model.weight(name).cloned() else { continue };
            let dims = weight.dims.clone();
            let made = Halved { tensor: weight, data: self.data.clone(), range: self.range };
            model.add_made(name, DataType::Float16, &dims, Arc::new(made));
        }
        let weights: HashSet<String> =
            model.graph.initializer.iter().map(|weight| weight.name().to_owned()).collect();
        // A weight that only blocked nodes take keeps its type.
        self.floats.retain(|name| !weights.contains(name) || halves.contains(name));
        self.convert_graph(&mut model.graph, true)?;
        shorten_casts(model)
    }

    /// Puts casts at inputs and outputs that keep their type.
    fn keep_ends(&mut self, graph: &mut GraphProto) {
        let mut casts = Vec::new();
        for (index, input) in graph.input.iter().enumerate() {
            let name = input.name().to_owned();
            if self.kept.keeps(&name) && input.dtype() == Some(DataType::Float) {
                casts.push((name, format!("graph_input_cast_{index}"), false, index));
            }
        }
        for (index, output) in graph.output.iter().enumerate() {
            let name = output.name().to_owned();
            if self.kept.keeps(&name) && output.dtype() == Some(DataType::Float) {
                casts.push((name, format!("graph_output_cast_{index}"), true, index));
            }
        }
        for (name, inside, is_output, index) in casts {
            for node in &mut graph.node {
                replace_inputs(node, &name, &inside);
                for output in node.output.iter_mut().filter(|output| **output == name) {
                    output.clone_from(&inside);
                }
            }
            let node_name = inside.replace(&format!("cast_{index}"), &format!("cast{index}"));
            let (from, to, kind) = if is_output {
                (&inside, &name, DataType::Float)
            } else {
                (&name, &inside, DataType::Float16)
            };
            graph.node.push(cast(node_name, from, to, kind));
            self.floats.remove(&name);
            self.floats.insert(inside);
        }
    }

    /// Weights of the main graph that some node takes with 16 bits.
    fn halved_weights(&self, graph: &GraphProto) -> BTreeSet<String> {
        let weights = graph.initializer.iter().filter(|weight| dtype(weight) == DataType::Float);
        let weights: HashSet<&str> = weights.map(TensorProto::name).collect();
        let mut found = BTreeSet::new();
        each_graph(graph, &mut |graph| {
            for node in graph.node.iter().filter(|node| !self.is_blocked(node)) {
                for (index, name) in node.input.iter().enumerate() {
                    if weights.contains(name.as_str()) && !self.takes_floats(node, index) {
                        found.insert(name.clone());
                    }
                }
            }
        });
        found
    }

    fn convert_graph(&self, graph: &mut GraphProto, is_main: bool) -> Result<(), RewriteError> {
        for value in graph.input.iter_mut().chain(&mut graph.output).chain(&mut graph.value_info) {
            let is_float = self.floats.contains(value.name());
            if let Some(tensor) = value.tensor_mut().filter(|_| is_float)
                && tensor.elem_type() == i32::from(DataType::Float)
            {
                tensor.elem_type = Some(DataType::Float16.into());
            }
        }
        if !is_main {
            for weight in &mut graph.initializer {
                self.halve(weight)?;
            }
        }
        let mut casts: Vec<NodeProto> = Vec::new();
        let mut known = HashSet::new();
        for node in &mut graph.node {
            if !self.is_blocked(node) {
                self.convert_node(node)?;
            }
            self.cast_inputs(node, &mut known, &mut casts);
            if self.is_blocked(node) && !is_end_cast(node) {
                self.cast_outputs(node, &mut casts);
            }
        }
        graph.node.extend(casts);
        Ok(())
    }

    /// Rounds constants of a node and lets it make 16-bit floats.
    fn convert_node(&self, node: &mut NodeProto) -> Result<(), RewriteError> {
        let (float, half) =
            (i64::from(i32::from(DataType::Float)), i64::from(i32::from(DataType::Float16)));
        if is_end_cast(node) {
            return Ok(());
        }
        if node.is("Cast") && node.int("to") == Some(float) {
            node.set("to", half);
        }
        if TYPED.contains(&node.op_type()) {
            let is_float = node.int("dtype").map(|kind| kind == float);
            let is_default =
                matches!(node.op_type(), "RandomNormal" | "RandomUniform" | "SequenceEmpty");
            if is_float.unwrap_or(is_default) {
                node.set("dtype", half);
            }
        }
        if node.is("ConstantOfShape") && node.attribute_named("value").is_none() {
            node.set("value", raw_tensor("value", DataType::Float16, &[1], vec![0; 2]));
        }
        if always_floats(node, self.opset).is_empty() {
            node.attribute
                .iter_mut()
                .try_for_each(|attribute| self.convert_attribute(attribute))?;
        }
        Ok(())
    }

    fn convert_attribute(&self, attribute: &mut AttributeProto) -> Result<(), RewriteError> {
        for tensor in attribute.t.iter_mut().chain(&mut attribute.tensors) {
            self.halve(tensor)?;
        }
        for graph in attribute.g.iter_mut().chain(&mut attribute.graphs) {
            self.convert_graph(graph, false)?;
        }
        Ok(())
    }

    fn halve(&self, tensor: &mut TensorProto) -> Result<(), RewriteError> {
        if dtype(tensor) == DataType::Float {
            *tensor = self.range.tensor(tensor, &self.data.bytes(tensor)?);
        }
        Ok(())
    }

    /// Casts what a node takes with 32 bits; who takes the same value shares the cast.
    fn cast_inputs(
        &self,
        node: &mut NodeProto,
        known: &mut HashSet<String>,
        casts: &mut Vec<NodeProto>,
    ) {
        let is_blocked = self.is_blocked(node) && !is_end_cast(node);
        for index in 0..node.input.len() {
            let name = node.input[index].clone();
            let is_taken = is_blocked || self.takes_floats(node, index);
            if !is_taken || !self.floats.contains(&name) {
                continue;
            }
            let wide = format!("{name}_cast_to_fp32");
            if known.insert(name.clone()) {
                casts.push(cast(format!("{wide}_node"), &name, &wide, DataType::Float));
            }
            node.input[index] = wide;
        }
    }

    fn cast_outputs(&self, node: &mut NodeProto, casts: &mut Vec<NodeProto>) {
        for output in node.output.iter_mut().filter(|name| self.floats.contains(*name)) {
            let wide = format!("{output}_cast_to_fp16");
            casts.push(cast(format!("{wide}_node"), &wide, output, DataType::Float16));
            *output = wide;
        }
    }

    fn is_blocked(&self, node: &NodeProto) -> bool {
        self.blocked_operators.contains(node.op_type()) || self.blocked_nodes.contains(node.name())
    }

    /// Whether the input `index` of `node` is one of 32 bits whatever the others are.
    fn takes_floats(&self, node: &NodeProto, index: usize) -> bool {
        always_floats(node, self.opset).contains(&index)
    }
}

/// Lets casts of casts between 16 and 32 bits take what the first takes, and drops those that
/// change nothing.
fn shorten_casts(model: &mut Model) -> Result<(), RewriteError> {
    let sorted = sort(&mut model.graph);
    sorted.map_err(|node| RewriteError::Broken(GraphProblem::Cycle { node }))?;
    let uses = Uses::of(&model.graph);
    let is_cast = |node: &NodeProto| {
        let kinds =
            [DataType::Float, DataType::Float16].map(|kind| Some(i64::from(i32::from(kind))));
        node.is("Cast") && kinds.contains(&node.int("to"))
    };
    for index in 0..model.graph.node.len() {
        let node = &model.graph.node[index];
        let before = uses.producer(node.input_at(0)).map(|before| &model.graph.node[before]);
        let Some(before) = before.filter(|before| is_cast(node) && is_cast(before)) else {
            continue;
        };
        let source = before.input_at(0).to_owned();
        model.graph.node[index].input[0] = source;
    }
    let types = types::of(&model.graph);
    redundant::drop_casts(model, &types);
    Ok(())
}

/// Inputs that an operator takes with 32 bits only.
fn always_floats(node: &NodeProto, opset: i64) -> &'static [usize] {
    match node.op_type() {
        "Resize" if opset <= 10 => &[1],
        "Resize" => &[2],
        "GroupNorm" | "SkipGroupNorm" => &[1, 2],
        _ => &[],
    }
}

/// Whether a node is one of the casts at inputs and outputs.
fn is_end_cast(node: &NodeProto) -> bool {
    let name = node.name();
    node.is("Cast")
        && (name.starts_with("graph_input_cast") || name.starts_with("graph_output_cast"))
}

fn cast(name: String, from: &str, to: &str, dtype: DataType) -> NodeProto {
    let node = Node::new("Cast", name).inputs([from]).outputs([to]);
    node.attribute("to", i64::from(i32::from(dtype))).into_proto()
}
