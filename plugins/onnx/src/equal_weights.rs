//! Weights that are there twice.

use std::collections::{BTreeMap, HashMap, HashSet};

use bytes::Bytes;
use olive_kit_onnx::proto::{TensorProto, ValueInfoProto};
use olive_kit_onnx::{Model as Graph, replace_uses};

use crate::error::RewriteError;

/// Bytes by whose start most weights that differ are told apart.
const START_BYTES: usize = 4096;

/// Makes one weight of those of the main graph that are of the same type, shape and bytes.
///
/// Only weights that begin alike are read whole, two at a time.
pub(crate) fn merge_equal_weights(model: &mut Graph) -> Result<(), RewriteError> {
    let outer: HashSet<&str> =
        model.graph.input.iter().chain(&model.graph.output).map(ValueInfoProto::name).collect();
    let inner = model.graph.initializer.iter().filter(|weight| !outer.contains(weight.name()));
    let mut shapes: BTreeMap<(i32, &[i64]), Vec<&TensorProto>> = BTreeMap::new();
    for weight in inner {
        shapes.entry((weight.data_type(), &weight.dims)).or_default().push(weight);
    }
    let mut equal: BTreeMap<String, String> = BTreeMap::new();
    for weights in shapes.into_values().filter(|weights| weights.len() > 1) {
        let mut kept: HashMap<Bytes, Vec<&TensorProto>> = HashMap::new();
        for weight in weights {
            let alike = kept.entry(model.start(weight, START_BYTES)?).or_default();
            match find_equal(model, weight, alike)? {
                Some(other) => {
                    equal.insert(weight.name().to_owned(), other.name().to_owned());
                }
                None => alike.push(weight),
            }
        }
    }
    for (dropped, kept) in &equal {
        replace_uses(&mut model.graph, dropped, kept);
    }
    model.graph.initializer.retain(|weight| !equal.contains_key(weight.name()));
    model.graph.value_info.retain(|value| !equal.contains_key(value.name()));
    Ok(())
}

/// The one of `others` with the bytes of `weight`.
fn find_equal<'a>(
    model: &Graph,
    weight: &TensorProto,
    others: &[&'a TensorProto],
) -> Result<Option<&'a TensorProto>, RewriteError> {
    if others.is_empty() {
        return Ok(None);
    }
    let bytes = model.bytes(weight)?;
    let mut found = None;
    for other in others {
        let other_bytes = model.bytes(other)?;
        let is_equal = bytes == other_bytes;
        model.data().release(&other_bytes);
        if is_equal {
            found = Some(*other);
            break;
        }
    }
    model.data().release(&bytes);
    Ok(found)
}
