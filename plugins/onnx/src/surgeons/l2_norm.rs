//! Norms by root mean square as norms by length: `x / rms(x) · w = x / |x| · √n w`.

use olive_kit_onnx::proto::NodeProto;
use olive_kit_onnx::{Model, Node, Patch, Uses, raw_tensor, replace_uses};

use crate::error::RewriteError;
use crate::numbers::{dtype, float_bytes, floats};
use crate::surgeons::renamed;

/// Writes `SimplifiedLayerNormalization`, and the one with a sum before, as `LpNormalization` and
/// `Mul`, with weights `√n` times as large.
///
/// The epsilon below the root is lost, as in Olive. Weights that are all 1 become a single number.
pub(super) fn operate(model: &mut Model) -> Result<(), RewriteError> {
    let mut patch = Patch::default();
    let mut scaled: Vec<String> = Vec::new();
    let mut sums = Vec::new();
    for (index, node) in model.graph.node.iter().enumerate() {
        let (is_skip, inputs) = match node.op_type() {
            "SimplifiedLayerNormalization" => (false, 2),
            "SkipSimplifiedLayerNormalization" => (true, 3),
            _ => continue,
        };
        let given = |names: &[String]| names.iter().filter(|name| !name.is_empty()).count();
        let weight = node.input_at(inputs - 1);
        let is_known = model.weight(weight).is_some_and(|weight| is_float(model, weight));
        if given(&node.input) != inputs || given(&node.output) > inputs - 1 || !is_known {
            continue;
        }
        let operator = node.op_type();
        let mut input = node.input_at(0).to_owned();
        if is_skip {
            let name = renamed(node.name(), operator, "Add");
            input = format!("{name}_output_0");
            let sum = Node::new("Add", name).inputs([node.input_at(0), node.input_at(1)]);
            patch.add(index, sum.outputs([input.as_str()]).into_proto());
            sums.push((node.output.get(3).cloned().unwrap_or_default(), input.clone()));
        }
        patch.remove(index);
        for node in norm(node, &input, weight) {
            patch.add(index, node);
        }
        if !scaled.iter().any(|name| name == weight) {
            scaled.push(weight.to_owned());
        }
    }
    patch.apply(&mut model.graph);
    for (old, new) in sums.iter().filter(|(old, _)| !old.is_empty()) {
        let is_output = Uses::of(&model.graph).is_output(old);
        if is_output {
            let node = Node::new("Identity", format!("{new}_identity"));
            model.graph.node.push(node.inputs([new]).outputs([old]).into_proto());
        } else {
            replace_uses(&mut model.graph, old, new);
        }
    }
    scaled.iter().try_for_each(|name| scale(model, name))
}

fn is_float(model: &Model, weight: &olive_kit_onnx::proto::TensorProto) -> bool {
    model.maker(weight.name()).is_none() && floats(&[], dtype(weight)).is_some()
}

fn norm(node: &NodeProto, input: &str, weight: &str) -> [NodeProto; 2] {
    let name = renamed(node.name(), node.op_type(), "L2Norm");
    let length = format!("{name}_output_0");
    let norm = Node::new("LpNormalization", name).inputs([input]).outputs([length.as_str()]);
    let norm = norm.attribute("axis", -1).attribute("p", 2);
    let product = Node::new("Mul", renamed(node.name(), node.op_type(), "Mul"));
    let product = product.inputs([length.as_str(), weight]).outputs([node.output_at(0)]);
    [norm.into_proto(), product.into_proto()]
}

/// Multiplies the weight `name` by the root of its length, in its own type.
fn scale(model: &mut Model, name: &str) -> Result<(), RewriteError> {
    let Some(index) = model.graph.initializer.iter().position(|weight| weight.name() == name)
    else {
        return Ok(());
    };
    let weight = &model.graph.initializer[index];
    let (kind, mut dims) = (dtype(weight), weight.dims.clone());
    let mut values = floats(&model.bytes(weight)?, kind).unwrap_or_default();
    let root = (dims.last().copied().unwrap_or(1) as f64).sqrt();
    // The root is rounded to the type before the product is.
    let root = float_bytes(&[root], kind).and_then(|bytes| floats(&bytes, kind));
    let root = root.and_then(|root| root.first().copied()).unwrap_or(1.0);
    if values.iter().all(|value| value.to_bits() == 1.0_f64.to_bits()) {
        (values, dims) = (vec![1.0], vec![1]);
    }
    for value in &mut values {
        *value *= root;
    }
    let bytes = float_bytes(&values, kind).unwrap_or_default();
    model.graph.initializer[index] = raw_tensor(name, kind, &dims, bytes);
    model.graph.value_info.retain(|value| value.name() != name);
    Ok(())
}
