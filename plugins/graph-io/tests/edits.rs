//! What the pass answers on a small graph.
//!
//! ```text
//! x ─┬─ Scale (w) ── s ─┬─ y
//! m ─│── Mask ──────────┘
//!    └─ Old (p) ── q
//! ```

#![expect(clippy::unwrap_used, reason = "a failing helper fails its test")]

use olive_plugin_graph_io::EditGraphIo;
use olive_validator_api::graph::GraphView;
use olive_validator_api::{Context, call};
use serde_json::{Value, json};

fn view() -> GraphView {
    let body = json!({"id": 1, "outputs": [{"name": "inner"}], "nodes": [
        {"id": 3, "op_type": "Neg", "inputs": ["c"], "outputs": ["inner"]}
    ]});
    let view = json!({"graph": {
        "inputs": [
            {"name": "x"}, {"name": "m"}, {"name": "p"}, {"name": "unused"}, {"name": "w"},
            {"name": "c"}, {"name": "through"}
        ],
        "outputs": [{"name": "y"}, {"name": "q"}, {"name": "through"}],
        "weights": [{"name": "w", "dtype": "FLOAT", "dims": [], "bytes": 4, "values": [2]}],
        "nodes": [
            {"id": 0, "name": "scale", "op_type": "Mul", "inputs": ["x", "w"], "outputs": ["s"]},
            {"id": 1, "op_type": "Add", "inputs": ["s", "m"], "outputs": ["y"]},
            {"id": 2, "name": "old", "op_type": "If", "inputs": ["p", ""], "outputs": ["q"],
             "attributes": {"then_branch": {"graph": body}}}
        ]
    }});
    serde_json::from_value(view).unwrap()
}

/// The edits, or the problems.
fn answer(config: &Value) -> Result<Value, String> {
    let edits = call::edit::<EditGraphIo>(&view(), config, &Context::default());
    let edits = edits.map_err(|refusal| refusal.why().to_owned())?;
    Ok(serde_json::to_value(edits).unwrap())
}

#[track_caller]
fn check_refused(config: &Value, problems: &[&str]) {
    assert_eq!(answer(config).unwrap_err(), problems.join("; "), "{config}");
}

#[test]
fn outputs_go_before_inputs_and_renames_come_last() {
    let config = json!({
        "rename_inputs": {"x": "input"},
        "rename_outputs": {"y": "output"},
        "remove_inputs": ["p", "c", "unused"],
        "remove_outputs": ["q"],
        "remove_unused": true
    });
    let expected = json!([
        {"edit": "remove_output", "name": "q"},
        {"edit": "remove_unused"},
        {"edit": "remove_input", "name": "p"},
        {"edit": "remove_input", "name": "c"},
        {"edit": "remove_input", "name": "unused"},
        {"edit": "rename_value", "from": "x", "to": "input"},
        {"edit": "rename_value", "from": "y", "to": "output"}
    ]);
    assert_eq!(answer(&config), Ok(expected));
    assert_eq!(answer(&json!({})), Ok(json!([])));
}

#[test]
fn names_that_are_given_up_can_be_taken() {
    let config = json!({"rename_inputs": {"x": "unused"}, "remove_inputs": ["unused"]});
    assert_eq!(answer(&config).unwrap().as_array().unwrap().len(), 2);
    let config = json!({"rename_inputs": {"x": "m", "m": "x"}});
    assert_eq!(answer(&config).unwrap().as_array().unwrap().len(), 4);
}

#[test]
fn names_that_are_not_there_are_told_with_those_that_are() {
    check_refused(
        &json!({"rename_inputs": {"y": "z"}, "remove_outputs": ["s"]}),
        &[
            "the graph has no input `y`, but `x`, `m`, `p`, `unused`, `w`, `c`, `through`",
            "the graph has no output `s`, but `y`, `q`, `through`",
        ],
    );
    check_refused(
        &json!({"rename_input": {}}),
        &["settings of `EditGraphIO`: unknown field `rename_input`, expected one of \
         `rename_inputs`, `rename_outputs`, `remove_inputs`, `remove_outputs`, `remove_unused`"],
    );
}

#[test]
fn names_that_are_taken_are_refused() {
    check_refused(
        &json!({"rename_inputs": {"x": "s", "m": "inner", "p": ""}}),
        &[
            "`m` cannot be called `inner`: another value has that name",
            "the new name of `p` is empty",
            "`x` cannot be called `s`: another value has that name",
        ],
    );
    check_refused(
        &json!({"rename_inputs": {"x": "z"}, "rename_outputs": {"y": "z"}}),
        &["`x` and `y` cannot both be called `z`"],
    );
    check_refused(
        &json!({"rename_inputs": {"x": "w"}, "remove_inputs": ["w"]}),
        &["`x` cannot be called `w`: another value has that name"],
    );
}

#[test]
fn two_wishes_for_one_name_are_refused() {
    check_refused(
        &json!({
            "rename_inputs": {"unused": "z", "through": "a"},
            "rename_outputs": {"through": "b", "q": "d"},
            "remove_inputs": ["unused"],
            "remove_outputs": ["q", "q"]
        }),
        &[
            "`through` is input and output at once: rename it in one of `rename_inputs` and \
             `rename_outputs`",
            "input `unused` is both renamed and removed",
            "output `q` is both renamed and removed",
            "`remove_outputs` has `q` twice",
        ],
    );
}

#[test]
fn inputs_that_are_used_stay() {
    check_refused(
        &json!({"remove_inputs": ["x", "m", "c", "through"]}),
        &[
            "input `x` is still used: `scale` (Mul) takes it",
            "input `m` is still used: a `Add` takes it",
            "input `c` is still used: a `Neg` takes it",
            "input `through` is still used: it is an output too",
        ],
    );
    check_refused(
        &json!({"remove_inputs": ["p"], "remove_outputs": ["q"]}),
        &["input `p` is still used: `old` (If) takes it"],
    );
    assert!(answer(&json!({"remove_inputs": ["w", "unused"]})).is_ok());
    assert!(answer(&json!({"remove_inputs": ["through"], "remove_outputs": ["through"]})).is_ok());
}

#[test]
fn an_output_must_be_left() {
    check_refused(
        &json!({"remove_outputs": ["y", "q", "through"]}),
        &["no output would be left: keep one of them"],
    );
}
