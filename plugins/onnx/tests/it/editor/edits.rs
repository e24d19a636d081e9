//! What each edit does.

use serde_json::{Value, json};

use super::{difference, edit, input, model, view};

#[test]
fn nodes_change() {
    check(&[
        (
            json!([{"edit": "add_node", "node": {
                "name": "cast", "op_type": "Cast", "inputs": ["x"], "outputs": ["x16"],
                "attributes": {"to": {"int": 10}}}}]),
            &["+ 0 cast Cast(x) -> x16 to={\"int\":10}"],
        ),
        (json!([{"edit": "remove_node", "node": 10}]), &["- 0 unused Relu(h) -> nothing"]),
        (
            json!([{"edit": "set_node", "node": 0, "op_type": "Add", "name": "sum"}]),
            &["- 0 double Mul(x,w) -> m", "+ 0 sum Add(x,w) -> m"],
        ),
        (
            json!([
                {"edit": "set_opset", "domain": "com.microsoft", "version": 1},
                {"edit": "set_node", "node": 2, "op_type": "Gelu", "domain": "com.microsoft"}
            ]),
            &[
                "- 1 then Relu(m) -> t",
                "+ opset com.microsoft 1",
                "+ 1 then com.microsoft.Gelu(m) -> t",
            ],
        ),
        (
            json!([{"edit": "set_inputs", "node": 3, "inputs": ["w", "x"]}]),
            &["- 2 else Add(m,w) -> e", "+ 2 else Add(w,x) -> e"],
        ),
        (
            json!([{"edit": "set_outputs", "node": 10, "outputs": ["other", ""]}]),
            &["- 0 unused Relu(h) -> nothing", "+ 0 unused Relu(h) -> other,"],
        ),
    ]);
}

#[test]
fn attributes_change() {
    let before = "- 0 last Softmax(s) -> y axis={\"int\":-1}";
    let set = |name: &str, value: Value| json!([{"edit": "set_attribute", "node": 9, "name": name, "value": value}]);
    let tensor = json!({"tensor": {"dtype": "UINT4", "dims": [3], "values": [1, 15, 7]}});
    check(&[
        (set("axis", json!({"int": 1})), &[before, "+ 0 last Softmax(s) -> y axis={\"int\":1}"]),
        (
            set("a", json!({"floats": [0.5, "Infinity"]})),
            &[
                before,
                "+ 0 last Softmax(s) -> y axis={\"int\":-1} a={\"floats\":[0.5,\"Infinity\"]}",
            ],
        ),
        (
            set("axis", json!({"strings": ["p", "q"]})),
            &[before, "+ 0 last Softmax(s) -> y axis={\"strings\":[\"p\",\"q\"]}"],
        ),
        (
            set("axis", tensor),
            &[
                before,
                "+ 0 last Softmax(s) -> y axis={\"tensor\":{\"dtype\":\"UINT4\",\"dims\":[3],\"bytes\":2,\"values\":[1,15,7]}}",
            ],
        ),
        (
            json!([{"edit": "remove_attribute", "node": 9, "name": "axis"}]),
            &[before, "+ 0 last Softmax(s) -> y"],
        ),
        (
            json!([{"edit": "set_node", "node": 1, "op_type": "Choice"},
                   {"edit": "remove_attribute", "node": 1, "name": "else_branch"}]),
            &[
                "- 0 choose If(c) -> z",
                "- 2 output e: FLOAT?",
                "- 2 else Add(m,w) -> e",
                "- 3 input i: FLOAT?",
                "- 3 input go: FLOAT?",
                "- 3 input v: FLOAT?",
                "- 3 output on: FLOAT?",
                "- 3 output u: FLOAT?",
                "- 3 keep Identity(go) -> on",
                "- 3 step Add(v,m) -> u",
                "- 4 input r: FLOAT?",
                "- 4 output q: FLOAT?",
                "- 4 row Mul(r,w) -> q",
                "+ 0 choose Choice(c) -> z",
                "+ 2 input i: FLOAT?",
                "+ 2 input go: FLOAT?",
                "+ 2 input v: FLOAT?",
                "+ 2 output on: FLOAT?",
                "+ 2 output u: FLOAT?",
                "+ 2 keep Identity(go) -> on",
                "+ 2 step Add(v,m) -> u",
                "+ 3 input r: FLOAT?",
                "+ 3 output q: FLOAT?",
                "+ 3 row Mul(r,w) -> q",
            ],
        ),
    ]);
}

