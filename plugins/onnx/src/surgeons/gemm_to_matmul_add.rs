//! `Gemm` as `MatMul` and `Add`, so that quantizers find the matrix.

use std::collections::HashSet;
use std::sync::Arc;

use olive_kit_onnx::proto::{NodeProto, TensorProto};
use olive_kit_onnx::{Model, Node, Patch, size_bytes};

use crate::numbers::dtype;
use crate::packed::Turned;

/// Bits of the number 1.
const ONE: u32 = 1.0_f32.to_bits();

/// Rewrites each `Gemm` that neither scales nor transposes its first input.
///
/// A transposed constant matrix is written transposed, another gets a `Transpose` node.
pub(super) fn operate(model: &mut Model) {
    let mut patch = Patch::default();
    let mut transposed = Vec::new();
    let mut names: HashSet<String> =
        model.graph.initializer.iter().map(|weight| weight.name().to_owned()).collect();
    for (index, node) in model.graph.node.iter().enumerate() {
        let is_one = |name| node.float(name).is_none_or(|factor| factor.to_bits() == ONE);
        let is_plain = is_one("alpha") && is_one("beta") && node.int("transA").unwrap_or(0) == 0;
        if !node.is("Gemm") || !is_plain {
            continue;
        }
        let base = if node.name().is_empty() { node.output_at(0) } else { node.name() };
        let is_transposed = node.int("transB").unwrap_or(0) != 0;
        let weight = node.input_at(1);
        let known = model.weight(weight).filter(|weight| can_transpose(model, weight));
        let matrix = match (is_transposed, known) {
            (false, _) => weight.to_owned(),
            (true, Some(tensor)) => {
                let name = free_name(&format!("{weight}_transposed"), &mut names);
                transposed.push((name.clone(), tensor.clone()));
                name
            }
            (true, None) => {
                let output = format!("{base}_transpose_B");
                let flip = Node::new("Transpose", format!("{base}_Transpose"));
                let flip = flip.inputs([weight]).outputs([output.as_str()]);
                patch.add(index, flip.attribute("perm", vec![1, 0]).into_proto());
                output
            }
        };
        patch.remove(index);
        for node in product_and_sum(node, base, &matrix) {
            patch.add(index, node);
        }
    }
    patch.apply(&mut model.graph);
    for (name, tensor) in transposed {
        let dims = [tensor.dims[1], tensor.dims[0]];
        let rows = usize::try_from(tensor.dims[0]).unwrap_or(0);
        let (kind, data) = (dtype(&tensor), model.data().clone());
        let turned = Turned { tensor, data, rows, by_columns: true };
        model.add_made(&name, kind, &dims, Arc::new(turned));
    }
    olive_kit_onnx::drop_unused_weights(&mut model.graph);
}

fn can_transpose(model: &Model, weight: &TensorProto) -> bool {
    let is_there = model.maker(weight.name()).is_none();
    is_there && weight.dims.len() == 2 && size_bytes(dtype(weight)).is_some()
}

fn product_and_sum(gemm: &NodeProto, base: &str, matrix: &str) -> Vec<NodeProto> {
    let (bias, output) = (gemm.input_at(2), gemm.output_at(0));
    let product = |output: &str| {
        let node = Node::new("MatMul", format!("{base}_MatMul"));
        node.inputs([gemm.input_at(0), matrix]).outputs([output]).into_proto()
    };
    if bias.is_empty() {
        return vec![product(output)];
    }
    let between = format!("{base}_matmul_out");
    let sum = Node::new("Add", format!("{base}_Add"));
    vec![product(&between), sum.inputs([&between, bias]).outputs([output]).into_proto()]
}

fn free_name(wanted: &str, names: &mut HashSet<String>) -> String {
    let numbered = (1..).map(|number| format!("{wanted}_{number}"));
    let mut free = std::iter::once(wanted.to_owned()).chain(numbered);
    free.find(|name| names.insert(name.clone())).unwrap_or_default()
}
