//! How much of exported graphs is left, beside what Olive's pass leaves.

use std::collections::BTreeMap;
use std::path::Path;

use olive_kit_onnx::Model;
use serde_json::json;

use crate::{alone, graph, request, run};

#[test]
fn of_exported_graphs_no_more_is_left_than_olive_leaves() {
    for name in ["traced", "exported"] {
        let (found, expected) = (left(name), count(&graph(&format!("{name}.optimized"))));
        let total = |operators: &BTreeMap<String, usize>| operators.values().sum::<usize>();
        assert!(total(&found) <= total(&expected), "{name}: {found:?}, not {expected:?}");
    }
}

#[test]
fn operators_on_constants_are_computed() {
    // Casts out of the range of a type, and the bits of what is no number, differ from machine to
    // machine.
    let expected = [("Cast", 5), ("Div", 1), ("Identity", 97), ("Sub", 1)];
    assert_eq!(left("constants"), expected.map(|(name, count)| (name.to_owned(), count)).into());
}

/// What the pass leaves of a graph: each operator with the number of its nodes.
fn left(name: &str) -> BTreeMap<String, usize> {
    let (folder, output) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = alone(name, folder.path());
    run(&request("OnnxPeepholeOptimizer", &path, &json!({}), output.path())).unwrap();
    count(&output.path().join("model.onnx"))
}

fn count(path: &Path) -> BTreeMap<String, usize> {
    let mut operators = BTreeMap::new();
    for node in &Model::open(path).unwrap().graph.node {
        *operators.entry(node.op_type().to_owned()).or_default() += 1;
    }
    operators
}
