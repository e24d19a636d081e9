//! Comparison of a folder with one of ONNX Runtime GenAI's own builder.

use std::fs;
use std::path::Path;

use olive_kit_onnx::proto::{GraphProto, ModelProto, TensorProto};
use olive_kit_onnx::{read_model, tensor_bytes};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

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
        assert!(found == expected, "values of `{}`", tensor.name());
    }
}

fn check_digests(initializers: &[TensorProto], dir: &Path, expected: &str) {
    let digest = |tensor: &TensorProto| {
        let bytes = tensor_bytes(tensor, dir).unwrap();
        format!("{:x}  {}", Sha256::digest(bytes), tensor.name())
    };
    let found: Vec<_> = initializers.iter().map(digest).collect();
    assert_eq!(found, expected.lines().collect::<Vec<_>>());
}

/// The graph of a model.
pub(crate) fn graph(model: &mut ModelProto) -> &mut GraphProto {
    model.graph.as_mut().unwrap()
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
