//! One matrix for the embedding and for the logits, when both are the same numbers.

use olive_kit_onnx::proto::NodeProto;
use olive_kit_onnx::{Model, Node, Patch, Uses, drop_unused_weights};

use crate::error::RewriteError;
use crate::numbers::{dtype, integer_weight};
use crate::shapes::Shapes;
use crate::surgeons::renamed;

/// Ties a float `Gather` with a `MatMul`, or a `GatherBlockQuantized` with a `MatMulNBits`.
pub(super) fn operate(model: &mut Model) -> Result<(), RewriteError> {
    let uses = Uses::of(&model.graph);
    let inputs = ["input_ids", "input_embeds", "inputs_embeds"];
    let is_input = |name: &&str| model.graph.input.iter().any(|input| input.name() == *name);
    let Some(input) = inputs.into_iter().find(is_input) else { return Ok(()) };
    let embedding = uses.consumers(input).iter().copied().find(|&index| {
        let node = &model.graph.node[index];
        let is_lookup = matches!(node.op_type(), "Gather" | "GatherBlockQuantized");
        is_lookup && model.weight(node.input_at(0)).is_some()
    });
    let head = uses.producer("logits").filter(|&index| {
        let node = &model.graph.node[index];
        let is_product = matches!(node.op_type(), "MatMul" | "MatMulNBits");
        is_product && model.weight(node.input_at(1)).is_some()
    });
    let (Some(embedding), Some(head)) = (embedding, head) else { return Ok(()) };
    if !uses.is_output("logits") {
        return Ok(());
    }
    let kinds = [embedding, head].map(|index| model.graph.node[index].op_type().to_owned());
    match [kinds[0].as_str(), kinds[1].as_str()] {
        ["Gather", "MatMul"] => tie_floats(model, embedding, head)?,
        ["GatherBlockQuantized", "MatMulNBits"] => tie_quantized(model, embedding, head)?,
        _ => return Ok(()),
    }
    drop_unused_weights(&mut model.graph);
    Ok(())
}

/// Writes the product as a `Gemm` with the embedding, transposed, between two reshapes.
fn tie_floats(model: &mut Model, embedding: usize, head: usize) -> Result<(), RewriteError> {
    let table = model.graph.node[embedding].input_at(0).to_owned();
    let product = model.graph.node[head].clone();
    let Some(shape) = Shapes::of(&model.graph).fixed(&table) else { return Ok(()) };
    let &[vocabulary, width] = shape.as_slice() else { return Ok(()) };
    if !is_transposed(model, &table, product.input_at(1))? {
        return Ok(());
    }
    let name = |operator: &str| renamed(product.name(), "MatMul", operator);
    let hidden = product.input_at(0);
    let output = |name: String| format!("{name}_output");
    let (before, gemm, shape) = (name("Reshape_pre"), name("Gemm"), name("Shape"));
    let (slice, concat, after) = (name("Slice"), name("Concat"), name("Reshape_post"));
    let bounds = ["start", "ends", "axes", "steps"].map(|bound| format!("{slice}_{bound}"));
    let weights = &mut model.graph.initializer;
    weights.push(integer_weight(&format!("{before}_shape"), &[-1, width]));
    for (bound, value) in bounds.iter().zip([0, -1, 0, 1]) {
        weights.push(integer_weight(bound, &[value]));
    }
    weights.push(integer_weight(&format!("{concat}_out_feat"), &[vocabulary]));
    let node = |operator: &str, name: &str, inputs: Vec<String>| {
        Node::new(operator, name).inputs(inputs).outputs([output(name.to_owned())])
    };
    let mut sliced = vec![output(shape.clone())];
    sliced.extend(bounds);
    let product_node = node("Gemm", &gemm, vec![output(before.clone()), table]);
    let product_node = product_node.attribute("alpha", 1.0).attribute("beta", 1.0);
    let last = Node::new("Reshape", after);
    let nodes = [
        node("Reshape", &before, vec![hidden.to_owned(), format!("{before}_shape")]),
        product_node.attribute("transA", 0).attribute("transB", 1),
        node("Shape", &shape, vec![hidden.to_owned()]),
        node("Slice", &slice, sliced),
        node("Concat", &concat, vec![output(slice.clone()), format!("{concat}_out_feat")])
            .attribute("axis", 0),
        last.inputs([output(gemm), output(concat)]).outputs([product.output_at(0)]),
    ];
    let mut patch = Patch::default();
    patch.remove(head);
    for node in nodes {
        patch.add(head, node.into_proto());
    }
    patch.apply(&mut model.graph);
    Ok(())
}

/// Whether the weight `other` is the matrix `table`, transposed, byte for byte.
fn is_transposed(model: &Model, table: &str, other: &str) -> Result<bool, RewriteError> {
    let (Some(table), Some(other)) = (model.weight(table), model.weight(other)) else {
        return Ok(false);
    };
    let turned: Vec<i64> = table.dims.iter().rev().copied().collect();
    if table.dims.len() != 2 || turned != other.dims || dtype(table) != dtype(other) {
        return Ok(false);
    }
    let (table_bytes, other_bytes) = (model.bytes(table)?, model.bytes(other)?);
    let side = |dim: i64| usize::try_from(dim).unwrap_or(0);
    let (rows, columns) = (side(table.dims[0]), side(table.dims[1]));
    if rows == 0 || columns == 0 {
        return Ok(false);
    }
    let size = table_bytes.len() / rows / columns;
    Ok(table_bytes.chunks_exact(columns * size).enumerate().all(|(row, cells)| {
        cells.chunks_exact(size).enumerate().all(|(column, cell)| {
            let start = (column * rows + row) * size;
            other_bytes.get(start..start + size) == Some(cell)
        })
    }))
}

/// Lets the product take the embedding's codes through a reshape, and its scales and zero points.
fn tie_quantized(model: &mut Model, embedding: usize, head: usize) -> Result<(), RewriteError> {
    let given = |node: &NodeProto| -> Vec<String> { node.input.clone() };
    let table = given(&model.graph.node[embedding]);
    let product = given(&model.graph.node[head]);
    if table.len() != product.len() || table.len() < 3 {
        return Ok(());
    }
    let table: Vec<String> = [&table[..1], &table[2..]].concat();
    for (first, second) in table.iter().zip(&product[1..]) {
        if !is_equal(model, first, second)? {
            return Ok(());
        }
    }
    let (codes, own) = (&table[0], &product[1]);
    let Some(weight) = model.weight(own) else { return Ok(()) };
    let dims = weight.dims.clone();
    let name = renamed(model.graph.node[head].name(), "MatMulNBits", "Reshape_tied");
    let (shape, output) = (format!("{name}_shape"), format!("{name}_output"));
    model.graph.initializer.push(integer_weight(&shape, &dims));
    let inputs = &mut model.graph.node[head].input;
    inputs[1].clone_from(&output);
    inputs[2..].clone_from_slice(&table[1..]);
    let mut patch = Patch::default();
    let reshape = Node::new("Reshape", name).inputs([codes, &shape]).outputs([output]);
    patch.add(head, reshape.into_proto());
    patch.apply(&mut model.graph);
    Ok(())
}

/// Whether two weights are the same bytes; their shapes may differ.
fn is_equal(model: &Model, first: &str, second: &str) -> Result<bool, RewriteError> {
    if first == second {
        return Ok(true);
    }
    let (Some(first), Some(second)) = (model.weight(first), model.weight(second)) else {
        return Ok(false);
    };
    let [one, other] = [first, second].map(dtype);
    Ok(one == other && model.bytes(first)? == model.bytes(second)?)
}
