//! What a graph computes, written so that two graphs of different names and order compare equal.

use std::collections::{BTreeSet, HashMap};

use olive_kit_onnx::proto::type_proto::Value;
use olive_kit_onnx::proto::{AttributeProto, GraphProto, NodeProto, TensorProto, ValueInfoProto};
use olive_kit_onnx::{Model, each_graph};

/// Weights of more bytes are compared by type and shape.
const COMPARED_BYTES: usize = 1024;

/// Inputs with their types, and for each output its type and how it is computed.
#[derive(Debug, PartialEq)]
pub(crate) struct Structure {
    inputs: Vec<String>,
    outputs: Vec<String>,
    opsets: Vec<String>,
}

impl Structure {
    pub(crate) fn of(model: &Model) -> Self {
        let mut used = BTreeSet::new();
        each_graph(&model.graph, &mut |graph| {
            used.extend(graph.node.iter().map(NodeProto::domain));
        });
        let opsets = model.header.opset_import.iter();
        // Versions of operators that no node is of do not matter.
        let mut opsets: Vec<_> = opsets
            .filter(|opset| used.contains(opset.domain()))
            .map(|opset| format!("opset {} {}", opset.domain(), opset.version()))
            .collect();
        opsets.sort();
        let terms = Terms::of(&model.graph, &HashMap::new(), model);
        let outputs = model.graph.output.iter();
        let outputs =
            outputs.map(|output| format!("{} = {}", typed(output), terms.number(output.name())));
        let mut outputs: Vec<_> = outputs.collect();
        outputs.extend(terms.lines());
        Self { inputs: model.graph.input.iter().map(typed).collect(), outputs, opsets }
    }
}

impl Structure {
    /// Lines that only one of two has, with a sign; empty when both are the same.
    pub(crate) fn difference(&self, expected: &Self) -> String {
        let lines = |of: &Self| [of.inputs.clone(), of.outputs.clone(), of.opsets.clone()].concat();
        let (found, expected) = (lines(self), lines(expected));
        let only = |sign: char, these: &[String], others: &[String]| {
            let alone = these.iter().filter(|line| !others.contains(line));
            alone.fold(String::new(), |text, line| format!("{text}{sign} {line}\n"))
        };
        only('+', &found, &expected) + &only('-', &expected, &found)
    }
}

/// Terms of one graph: each value by number, each number by operator and numbers of its inputs.
struct Terms {
    numbers: HashMap<String, String>,
    lines: Vec<String>,
}

impl Terms {
    fn of(graph: &GraphProto, around: &HashMap<String, String>, model: &Model) -> Self {
        let is_inner = !around.is_empty();
        let mut terms = Self { numbers: around.clone(), lines: Vec::new() };
        for (index, input) in graph.input.iter().enumerate() {
            // Names of what a body takes are its own affair.
            let name = if is_inner { format!("input {index}") } else { input.name().to_owned() };
            terms.numbers.insert(input.name().to_owned(), name);
        }
        for weight in &graph.initializer {
            terms.numbers.insert(weight.name().to_owned(), constant(weight, model));
        }
        let mut graph = graph.clone();
        olive_kit_onnx::sort(&mut graph).unwrap();
        graph.node.iter().for_each(|node| terms.add(node, model));
        terms
    }

    fn add(&mut self, node: &NodeProto, model: &Model) {
        let is_constant = node.is("Constant");
        if let Some(value) = node.tensor("value").filter(|_| is_constant) {
            self.numbers.insert(node.output_at(0).to_owned(), constant(value, model));
            return;
        }
        let inputs = node
            .input
            .iter()
            .map(|name| if name.is_empty() { "_" } else { self.number(name) }.to_owned());
        let mut inputs: Vec<String> = inputs.collect();
        while inputs.last().is_some_and(|input| input == "_") {
            inputs.pop();
        }
        let mut attributes: Vec<_> =
            node.attribute.iter().map(|attribute| self.attribute(attribute, model)).collect();
        attributes.sort();
        let term = format!(
            "{}.{}({}; {})",
            node.domain(),
            node.op_type(),
            inputs.join(", "),
            attributes.join(", ")
        );
        let digest = digest(term.as_bytes());
        self.lines.push(format!("{digest:x} = {term}"));
        for (index, output) in node.output.iter().enumerate() {
            self.numbers.insert(output.clone(), format!("{}:{digest:x}.{index}", node.op_type()));
        }
    }

    fn attribute(&self, attribute: &AttributeProto, model: &Model) -> String {
        let name = attribute.name();
        if let Some(graph) = &attribute.g {
            let inner = Self::of(graph, &self.numbers, model);
            let outputs = graph.output.iter().map(|output| inner.number(output.name()).to_owned());
            return format!("{name}={{{}}}", outputs.collect::<Vec<_>>().join(", "));
        }
        if let Some(tensor) = &attribute.t {
            return format!("{name}={}", constant(tensor, model));
        }
        let text = attribute.s.as_ref().map(|text| String::from_utf8_lossy(text).into_owned());
        let numbers = (attribute.i, attribute.f, &attribute.ints, &attribute.floats);
        format!("{name}={numbers:?}{text:?}")
    }

    fn number(&self, value: &str) -> &str {
        &self.numbers[value]
    }

    /// Terms in an order of their own.
    fn lines(mut self) -> Vec<String> {
        self.lines.sort();
        self.lines
    }
}

fn typed(value: &ValueInfoProto) -> String {
    let Some(Value::TensorType(tensor)) =
        value.r#type.as_ref().and_then(|kind| kind.value.as_ref())
    else {
        return value.name().to_owned();
    };
    let dims = tensor.shape.as_ref().map(|shape| {
        shape.dim.iter().map(|dim| format!("{:?}", dim.value)).collect::<Vec<_>>().join(", ")
    });
    // Of a scalar, Olive leaves the shape out that `onnx.checker` asks for.
    format!("{}: {}[{}]", value.name(), tensor.elem_type(), dims.unwrap_or_default())
}

fn constant(tensor: &TensorProto, model: &Model) -> String {
    let shape = format!("{}{:?}", tensor.data_type(), tensor.dims);
    let elements: i64 = tensor.dims.iter().product();
    if usize::try_from(elements).unwrap() > COMPARED_BYTES / 8 {
        return shape;
    }
    let bytes = model.bytes(tensor).unwrap();
    if bytes.len() > COMPARED_BYTES { shape } else { format!("{shape}{:?}", &*bytes) }
}

/// FNV-1a.
fn digest(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
