//! The edit that a few bytes stand for: any kind, of any part of a graph, with any of a few values.

use olive_plugin_api::{GraphEdit, GraphView};
use olive_schemas::graph::{Attribute, Dim, NewNode, Number, TensorView, ValueView};

/// Names that no graph may have, or that graphs seldom have.
const NAMES: [&str; 4] = ["", "new", "other", "body"];
/// Element types, of which one is none.
const DTYPES: [&str; 8] =
    ["FLOAT", "INT64", "BOOL", "FLOAT16", "INT4", "STRING", "FLOAT8E4M3FN", "F32"];
/// Domains of operators.
const DOMAINS: [&str; 4] = ["", "ai.onnx", "com.microsoft", "other"];

/// What edits choose from.
pub(super) struct Choices {
    graphs: usize,
    nodes: usize,
    /// Names of values, attributes and metadata.
    names: Vec<String>,
}

impl Choices {
    pub(super) fn of(view: &GraphView) -> Self {
        let bodies = view.bodies();
        let mut names: Vec<String> = NAMES.map(str::to_owned).to_vec();
        names.extend(view.metadata.keys().cloned());
        for body in &bodies {
            let values = body.inputs.iter().chain(&body.outputs).chain(&body.values);
            names.extend(values.map(|value| value.name.clone()));
            names.extend(body.weights.iter().map(|weight| weight.name.clone()));
            for node in &body.nodes {
                names.extend(node.inputs.iter().chain(&node.outputs).cloned());
                names.extend(node.attributes.keys().cloned());
            }
        }
        let nodes = bodies.iter().map(|body| body.nodes.len()).sum();
        Self { graphs: bodies.len(), nodes, names }
    }

    /// The edit that `bytes` stand for; bytes that are not there are 0.
    pub(super) fn edit(&self, bytes: &[u8]) -> GraphEdit {
        let part = Part { choices: self, bytes };
        let (graph, node) = (part.graph(1), part.node(1));
        let name = || part.name(2);
        match part.at(0) % 19 {
            0 => GraphEdit::AddNode { graph, node: part.new_node() },
            1 => GraphEdit::RemoveNode { node },
            2 => GraphEdit::SetNode {
                node,
                name: part.maybe(2).then(|| part.name(3)),
                op_type: part.maybe(4).then(|| part.name(5)),
                domain: part.maybe(6).then(|| part.domain(7)),
            },
            3 => GraphEdit::SetInputs { node, inputs: part.names() },
            4 => GraphEdit::SetOutputs { node, outputs: part.names() },
            5 => GraphEdit::SetAttribute { node, name: name(), value: part.attribute() },
            6 => GraphEdit::RemoveAttribute { node, name: name() },
            7 => GraphEdit::RenameValue { graph, from: name(), to: part.name(3) },
            8 => GraphEdit::ReplaceUses { graph, from: name(), to: part.name(3) },
            9 => GraphEdit::AddInput { graph, value: part.value() },
            10 => GraphEdit::RemoveInput { graph, name: name() },
            11 => GraphEdit::AddOutput { graph, value: part.value() },
            12 => GraphEdit::RemoveOutput { graph, name: name() },
            13 => GraphEdit::SetValue { graph, value: part.value() },
            14 => GraphEdit::SetWeight { graph, weight: part.tensor() },
            15 => GraphEdit::RemoveWeight { graph, name: name() },
            16 => GraphEdit::RemoveUnused,
            17 => GraphEdit::SetOpset {
                domain: part.domain(1),
                version: part.maybe(2).then(|| part.number(3)),
            },
            _ => GraphEdit::SetMetadata {
                key: part.name(1),
                value: part.maybe(2).then(|| part.name(3)),
            },
        }
    }
}

/// The bytes of one edit.
struct Part<'a> {
    choices: &'a Choices,
    bytes: &'a [u8],
}

impl Part<'_> {
    fn at(&self, place: usize) -> usize {
        usize::from(self.bytes.get(place).copied().unwrap_or(0))
    }

    fn maybe(&self, place: usize) -> bool {
        !self.at(place).is_multiple_of(3)
    }

    /// A graph, or one more than there are.
    fn graph(&self, place: usize) -> u32 {
        u32::try_from(self.at(place) % (self.choices.graphs + 1)).unwrap_or(0)
    }

    /// A node, or one more than there are.
    fn node(&self, place: usize) -> u32 {
        u32::try_from(self.at(place) % (self.choices.nodes + 1)).unwrap_or(0)
    }

    fn name(&self, place: usize) -> String {
        let names = &self.choices.names;
        names[self.at(place) % names.len()].clone()
    }

    /// Up to five names, from the third byte on.
    fn names(&self) -> Vec<String> {
        (0..self.at(2) % 6).map(|place| self.name(3 + place)).collect()
    }

    fn domain(&self, place: usize) -> String {
        DOMAINS[self.at(place) % DOMAINS.len()].to_owned()
    }

    /// Small numbers of both signs, and the two ends.
    fn number(&self, place: usize) -> i64 {
        match self.at(place) {
            255 => i64::MAX,
            254 => i64::MIN,
            byte => i64::try_from(byte).unwrap_or(0) - 100,
        }
    }

    fn value(&self) -> ValueView {
        let dims = (0..self.at(4) % 3).map(|place| match self.at(5 + place) {
            byte if byte.is_multiple_of(3) => Dim::Name(self.name(5 + place)),
            _ => Dim::Size(self.number(5 + place)),
        });
        ValueView {
            name: self.name(2),
            dtype: self.maybe(3).then(|| self.dtype(3)),
            shape: self.maybe(4).then(|| dims.collect()),
        }
    }

    fn dtype(&self, place: usize) -> String {
        DTYPES[self.at(place) % DTYPES.len()].to_owned()
    }

    fn tensor(&self) -> TensorView {
        let numbers = (0..self.at(5) % 4).map(|place| self.scalar(6 + place));
        TensorView {
            name: self.name(2),
            dtype: self.dtype(3),
            dims: (0..self.at(4) % 3).map(|place| self.number(5 + place)).collect(),
            values: self.maybe(5).then(|| numbers.collect()),
            ..TensorView::default()
        }
    }

    fn scalar(&self, place: usize) -> Number {
        match self.at(place) % 4 {
            0 => f64::NAN.into(),
            1 => 1e300.into(),
            _ => self.number(place).into(),
        }
    }

    fn attribute(&self) -> Attribute {
        match self.at(3) % 8 {
            0 => Attribute::Int(self.scalar(4)),
            1 => Attribute::Float(self.scalar(4)),
            2 => Attribute::Ints(vec![self.scalar(4), self.scalar(5)]),
            3 => Attribute::Floats(vec![self.scalar(4)]),
            4 => Attribute::String(self.name(4)),
            5 => Attribute::Strings(vec![self.name(4), self.name(5)]),
            6 => Attribute::Tensor(self.tensor()),
            _ => Attribute::Other(self.name(4)),
        }
    }

    fn new_node(&self) -> NewNode {
        let attributes = self.maybe(6).then(|| (self.name(6), self.attribute()));
        NewNode {
            name: self.name(7),
            op_type: self.name(5),
            domain: self.domain(6),
            inputs: vec![self.name(2), self.name(3)],
            outputs: vec![self.name(4)],
            attributes: attributes.into_iter().collect(),
        }
    }
}
