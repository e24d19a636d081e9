//! Weights that are there twice.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hasher as _};

use olive_kit_onnx::proto::ValueInfoProto;
use olive_kit_onnx::{Model as Graph, replace_uses};

use crate::error::RewriteError;

/// Makes one weight of those of the main graph that are of the same type, shape and bytes.
pub(crate) fn merge_equal_weights(model: &mut Graph) -> Result<(), RewriteError> {
    let outer: Vec<&str> =
        model.graph.input.iter().chain(&model.graph.output).map(ValueInfoProto::name).collect();
    let mut first: HashMap<(i32, Vec<i64>, u64), String> = HashMap::new();
    let mut equal: Vec<(String, String)> = Vec::new();
    for weight in &model.graph.initializer {
        if outer.contains(&weight.name()) {
            continue;
        }
        let mut hasher = DefaultHasher::new();
        if model.maker(weight.name()).is_some() {
            hasher.write(&model.bytes(weight)?);
        } else {
            model.data().stream(weight, &mut |piece| {
                hasher.write(piece);
                Ok(())
            })?;
        }
        let key = (weight.data_type(), weight.dims.clone(), hasher.finish());
        let Some(kept) = first.get(&key) else {
            first.insert(key, weight.name().to_owned());
            continue;
        };
        let other = model.weight(kept).map(|other| model.bytes(other)).transpose()?;
        if other == Some(model.bytes(weight)?) {
            equal.push((weight.name().to_owned(), kept.clone()));
        }
    }
    for (dropped, kept) in &equal {
        replace_uses(&mut model.graph, dropped, kept);
    }
    let is_dropped = |name: &str| equal.iter().any(|(dropped, _)| dropped == name);
    model.graph.initializer.retain(|weight| !is_dropped(weight.name()));
    model.graph.value_info.retain(|value| !is_dropped(value.name()));
    Ok(())
}
