//! An ONNX model as text: where it is from, inputs, outputs, operators, weights and files.

use std::collections::{BTreeMap, HashMap};

use olive_schemas::graph::{Attribute, Dim, GraphBody, GraphView, NodeView, TensorView, ValueView};

use super::families::families;
use super::nodes;
use super::table::{filled, table};
use crate::render::{Style, paint, plain};
use crate::report::figures::thousands;
use crate::units::bytes;

/// Weights that are listed when not all are asked for.
const LARGEST: usize = 10;

/// How a page is to look.
pub(super) struct Look {
    /// Columns of a line.
    pub(super) columns: usize,
    /// Whether it may be colored.
    pub(super) color: bool,
    /// Whether it lists nodes.
    pub(super) nodes: bool,
    /// Whether it lists all weights.
    pub(super) weights: bool,
}

/// What `view` says of the model called `name`, whose `files` have sizes in bytes unless they are missing.
pub(super) fn page(
    name: &str,
    view: &GraphView,
    files: &[(String, Option<u64>)],
    look: &Look,
) -> String {
    let bodies = view.bodies();
    let weights = weights(&bodies);
    let title = |title: &str| format!("\n{}\n", paint(title, Style::Strong, look.color));
    let mut text = paint(&format!("model `{}`", plain(name)), Style::Strong, look.color) + "\n";
    text += &table(&header(view, &bodies, files), look.columns);
    for (end, values) in [("inputs", &view.graph.inputs), ("outputs", &view.graph.outputs)] {
        text += &title(&format!("{end}: {}", thousands(values.len() as f64)));
        text += &table(&values_told(values), look.columns);
    }
    text += &title("operators");
    text += &filled_operators(&bodies, look.columns);
    if !weights.is_empty() {
        let total: u64 = weights.iter().map(|weight| weight.bytes).sum();
        text +=
            &title(&format!("weights: {} in {}", size(total), counted(weights.len(), "tensor")));
        text += &table(&by_dtype(&weights), look.columns);
        text += &title(if look.weights { "all weights" } else { "largest weights" });
        let told = if look.weights { all(&weights) } else { largest(&weights) };
        text += &table(&told, look.columns);
    }
    text += &title("files");
    let told = |length: &Option<u64>| length.map_or_else(|| "missing".to_owned(), size);
    let told: Vec<_> = files.iter().map(|(name, length)| (name.clone(), told(length))).collect();
    text += &table(&told, look.columns);
    if look.nodes {
        for body in bodies {
            text += &title(&format!("nodes of graph {}", body.id));
            text += &nodes::list(body, look.columns);
        }
    }
    text
}

/// A dtype and a shape, `FLOAT [batch, 4]`.
pub(super) fn typed(dtype: Option<&str>, shape: Option<&[Dim]>) -> String {
    let dim = |dim: &Dim| match dim {
        Dim::Size(size) => size.to_string(),
        Dim::Name(name) if name.is_empty() => "?".to_owned(),
        Dim::Name(name) => name.clone(),
    };
    let dtype = dtype.unwrap_or("type not said");
    match shape {
        Some(dims) => {
            format!("{dtype} [{}]", dims.iter().map(dim).collect::<Vec<_>>().join(", "))
        }
        None => dtype.to_owned(),
    }
}

/// A dtype and the sizes of a tensor.
pub(super) fn sized(dtype: &str, dims: &[i64]) -> String {
    let dims: Vec<Dim> = dims.iter().copied().map(Dim::Size).collect();
    typed(Some(dtype), Some(&dims))
}

fn header(
    view: &GraphView,
    bodies: &[&GraphBody],
    files: &[(String, Option<u64>)],
) -> Vec<(String, String)> {
    let row = |name: &str, told: String| (name.to_owned(), told);
    let count: usize = bodies.iter().map(|body| body.nodes.len()).sum();
    let domain = |domain: &String| {
        if domain.is_empty() { "ai.onnx".to_owned() } else { domain.clone() }
    };
    let opsets = view.opsets.iter().map(|(name, version)| format!("{} {version}", domain(name)));
    let total = files.iter().filter_map(|(_, length)| *length).sum();
    let place = match bodies.len() {
        1 => String::new(),
        count => format!(" in {}", counted(count, "graph")),
    };
    let graph = format!("`{}`, {}{place}", view.graph.name, counted(count, "node"));
    let producer = if view.producer.is_empty() { "not said" } else { view.producer.as_str() };
    let mut rows = vec![
        row("producer", producer.to_owned()),
        row("IR version", view.ir_version.to_string()),
        row("opsets", opsets.collect::<Vec<_>>().join(", ")),
        row("graph", graph),
        row("size", format!("{} in {}", size(total), counted(files.len(), "file"))),
    ];
    if !view.functions.is_empty() {
        rows.push(row("functions", view.functions.join(", ")));
    }
    rows.extend(
        view.metadata.iter().map(|(key, value)| row(&format!("metadata {key}"), value.clone())),
    );
    rows
}

