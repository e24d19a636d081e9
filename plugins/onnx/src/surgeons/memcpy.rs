//! Copies between devices that an optimizer left in the graph; ONNX Runtime adds what it needs.

use olive_kit_onnx::proto::{GraphProto, NodeProto};
use olive_kit_onnx::{Model, each_graph_mut, rename_value, replace_uses, sort};

/// Takes out `MemcpyToHost` and `MemcpyFromHost`, in graphs inside nodes too.
pub(super) fn operate(model: &mut Model) {
    each_graph_mut(&mut model.graph, &mut |graph| {
        while let Some(index) = graph.node.iter().position(is_copy) {
            let copy = graph.node.remove(index);
            bypass(graph, copy.input_at(0), copy.output_at(0));
        }
        // A circle shows when the whole model is sorted.
        let _order = sort(graph);
    });
}

fn is_copy(node: &NodeProto) -> bool {
    let is_named = matches!(node.op_type(), "MemcpyToHost" | "MemcpyFromHost");
    is_named && node.input.len() == 1 && node.output.len() == 1
}

/// Lets who took the copy take the original; an output of the graph keeps its name.
fn bypass(graph: &mut GraphProto, original: &str, copy: &str) {
    let is_output = graph.output.iter().any(|output| output.name() == copy);
    let is_made = graph.node.iter().any(|node| node.output.iter().any(|name| name == original));
    let is_free = !graph.output.iter().any(|output| output.name() == original);
    if is_output && is_made && is_free {
        rename_value(graph, original, copy);
    } else if is_output {
        let node = olive_kit_onnx::Node::new("Identity", format!("{copy}_identity"));
        graph.node.push(node.inputs([original]).outputs([copy]).into_proto());
    } else {
        replace_uses(graph, copy, original);
    }
}
