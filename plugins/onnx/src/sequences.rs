//! Sequences of tensors that are only taken apart again.

use olive_kit_onnx::proto::NodeProto;
use olive_kit_onnx::{Model, Node, Patch, Uses, drop_dead_nodes};

use crate::error::RewriteError;
use crate::numbers::{constant, dtype, integer_weight, integers};
use crate::shapes::Shapes;

/// Writes `SplitToSequence` whose parts are all taken by a constant place as `Split`.
///
/// # Errors
/// When sizes or places cannot be read.
pub(crate) fn write_as_splits(model: &mut Model) -> Result<(), RewriteError> {
    let (uses, shapes) = (Uses::of(&model.graph), Shapes::of(&model.graph));
    let (mut patch, mut weights) = (Patch::default(), Vec::new());
    for (index, split) in model.graph.node.iter().enumerate() {
        let sequence = split.output_at(0);
        if !split.is("SplitToSequence") || uses.is_output(sequence) {
            continue;
        }
        let Some(sizes) = sizes(model, &shapes, split)? else { continue };
        let count = sizes.len();
        let Some(takers) = takers(model, &uses, sequence, count)? else { continue };
        let part = |place: usize| format!("{sequence}_part_{place}");
        let list = format!("{sequence}_sizes");
        let node = Node::new("Split", split.name()).inputs([split.input_at(0), list.as_str()]);
        let node = node.outputs((0..count).map(part));
        weights.push(integer_weight(&list, &sizes));
        let axis = split.int("axis").unwrap_or(0);
        patch.replace(index, node.attribute("axis", axis).into_proto());
        for (taker, place) in takers {
            let old = &model.graph.node[taker];
            let copy = Node::new("Identity", old.name()).inputs([part(place)]);
            patch.replace(taker, copy.outputs([old.output_at(0)]).into_proto());
        }
    }
    if !patch.is_empty() {
        model.graph.initializer.extend(weights);
        patch.apply(&mut model.graph);
        drop_dead_nodes(&mut model.graph);
    }
    Ok(())
}

/// Sizes of the parts that `split` makes, when they are known.
fn sizes(
    model: &Model,
    shapes: &Shapes,
    split: &NodeProto,
) -> Result<Option<Vec<i64>>, RewriteError> {
    let Some(tensor) = constant(model, split.input_at(1)) else { return Ok(None) };
    let given = integers(&model.bytes(tensor)?, dtype(tensor));
    let (Some(given), false) = (given, tensor.dims.is_empty()) else {
        // One number is the size of each part.
        let size = whole(model, split.input_at(1))?.and_then(|size| size.first().copied());
        return Ok(size.and_then(|size| equal_parts(shapes, split, size)));
    };
    Ok(Some(given))
}

fn equal_parts(shapes: &Shapes, split: &NodeProto, size: i64) -> Option<Vec<i64>> {
    let dims = shapes.dims(split.input_at(0))?;
    let axis = split.int("axis").unwrap_or(0);
    let axis = if axis < 0 { axis + i64::try_from(dims.len()).ok()? } else { axis };
    let side = (*dims.get(usize::try_from(axis).ok()?)?)?;
    let fits = size > 0 && side > 0 && side % size == 0;
    fits.then(|| vec![size; usize::try_from(side / size).unwrap_or(0)])
}

/// Nodes that take a part of `sequence`, each with the place; `None` when one does something else.
fn takers(
    model: &Model,
    uses: &Uses,
    sequence: &str,
    count: usize,
) -> Result<Option<Vec<(usize, usize)>>, RewriteError> {
    let mut takers = Vec::new();
    for &index in uses.consumers(sequence) {
        let node = &model.graph.node[index];
        let place = whole(model, node.input_at(1))?.filter(|_| node.is("SequenceAt"));
        let place = place.filter(|place| place.len() == 1).map(|place| place[0]);
        let place = place.and_then(|place| {
            let from_start = if place < 0 { place + i64::try_from(count).ok()? } else { place };
            usize::try_from(from_start).ok().filter(|&place| place < count)
        });
        let Some(place) = place else { return Ok(None) };
        takers.push((index, place));
    }
    Ok(Some(takers))
}

/// The numbers of a constant list or of a single one.
fn whole(model: &Model, name: &str) -> Result<Option<Vec<i64>>, RewriteError> {
    let Some(tensor) = constant(model, name) else { return Ok(None) };
    Ok(integers(&model.bytes(tensor)?, dtype(tensor)))
}
