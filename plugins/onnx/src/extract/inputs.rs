//! Weights of an adapter as inputs of the graph.

use olive_kit_onnx::proto::GraphProto;
use olive_kit_onnx::{Dim, raw_tensor, value_info};

use super::ExtractAdaptersConfig;
use super::find::Part;
use crate::numbers::dtype;

/// Name of the dimension that is the adapter's rank.
const RANK: &str = "lora_r";

/// Gives scales and zero points without axes one of size 1: ONNX Runtime loads no adapter with a
/// weight that has none, and takes both for the same.
pub(super) fn give_axes(graph: &mut GraphProto, parts: &[Part]) {
    let is_part = |name: &str| parts.iter().any(|part| part.name == name);
    for weight in graph.initializer.iter_mut().filter(|weight| is_part(weight.name())) {
        if weight.dims.is_empty() {
            weight.dims.push(1);
        }
    }
}

/// Makes inputs of the weights `parts`.
///
/// Those that may be left out get a default of rank 0, or of zeros when the rank is fixed, with
/// which the adapter adds nothing; the others have no initializer any more.
pub(super) fn make(graph: &mut GraphProto, parts: &[Part], config: &ExtractAdaptersConfig) {
    for part in parts {
        let mut weights = graph.initializer.iter();
        let Some(index) = weights.position(|weight| weight.name() == part.name) else { continue };
        let (kind, mut dims) =
            (dtype(&graph.initializer[index]), graph.initializer[index].dims.clone());
        let is_free = |place: usize| config.dynamic_lora_r && part.rank == Some(place);
        let shape = dims
            .iter()
            .enumerate()
            .map(|(place, &size)| if is_free(place) { Dim::from(RANK) } else { size.into() });
        let shape: Vec<Dim> = shape.collect();
        graph.value_info.retain(|value| value.name() != part.name);
        graph.input.retain(|input| input.name() != part.name);
        graph.input.push(value_info(&part.name, kind, Some(&shape)));
        match part.rank.filter(|_| config.optional_inputs) {
            Some(rank) => {
                if config.dynamic_lora_r {
                    dims[rank] = 0;
                }
                let length = olive_kit_onnx::size_bytes(kind).unwrap_or(0);
                let elements = dims.iter().product::<i64>().unsigned_abs();
                let zeros = vec![0; usize::try_from(elements * length).unwrap_or(0)];
                graph.initializer[index] = raw_tensor(&part.name, kind, &dims, zeros);
            }
            None => {
                graph.initializer.remove(index);
            }
        }
    }
}
