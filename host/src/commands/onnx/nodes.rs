//! The nodes of a graph as text.

use olive_schemas::graph::{Attribute, GraphBody, NodeView, Number};

use super::page::sized;
use super::table::filled;
use crate::render::{plain, width};

/// Numbers of an attribute that are written out.
const NUMBERS: usize = 8;
/// Columns before what is told of a node.
const INDENT: usize = 9;

/// The nodes of `body` in their order, each with number, operator, name, attributes and values.
pub(super) fn list(body: &GraphBody, columns: usize) -> String {
    body.nodes.iter().map(|node| entry(node, columns)).collect()
}

fn entry(node: &NodeView, columns: usize) -> String {
    let operator = match node.domain.as_str() {
        "" | "ai.onnx" => node.op_type.clone(),
        domain => format!("{domain}.{}", node.op_type),
    };
    let (head, name) = (format!("  {:>5}  {}", node.id, plain(&operator)), plain(&node.name));
    let space = if width(&head) + 1 + width(&name) > columns {
        format!("\n{}", " ".repeat(INDENT))
    } else {
        " ".to_owned()
    };
    let head = format!("{head}{space}{name}");
    let attributes = node.attributes.iter();
    let attributes: Vec<String> =
        attributes.map(|(name, value)| format!("{name} = {}", told(value))).collect();
    let mut text = head.trim_end().to_owned() + "\n";
    for (sign, parts) in
        [("·", attributes), ("←", named(&node.inputs)), ("→", named(&node.outputs))]
    {
        if !parts.is_empty() {
            text += &filled(sign, &parts, INDENT, columns);
        }
    }
    text
}

fn named(values: &[String]) -> Vec<String> {
    let told = |name: &String| if name.is_empty() { "(none)".to_owned() } else { name.clone() };
    values.iter().map(told).collect()
}

fn told(value: &Attribute) -> String {
    match value {
        Attribute::Int(number) => shown(number),
        Attribute::Float(number) => float(number),
        Attribute::String(text) => format!("\"{text}\""),
        Attribute::Tensor(tensor) => sized(&tensor.dtype, &tensor.dims),
        Attribute::Graph(body) => format!("graph {}", body.id),
        Attribute::Ints(numbers) => several(numbers, shown),
        Attribute::Floats(numbers) => several(numbers, float),
        Attribute::Strings(texts) => several(texts, |text| format!("\"{text}\"")),
        Attribute::Graphs(bodies) => several(bodies, |body| format!("graph {}", body.id)),
        Attribute::Other(kind) => kind.clone(),
    }
}

fn several<T>(items: &[T], told: impl Fn(&T) -> String) -> String {
    let mut parts: Vec<String> = items.iter().take(NUMBERS).map(told).collect();
    if let Some(more) = items.len().checked_sub(NUMBERS).filter(|more| *more > 0) {
        parts.push(format!("… {more} more"));
    }
    format!("[{}]", parts.join(", "))
}

/// A float of 32 bits in as few digits as tell it from others.
#[expect(clippy::cast_possible_truncation, reason = "attributes are floats of 32 bits")]
fn float(number: &Number) -> String {
    number.as_f64().map_or_else(|| shown(number), |double| format!("{:?}", double as f32))
}

fn shown(number: &Number) -> String {
    serde_json::to_string(number).unwrap_or_default().replace('"', "")
}
