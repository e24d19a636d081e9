//! Lists of edits that nobody thought about: a sound model or an error, never a panic.

use olive_kit_onnx::Model;
use serde_json::{Value, json};

use super::{edit, input, model, view};

#[test]
fn random_edits_leave_a_sound_model_or_an_error() {
    let folder = tempfile::tempdir().unwrap();
    model::write(folder.path());
    let model = input(folder.path(), "model.onnx");
    let shown = view(model.clone()).unwrap();
    let mut names: Vec<String> = vec![String::new(), "new".into(), "no".into()];
    for body in shown.bodies() {
        let values = body.inputs.iter().chain(&body.outputs).map(|value| &value.name);
        let weights = body.weights.iter().map(|weight| &weight.name);
        let made = body.nodes.iter().flat_map(|node| &node.outputs);
        names.extend(values.chain(weights).chain(made).cloned());
    }
    let (mut done, mut refused) = (0, 0);
    for seed in 0..1500 {
        let mut chance = Chance(seed);
        let edits: Vec<Value> =
            (0..=chance.below(4)).map(|_| any_edit(&mut chance, &names)).collect();
        match edit(model.clone(), &json!(edits)) {
            Ok((_step, edited)) => {
                let path = edited.model_path.join(edited.onnx_file_name.as_deref().unwrap());
                let problems = Model::open(&path).unwrap().check();
                assert!(problems.is_empty(), "{edits:?}: {problems:?}");
                view(edited).unwrap();
                done += 1;
            }
            Err(error) => {
                let is_known = ["unfit-edit", "broken-graph"].contains(&error.code.as_str());
                assert!(is_known, "{edits:?}: {error:?}");
                refused += 1;
            }
        }
    }
    assert!(done > 50 && refused > 50, "{done} done, {refused} refused");
}

/// Numbers that are the same in each run: a linear congruential generator (Knuth's MMIX).
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        let next = self.0.wrapping_mul(6_364_136_223_846_793_005);
        self.0 = next.wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }

    fn name<'a>(&mut self, names: &'a [String]) -> &'a str {
        &names[self.below(names.len())]
    }

    fn names(&mut self, names: &[String]) -> Vec<String> {
        (0..self.below(3)).map(|_| self.name(names).to_owned()).collect()
    }
}

fn any_edit(chance: &mut Chance, names: &[String]) -> Value {
    let graph = if chance.below(3) == 0 { chance.below(6) } else { 0 };
    let node = chance.below(12);
    let name = chance.name(names).to_owned();
    let value = json!({"name": name, "dtype": "FLOAT", "shape": [2]});
    match chance.below(17) {
        0 => json!({"edit": "add_node", "graph": graph, "node": {
            "op_type": "Sum", "inputs": chance.names(names), "outputs": chance.names(names)}}),
        1 => json!({"edit": "remove_node", "node": node}),
        2 => json!({"edit": "set_node", "node": node, "op_type": "Sum"}),
        3 => json!({"edit": "set_inputs", "node": node, "inputs": chance.names(names)}),
        4 => json!({"edit": "set_outputs", "node": node, "outputs": chance.names(names)}),
        5 => json!({"edit": "set_attribute", "node": node, "name": "body", "value": {"int": 1}}),
        6 => json!({"edit": "remove_attribute", "node": node, "name": "then_branch"}),
        7 | 8 => json!({
            "edit": "rename_value", "graph": graph, "from": name, "to": chance.name(names)}),
        9 | 10 => json!({
            "edit": "replace_uses", "graph": graph, "from": name, "to": chance.name(names)}),
        11 => json!({"edit": "add_input", "graph": graph, "value": value}),
        12 => json!({"edit": "remove_input", "graph": graph, "name": name}),
        13 => json!({"edit": "add_output", "graph": graph, "value": value}),
        14 => json!({"edit": "set_value", "graph": graph, "value": value}),
        15 => json!({"edit": "set_weight", "graph": graph, "weight": {
            "name": name, "dtype": "INT8", "dims": [1], "values": [chance.below(140)]}}),
        _ => json!({"edit": "remove_unused"}),
    }
}
