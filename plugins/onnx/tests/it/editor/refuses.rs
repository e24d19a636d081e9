//! What does not fit is one error that says where, what, and what is there.

use serde_json::{Value, json};

use super::{edit, input, model};

#[test]
fn edits_of_nodes_and_values_that_do_not_fit_are_named() {
    check_second(&[
        (json!({"edit": "remove_node", "node": 11}), "there is no node 11; the last is 10"),
        (
            json!({"edit": "remove_output", "graph": 5, "name": "y"}),
            "there is no graph 5; the last is 4",
        ),
        (json!({"edit": "remove_output", "name": "x"}), "graph 0 has no output `x`"),
        (json!({"edit": "remove_input", "name": "y"}), "graph 0 has no input `y`"),
        (json!({"edit": "remove_weight", "name": "m"}), "graph 0 has no initializer `m`"),
        (json!({"edit": "rename_value", "from": "no", "to": "q"}), "graph 0 has no value `no`"),
        (
            json!({"edit": "rename_value", "graph": 1, "from": "m", "to": "new"}),
            "`m` is a value of graph 0, not of graph 1",
        ),
        (
            json!({"edit": "rename_value", "from": "m", "to": "z"}),
            "graph 0 has a value `z` already",
        ),
        (
            json!({"edit": "rename_value", "from": "m", "to": "q"}),
            "graph 4 has a value `q` already",
        ),
        (json!({"edit": "rename_value", "from": "m", "to": ""}), "a value has a name"),
        (json!({"edit": "replace_uses", "from": "m", "to": "no"}), "graph 0 has no value `no`"),
        (json!({"edit": "replace_uses", "from": "no", "to": "m"}), "graph 0 has no value `no`"),
        (
            json!({"edit": "add_node", "node": {"op_type": "Neg", "outputs": ["m"]}}),
            "graph 0 has a value `m` already",
        ),
        (json!({"edit": "add_node", "node": {"op_type": ""}}), "a node has an operator"),
        (
            json!({"edit": "set_outputs", "node": 0, "outputs": ["a", "a"]}),
            "`a` is there twice among the outputs",
        ),
        (
            json!({"edit": "set_attribute", "node": 1, "name": "then_branch", "value": {"graph": {}}}),
            "the attribute `then_branch` is a graph, which cannot be set",
        ),
        (
            json!({"edit": "set_attribute", "node": 1, "name": "t", "value": {"other": "TENSORS"}}),
            "the attribute `t` is of kind `TENSORS`, which cannot be set",
        ),
        (
            json!({"edit": "set_attribute", "node": 1, "name": "t", "value": {"int": 0.5}}),
            "0.5 is no whole number of 64 bits",
        ),
        (
            json!({"edit": "remove_attribute", "node": 0, "name": "axis"}),
            "node 0 has no attribute `axis`",
        ),
    ]);
}

#[test]
fn edits_of_ends_and_weights_that_do_not_fit_are_named() {
    check_second(&[
        (json!({"edit": "add_input", "value": {"name": "p"}}), "`p` has no `dtype`"),
        (
            json!({"edit": "add_input", "value": {"name": "p", "dtype": "F32"}}),
            "`F32` is no element type of ONNX, such as `FLOAT` or `INT64`",
        ),
        (
            json!({"edit": "add_input", "value": {"name": "p", "dtype": "FLOAT", "shape": [-1]}}),
            "an axis has no size -1",
        ),
        (
            json!({"edit": "add_input", "value": {"name": "x", "dtype": "FLOAT"}}),
            "graph 0 has a value `x` already",
        ),
        (
            json!({"edit": "add_output", "value": {"name": "y"}}),
            "graph 0 has an output `y` already",
        ),
        (json!({"edit": "set_value", "value": {"name": "no"}}), "graph 0 has no value `no`"),
        (
            json!({"edit": "set_weight", "weight": {"name": "w", "dtype": "FLOAT", "dims": [3], "values": [1]}}),
            "`w`: a tensor of shape [3] takes 3 values, not 1",
        ),
        (
            json!({"edit": "set_weight", "weight": {"name": "w", "dtype": "INT8", "dims": [1], "values": [128]}}),
            "`w`: `INT8` holds no 128",
        ),
        (
            json!({"edit": "set_weight", "weight": {"name": "w", "dtype": "FLOAT", "dims": [1]}}),
            "`w`: the tensor has no `values`",
        ),
        (
            json!({"edit": "set_weight", "weight": {"name": "w", "dtype": "FLOAT", "dims": [-1], "values": []}}),
            "`w`: [-1] is no shape of a tensor",
        ),
        (
            json!({"edit": "set_weight", "weight": {"name": "m", "dtype": "FLOAT", "dims": [0], "values": []}}),
            "graph 0 has a value `m` already",
        ),
        (json!({"edit": "set_opset", "version": 0}), "0 is no version"),
        (
            json!({"edit": "set_opset", "domain": "ai.onnx", "version": null}),
            "node `double` is of the domain `ai.onnx`",
        ),
        (
            json!({"edit": "set_opset", "domain": "d", "version": null}),
            "the model has no operator set of the domain `d`",
        ),
        (
            json!({"edit": "set_metadata", "key": "k", "value": null}),
            "the model has no metadata `k`",
        ),
    ]);
}

