//! Tasks of lm-evaluation-harness that lie in local files: metrics like any others.
//!
//! The tasks of the harness itself are code and data of others, by name; what can be read here is a
//! file of questions. An evaluator of type `LMEvaluator` all of whose tasks are files becomes a list
//! of metrics, so that what follows knows one form. Any other stays what it is.

use std::ops::Range;
use std::path::Path;

use serde_json::{Value, json};

use super::insert;
use crate::config::node::{Entry, Node, NodeValue};

/// Olive's name of the evaluator.
const KIND: &str = "LMEvaluator";
/// The one task that is no file.
const SIZE: &str = "size_on_disk";
/// What the evaluator says of all its tasks, which each metric then says of itself.
const SETTINGS: [&str; 5] =
    ["limit", "num_fewshot", "apply_chat_template", "fewshot_as_multiturn", "system_instruction"];
/// Ends of the names of files with questions.
const SUFFIXES: [&str; 6] = [".jsonl", ".json", ".jsonl.gz", ".json.gz", ".jsonl.zst", ".json.zst"];

/// Makes metrics and data configs of the evaluators whose tasks are files.
pub(super) fn spell_out(root: &mut Node) {
    let mut data = Vec::new();
    for entry in root.get_mut("evaluators").and_then(Node::entries_mut).into_iter().flatten() {
        let name = plain(&entry.key);
        if is_local(&entry.node) {
            data.extend(spell_out_one(&name, &mut entry.node));
        }
    }
    let Some(first) = data.first() else { return };
    let range = first.range.clone();
    if root.get("data_configs").is_none() {
        let none = Node { value: NodeValue::Array(Vec::new()), range };
        insert(root, Entry::new("data_configs", none));
    }
    if let Some(NodeValue::Array(configs)) =
        root.get_mut("data_configs").map(|configs| &mut configs.value)
    {
        configs.extend(data);
    }
}

/// Whether `evaluator` has tasks and all of them are files.
fn is_local(evaluator: &Node) -> bool {
    let is_file = |task: &Node| {
        let name = task.as_str().unwrap_or_default();
        name == SIZE || SUFFIXES.iter().any(|suffix| name.ends_with(suffix))
    };
    let tasks = evaluator.get("tasks").and_then(Node::items).unwrap_or_default();
    let kind = evaluator.get("type").and_then(Node::as_str);
    kind == Some(KIND) && !tasks.is_empty() && tasks.iter().all(is_file)
}

/// Gives `evaluator` the metrics of its tasks; gives the data configs that they read.
fn spell_out_one(name: &str, evaluator: &mut Node) -> Vec<Node> {
    evaluator.take("type");
    let Some(Entry { key_range, node: tasks, .. }) = evaluator.take("tasks") else {
        return Vec::new();
    };
    let settings: Vec<Entry> = SETTINGS
        .into_iter()
        .filter_map(|key| evaluator.take(key))
        .filter(|entry| says_something(&entry.node))
        .collect();
    let samples: Vec<Entry> = ["sample_log_num", "sample_log_dir"]
        .into_iter()
        .filter_map(|key| evaluator.take(key))
        .collect();
    let (mut metrics, mut data) = (Vec::new(), Vec::new());
    for task in tasks.items().unwrap_or_default() {
        let (file, range) = (task.as_str().unwrap_or_default(), &task.range);
        if file == SIZE {
            metrics.push(size(range));
            continue;
        }
        let stem = stem(file);
        let config = format!("{name}_{stem}");
        let mut metric = choice(&stem, &config, range);
        if let Some(own) = metric.get_mut("user_config") {
            for entry in &settings {
                insert(own, entry.clone());
            }
        }
        for entry in &samples {
            insert(&mut metric, entry.clone());
        }
        metrics.push(metric);
        data.push(questions(&config, file, range));
    }
    let metrics = Node { value: NodeValue::Array(metrics), range: key_range };
    insert(evaluator, Entry::new("metrics", metrics));
    data
}

/// Whether a setting is more than the harness's word for none.
fn says_something(node: &Node) -> bool {
    let none = [Value::Null, Value::Bool(false), 0.into()];
    !matches!(&node.value, NodeValue::Scalar(value) if none.contains(value))
}

fn size(range: &Range<usize>) -> Node {
    let sub_types = json!([{"name": "bytes"}]);
    node(&json!({"name": SIZE, "type": SIZE, "sub_types": sub_types}), range)
}

/// The metric of a task, with what stands between a prompt and a choice there.
fn choice(stem: &str, config: &str, range: &Range<usize>) -> Node {
    let figures = ["acc", "acc_norm"].map(|name| json!({"name": name}));
    let metric = json!({
        "name": stem, "type": "accuracy", "sub_types": figures, "data_config": config,
        "user_config": {"target_delimiter": " "}
    });
    node(&metric, range)
}

/// The data config of a task, whose texts are taken as they are.
fn questions(config: &str, file: &str, range: &Range<usize>) -> Node {
    let data = json!({
        "name": config,
        "load_dataset_config": {"data_name": "json", "data_files": file},
        "pre_process_data_config": {"add_special_tokens": false}
    });
    node(&data, range)
}

fn node(value: &Value, range: &Range<usize>) -> Node {
    Node::from_value(value, range)
}

/// The name of a file without its endings.
fn stem(file: &str) -> String {
    let name = Path::new(file).file_name().and_then(|name| name.to_str()).unwrap_or(file);
    plain(name.split('.').next().unwrap_or(name))
}

/// `name` with what a data config's name cannot have made `_`.
fn plain(name: &str) -> String {
    let letter = |letter: char| if letter.is_ascii_alphanumeric() { letter } else { '_' };
    name.chars().map(letter).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::spell_out;
    use crate::config::node::Node;

    fn check(before: &Value, after: &Value) {
        let mut tree = Node::from_value(before, &(0..1));
        spell_out(&mut tree);
        assert_eq!(tree.to_value(), *after);
    }

    #[test]
    fn tasks_that_are_files_are_metrics() {
        check(
            &json!({"evaluators": {"lm": {
                "type": "LMEvaluator", "tasks": ["below/arc-easy.jsonl", "size_on_disk"],
                "limit": 10, "num_fewshot": 2, "apply_chat_template": false, "sample_log_num": 3, "sample_log_dir": "samples"
            }}}),
            &json!({
                "evaluators": {"lm": {
                    "metrics": [
                        {
                            "name": "arc_easy", "type": "accuracy",
                            "sub_types": [{"name": "acc"}, {"name": "acc_norm"}],
                            "data_config": "lm_arc_easy",
                            "user_config": {
                                "target_delimiter": " ", "limit": 10, "num_fewshot": 2
                            },
                            "sample_log_num": 3, "sample_log_dir": "samples"
                        },
                        {
                            "name": "size_on_disk", "type": "size_on_disk",
                            "sub_types": [{"name": "bytes"}]
                        }
                    ]
                }},
                "data_configs": [{
                    "name": "lm_arc_easy",
                    "load_dataset_config": {
                        "data_name": "json", "data_files": "below/arc-easy.jsonl"
                    },
                    "pre_process_data_config": {"add_special_tokens": false}
                }]
            }),
        );
    }

    #[test]
    fn tasks_of_the_harness_stay_for_a_plugin_that_knows_them() {
        for tasks in [json!(["hellaswag"]), json!(["own.jsonl", "hellaswag"]), json!([])] {
            let written = json!({"evaluators": {"lm": {"type": "LMEvaluator", "tasks": tasks}}});
            check(&written, &written);
        }
    }
}
