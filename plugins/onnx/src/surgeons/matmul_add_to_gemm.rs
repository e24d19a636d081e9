//! `MatMul` and `Add` as `Gemm`, which takes matrices only: values of higher rank are reshaped.

use std::collections::HashMap;

use olive_kit_onnx::proto::tensor_proto::DataType;
use olive_kit_onnx::proto::{NodeProto, ValueInfoProto};
use olive_kit_onnx::{Dim, Model, Node, Patch, Uses, replace_inputs, value_info};

use crate::numbers::integer_weight;
use crate::shapes::Shapes;
use crate::surgeons::renamed;

/// Rewrites each product with a matrix whose one use is a sum with a vector.
///
/// Shapes are those that the graph says; a first input that is no matrix must have a known one. A
/// `Relu` behind the sum stays before the reshape back.
pub(super) fn operate(model: &mut Model) {
    let (uses, shapes) = (Uses::of(&model.graph), Shapes::of(&model.graph));
    let mut places: Vec<Place> = (0..model.graph.node.len())
        .filter_map(|index| Place::find(&model.graph.node, index, &uses, &shapes))
        .collect();
    let results: HashMap<String, String> =
        places.iter().map(|place| (place.last().to_owned(), place.result())).collect();
    for input in places.iter_mut().flat_map(|place| &mut place.inputs) {
        if let Some(result) = results.get(input) {
            input.clone_from(result);
        }
    }
    let mut patch = Patch::default();
    for place in &places {
        let nodes = place.nodes();
        patch.remove(place.product);
        patch.remove(place.sum);
        for node in nodes {
            patch.add(place.sum, node);
        }
        if let Some(shape) = &place.shape {
            let weights = &mut model.graph.initializer;
            weights.push(integer_weight(&format!("{}_shape", place.before()), &flat(&shape.input)));
            weights.push(integer_weight(&format!("{}_shape", place.after()), &shape.output));
        }
        place.redirect(&mut model.graph.node, &uses);
        model.graph.value_info.extend(place.value_infos());
        model.graph.value_info.retain(|info| info.name() != place.product_output);
    }
    patch.apply(&mut model.graph);
}

/// A product and a sum that become one node.
struct Place {
    product: usize,
    sum: usize,
    relu: Option<usize>,
    name: String,
    inputs: [String; 3],
    product_output: String,
    sum_output: String,
    relu_output: Option<String>,
    dtype: DataType,
    matrix_output: Vec<Option<i64>>,
    /// Shapes to reshape from and to, when the first input is no matrix.
    shape: Option<Shape>,
}

struct Shape {
    input: Vec<i64>,
    output: Vec<i64>,
}

impl Place {
    fn find(nodes: &[NodeProto], product: usize, uses: &Uses, shapes: &Shapes) -> Option<Self> {
        let node = nodes.get(product).filter(|node| node.is("MatMul"))?;
        let product_output = node.output_at(0);
        let sum = uses.only_consumer(product_output)?;
        let add = nodes.get(sum).filter(|node| node.is("Add"))?;
        let sum_output = add.output_at(0);
        let bias = add.input.iter().find(|name| *name != product_output)?;
        let is_fit = !uses.is_output(sum_output)
            && shapes.rank(node.input_at(1)) == Some(2)
            && shapes.rank(bias) == Some(1);
        let output = shapes.dims(product_output).filter(|_| is_fit)?;
        let is_matrix = shapes.rank(node.input_at(0))? == 2;
        let shape = if is_matrix {
            None
        } else {
            Some(Shape {
                input: shapes.fixed(node.input_at(0))?,
                output: shapes.fixed(product_output)?,
            })
        };
        let relu = uses.only_consumer(sum_output).filter(|&next| nodes[next].is("Relu"));
        let relu =
            relu.filter(|&next| shape.is_some() && !uses.is_output(nodes[next].output_at(0)));
        let matrix_output = match &shape {
            Some(shape) => flat(&shape.output).into_iter().map(Some).collect(),
            None => output.to_vec(),
        };
        Some(Self {
            product,
            sum,
            relu,
            name: renamed(node.name(), "MatMul", "Gemm"),
            inputs: [node.input_at(0).to_owned(), node.input_at(1).to_owned(), bias.clone()],
            product_output: product_output.to_owned(),
            sum_output: sum_output.to_owned(),
            relu_output: relu.map(|next| nodes[next].output_at(0).to_owned()),
            dtype: shapes.dtype(product_output)?,
            matrix_output,
            shape,
        })
    }

    fn nodes(&self) -> Vec<NodeProto> {
        let [input, matrix, bias] = &self.inputs;
        let reshape = |name: String, from: &str| {
            let (shape, output) = (format!("{name}_shape"), format!("{name}_output"));
            Node::new("Reshape", name).inputs([from, &shape]).outputs([output]).into_proto()
        };
        let mut nodes = Vec::new();
        let mut first = input.clone();
        if self.shape.is_some() {
            nodes.push(reshape(self.before(), input));
            first = format!("{}_output", self.before());
        }
        let gemm = Node::new("Gemm", self.name.clone());
        let gemm = gemm.inputs([first.as_str(), matrix, bias]).outputs([self.gemm_output()]);
        let gemm = gemm.attribute("alpha", 1.0).attribute("beta", 1.0);
        nodes.push(gemm.attribute("transA", 0).attribute("transB", 0).into_proto());
        if self.shape.is_some() {
            let from = self.relu_output.clone().unwrap_or_else(|| self.gemm_output());
            nodes.push(reshape(self.after(), &from));
        }
        nodes
    }

    /// Lets who took the sum, or its `Relu`, take the result of the new nodes.
    fn redirect(&self, nodes: &mut [NodeProto], uses: &Uses) {
        let (last, result) = (self.last(), self.result());
        for &consumer in uses.consumers(last) {
            replace_inputs(&mut nodes[consumer], last, &result);
        }
        if let Some(relu) = self.relu {
            replace_inputs(&mut nodes[relu], &self.sum_output, &self.gemm_output());
        }
    }

    fn value_infos(&self) -> Vec<ValueInfoProto> {
        let info = |name: &str, dims: &[i64]| {
            let dims: Vec<Dim> = dims.iter().map(|&size| size.into()).collect();
            value_info(name, self.dtype, Some(&dims))
        };
        let matrix: Option<Vec<i64>> = self.matrix_output.iter().copied().collect();
        let mut infos: Vec<_> = matrix.iter().map(|dims| info(&self.gemm_output(), dims)).collect();
        if let Some(shape) = &self.shape {
            infos.push(info(&format!("{}_output", self.before()), &flat(&shape.input)));
            infos.push(info(&format!("{}_output", self.after()), &shape.output));
        }
        infos
    }

    /// The value that is replaced.
    fn last(&self) -> &str {
        self.relu_output.as_ref().unwrap_or(&self.sum_output)
    }

    /// The value that takes its place.
    fn result(&self) -> String {
        match &self.shape {
            Some(_) => format!("{}_output", self.after()),
            None => self.gemm_output(),
        }
    }

    fn gemm_output(&self) -> String {
        format!("{}_output", self.name)
    }

    fn before(&self) -> String {
        renamed(&self.name, "Gemm", "Reshape_pre")
    }

    fn after(&self) -> String {
        renamed(&self.name, "Gemm", "Reshape_post")
    }
}

/// The shape of a matrix of the same rows.
fn flat(dims: &[i64]) -> Vec<i64> {
    let (last, rest) = dims.split_last().map_or((1, dims), |(last, rest)| (*last, rest));
    vec![rest.iter().product(), last]
}