#[test]
fn what_was_taken_out_is_not_there_for_later_edits() {
    let rows = [
        (
            json!([{"edit": "remove_node", "node": 10}, {"edit": "set_node", "node": 10}]),
            "`edits[1]`, `set_node`: node 10 was taken out by `edits[0]`",
        ),
        (
            json!([{"edit": "remove_node", "node": 1}, {"edit": "set_node", "node": 2}]),
            "`edits[1]`, `set_node`: node 2 was taken out by `edits[0]`",
        ),
        (
            json!([{"edit": "remove_node", "node": 1},
                   {"edit": "remove_output", "graph": 2, "name": "e"}]),
            "`edits[1]`, `remove_output`: graph 2 was taken out by `edits[0]`",
        ),
    ];
    for (edits, expected) in rows {
        assert_eq!(refusal(&edits), ("unfit-edit".to_owned(), expected.to_owned()));
    }
}

#[test]
fn edits_that_leave_no_sound_model_are_named() {
    let rows = [
        (
            json!([{"edit": "remove_unused"}, {"edit": "remove_node", "node": 0}]),
            "`edits[1]`, `remove_node`: in the end, node `choose` takes `m`, which nothing makes",
        ),
        (
            json!([{"edit": "remove_node", "node": 9}]),
            "`edits[0]`, `remove_node`: in the end, the output `y` of graph `main` is made by nothing",
        ),
        (
            json!([{"edit": "set_inputs", "node": 0, "inputs": ["x", "no"]}]),
            "`edits[0]`, `set_inputs`: in the end, node `double` takes `no`, which nothing makes",
        ),
        (
            json!([{"edit": "add_output", "value": {"name": "no", "dtype": "FLOAT"}}]),
            "`edits[0]`, `add_output`: in the end, the output `no` of graph `main` is made by nothing",
        ),
        (
            json!([{"edit": "add_node", "node": {"op_type": "Gelu", "domain": "com.microsoft", "inputs": ["x"]}}]),
            "`edits[0]`, `add_node`: the model has no operator set of the domain `com.microsoft`",
        ),
    ];
    for (edits, expected) in rows {
        assert_eq!(refusal(&edits), ("unfit-edit".to_owned(), expected.to_owned()));
    }
    let circle = json!([{"edit": "set_inputs", "node": 0, "inputs": ["x", "z"]}]);
    let expected =
        "the rewritten graph would be no sound model: node `double` needs its own output";
    assert_eq!(refusal(&circle), ("broken-graph".to_owned(), expected.to_owned()));
}

/// Holds the error about an edit that stands behind another against what it should say.
fn check_second(rows: &[(Value, &str)]) {
    for (edit, expected) in rows {
        let kind = edit["edit"].as_str().unwrap();
        let expected = format!("`edits[1]`, `{kind}`: {expected}");
        let first = json!({"edit": "set_metadata", "key": "a", "value": "b"});
        assert_eq!(refusal(&json!([first, edit])), ("unfit-edit".to_owned(), expected));
    }
}

/// Code and message of the error of `edits`.
fn refusal(edits: &Value) -> (String, String) {
    let folder = tempfile::tempdir().unwrap();
    model::write(folder.path());
    match edit(input(folder.path(), "model.onnx"), edits) {
        Ok(_) => panic!("taken: {edits}"),
        Err(error) => (error.code, error.message),
    }
}