#[test]
fn values_change_in_graphs_inside_too() {
    check(&[
        (
            json!([{"edit": "rename_value", "from": "m", "to": "twice"}]),
            &[
                "- 0 value m: FLOAT[batch,2]",
                "- 0 double Mul(x,w) -> m",
                "- 1 then Relu(m) -> t",
                "- 2 else Add(m,w) -> e",
                "- 3 step Add(v,m) -> u",
                "+ 0 value twice: FLOAT[batch,2]",
                "+ 0 double Mul(x,w) -> twice",
                "+ 1 then Relu(twice) -> t",
                "+ 2 else Add(twice,w) -> e",
                "+ 3 step Add(v,twice) -> u",
            ],
        ),
        (
            json!([{"edit": "rename_value", "graph": 3, "from": "v", "to": "state"}]),
            &[
                "- 3 input v: FLOAT?",
                "- 3 step Add(v,m) -> u",
                "+ 3 input state: FLOAT?",
                "+ 3 step Add(state,m) -> u",
            ],
        ),
        (
            json!([{"edit": "rename_value", "from": "y", "to": "probabilities"}]),
            &[
                "- 0 output y: FLOAT[batch,2]",
                "- 0 last Softmax(s) -> y axis={\"int\":-1}",
                "+ 0 output probabilities: FLOAT[batch,2]",
                "+ 0 last Softmax(s) -> probabilities axis={\"int\":-1}",
            ],
        ),
        (
            json!([{"edit": "replace_uses", "from": "m", "to": "x"}]),
            &[
                "- 1 then Relu(m) -> t",
                "- 2 else Add(m,w) -> e",
                "- 3 step Add(v,m) -> u",
                "+ 1 then Relu(x) -> t",
                "+ 2 else Add(x,w) -> e",
                "+ 3 step Add(v,x) -> u",
            ],
        ),
        (
            json!([{"edit": "remove_node", "node": 9},
                   {"edit": "replace_uses", "from": "y", "to": "s"}]),
            &[
                "- 0 output y: FLOAT[batch,2]",
                "- 0 last Softmax(s) -> y axis={\"int\":-1}",
                "+ 0 output s: FLOAT[batch,2]",
            ],
        ),
    ]);
}

#[test]
fn values_are_described_anew() {
    check(&[
        (
            json!([{"edit": "set_value", "value": {"name": "m", "dtype": "FLOAT", "shape": [4, ""]}}]),
            &["- 0 value m: FLOAT[batch,2]", "+ 0 value m: FLOAT[4,]"],
        ),
        (
            json!([{"edit": "set_value", "value": {"name": "x", "dtype": "DOUBLE"}}]),
            &["- 0 input x: FLOAT[batch,2]", "+ 0 input x: DOUBLE?"],
        ),
        (
            json!([{"edit": "set_value", "value": {"name": "z", "dtype": "FLOAT", "shape": []}}]),
            &["+ 0 value z: FLOAT[]"],
        ),
        (json!([{"edit": "set_value", "value": {"name": "m"}}]), &["- 0 value m: FLOAT[batch,2]"]),
    ]);
}

#[test]
fn ends_change() {
    check(&[
        (
            json!([{"edit": "add_input", "value": {"name": "p", "dtype": "INT4", "shape": ["n"]}}]),
            &["+ 0 input p: INT4[n]"],
        ),
        (
            json!([{"edit": "add_input", "value": {"name": "w", "dtype": "FLOAT", "shape": [2]}}]),
            &["+ 0 input w: FLOAT[2]"],
        ),
        (
            json!([{"edit": "set_inputs", "node": 1, "inputs": ["n"]},
                   {"edit": "remove_input", "name": "c"}]),
            &["- 0 input c: BOOL[]", "- 0 choose If(c) -> z", "+ 0 choose If(n) -> z"],
        ),
        (
            json!([{"edit": "add_output", "value": {"name": "m"}}]),
            &["- 0 value m: FLOAT[batch,2]", "+ 0 output m: FLOAT[batch,2]"],
        ),
        (
            json!([{"edit": "add_output", "graph": 1, "value": {"name": "m", "dtype": "FLOAT"}}]),
            &["+ 1 output m: FLOAT?"],
        ),
        (
            json!([{"edit": "add_output", "value": {"name": "s", "dtype": "FLOAT"}},
                   {"edit": "remove_output", "name": "y"}]),
            &["- 0 output y: FLOAT[batch,2]", "+ 0 output s: FLOAT?"],
        ),
    ]);
}

