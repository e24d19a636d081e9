//! Each case of `cases.json`: the graph that Olive makes, by structure.

use olive_kit_onnx::Model;
use serde::Deserialize;
use serde_json::Value;

use crate::structure::Structure;
use crate::{alone, graph, request, run};

/// A pass with settings on a graph; `tests/graphs/<name>.onnx` is Olive's result.
#[derive(Debug, Deserialize)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) pass: String,
    pub(crate) graph: String,
    pub(crate) config: Value,
}

/// All of them.
pub(crate) fn cases() -> Vec<Case> {
    serde_json::from_str(include_str!("../cases.json")).unwrap()
}

#[test]
fn results_are_those_of_olive() {
    let mut cases = cases();
    let mut differ = Vec::new();
    for case in &mut cases {
        // The host leaves out what has no effect.
        case.config.as_object_mut().unwrap().remove("use_symbolic_shape_infer");
        let (input, output) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let path = alone(&case.graph, input.path());
        let request = request(&case.pass, &path, &case.config, output.path());
        if let Err(error) = run(&request) {
            differ.push(format!("{}: {error:?}", case.name));
            continue;
        }
        let found = Model::open(&output.path().join("model.onnx")).unwrap();
        let expected = Model::open(&graph(&case.name)).unwrap();
        let (found, expected) = (Structure::of(&found), Structure::of(&expected));
        let difference = found.difference(&expected);
        if !difference.is_empty() {
            differ.push(format!("{}:\n{difference}", case.name));
        }
    }
    assert!(differ.is_empty(), "{} of {}\n{}", differ.len(), cases.len(), differ.join("\n"));
}
