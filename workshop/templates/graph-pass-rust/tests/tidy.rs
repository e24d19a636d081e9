//! The pass, asked as the host asks it.

use acme_tidy::AcmeTidy;
use olive_validator_api::graph::{GraphEdit, GraphView};
use olive_validator_api::{Context, Refusal, call};
use serde_json::{Value, json};

/// The graph of `model/model.onnx`, as the pass is shown it.
fn view() -> GraphView {
    serde_json::from_str(include_str!("../view.json")).unwrap()
}

fn edits(view: &GraphView, config: Value) -> Result<Vec<GraphEdit>, Refusal> {
    call::edit::<AcmeTidy>(view, &config, &Context::default())
}

#[test]
fn what_takes_a_node_out_is_as_in_the_file() {
    let expected: Value = serde_json::from_str(include_str!("../edits.json")).unwrap();
    let edits = edits(&view(), json!({})).unwrap();
    assert_eq!(serde_json::to_value(edits).unwrap(), expected);
}

#[test]
fn the_operators_are_a_setting() {
    assert_eq!(edits(&view(), json!({"operators": ["Cast"]})).unwrap(), []);
}

#[test]
fn one_after_the_other_is_taken_out_too() {
    let mut view = view();
    view.graph.nodes[1].op_type = "Identity".into();
    let edits = edits(&view, json!({"operators": ["Identity", "Dropout"]})).unwrap();
    let all_to_x = edits.iter().all(|edit| match edit {
        GraphEdit::ReplaceUses { to, .. } => to == "x",
        _ => true,
    });
    assert_eq!((edits.len(), all_to_x), (6, true));
}

#[test]
fn an_output_keeps_the_node_that_makes_it() {
    let mut view = view();
    view.graph.outputs[0].name = "dropped".into();
    assert_eq!(edits(&view, json!({"operators": ["Dropout"]})).unwrap(), []);
}
