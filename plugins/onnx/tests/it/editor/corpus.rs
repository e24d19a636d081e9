//! Hostile graphs: no edit of one makes the editor panic, and what it leaves is sound.

use std::fs;
use std::path::Path;

use olive_kit_onnx::Model;
use olive_plugin_api::{GraphEdit, GraphView};
use olive_schemas::graph::ValueView;
use serde_json::json;

use super::{edit, input, view};

/// Edits that are done one after the other.
const EDITS: usize = 4;

#[test]
fn hostile_graphs_are_shown_and_edited_or_refused() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/onnx");
    let folder = tempfile::tempdir().unwrap();
    // What the graphs of the corpus name as their external data.
    fs::write(folder.path().join("data"), [7; 16]).unwrap();
    let (mut shown, mut refused) = (0, 0);
    for entry in fs::read_dir(corpus).unwrap() {
        let bytes = fs::read(entry.unwrap().path()).unwrap();
        fs::write(folder.path().join("model.onnx"), &bytes).unwrap();
        let Ok(view) = view(input(folder.path(), "model.onnx")) else {
            refused += 1;
            continue;
        };
        shown += 1;
        let parts = bytes.rchunks(4).take(EDITS);
        let edits: Vec<GraphEdit> = parts.map(|part| any_edit(&view, part)).collect();
        if let Ok((_step, edited)) = edit(input(folder.path(), "model.onnx"), &json!(edits)) {
            let problems = Model::open(&edited.model_path.join("model.onnx")).unwrap().check();
            assert!(problems.is_empty(), "{edits:?}: {problems:?}");
        }
    }
    assert!(shown > 10 && refused > 10, "{shown} shown, {refused} refused");
}

/// The edit that a few bytes stand for.
fn any_edit(view: &GraphView, bytes: &[u8]) -> GraphEdit {
    let at = |place: usize| usize::from(bytes.get(place).copied().unwrap_or(0));
    let bodies = view.bodies();
    let body = bodies[at(1) % bodies.len()];
    let made = body.nodes.iter().flat_map(|node| &node.outputs);
    let ends = body.inputs.iter().chain(&body.outputs).map(|value| &value.name);
    let names: Vec<&String> =
        made.chain(ends).chain(body.weights.iter().map(|weight| &weight.name)).collect();
    let name = |place: usize| match names.len() {
        0 => String::new(),
        count => names[at(place) % count].clone(),
    };
    let graph = body.id;
    let node = u32::try_from(at(2)).unwrap_or(0);
    let value = ValueView { name: name(2), dtype: Some("FLOAT".into()), shape: None };
    match at(0) % 12 {
        0 => GraphEdit::RemoveNode { node },
        1 => GraphEdit::SetInputs { node, inputs: vec![name(2), name(3)] },
        2 => GraphEdit::SetOutputs { node, outputs: vec![name(3)] },
        3 => GraphEdit::RenameValue { graph, from: name(2), to: "renamed".into() },
        4 => GraphEdit::RenameValue { graph, from: name(2), to: name(3) },
        5 => GraphEdit::ReplaceUses { graph, from: name(2), to: name(3) },
        6 => GraphEdit::AddOutput { graph, value },
        7 => GraphEdit::RemoveOutput { graph, name: name(2) },
        8 => GraphEdit::RemoveInput { graph, name: name(2) },
        9 => GraphEdit::SetValue { graph, value },
        10 => GraphEdit::RemoveWeight { graph, name: name(2) },
        _ => GraphEdit::RemoveUnused,
    }
}
