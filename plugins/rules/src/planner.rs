//! What the built-in passes will need of memory and disk, from the shapes of the model alone.
//!
//! They run on the processor, so that on a GPU or NPU they need nothing. Pages of files that are
//! mapped are not counted: the system takes them back when memory is short. Estimates were compared
//! with measured peaks, which the tests hold.

#[cfg(test)]
mod tests;

use olive_validator_api::{Context, Cost, Document, PlannedStep, Planner};

use crate::OliveRules;
use crate::building::{self, Built};
use crate::choice::Choice;
use crate::model::checkpoint;
use crate::need::{FLOAT, MIB, Need};
use crate::parts::{chains, evaluators, is, is_tuner, measures_model};
use crate::quantizing::{self, Codes};
use crate::shape::Shape;
use crate::{rotating, selecting, tuning};

/// Resident memory of ONNX Runtime beside that.
const RUNTIME: f64 = 10.0 * MIB;

/// Values that merging has in memory at a time.
const MERGED: f64 = 4_194_304.0;

/// Tokens of a row that is measured, which only the data tells.
const ROW_TOKENS: f64 = 128.0;

impl Planner for OliveRules {
    fn estimate(document: &Document, _: &Context) -> Vec<Option<Cost>> {
        chains(document).into_iter().flat_map(|chain| costs(document, chain)).collect()
    }
}

/// The costs of the steps of a chain, up to the first that nothing is known about.
fn costs(document: &Document, chain: &[PlannedStep]) -> Vec<Option<Cost>> {
    let model = checkpoint(document);
    let start = |shape| Stage::Checkpoint { shape, adapter: 0.0, choice: None };
    let mut stage = model.and_then(Shape::of).map(start);
    let mut costs = Vec::new();
    for step in chain {
        let known = stage.take().and_then(|stage| need(document, step, stage));
        let (need, after) = known.unzip();
        stage = after;
        let device = document.accelerator.device;
        costs.push(
            need.map(|need| need.max(evaluation(document, step, stage.as_ref())).cost(device)),
        );
    }
    costs
}

/// A model between two steps.
enum Stage {
    /// A checkpoint in floats.
    Checkpoint {
        shape: Shape,
        /// Values of the adapter on top of it.
        adapter: f64,
        /// Grids that were chosen for a quantizer.
        choice: Option<Choice>,
    },
    /// A checkpoint in codes, which are made floats when it is measured.
    Packed(Shape, Codes),
    /// An ONNX model: bytes of its weights, and of those that are quantized.
    Onnx(f64, f64),
}

impl Stage {
    fn onnx(built: Built) -> (Need, Self) {
        let Built { need, quantized } = built;
        let disk = need.disk;
        (need, Self::Onnx(disk, quantized))
    }
}

/// What a built-in pass needs, and what it makes; nothing of other passes.
fn need(document: &Document, step: &PlannedStep, before: Stage) -> Option<(Need, Stage)> {
    match before {
        Stage::Checkpoint { shape, adapter, choice } => {
            of_floats(document, step, shape, (adapter, choice))
        }
        Stage::Packed(shape, codes) => {
            let built = is(step, "ModelBuilder").then(|| building::of_codes(step, &shape, &codes));
            Some(Stage::onnx(built.flatten()?))
        }
        Stage::Onnx(..) => None,
    }
}

/// The same of a pass on a checkpoint in floats, with an adapter and a choice of grids.
fn of_floats(
    document: &Document,
    step: &PlannedStep,
    shape: Shape,
    (adapter, choice): (f64, Option<Choice>),
) -> Option<(Need, Stage)> {
    let plain = |shape, choice| Stage::Checkpoint { shape, adapter: 0.0, choice };
    if is_tuner(step) {
        let adapter = tuning::adapter_values(document, step, &shape);
        let need = tuning::need(document, step, &shape, adapter);
        Some((need, Stage::Checkpoint { shape, adapter, choice }))
    } else if is(step, "MergeAdapterWeights") {
        Some((merging(&shape, adapter), plain(shape, choice)))
    } else if is(step, "SelectiveMixedPrecision") {
        let need = selecting::need(document, step, &shape);
        let choice = Choice::of(step, &shape);
        Some((need, plain(shape, Some(choice))))
    } else if rotating::rotates(step) {
        let need = rotating::need(document, step, &shape);
        Some((need, plain(shape.untied(), choice)))
    } else if quantizing::quantizes(step) {
        let need = quantizing::need(document, step, &shape, choice);
        let codes = quantizing::codes(step, &shape, choice);
        let unties = quantizing::unties(step, &shape);
        let shape = if unties { shape.untied() } else { shape };
        let stays = quantizing::stays_in_floats(step);
        Some((need, if stays { plain(shape, choice) } else { Stage::Packed(shape, codes) }))
    } else if is(step, "ModelBuilder") {
        building::of_floats(step, &shape).map(Stage::onnx)
    } else {
        None
    }
}

/// Merging an adapter of so many values.
fn merging(shape: &Shape, adapter: f64) -> Need {
    let group = shape.largest_matrix().min(MERGED);
    Need {
        memory: vec![("weights", FLOAT * group), ("adapter", FLOAT * adapter)],
        disk: shape.stored_bytes,
        flops: 2.0 * shape.matrices(),
        confidence: 0.8,
    }
}

/// Measuring the model that a step has made; nothing when only its files are looked at.
fn evaluation(document: &Document, step: &PlannedStep, made: Option<&Stage>) -> Option<Need> {
    let name = step.evaluator.as_deref()?;
    let (_, evaluator) = evaluators(document).find(|(known, _)| *known == name)?;
    if !measures_model(name, evaluator) {
        return None;
    }
    let memory = match made? {
        Stage::Checkpoint { shape, adapter, .. } => computed(shape, *adapter),
        Stage::Packed(shape, _) => computed(shape, 0.0),
        // The kernels repack what is quantized.
        Stage::Onnx(bytes, quantized) => {
            vec![("weights", *bytes), ("repacked", *quantized), ("runtime", RUNTIME)]
        }
    };
    Some(Need { memory, disk: 0.0, flops: 0.0, confidence: 0.6 })
}

/// A checkpoint in floats that reads a row.
fn computed(shape: &Shape, adapter: f64) -> Vec<(&'static str, f64)> {
    vec![
        ("weights", FLOAT * shape.values),
        ("adapter", FLOAT * adapter),
        ("cache", 2.0 * FLOAT * shape.kv * shape.layers * ROW_TOKENS),
        ("logits", FLOAT * shape.vocabulary * ROW_TOKENS),
    ]
}
