//! Nodes that give what they take: products with 1, shapes that are there, parts that are the whole.
//!
//! Sums with the float 0 stay: they make 0 of -0.

use olive_kit_onnx::proto::NodeProto;
use olive_kit_onnx::{Model, Uses};

use crate::constant::{Array, Numbers};
use crate::error::RewriteError;
use crate::numbers::constant;
use crate::redundant::replace;
use crate::shapes::Shapes;

/// Lets who takes what such a node gives take what it takes; then drops nodes that nothing takes.
///
/// # Errors
/// When a constant cannot be read.
pub(crate) fn drop_neutral(model: &mut Model) -> Result<(), RewriteError> {
    let (shapes, uses) = (Shapes::of(&model.graph), Uses::of(&model.graph));
    let mut pairs = Vec::new();
    for node in model.graph.node.iter().filter(|node| node.is(node.op_type())) {
        if let Some(place) = taken(node, model, &shapes, &uses)? {
            pairs.push((node.output_at(0).to_owned(), node.input_at(place).to_owned()));
        }
    }
    replace(model, pairs);
    Ok(())
}

/// Which input of `node` is its output; `None` when none is, or it is not known.
fn taken(
    node: &NodeProto,
    model: &Model,
    shapes: &Shapes,
    uses: &Uses,
) -> Result<Option<usize>, RewriteError> {
    let input = |index: usize| small(model, node.input_at(index));
    let is_copy = match node.op_type() {
        "Mul" | "Div" | "Sub" | "Add" => return neutral_number(node, model, shapes),
        "Concat" => node.input.len() == 1,
        "Dropout" => {
            let is_on = match node.input_at(2) {
                "" => false,
                _ => input(2)?.is_none_or(|trains| !is_number(&trains, 0)),
            };
            let mask = node.output_at(1);
            let is_masked = uses.is_output(mask) || !uses.consumers(mask).is_empty();
            !is_on && (mask.is_empty() || !is_masked)
        }
        "Expand" => {
            let (rank, fixed) = (shapes.rank(node.input_at(0)), shapes.fixed(node.input_at(0)));
            input(1)?.as_ref().and_then(Array::as_ints).is_some_and(|shape| {
                let fits = rank.is_some_and(|rank| shape.len() <= rank);
                (fits && shape.iter().all(|&side| side == 1)) || fixed.as_deref() == Some(shape)
            })
        }
        "Reshape" => {
            let fixed = shapes.fixed(node.input_at(0));
            input(1)?
                .as_ref()
                .and_then(Array::as_ints)
                .is_some_and(|shape| fixed.as_deref() == Some(shape) && !shape.contains(&0))
        }
        "Slice" => {
            let steps = if node.input_at(4).is_empty() {
                Some(Array::ints(vec![0], Vec::new()))
            } else {
                input(4)?
            };
            all(input(1)?.as_ref(), |start| start == 0)
                && all(input(2)?.as_ref(), |end| end >= i64::from(i32::MAX))
                && all(steps.as_ref(), |step| step == 1)
        }
        _ => false,
    };
    Ok(is_copy.then_some(0))
}

/// Which input of a product, quotient, sum or difference is its output, as the other is neutral.
fn neutral_number(
    node: &NodeProto,
    model: &Model,
    shapes: &Shapes,
) -> Result<Option<usize>, RewriteError> {
    for (place, other) in [(0, 1), (1, 0)] {
        let Some(array) = small(model, node.input_at(other))? else { continue };
        let rank = shapes.rank(node.input_at(place));
        let keeps_shape =
            array.dims.is_empty() || rank.is_some_and(|rank| array.dims.len() <= rank);
        let is_neutral = match node.op_type() {
            "Mul" => is_number(&array, 1),
            "Div" => place == 0 && is_number(&array, 1),
            "Sub" => place == 0 && is_number(&array, 0),
            _ => array.as_ints().is_some() && is_number(&array, 0),
        };
        if is_neutral && keeps_shape && array.len() == 1 {
            return Ok(Some(place));
        }
    }
    Ok(None)
}

/// Whether `holds` is true of every number of a known list.
fn all(list: Option<&Array>, holds: fn(i64) -> bool) -> bool {
    list.and_then(Array::as_ints).is_some_and(|list| list.iter().all(|&value| holds(value)))
}

fn is_number(array: &Array, number: i64) -> bool {
    match &array.numbers {
        Numbers::Ints(values) => values.iter().all(|&value| value == number),
        // 0 is not -0.
        Numbers::Floats(values) => {
            let bits = f64::to_bits(if number == 0 { 0.0 } else { 1.0 });
            values.iter().all(|value| value.to_bits() == bits)
        }
    }
}

/// The constant `name`, when it has few numbers and nobody can change it.
fn small(model: &Model, name: &str) -> Result<Option<Array>, RewriteError> {
    const MOST: i64 = 64;
    let is_input = model.graph.input.iter().any(|input| input.name() == name);
    let tensor = constant(model, name)
        .filter(|tensor| !is_input && tensor.dims.iter().product::<i64>() <= MOST);
    let Some(tensor) = tensor else { return Ok(None) };
    Ok(Array::of(tensor, &model.bytes(tensor)?))
}
