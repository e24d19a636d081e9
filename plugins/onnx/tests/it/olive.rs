//! Each case of `cases.json`: the graph that Olive makes, by structure.

use olive_kit_onnx::Model;
use serde::Deserialize;
use serde_json::Value;

use crate::structure::Structure;
use crate::{alone, graph, request, run};

/// A pass with settings on a graph; `tests/graphs/<name>.onnx`, or with the names of splits, is
/// Olive's result.
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
        for (file, reference) in files(case) {
            let found = Model::open(&output.path().join(file)).unwrap();
            let expected = Model::open(&graph(&reference)).unwrap();
            let (found, expected) = (Structure::of(&found), Structure::of(&expected));
            let difference = found.difference(&expected);
            if !difference.is_empty() {
                differ.push(format!("{reference}:\n{difference}"));
            }
        }
    }
    assert!(differ.is_empty(), "{} of {}\n{}", differ.len(), cases.len(), differ.join("\n"));
}

/// Files that a case makes, each with the graph it is compared with.
fn files(case: &Case) -> Vec<(String, String)> {
    if case.pass != "SplitModel" {
        return vec![("model.onnx".to_owned(), case.name.clone())];
    }
    let parts = (0..).map(|part| format!("split_{part}"));
    let parts = parts.map(|part| (format!("{part}.onnx"), format!("{}.{part}", case.name)));
    let parts: Vec<_> = parts.take_while(|(_, reference)| graph(reference).is_file()).collect();
    assert!(parts.len() > 1, "{}", case.name);
    parts
}
