//! Comparison of a folder with one of ONNX Runtime GenAI's own builder.

use std::fs;
use std::path::Path;

use olive_kit_onnx::proto::tensor_proto::DataType;
use olive_kit_onnx::proto::{GraphProto, ModelProto, TensorProto};
use olive_kit_onnx::{read_model, tensor_bytes};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// Largest difference of a table's entry: ours are rounded once from 64-bit sine and cosine, torch's
/// are computed in 32 bits and may be a last bit off.
const LAST_BIT: f32 = 1.2e-7;

/// Compares the graph in a folder with that of a folder of the original, node for node, and the
/// weights byte for byte, or digest for digest where the original's folder is reduced to these.
pub(crate) fn check_graphs(found_dir: &Path, expected_dir: &Path) {
    let models = [found_dir, expected_dir].map(|dir| read_model(&dir.join("model.onnx")).unwrap());
    check_models(models, found_dir, expected_dir);
}

/// The same for graphs whose nodes may stand in another order.
pub(crate) fn check_graphs_in_any_order(found_dir: &Path, expected_dir: &Path) {
    let models = [found_dir, expected_dir].map(|dir| {
        let mut model = read_model(&dir.join("model.onnx")).unwrap();
        let graph = graph(&mut model);
        graph.node.sort_by(|a, b| a.name().cmp(b.name()));
        graph.value_info.sort_by(|a, b| a.name().cmp(b.name()));
        model
    });
    check_models(models, found_dir, expected_dir);
}

fn check_models([mut found, mut expected]: [ModelProto; 2], found_dir: &Path, expected_dir: &Path) {
    assert_eq!(
        (found.ir_version, &found.opset_import),
        (expected.ir_version, &expected.opset_import)
    );
    let (found, expected) = (graph(&mut found), graph(&mut expected));
    check_tables(&branch_tables(found), &branch_tables(expected));
    sort_attributes(found);
    sort_attributes(expected);
    for (found, expected) in found.node.iter().zip(&expected.node) {
        assert_eq!(found, expected);
    }
    assert_eq!(found.node.len(), expected.node.len());
    assert_eq!((&found.input, &found.output), (&expected.input, &expected.output));
    assert_eq!(found.value_info, expected.value_info);
    assert_eq!(found.name, expected.name);
    // Names, types, shapes and places in the file, in order.
    assert_eq!(found.initializer, expected.initializer);
    let digests = expected_dir.join("weights.sha256");
    if digests.is_file() {
        return check_digests(&found.initializer, found_dir, &fs::read_to_string(digests).unwrap());
    }
    for tensor in &found.initializer {
        let [found, expected] =
            [found_dir, expected_dir].map(|dir| tensor_bytes(tensor, dir).unwrap());
        match tensor.name() {
            "cos_cache" | "sin_cache" => check_tables(&[floats(&found)], &[floats(&expected)]),
            name => assert!(found == expected, "values of `{name}`"),
        }
    }
}

/// Tables of 32-bit float are left to the folders that are not reduced: see [`LAST_BIT`].
fn check_digests(initializers: &[TensorProto], dir: &Path, expected: &str) {
    let digest = |tensor: &TensorProto| {
        let bytes = tensor_bytes(tensor, dir).unwrap();
        format!("{:x}  {}", Sha256::digest(bytes), tensor.name())
    };
    let is_table = |tensor: &TensorProto| tensor.name().ends_with("_cache");
    let is_float = |tensor: &TensorProto| tensor.data_type() == i32::from(DataType::Float);
    for (tensor, expected) in initializers.iter().zip(expected.lines()) {
        if !(is_table(tensor) && is_float(tensor)) {
            assert_eq!(digest(tensor), expected);
        }
    }
    assert_eq!(initializers.len(), expected.lines().count());
}

/// The graph of a model.
pub(crate) fn graph(model: &mut ModelProto) -> &mut GraphProto {
    model.graph.as_mut().unwrap()
}

/// Takes the values out of the constants in the branches of `If` nodes.
fn branch_tables(graph: &mut GraphProto) -> Vec<Vec<f32>> {
    let attributes = graph.node.iter_mut().flat_map(|node| &mut node.attribute);
    let mut branches: Vec<_> = attributes.filter(|attribute| attribute.g.is_some()).collect();
    branches.sort_by(|a, b| a.name.cmp(&b.name));
    let nodes = branches.into_iter().filter_map(|branch| branch.g.as_mut());
    let tensors = nodes.flat_map(|graph| &mut graph.node).flat_map(|node| &mut node.attribute);
    tensors
        .filter_map(|attribute| attribute.t.as_mut())
        .map(|tensor: &mut TensorProto| floats(&tensor.raw_data.take().unwrap()))
        .collect()
}

fn check_tables(found: &[Vec<f32>], expected: &[Vec<f32>]) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() <= LAST_BIT, "{found} {expected}");
        }
    }
}

/// The order of attributes means nothing, nor does the name of a constant's value.
fn sort_attributes(graph: &mut GraphProto) {
    for node in &mut graph.node {
        node.attribute.sort_by(|a, b| a.name.cmp(&b.name));
        for attribute in &mut node.attribute {
            if let Some(tensor) = &mut attribute.t {
                tensor.name = None;
            }
            if let Some(graph) = &mut attribute.g {
                sort_attributes(graph);
            }
        }
    }
}

/// Compares two JSON files but for the keys `ignored`.
pub(crate) fn check_json(found: &Path, expected: &Path, ignored: &[&str]) {
    let [found, mut expected] = [found, expected].map(|path| {
        serde_json::from_slice::<Map<String, Value>>(&fs::read(path).unwrap()).unwrap()
    });
    expected.retain(|key, _| !ignored.contains(&key.as_str()));
    assert_eq!(found, expected);
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
}