#[test]
fn weights_change() {
    check(&[
        (
            json!([{"edit": "set_weight", "weight":
                {"name": "w", "dtype": "FLOAT", "dims": [1, 2], "values": [0.5, "NaN"]}}]),
            &["- 0 weight w: FLOAT[2] = [2.0,3.0]", "+ 0 weight w: FLOAT[1, 2] = [0.5,\"NaN\"]"],
        ),
        (
            json!([{"edit": "set_weight", "graph": 1, "weight":
                {"name": "k", "dtype": "BFLOAT16", "dims": [], "values": [1]}}]),
            &["+ 1 weight k: BFLOAT16[] = [1.0]"],
        ),
        (
            json!([{"edit": "remove_weight", "name": "h"}, {"edit": "remove_node", "node": 10}]),
            &["- 0 weight h: FLOAT16[1] = [1.0]", "- 0 unused Relu(h) -> nothing"],
        ),
        (
            json!([{"edit": "remove_unused"}]),
            &["- 0 weight h: FLOAT16[1] = [1.0]", "- 0 unused Relu(h) -> nothing"],
        ),
        (
            json!([{"edit": "set_inputs", "node": 7, "inputs": ["m"]}, {"edit": "remove_unused"},
                   {"edit": "set_metadata", "key": "made", "value": "there"}]),
            &[
                "- metadata made here",
                "- 0 weight n: INT64[] = [2]",
                "- 0 weight h: FLOAT16[1] = [1.0]",
                "- 0 choose If(c) -> z",
                "- 1 output t: FLOAT?",
                "- 1 then Relu(m) -> t",
                "- 2 output e: FLOAT?",
                "- 2 else Add(m,w) -> e",
                "- 0 turns Loop(n,,z) -> l",
                "- 3 input i: FLOAT?",
                "- 3 input go: FLOAT?",
                "- 3 input v: FLOAT?",
                "- 3 output on: FLOAT?",
                "- 3 output u: FLOAT?",
                "- 3 keep Identity(go) -> on",
                "- 3 step Add(v,m) -> u",
                "- 0 rows Scan(l) -> s num_scan_inputs={\"int\":1}",
                "- 4 input r: FLOAT?",
                "- 4 output q: FLOAT?",
                "- 4 row Mul(r,w) -> q",
                "- 0 unused Relu(h) -> nothing",
                "+ metadata made there",
                "+ 0 rows Scan(m) -> s num_scan_inputs={\"int\":1}",
                "+ 1 input r: FLOAT?",
                "+ 1 output q: FLOAT?",
                "+ 1 row Mul(r,w) -> q",
            ],
        ),
    ]);
}

#[test]
fn headers_change() {
    check(&[
        (json!([{"edit": "set_opset", "version": 22}]), &["- opset  21", "+ opset  22"]),
        (
            json!([{"edit": "set_opset", "domain": "ai.onnx", "version": 22}]),
            &["- opset  21", "+ opset  22"],
        ),
        (
            json!([{"edit": "set_opset", "domain": "d", "version": 1},
                   {"edit": "set_opset", "domain": "d", "version": null}]),
            &[],
        ),
        (json!([{"edit": "set_metadata", "key": "k", "value": "v"}]), &["+ metadata k v"]),
        (
            json!([{"edit": "set_metadata", "key": "made", "value": null}]),
            &["- metadata made here"],
        ),
    ]);
}

#[test]
fn nodes_that_are_added_stand_where_they_can_run() {
    let folder = tempfile::tempdir().unwrap();
    model::write(folder.path());
    let edits = json!([
        {"edit": "set_inputs", "node": 0, "inputs": ["half", "w"]},
        {"edit": "add_node", "node": {"op_type": "Neg", "inputs": ["x"], "outputs": ["half"]}}
    ]);
    let (_step, edited) = edit(input(folder.path(), "model.onnx"), &edits).unwrap();
    let operators: Vec<String> =
        view(edited).unwrap().graph.nodes.into_iter().map(|node| node.op_type).collect();
    assert_eq!(operators, ["Relu", "Neg", "Mul", "If", "Loop", "Scan", "Softmax"]);
}

/// Holds what lists of edits change in the model against what they should.
fn check(rows: &[(Value, &[&str])]) {
    let folder = tempfile::tempdir().unwrap();
    model::write(folder.path());
    let model = input(folder.path(), "model.onnx");
    let before = view(model.clone()).unwrap();
    for (edits, expected) in rows {
        let (_step, edited) = edit(model.clone(), edits).unwrap();
        assert_eq!(difference(&before, &view(edited).unwrap()), *expected, "{edits}");
    }
}
