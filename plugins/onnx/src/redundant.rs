//! Nodes whose output is there without them.

use std::collections::HashMap;

use olive_kit_onnx::proto::NodeProto;
use olive_kit_onnx::proto::tensor_proto::DataType;
use olive_kit_onnx::{Model, Uses, drop_dead_nodes, replace_uses, subgraphs};

use crate::types;

/// Operators whose results differ from one node to the next.
const RANDOM: [&str; 8] = [
    "RandomNormal",
    "RandomNormalLike",
    "RandomUniform",
    "RandomUniformLike",
    "Multinomial",
    "Bernoulli",
    "Dropout",
    "Optional",
];

/// Drops `Identity`; then nodes that nothing takes.
pub(crate) fn drop_identities(model: &mut Model) {
    let copies = model.graph.node.iter().filter(|node| node.is("Identity"));
    let pairs = copies.map(|node| (node.output_at(0).to_owned(), node.input_at(0).to_owned()));
    let pairs = pairs.collect();
    replace(model, pairs);
}

/// Drops `Identity`, and `Cast` to the type that is there; then nodes that nothing takes.
pub(crate) fn drop_copies(model: &mut Model) {
    drop_identities(model);
    let types = types::of(&model.graph);
    drop_casts(model, &types);
}

/// Drops casts to the type that their input has by `types`; then nodes that nothing takes.
pub(crate) fn drop_casts(model: &mut Model, types: &HashMap<String, DataType>) {
    let is_same = |node: &&NodeProto| {
        let has = types.get(node.input_at(0)).map(|&dtype| i64::from(i32::from(dtype)));
        node.is("Cast") && has.is_some() && node.int("to") == has
    };
    let casts = model.graph.node.iter().filter(is_same);
    let pairs = casts.map(|node| (node.output_at(0).to_owned(), node.input_at(0).to_owned()));
    let pairs = pairs.collect();
    replace(model, pairs);
    drop_dead_nodes(&mut model.graph);
}

/// Drops nodes that compute what an earlier one does.
pub(crate) fn drop_repeats(model: &mut Model) {
    loop {
        let mut first: HashMap<Vec<u8>, Vec<String>> = HashMap::new();
        let mut pairs = Vec::new();
        for node in &model.graph.node {
            if RANDOM.contains(&node.op_type()) || subgraphs(node).next().is_some() {
                continue;
            }
            match first.get(&what(node)) {
                Some(outputs) => pairs.extend(node.output.iter().cloned().zip(outputs.clone())),
                None => {
                    first.insert(what(node), node.output.clone());
                }
            }
        }
        let before = model.graph.node.len();
        replace(model, pairs);
        if model.graph.node.len() == before {
            break;
        }
    }
}

/// Drops transposes that change nothing, and pairs that undo each other.
pub(crate) fn drop_transposes(model: &mut Model) {
    let uses = Uses::of(&model.graph);
    let mut pairs = Vec::new();
    for node in model.graph.node.iter().filter(|node| node.is("Transpose")) {
        let order = node.ints("perm");
        let output = node.output_at(0).to_owned();
        if !order.is_empty() && is_same(order) {
            pairs.push((output, node.input_at(0).to_owned()));
            continue;
        }
        let before = uses.producer(node.input_at(0)).map(|index| &model.graph.node[index]);
        let before = before.filter(|before| before.is("Transpose"));
        if let Some(before) = before
            && undoes(order, before.ints("perm"))
        {
            pairs.push((output, before.input_at(0).to_owned()));
        }
    }
    replace(model, pairs);
}

/// Whether every axis stays where it is.
fn is_same(order: &[i64]) -> bool {
    (0_i64..).zip(order).all(|(index, &axis)| index == axis)
}

/// Whether a transpose by `second` after one by `first` changes nothing.
fn undoes(second: &[i64], first: &[i64]) -> bool {
    let back = second.iter().map(|&axis| first.get(usize::try_from(axis).ok()?).copied());
    let back: Option<Vec<i64>> = back.collect();
    // Without an order, axes are reversed; twice is nothing.
    second.len() == first.len() && back.is_some_and(|back| is_same(&back))
}

/// Lets who takes the first of a pair take the second; an output of the graph keeps its node.
pub(crate) fn replace(model: &mut Model, pairs: Vec<(String, String)>) {
    if pairs.is_empty() {
        return;
    }
    let uses = Uses::of(&model.graph);
    let known: HashMap<String, String> = pairs.iter().cloned().collect();
    for (old, new) in pairs {
        let mut source = &new;
        // A copy of a copy is a copy of the first.
        while let Some(next) = known.get(source).filter(|_| !uses.is_output(source)) {
            source = next;
        }
        if !old.is_empty() && !uses.is_output(&old) {
            replace_uses(&mut model.graph, &old, source);
        }
    }
    drop_dead_nodes(&mut model.graph);
}

/// What a node computes: all but its name and the names of its outputs.
fn what(node: &NodeProto) -> Vec<u8> {
    let outputs = node.output.iter().map(|name| if name.is_empty() { "" } else { "_" }.to_owned());
    let mut attributes = node.attribute.clone();
    attributes.sort_by(|one, other| one.name().cmp(other.name()));
    let bare = NodeProto {
        output: outputs.collect(),
        name: None,
        doc_string: None,
        metadata_props: Vec::new(),
        attribute: attributes,
        ..node.clone()
    };
    olive_kit_onnx::encoded(&bare)
}
