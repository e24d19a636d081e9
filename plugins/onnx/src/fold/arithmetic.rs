//! Operators that compute, number by number.

use olive_kit_onnx::proto::tensor_proto::DataType;

use super::layout;
use crate::constant::{Array, Numbers, range, rounded};

/// The shape that shapes `one` and `other` have together; `None` when they do not go together.
pub(super) fn broadcast(one: &[i64], other: &[i64]) -> Option<Vec<i64>> {
    let rank = one.len().max(other.len());
    let side = |dims: &[i64], index: usize| {
        (index + dims.len()).checked_sub(rank).map_or(1, |index| dims[index])
    };
    let together = |index: usize| match (side(one, index), side(other, index)) {
        (one, other) if one == other || other == 1 => Some(one),
        (1, other) => Some(other),
        _ => None,
    };
    (0..rank).map(together).collect()
}

/// An operator of one number.
pub(super) fn unary(operator: &str, array: &Array) -> Option<Array> {
    let numbers = match &array.numbers {
        Numbers::Ints(values) => {
            let compute: fn(i64) -> Option<i64> = match operator {
                "Neg" => i64::checked_neg,
                "Abs" => i64::checked_abs,
                "Not" if array.dtype == DataType::Bool => |truth| Some(1 - truth),
                _ => return None,
            };
            let (least, most) = range(array.dtype)?;
            let fits = |value: &i64| (least..=most).contains(value);
            let values = values.iter().map(|&value| compute(value).filter(fits));
            Numbers::Ints(values.collect::<Option<_>>()?)
        }
        Numbers::Floats(values) => {
            let compute: fn(f64) -> f64 = match operator {
                "Neg" => |value| -value,
                "Abs" => f64::abs,
                // Of several numbers at once, roots may be less exact.
                "Sqrt" if values.len() == 1 => f64::sqrt,
                "Floor" => f64::floor,
                "Ceil" => f64::ceil,
                _ => return None,
            };
            let values = values.iter().map(|&value| rounded(compute(value), array.dtype));
            Numbers::Floats(numeric(values.collect())?)
        }
    };
    Some(Array { numbers, ..array.clone() })
}

/// An operator of two numbers, for `Mod` with the sign of the first when `is_fmod`.
pub(super) fn binary(operator: &str, is_fmod: bool, one: &Array, other: &Array) -> Option<Array> {
    if one.dtype != other.dtype {
        return None;
    }
    let dtype = one.dtype;
    let dims = broadcast(&one.dims, &other.dims)?;
    let (one, other) = (layout::expand(one, &dims)?, layout::expand(other, &dims)?);
    match (&one.numbers, &other.numbers) {
        (Numbers::Ints(one), Numbers::Ints(other)) => {
            if let Some(holds) = compares(operator, dtype) {
                let truths = one.iter().zip(other).map(|(one, other)| holds(one.cmp(other)));
                return Some(truth(dims, truths));
            }
            let (least, most) = range(dtype)?;
            let fits = |value: &i64| (least..=most).contains(value);
            let pairs = one.iter().zip(other);
            let values = pairs
                .map(|(&one, &other)| whole(operator, is_fmod, dtype, one, other).filter(fits));
            Some(Array { dtype, dims, numbers: Numbers::Ints(values.collect::<Option<_>>()?) })
        }
        (Numbers::Floats(one), Numbers::Floats(other)) => {
            // The lesser of 0 and -0 is either.
            let has_zero = one.iter().chain(other).any(|&value| value == 0.0);
            if let Some(holds) = compares(operator, dtype) {
                let truths = one
                    .iter()
                    .zip(other)
                    .map(|(one, other)| one.partial_cmp(other).is_some_and(&holds));
                return Some(truth(dims, truths));
            }
            let compute: fn(f64, f64) -> f64 = match operator {
                "Add" => |one, other| one + other,
                "Sub" => |one, other| one - other,
                "Mul" => |one, other| one * other,
                "Div" => |one, other| one / other,
                "Min" if !has_zero => f64::min,
                "Max" if !has_zero => f64::max,
                _ => return None,
            };
            let pairs = one.iter().zip(other);
            let values = pairs.map(|(&one, &other)| rounded(compute(one, other), dtype));
            Some(Array { dtype, dims, numbers: Numbers::Floats(numeric(values.collect())?) })
        }
        _ => None,
    }
}

/// The values, when none is NaN, whose bits differ from machine to machine.
fn numeric(values: Vec<f64>) -> Option<Vec<f64>> {
    values.iter().all(|value| !value.is_nan()).then_some(values)
}

/// Whole numbers; `None` where machines differ or the operator is another.
fn whole(operator: &str, is_fmod: bool, dtype: DataType, one: i64, other: i64) -> Option<i64> {
    if dtype == DataType::Bool {
        return match operator {
            "And" => Some(one & other),
            "Or" => Some(one | other),
            "Xor" => Some(one ^ other),
            _ => None,
        };
    }
    match operator {
        "Add" => one.checked_add(other),
        "Sub" => one.checked_sub(other),
        "Mul" => one.checked_mul(other),
        // Towards 0.
        "Div" => one.checked_div(other),
        "Mod" if is_fmod => one.checked_rem(other),
        // With the sign of the divisor.
        "Mod" => one
            .checked_rem(other)
            .map(|rest| if rest != 0 && (rest < 0) != (other < 0) { rest + other } else { rest }),
        "Min" => Some(one.min(other)),
        "Max" => Some(one.max(other)),
        _ => None,
    }
}

/// Which orders of two numbers the comparison `operator` holds for.
fn compares(operator: &str, dtype: DataType) -> Option<fn(std::cmp::Ordering) -> bool> {
    let holds: fn(std::cmp::Ordering) -> bool = match operator {
        "Equal" => std::cmp::Ordering::is_eq,
        _ if dtype == DataType::Bool => return None,
        "Less" => std::cmp::Ordering::is_lt,
        "LessOrEqual" => std::cmp::Ordering::is_le,
        "Greater" => std::cmp::Ordering::is_gt,
        "GreaterOrEqual" => std::cmp::Ordering::is_ge,
        _ => return None,
    };
    Some(holds)
}

fn truth(dims: Vec<i64>, truths: impl Iterator<Item = bool>) -> Array {
    let numbers = Numbers::Ints(truths.map(i64::from).collect());
    Array { dtype: DataType::Bool, dims, numbers }
}
