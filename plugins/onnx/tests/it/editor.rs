//! The graph editor: what it shows, what each edit does, what it refuses.

mod model;
mod shows;
mod edits;
mod refuses;
mod random;
mod twin;
mod corpus;

use std::path::Path;

use olive_plugin_api::testing::{Recorder, TestStep, run_graph_edit, run_graph_view};
use olive_plugin_api::{GraphView, Model, ModelKind, PluginError};
use olive_plugin_onnx::OnnxGraphEditor;
use olive_schemas::graph::{Attribute, Dim, GraphBody, NodeView, ValueView};
use serde_json::{Value, json};

/// The graph `name` in `folder`, as a step gets it.
fn input(folder: &Path, name: &str) -> Model {
    let mut model = Model::new(ModelKind::Onnx, folder);
    model.onnx_file_name = Some(name.to_owned());
    model
}

fn view(model: Model) -> Result<GraphView, PluginError> {
    run_graph_view::<OnnxGraphEditor>(
        &TestStep::graph_view::<OnnxGraphEditor>(model),
        &Recorder::default(),
    )
}

/// What `edits` make of `model`, in a folder that is gone with the step.
fn edit(model: Model, edits: &Value) -> Result<(TestStep, Model), PluginError> {
    let step = TestStep::graph_edit::<OnnxGraphEditor>(model, json!({"edits": edits}));
    let edited = run_graph_edit::<OnnxGraphEditor>(&step, &Recorder::default())?;
    Ok((step, edited))
}

/// What a view says, one fact a line; nodes without their numbers.
fn lines(view: &GraphView) -> Vec<String> {
    let opsets = view.opsets.iter().map(|(domain, version)| format!("opset {domain} {version}"));
    let metadata = view.metadata.iter().map(|(key, value)| format!("metadata {key} {value}"));
    let mut lines: Vec<String> = opsets.chain(metadata).collect();
    body_lines(&view.graph, &mut lines);
    lines
}

/// Lines that only one of two views has, with a sign.
fn difference(before: &GraphView, after: &GraphView) -> Vec<String> {
    let (before, after) = (lines(before), lines(after));
    let only = |sign: char, these: &[String], others: &[String]| {
        let alone = these.iter().filter(|line| !others.contains(line));
        alone.map(|line| format!("{sign} {line}")).collect::<Vec<_>>()
    };
    [only('-', &before, &after), only('+', &after, &before)].concat()
}

fn body_lines(body: &GraphBody, lines: &mut Vec<String>) {
    let id = body.id;
    for (kind, values) in
        [("input", &body.inputs), ("output", &body.outputs), ("value", &body.values)]
    {
        lines.extend(values.iter().map(|value| format!("{id} {kind} {}", value_line(value))));
    }
    for weight in &body.weights {
        let values = serde_json::to_string(&weight.values).unwrap();
        let (name, dtype, dims) = (&weight.name, &weight.dtype, &weight.dims);
        lines.push(format!("{id} weight {name}: {dtype}{dims:?} = {values}"));
    }
    for node in &body.nodes {
        lines.push(format!("{id} {}", node_line(node)));
        for attribute in node.attributes.values() {
            match attribute {
                Attribute::Graph(body) => body_lines(body, lines),
                Attribute::Graphs(bodies) => {
                    for body in bodies {
                        body_lines(body, lines);
                    }
                }
                _ => {}
            }
        }
    }
}

fn value_line(value: &ValueView) -> String {
    let dim = |dim: &Dim| match dim {
        Dim::Size(size) => size.to_string(),
        Dim::Name(name) => name.clone(),
    };
    let dims = value.shape.as_ref().map(|dims| dims.iter().map(dim).collect::<Vec<_>>().join(","));
    let dims = dims.map_or("?".to_owned(), |dims| format!("[{dims}]"));
    format!("{}: {}{dims}", value.name, value.dtype.as_deref().unwrap_or("?"))
}

fn node_line(node: &NodeView) -> String {
    let plain = node.attributes.iter();
    let plain =
        plain.filter(|(_, value)| !matches!(value, Attribute::Graph(_) | Attribute::Graphs(_)));
    let attributes: String = plain
        .map(|(name, value)| [" ", name, "=", &serde_json::to_string(value).unwrap()].concat())
        .collect();
    let domain = if node.domain.is_empty() { String::new() } else { format!("{}.", node.domain) };
    let (inputs, outputs) = (node.inputs.join(","), node.outputs.join(","));
    format!("{} {domain}{}({inputs}) -> {outputs}{attributes}", node.name, node.op_type)
}
