//! What an operator gives for constants.
//!
//! Only operators whose results are the same bits everywhere: those that move numbers, those of whole
//! numbers, and single operations of IEEE 754. Sums over many numbers and functions such as `Exp` stay.

use olive_kit_onnx::proto::NodeProto;
use olive_kit_onnx::proto::tensor_proto::DataType;

use super::arithmetic::{binary, broadcast, unary};
use super::layout;
use crate::constant::{Array, Numbers};

/// The first output of `node` for `inputs`, of which an optional one may be missing.
///
/// `None` when it is no operator that is computed, or not the same everywhere.
pub(super) fn evaluate(node: &NodeProto, inputs: &[Option<&Array>]) -> Option<Array> {
    let input = |index: usize| inputs.get(index).copied().flatten();
    let first = || input(0);
    let ints = |index: usize, name: &str| match input(index) {
        Some(given) => given.as_ints().map(<[i64]>::to_vec),
        None => node.attribute_named(name).map(|attribute| attribute.ints.clone()),
    };
    match node.op_type() {
        "Identity" => first().cloned(),
        "Cast" => first()?.cast(DataType::try_from(i32::try_from(node.int("to")?).ok()?).ok()?),
        "Concat" => layout::concat(inputs, node.int("axis")?),
        "Gather" => layout::gather(first()?, input(1)?, node.int("axis").unwrap_or(0)),
        "Unsqueeze" => layout::unsqueeze(first()?, &ints(1, "axes")?),
        "Squeeze" => layout::squeeze(first()?, ints(1, "axes").as_deref()),
        "Reshape" => {
            layout::reshape(first()?, input(1)?.as_ints()?, node.int("allowzero") == Some(1))
        }
        "Transpose" => layout::transpose(first()?, node.ints("perm")),
        "Slice" => layout::slice(node, inputs),
        "Expand" => {
            let shape = input(1)?.as_ints()?;
            layout::expand(first()?, &broadcast(&first()?.dims, shape)?)
        }
        "ConstantOfShape" => layout::filled(node, first()?.as_ints()?),
        "Range" => ranged([first()?, input(1)?, input(2)?]),
        "Shape" => {
            let dims = layout::shape_part(node, &first()?.dims);
            Some(Array::ints(vec![i64::try_from(dims.len()).ok()?], dims))
        }
        "Size" => Some(Array::ints(Vec::new(), vec![i64::try_from(first()?.len()).ok()?])),
        "Where" => chosen(first()?, input(1)?, input(2)?),
        "Neg" | "Abs" | "Sqrt" | "Floor" | "Ceil" | "Not" => unary(node.op_type(), first()?),
        "Min" | "Max" if inputs.len() != 2 => None,
        operator => binary(operator, node.int("fmod") == Some(1), first()?, input(1)?),
    }
}

/// Numbers of `yes` where `condition` holds, else of `no`.
fn chosen(condition: &Array, yes: &Array, no: &Array) -> Option<Array> {
    if yes.dtype != no.dtype {
        return None;
    }
    let dims = broadcast(&broadcast(&condition.dims, &yes.dims)?, &no.dims)?;
    let [condition, yes, no] = [condition, yes, no].map(|array| layout::expand(array, &dims));
    let (condition, yes, no) = (condition?, yes?, no?);
    let is_yes: Vec<bool> = condition.as_ints()?.iter().map(|&truth| truth != 0).collect();
    let numbers = match (yes.numbers, no.numbers) {
        (Numbers::Ints(yes), Numbers::Ints(no)) => Numbers::Ints(choose(&is_yes, &yes, &no)),
        (Numbers::Floats(yes), Numbers::Floats(no)) => Numbers::Floats(choose(&is_yes, &yes, &no)),
        _ => return None,
    };
    Some(Array { dtype: yes.dtype, dims, numbers })
}

fn choose<T: Copy>(is_yes: &[bool], yes: &[T], no: &[T]) -> Vec<T> {
    let pairs = yes.iter().zip(no);
    is_yes.iter().zip(pairs).map(|(&is_yes, (&yes, &no))| if is_yes { yes } else { no }).collect()
}

/// Whole numbers from the first up to the second by the third.
fn ranged([start, limit, delta]: [&Array; 3]) -> Option<Array> {
    const MOST: i64 = 1 << 16;
    let number = |array: &Array| array.as_ints().filter(|ints| ints.len() == 1).map(|ints| ints[0]);
    let (from, to, step) = (number(start)?, number(limit)?, number(delta)?);
    if step == 0 {
        return None;
    }
    let distance = to.checked_sub(from)?;
    let count = distance.checked_div(step)? + i64::from(distance % step != 0);
    let count = count.max(0);
    if distance.signum() != step.signum() || count > MOST {
        let none = distance == 0 || distance.signum() != step.signum();
        return none.then(|| Array { dtype: start.dtype, ..Array::ints(vec![0], Vec::new()) });
    }
    let values = (0..count).map(|index| from + index * step).collect();
    Some(Array { dtype: start.dtype, ..Array::ints(vec![count], values) })
}