fn values_told(values: &[ValueView]) -> Vec<(String, String)> {
    let typed = |value: &ValueView| typed(value.dtype.as_deref(), value.shape.as_deref());
    let values: Vec<_> = values.iter().map(|value| (value.name.clone(), typed(value))).collect();
    families(&values).into_iter().map(|family| (family.name, family.shared)).collect()
}

/// Operators with how often they occur, the most frequent first.
fn filled_operators(bodies: &[&GraphBody], columns: usize) -> String {
    let mut counts: HashMap<(&str, &str), usize> = HashMap::new();
    for node in bodies.iter().flat_map(|body| &body.nodes) {
        *counts.entry((&node.domain, &node.op_type)).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_unstable_by(|(one, count), (other, than)| than.cmp(count).then(one.cmp(other)));
    let told = counts.into_iter().map(|((domain, op_type), count)| match domain {
        "" | "ai.onnx" => format!("{op_type} × {}", thousands(count as f64)),
        _ => format!("{domain}.{op_type} × {}", thousands(count as f64)),
    });
    filled("", &told.collect::<Vec<_>>(), 1, columns)
}

/// A tensor of the model.
struct Weight<'a> {
    name: &'a str,
    dtype: &'a str,
    dims: &'a [i64],
    bytes: u64,
}

/// Initializers, and tensors in attributes, which go by what their nodes make.
fn weights<'a>(bodies: &[&'a GraphBody]) -> Vec<Weight<'a>> {
    let mut found = Vec::new();
    for body in bodies {
        found.extend(body.weights.iter().map(|weight| Weight::of(&weight.name, weight)));
        for node in &body.nodes {
            let tensors = node.attributes.values().filter_map(|value| match value {
                Attribute::Tensor(tensor) => Some(tensor),
                _ => None,
            });
            found.extend(tensors.map(|tensor| Weight::of(made(node), tensor)));
        }
    }
    found
}

impl<'a> Weight<'a> {
    fn of(name: &'a str, tensor: &'a TensorView) -> Self {
        Self { name, dtype: &tensor.dtype, dims: &tensor.dims, bytes: tensor.bytes }
    }

    fn told(&self) -> String {
        sized(self.dtype, self.dims)
    }
}

fn made(node: &NodeView) -> &str {
    node.outputs.first().map_or(&node.name, String::as_str)
}

fn by_dtype(weights: &[Weight<'_>]) -> Vec<(String, String)> {
    let mut dtypes: BTreeMap<&str, (usize, u64)> = BTreeMap::new();
    for weight in weights {
        let (count, bytes) = dtypes.entry(weight.dtype).or_default();
        *count += 1;
        *bytes += weight.bytes;
    }
    let mut dtypes: Vec<_> = dtypes.into_iter().collect();
    dtypes.sort_by_key(|&(_, (_, bytes))| std::cmp::Reverse(bytes));
    let told = |(count, bytes)| format!("{} in {}", size(bytes), counted(count, "tensor"));
    dtypes.into_iter().map(|(dtype, parts)| (dtype.to_owned(), told(parts))).collect()
}

fn all(weights: &[Weight<'_>]) -> Vec<(String, String)> {
    let told = |weight: &Weight<'_>| format!("{}  {}", weight.told(), size(weight.bytes));
    weights.iter().map(|weight| (weight.name.to_owned(), told(weight))).collect()
}

/// The largest weights, those of the layers of a model as one.
fn largest(weights: &[Weight<'_>]) -> Vec<(String, String)> {
    let items: Vec<_> = weights
        .iter()
        .map(|weight| (weight.name.to_owned(), (weight.told(), weight.bytes)))
        .collect();
    let mut found = families(&items);
    let total = |count: usize, bytes: u64| count as u64 * bytes;
    found.sort_by_key(|family| std::cmp::Reverse(total(family.count, family.shared.1)));
    let told = found.into_iter().take(LARGEST).map(|family| {
        let (told, bytes) = family.shared;
        let told = match family.count {
            1 => format!("{told}  {}", size(bytes)),
            count => format!("{told}  {count} × {}", size(bytes)),
        };
        (family.name, told)
    });
    told.collect()
}

fn size(count: u64) -> String {
    bytes(count as f64)
}

fn counted(count: usize, what: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{} {what}{ending}", thousands(count as f64))
}
